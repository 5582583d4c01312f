import { createHash, type Hash } from 'node:crypto';
import { Refusal } from '../refusal.ts';
import { EMPTY_SHA256, matches, scopeText, sha256Hex, signature } from './key.ts';
import type { ChunkChain } from './verify.ts';

/** `10000;chunk-signature=<64 hex>`, with room for what an extension may add. */
const LINE_LIMIT_BYTES = 1024;
/** All trailers together. */
const TRAILER_LIMIT_BYTES = 8192;

export interface ChunkedOptions {
  /** There when every chunk (and the trailer) is signed. */
  chain: ChunkChain | undefined;
  /** Whether trailers may follow. */
  trailer: boolean;
  /** x-amz-decoded-content-length: how many bytes must come out. */
  decodedSizeBytes: number | undefined;
  /** Called once at the end, before the last chunk is handed out, with the trailers by lower-case name. */
  onEnd(trailers: ReadonlyMap<string, string>): void;
}

/**
 * Decodes an aws-chunked body as it streams, and verifies the signature of each chunk and of the trailer. A chunk's bytes
 * are handed out as they come; a consumer keeps them only when the whole stream ended without a throw.
 * @throws Refusal SignatureDoesNotMatch, IncompleteBody, or InvalidChunkSizeError
 */
export async function* decodeChunked(
  source: AsyncIterable<Uint8Array>,
  options: ChunkedOptions,
): AsyncGenerator<Uint8Array> {
  const reader = new Reader(source);
  const chain = options.chain && new Chain(options.chain);
  let sizeBytes = 0;
  for (;;) {
    const { chunkBytes, chunkSignature } = readChunkLine(await reader.line(LINE_LIMIT_BYTES), chain !== undefined);
    sizeBytes += chunkBytes;
    if (options.decodedSizeBytes !== undefined && sizeBytes > options.decodedSizeBytes)
      throw incomplete(options.decodedSizeBytes, sizeBytes);
    const hash = chain && createHash('sha256');
    let left = chunkBytes;
    while (left > 0) {
      const piece = await reader.atMost(left);
      left -= piece.byteLength;
      hash?.update(piece);
      yield piece;
    }
    chain?.check(hash as Hash, chunkSignature ?? '');
    if (chunkBytes === 0) break;
    if ((await reader.line(0)) !== '') throw badChunk();
  }
  const trailers = await readTrailers(reader, options.trailer, chain);
  if (options.decodedSizeBytes !== undefined && sizeBytes !== options.decodedSizeBytes)
    throw incomplete(options.decodedSizeBytes, sizeBytes);
  await reader.expectEnd();
  options.onEnd(trailers);
}

function readChunkLine(line: string, signed: boolean): { chunkBytes: number; chunkSignature: string | undefined } {
  const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
  if (!match) throw badChunk();
  if (signed && match[2] === undefined) throw mismatch();
  return { chunkBytes: Number.parseInt(match[1] ?? '', 16), chunkSignature: match[2] };
}

async function readTrailers(reader: Reader, allowed: boolean, chain: Chain | undefined): Promise<Map<string, string>> {
  const trailers = new Map<string, string>();
  let canonical = '';
  let sizeBytes = 0;
  let separated = false;
  for (;;) {
    const line = await reader.line(TRAILER_LIMIT_BYTES, true);
    if (line === undefined) break;
    if (line === '') {
      // AWS's reference draws the trailers as a chunk of their own, after the empty line that SDKs write behind them.
      if (!allowed || trailers.size > 0 || separated) break;
      separated = true;
      continue;
    }
    sizeBytes += line.length;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!allowed || colon < 1 || trailers.has(name) || sizeBytes > TRAILER_LIMIT_BYTES) throw badTrailer();
    trailers.set(name, value);
    if (name !== 'x-amz-trailer-signature') canonical += `${name}:${value}\n`;
  }
  if (chain && allowed) {
    chain.checkTrailer(canonical, trailers.get('x-amz-trailer-signature') ?? '');
    trailers.delete('x-amz-trailer-signature');
  }
  return trailers;
}

/** Each signature covers the one before it, back to the request's own. */
class Chain {
  readonly #chain: ChunkChain;
  #previous: string;

  constructor(chain: ChunkChain) {
    this.#chain = chain;
    this.#previous = chain.seedSignature;
  }

  check(hash: Hash, sent: string): void {
    this.#verify(['AWS4-HMAC-SHA256-PAYLOAD'], [EMPTY_SHA256, hash.digest('hex')], sent);
  }

  checkTrailer(canonical: string, sent: string): void {
    this.#verify(['AWS4-HMAC-SHA256-TRAILER'], [sha256Hex(canonical)], sent);
  }

  #verify(head: string[], tail: string[], sent: string): void {
    const { key, timestamp, scope } = this.#chain;
    const lines = [...head, timestamp, scopeText(scope), this.#previous, ...tail];
    if (!matches(signature(key, lines), sent)) throw mismatch();
    this.#previous = sent;
  }
}

/** Takes lines and blocks from a stream without joining more than one line's worth of it. */
class Reader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #pull(): Promise<Buffer | undefined> {
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      if (value.byteLength > 0) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
  }

  /** A line up to CRLF, without it; `atEnd`: undefined where the stream has ended instead. */
  async line(limitBytes: number): Promise<string>;
  async line(limitBytes: number, atEnd: true): Promise<string | undefined>;
  async line(limitBytes: number, atEnd = false): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf('\r\n');
      if (end >= 0 && end <= limitBytes) {
        const line = this.#rest.toString('latin1', 0, end);
        this.#rest = this.#rest.subarray(end + 2);
        return line;
      }
      if (end > limitBytes || this.#rest.length > limitBytes + 1) throw badChunk();
      const more = await this.#pull();
      if (more === undefined) {
        if (atEnd && this.#rest.length === 0) return undefined;
        throw truncated();
      }
      this.#rest = this.#rest.length === 0 ? more : Buffer.concat([this.#rest, more]);
    }
  }

  async atMost(sizeBytes: number): Promise<Buffer> {
    if (this.#rest.length === 0) {
      const more = await this.#pull();
      if (more === undefined) throw truncated();
      this.#rest = more;
    }
    const piece = this.#rest.subarray(0, sizeBytes);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  async expectEnd(): Promise<void> {
    if (this.#rest.length > 0 || (await this.#pull()) !== undefined) throw badChunk();
  }
}

function mismatch(): Refusal {
  return new Refusal(
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  );
}

function incomplete(expected: number, provided: number): Refusal {
  return new Refusal(
    400,
    'IncompleteBody',
    `x-amz-decoded-content-length says ${expected} bytes; the chunks have ${provided}${provided > expected ? ' or more' : ''}.`,
  );
}

function truncated(): Refusal {
  return new Refusal(400, 'IncompleteBody', 'The aws-chunked body ends before its last chunk.');
}

function badChunk(): Refusal {
  return new Refusal(
    400,
    'InvalidChunkSizeError',
    'The aws-chunked body is out of form: a chunk must be "<hexadecimal size>[;chunk-signature=<signature>]", CRLF, that many bytes, CRLF.',
  );
}

function badTrailer(): Refusal {
  return new Refusal(
    400,
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  );
}
