import type { Contract, OperationShape } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import { jsonDepth } from './depth.ts';
import { HttpBindings, UnreadableMember } from './http-bindings.ts';
import { mistyped, mistypedText } from './member-types.ts';
import { type Answer, DEPTH_LIMIT, type Encoded, type Input, type Protocol, type WireFault } from './protocol.ts';

/** AWS restJson1: Bedrock's control plane and runtime. */
export class RestJson implements Protocol {
  readonly #bindings: HttpBindings;

  constructor(contract: Contract) {
    this.#bindings = new HttpBindings(contract);
  }

  async decode(operation: OperationShape, encoded: Encoded): Promise<Input> {
    if (encoded.body instanceof Uint8Array && !payloadIsBlob(operation) && jsonDepth(encoded.body) > DEPTH_LIMIT)
      throw malformed(`The body may nest at most ${DEPTH_LIMIT} levels.`);
    const input = await this.#read(operation, encoded);
    const wrong = mistyped(operation.input, input);
    if (wrong) throw malformed(mistypedText(wrong));
    return input;
  }

  async #read(operation: OperationShape, encoded: Encoded): Promise<Input> {
    try {
      return await this.#bindings.decode(operation, encoded);
    } catch (cause) {
      if (cause instanceof UnreadableMember) throw malformed(cause.message, cause);
      throw malformed(
        'The request could not be read: a body must be a JSON object, a date ISO 8601, a blob base64.',
        cause,
      );
    }
  }

  async encode(operation: OperationShape, output: Input): Promise<Answer> {
    const answer = await this.#bindings.encode(operation, output);
    if (answer.body === undefined && !payloadIsBlob(operation, 'output')) {
      // AWS answers an empty object where the output has no members.
      answer.body = '{}';
      answer.headers['content-type'] ??= 'application/json';
    }
    return answer;
  }

  encodeFault(fault: WireFault): Answer {
    return restJsonFault(fault);
  }
}

export function restJsonFault(fault: WireFault): Answer {
  return {
    status: fault.status,
    // botocore reads the code from this header only; SDK v3 from here first.
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': fault.code },
    body: JSON.stringify({ message: fault.message, ...fault.members }),
  };
}

function payloadIsBlob(operation: OperationShape, side: 'input' | 'output' = 'input'): boolean {
  const schema = operation[side];
  if (schema.isUnitSchema()) return false;
  return [...schema.structIterator()].some(
    ([, member]) => Boolean(member.getMergedTraits().httpPayload) && member.isBlobSchema(),
  );
}

function malformed(message: string, cause?: unknown): Refusal {
  return new Refusal(400, 'ValidationException', message, { cause });
}
