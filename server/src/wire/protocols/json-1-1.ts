import { JsonCodec2 } from '@smithy/core/protocols';
import type { OperationShape } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import { jsonDepth } from './depth.ts';
import { SERDE } from './http-bindings.ts';
import { lowerCamel, mistyped, mistypedText } from './member-types.ts';
import { type Answer, DEPTH_LIMIT, type Encoded, type Input, type Protocol, type WireFault } from './protocol.ts';

const CONTENT_TYPE = 'application/x-amz-json-1.1';
const EPOCH_SECONDS = 7;

/** AWS JSON 1.1: KMS. */
export class Json11 implements Protocol {
  readonly #codec = new JsonCodec2({ timestampFormat: { useTrait: true, default: EPOCH_SECONDS }, jsonName: false });

  constructor() {
    this.#codec.setSerdeContext(SERDE);
  }

  async decode(operation: OperationShape, { body }: Encoded): Promise<Input> {
    if (!(body instanceof Uint8Array) || operation.input.isUnitSchema()) return {};
    if (jsonDepth(body) > DEPTH_LIMIT) throw malformed(`The body may nest at most ${DEPTH_LIMIT} levels.`);
    const input = await this.#read(operation, body);
    // The codec reads a list as an object without members.
    if (typeof input !== 'object' || input === null || !startsObject(body))
      throw malformed('The body must be a JSON object.');
    const wrong = mistyped(operation.input, input);
    if (wrong) throw malformed(mistypedText(wrong, lowerCamel));
    return input as Input;
  }

  async #read(operation: OperationShape, body: Uint8Array): Promise<unknown> {
    try {
      return body.length === 0 ? {} : await this.#codec.createDeserializer().read(operation.input, body as never);
    } catch (cause) {
      throw malformed('The body could not be read: it must be a JSON object, dates seconds, blobs base64.', cause);
    }
  }

  async encode(operation: OperationShape, output: Input): Promise<Answer> {
    const headers = { 'content-type': CONTENT_TYPE };
    // AWS: an operation without output answers an empty body, not {}.
    if (operation.output.isUnitSchema()) return { status: 200, headers };
    const serializer = this.#codec.createSerializer();
    serializer.write(operation.output, output);
    return { status: 200, headers, body: serializer.flush() };
  }

  encodeFault(fault: WireFault): Answer {
    return json11Fault(fault);
  }
}

export function json11Fault(fault: WireFault): Answer {
  return {
    status: fault.status,
    headers: { 'content-type': CONTENT_TYPE },
    body: JSON.stringify({ __type: fault.code, message: fault.message, ...fault.members }),
  };
}

function startsObject(body: Uint8Array): boolean {
  return body.length === 0 || /^\s*\{/.test(Buffer.from(body.subarray(0, 4096)).toString('latin1'));
}

function malformed(message: string, cause?: unknown): Refusal {
  return new Refusal(400, 'SerializationException', message, { cause });
}
