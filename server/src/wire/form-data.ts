import { Refusal } from './refusal.ts';

/** What may stand before the file: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html */
const MAXIMUM_FIELD_BYTES = 20_000;
/** Room for boundaries and headers of the fields beside their values. */
const MAXIMUM_HEAD_BYTES = 64 * 1024;

export interface Form {
  /** Lower-case names; the first of a name counts. */
  fields: Map<string, string>;
  file: { name: string; contentType: string | undefined; content: AsyncIterable<Uint8Array> } | undefined;
}

/**
 * Reads multipart/form-data up to its part `file`, whose content then streams (RFC 7578). What follows it is not looked at.
 * @throws Refusal MalformedPOSTRequest, MaxPostPreDataLengthExceededError
 */
export async function readForm(body: AsyncIterable<Uint8Array>, contentType: string): Promise<Form> {
  const boundary = /;\s*boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))/i.exec(contentType);
  const text = boundary?.[1] ?? boundary?.[2];
  if (text === undefined) throw malformed();
  const reader = new Reader(body);
  // The first delimiter has no line before it; with one put there, all are alike.
  reader.unread(Buffer.from('\r\n'));
  const delimiter = Buffer.from(`\r\n--${text}`, 'latin1');
  const fields = new Map<string, string>();
  let fieldBytes = 0;
  await reader.until(delimiter, MAXIMUM_HEAD_BYTES);
  for (;;) {
    const end = (await reader.until(Buffer.from('\r\n'), MAXIMUM_HEAD_BYTES)).toString('latin1').trim();
    if (end === '--') return { fields, file: undefined };
    if (end !== '') throw malformed();
    reader.unread(Buffer.from('\r\n'));
    const head = (await reader.until(Buffer.from('\r\n\r\n'), MAXIMUM_HEAD_BYTES)).toString('utf8');
    const disposition = /^content-disposition:\s*form-data(.*)$/im.exec(head)?.[1] ?? '';
    const name = parameter(disposition, 'name');
    if (name === undefined) throw malformed();
    const partType = /^content-type:\s*(.+?)\s*$/im.exec(head)?.[1];
    if (name.toLowerCase() === 'file') {
      // Some browsers send the path on the user's machine.
      const fileName = (parameter(disposition, 'filename') ?? '').replace(/^.*[\\/]/, '');
      return { fields, file: { name: fileName, contentType: partType, content: reader.upTo(delimiter) } };
    }
    const value = await reader.until(delimiter, MAXIMUM_FIELD_BYTES + delimiter.length);
    fieldBytes += name.length + value.length;
    if (fieldBytes > MAXIMUM_FIELD_BYTES) throw tooLong();
    if (!fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), value.toString('utf8'));
  }
}

function parameter(disposition: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, 'i').exec(disposition);
  // Browsers write a quote as %22 (WHATWG), others escape it.
  return (found?.[1]?.replaceAll('\\"', '"') ?? found?.[2])?.replaceAll('%22', '"');
}

/** Takes bytes off a stream up to a pattern, holding no more than it must. */
class Reader {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#source = body[Symbol.asyncIterator]();
  }

  unread(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  /** What comes before the pattern, which is taken too. @throws Refusal where it does not come in time */
  async until(pattern: Buffer, limitBytes: number): Promise<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(pattern);
      if (at > limitBytes || (at < 0 && this.#held.length > limitBytes + pattern.length)) throw tooLong();
      if (at >= 0) {
        const before = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + pattern.length);
        return before;
      }
      if (!(await this.#more())) throw malformed();
    }
  }

  /** The same as a stream of any length. @throws Refusal where the body ends before the pattern */
  async *upTo(pattern: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#held.indexOf(pattern);
      // The pattern may have begun in what is held.
      const known = at >= 0 ? at : Math.max(0, this.#held.length - pattern.length + 1);
      if (known > 0) yield this.#held.subarray(0, known);
      this.#held = this.#held.subarray(known);
      if (at >= 0) return;
      if (!(await this.#more())) throw malformed();
    }
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#held = this.#held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#held, next.value]);
    return true;
  }
}

function malformed(): Refusal {
  return new Refusal(
    400,
    'MalformedPOSTRequest',
    'The body of your POST request is not well-formed multipart/form-data.',
  );
}

function tooLong(): Refusal {
  return new Refusal(
    400,
    'MaxPostPreDataLengthExceededError',
    `Your POST request fields preceding the upload file were too large: ${MAXIMUM_FIELD_BYTES} bytes are the limit.`,
  );
}
