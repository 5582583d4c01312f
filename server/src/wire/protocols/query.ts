import { XmlCodec } from '@aws-sdk/core/protocols';
import type { Contract, OperationShape } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import { readForm } from './form.ts';
import { SERDE } from './http-bindings.ts';
import type { Answer, Encoded, Input, Protocol, WireFault } from './protocol.ts';
import { element, escapeXml, XML_DECLARATION } from './xml.ts';

const CONTENT_TYPE = 'text/xml';
const DATE_TIME = 5;

/** AWS Query: IAM and STS. A form comes in, XML goes out. */
export class Query implements Protocol {
  readonly #codec: XmlCodec;
  readonly #xmlNamespace: string;

  constructor(contract: Contract) {
    this.#xmlNamespace = contract.xmlNamespace;
    this.#codec = new XmlCodec({
      timestampFormat: { useTrait: true, default: DATE_TIME },
      httpBindings: false,
      serviceNamespace: contract.namespace,
    } as never);
    this.#codec.setSerdeContext(SERDE);
  }

  async decode(operation: OperationShape, encoded: Encoded): Promise<Input> {
    try {
      return readForm(operation.input, encoded.query);
    } catch (cause) {
      throw new Refusal(400, 'MalformedInput', cause instanceof Error ? cause.message : 'The form cannot be read.');
    }
  }

  async encode(operation: OperationShape, output: Input, requestId: string): Promise<Answer> {
    const { name } = operation;
    const metadata = `<ResponseMetadata>${element('RequestId', requestId)}</ResponseMetadata>`;
    const result = operation.output.isUnitSchema() ? '' : this.#result(operation, output);
    return {
      status: 200,
      headers: { 'content-type': CONTENT_TYPE },
      body: `${XML_DECLARATION}<${name}Response xmlns="${this.#xmlNamespace}">${result}${metadata}</${name}Response>`,
    };
  }

  #result(operation: OperationShape, output: Input): string {
    const [kind, namespace, , traits, names, schemas] = operation.output.getSchema() as unknown as unknown[];
    const named = { ...(traits as object), xmlName: `${operation.name}Result` };
    const serializer = this.#codec.createSerializer();
    serializer.write(
      [kind, namespace, `${operation.name}Result`, named, names, schemas] as never,
      inWholeSeconds(output),
    );
    return String(serializer.flush());
  }

  encodeFault(fault: WireFault): Answer {
    return queryFault(fault, this.#xmlNamespace);
  }
}

/**
 * IAM and STS write times as `2017-10-21T22:59:21Z`, and scripts read them so (`strptime` with `%SZ`, jq's `fromdate`).
 * The codec would write milliseconds.
 */
function inWholeSeconds(value: unknown): unknown {
  if (value instanceof Date) return new Date(Math.floor(value.getTime() / 1000) * 1000);
  if (Array.isArray(value)) return value.map(inWholeSeconds);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inWholeSeconds(member)]));
}

export function queryFault(fault: WireFault, xmlNamespace: string): Answer {
  const type = fault.status < 500 ? 'Sender' : 'Receiver';
  const members = Object.entries(fault.members).map(([name, value]) => element(name, String(value)));
  const parts = [element('Type', type), element('Code', fault.code), element('Message', fault.message), ...members];
  const id = element('RequestId', fault.requestId);
  return {
    status: fault.status,
    headers: { 'content-type': CONTENT_TYPE },
    body: `${XML_DECLARATION}<ErrorResponse xmlns="${escapeXml(xmlNamespace)}"><Error>${parts.join('')}</Error>${id}</ErrorResponse>`,
  };
}
