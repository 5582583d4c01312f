import type { Contract, OperationShape } from '../contract.ts';
import { Refusal } from '../refusal.ts';
import { HttpBindings, UnreadableMember } from './http-bindings.ts';
import type { Answer, Encoded, Input, Protocol, WireFault } from './protocol.ts';
import { element, escapeXml, parseable, XML_DECLARATION } from './xml.ts';

/** AWS restXml as S3 speaks it. */
export class RestXml implements Protocol {
  readonly #bindings: HttpBindings;
  readonly #xmlNamespace: string;

  constructor(contract: Contract) {
    this.#bindings = new HttpBindings(contract);
    this.#xmlNamespace = contract.xmlNamespace;
  }

  async decode(operation: OperationShape, encoded: Encoded): Promise<Input> {
    try {
      const input = await this.#bindings.decode(operation, encoded);
      // A body of text is there however short it is.
      const text = textPayload(operation);
      if (text !== undefined) input[text] ??= '';
      // The header's word counts in any case: the SDK for C++ sends `enabled` with each read.
      if (typeof input.ChecksumMode === 'string') input.ChecksumMode = input.ChecksumMode.toUpperCase();
      return input;
    } catch (cause) {
      if (cause instanceof UnreadableMember) throw new Refusal(400, 'InvalidArgument', cause.message, { cause });
      throw malformed(cause);
    }
  }

  async encode(operation: OperationShape, output: Input): Promise<Answer> {
    const unwrapped = unwrappedMember(operation);
    if (unwrapped !== undefined) return this.#document(operation, unwrapped, String(output[unwrapped] ?? ''));
    const answer = await this.#bindings.encode(operation, output);
    if (answer.body !== undefined) return readable(interleaved(answer, elementOrderOf(output)));
    // AWS: an output without members is an empty element, and clients parse it; the codec writes nothing.
    const root = outputRoot(operation);
    if (root === undefined) return answer;
    const document = this.#document(operation, root, '');
    return { ...document, headers: { ...answer.headers, ...document.headers } };
  }

  encodeFault(fault: WireFault): Answer {
    return restXmlFault(fault);
  }

  /** An answer of one element that has text alone. */
  #document(operation: OperationShape, root: string, text: string): Answer {
    return {
      status: operation.http?.status ?? 200,
      headers: { 'content-type': 'application/xml' },
      body: `${XML_DECLARATION}<${root} xmlns="${this.#xmlNamespace}">${escapeXml(text)}</${root}>`,
    };
  }
}

export function restXmlFault(fault: WireFault): Answer {
  const { status, code, message, members, requestId, extendedRequestId } = fault;
  // 304 has no body by HTTP's rules; for HEAD the HTTP layer leaves it out.
  if (status === 304) return { status, headers: {} };
  const parts = [element('Code', code), element('Message', message)];
  for (const [name, value] of Object.entries(members)) parts.push(element(name, String(value)));
  parts.push(element('RequestId', requestId), element('HostId', extendedRequestId));
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `${XML_DECLARATION}<Error>${parts.join('')}</Error>`,
  };
}

function elementOrderOf(output: Input): readonly string[] {
  return (output.$metadata as { elementOrder?: readonly string[] } | undefined)?.elementOrder ?? [];
}

/**
 * The schema has a list for each kind of element, and the codec writes one list behind the other. Where S3 mixes them,
 * clients that read the document as it comes take the first element of a key for its newest.
 */
function interleaved(answer: Answer, order: readonly string[]): Answer {
  if (typeof answer.body !== 'string' || order.length === 0) return answer;
  const written = new Map<string, string[]>(order.map(name => [name, []]));
  // What is between them is escaped, so a tag of that name is theirs.
  const either = new RegExp(`<(${[...written.keys()].join('|')})>.*?</\\1>`, 'gs');
  const start = answer.body.search(either);
  const rest = answer.body.replace(either, (whole: string, name: string) => {
    written.get(name)?.push(whole);
    return '';
  });
  const next = new Map([...written].map(([name, elements]) => [name, elements.values()]));
  const mixed = order.map(name => next.get(name)?.next().value ?? '').join('');
  return { ...answer, body: rest.slice(0, start) + mixed + rest.slice(start) };
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

/** The member that is an operation's whole body, as text. */
function textPayload({ input }: OperationShape): string | undefined {
  if (input.isUnitSchema()) return undefined;
  return [...input.structIterator()].find(
    ([, member]) => Boolean(member.getMergedTraits().httpPayload) && member.isStringSchema(),
  )?.[0];
}

/** The root element of an operation's answer; undefined where all of it is headers, or one member alone its body. */
function outputRoot({ output }: OperationShape): string | undefined {
  if (output.isUnitSchema()) return undefined;
  const members = [...output.structIterator()].map(([, member]) => member.getMergedTraits());
  const isBody = ({ httpHeader, httpPrefixHeaders, httpPayload }: (typeof members)[number]) =>
    !httpHeader && !httpPrefixHeaders && !httpPayload;
  if (members.some(({ httpPayload }) => httpPayload) || !members.some(isBody)) return undefined;
  return output.getMergedTraits().xmlName ?? output.getName();
}

function malformed(cause: unknown): Refusal {
  return new Refusal(
    400,
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
    { cause },
  );
}
