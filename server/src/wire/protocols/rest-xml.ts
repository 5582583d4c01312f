import type { Contract, OperationShape } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import { xmlDepth } from './depth.ts';
import { HttpBindings, UnreadableMember } from './http-bindings.ts';
import { type Answer, DEPTH_LIMIT, type Encoded, type Input, type Protocol, type WireFault } from './protocol.ts';
import { element, escapeXml, parseable, rootElement, XML_DECLARATION } from './xml.ts';

/** AWS restXml as S3 speaks it. */
export class RestXml implements Protocol {
  readonly #bindings: HttpBindings;
  readonly #xmlNamespace: string;

  constructor(contract: Contract) {
    this.#bindings = new HttpBindings(contract);
    this.#xmlNamespace = contract.xmlNamespace;
  }

  async decode(operation: OperationShape, encoded: Encoded): Promise<Input> {
    const root = payloadRoot(operation);
    if (encoded.body instanceof Uint8Array && encoded.body.length > 0 && root !== undefined) {
      if (xmlDepth(encoded.body) > DEPTH_LIMIT) throw malformed();
      // The codec takes any root, and then finds no members: a stray document would set everything to its default.
      if (rootElement(encoded.body) !== root) throw malformed();
    }
    try {
      return await this.#bindings.decode(operation, encoded);
    } catch (cause) {
      if (cause instanceof UnreadableMember) throw new Refusal(400, 'InvalidArgument', cause.message, { cause });
      throw malformed(cause);
    }
  }

  async encode(operation: OperationShape, output: Input): Promise<Answer> {
    const unwrapped = unwrappedMember(operation);
    if (unwrapped === undefined) return readable(await this.#bindings.encode(operation, output));
    const text = escapeXml(String(output[unwrapped] ?? ''));
    return {
      status: operation.http?.status ?? 200,
      headers: { 'content-type': 'application/xml' },
      body: `${XML_DECLARATION}<${unwrapped} xmlns="${this.#xmlNamespace}">${text}</${unwrapped}>`,
    };
  }

  encodeFault(fault: WireFault): Answer {
    return restXmlFault(fault);
  }
}

export function restXmlFault(fault: WireFault): Answer {
  const { status, code, message, members, resource, requestId, extendedRequestId } = fault;
  // 304 has no body by HTTP's rules; for HEAD the HTTP layer leaves it out.
  if (status === 304) return { status, headers: {} };
  const parts = [element('Code', code), element('Message', message)];
  for (const [name, value] of Object.entries(members)) parts.push(element(name, String(value)));
  if (resource !== undefined) parts.push(element('Resource', resource));
  parts.push(element('RequestId', requestId), element('HostId', extendedRequestId));
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `${XML_DECLARATION}<Error>${parts.join('')}</Error>`,
  };
}

/**
 * S3 writes times in XML as `2009-10-12T17:50:30.000Z`; the SDK's codec leaves out what is zero. And it writes the control
 * characters of a key as they are: no client could read that it deleted such an object.
 */
function readable(answer: Answer): Answer {
  if (typeof answer.body !== 'string') return answer;
  const body = parseable(answer.body).replace(/<(CreationDate|Initiated|LastModified)>([^<.]+)Z</g, '<$1>$2.000Z<');
  return { ...answer, body };
}

/**
 * The bucket's location is answered as its root element's text: the schema names the root like its only member.
 * Clients read it so (botocore parses it by hand), although the schema cannot say it.
 */
function unwrappedMember(operation: OperationShape): string | undefined {
  if (operation.output.isUnitSchema()) return undefined;
  const members = [...operation.output.structIterator()];
  const [name, schema] = members[0] ?? [];
  const root = operation.output.getMergedTraits().xmlName;
  return members.length === 1 && schema?.isStringSchema() && name === root ? name : undefined;
}

/** The root element of an operation's body; undefined where the body is no XML of a schema. */
function payloadRoot(operation: OperationShape): string | undefined {
  if (operation.input.isUnitSchema()) return undefined;
  for (const [name, member] of operation.input.structIterator()) {
    const { httpPayload, xmlName } = member.getMergedTraits();
    if (httpPayload && member.isStructSchema()) return xmlName ?? member.getName() ?? name;
  }
  return undefined;
}

function malformed(cause?: unknown): Refusal {
  return new Refusal(
    400,
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
    { cause },
  );
}
