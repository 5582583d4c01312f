import { createHash } from 'node:crypto';
import type { Fault } from '../domain/fault.ts';
import type { HeaderMap } from './message.ts';
import { Refusal } from './refusal.ts';
import { decodeChunked } from './sigv4/chunked.ts';
import type { Payload } from './sigv4/verify.ts';

/** A checksum in the making. */
export interface RunningChecksum {
  update(bytes: Uint8Array): void;
  /** Base64, as `x-amz-checksum-*` carries it. */
  digest(): string;
}

/** `crc32`, `crc32c`, `crc64nvme`, `sha1`, `sha256` -> a new running checksum; undefined: not known. */
export type StartChecksum = (algorithm: string) => RunningChecksum | undefined;

const CHECKSUM_HEADER = 'x-amz-checksum-';

/**
 * The body of an S3 request as the client meant it: chunks taken apart, and everything that it declares verified while it
 * streams (the hash, chunk signatures, the trailing checksum, the length). Trailers land in `headers` at the end.
 */
export function verifiedBody(
  source: AsyncIterable<Uint8Array>,
  payload: Payload,
  headers: HeaderMap,
  startChecksum: StartChecksum,
): AsyncIterable<Uint8Array> {
  if (payload.kind === 'sha256') return checkedSha256(source, payload.hex);
  if (payload.kind === 'unsigned') return source;
  return checkedChunks(source, payload, headers, startChecksum);
}

async function* checkedSha256(source: AsyncIterable<Uint8Array>, expected: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  const computed = hash.digest('hex');
  if (computed !== expected)
    throw new Refusal(
      400,
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
      { members: { ClientComputedContentSHA256: expected, S3ComputedContentSHA256: computed } },
    );
}

function checkedChunks(
  source: AsyncIterable<Uint8Array>,
  payload: Payload & { kind: 'chunked' },
  headers: HeaderMap,
  startChecksum: StartChecksum,
): AsyncIterable<Uint8Array> {
  const decodedSizeBytes = decodedLength(headers);
  const promised = promisedTrailers(headers);
  if (promised.length > 0 && !payload.trailer)
    throw new Refusal(400, 'InvalidRequest', 'x-amz-trailer needs an x-amz-content-sha256 that ends in -TRAILER.');
  const running = new Map<string, RunningChecksum>();
  for (const name of promised) {
    const checksum = name.startsWith(CHECKSUM_HEADER) ? startChecksum(name.slice(CHECKSUM_HEADER.length)) : undefined;
    if (checksum === undefined)
      throw new Refusal(
        400,
        'InvalidRequest',
        `The value specified in the x-amz-trailer header is not supported: ${name}.`,
      );
    running.set(name, checksum);
  }
  const chunks = decodeChunked(source, {
    chain: payload.chain,
    trailer: payload.trailer,
    decodedSizeBytes,
    onEnd(trailers) {
      for (const name of trailers.keys()) if (!running.has(name)) throw malformedTrailer();
      for (const [name, checksum] of running) {
        const sent = trailers.get(name);
        if (sent === undefined) throw malformedTrailer();
        const computed = checksum.digest();
        // AWS: what can be no digest of the algorithm is another error than a wrong one.
        if (Buffer.from(sent, 'base64').length !== Buffer.from(computed, 'base64').length)
          throw new Refusal(400, 'InvalidRequest', `Value for ${name} trailing header is invalid.`);
        if (computed !== sent)
          throw new Refusal(
            400,
            'BadDigest',
            `The ${name.slice(CHECKSUM_HEADER.length).toUpperCase()} you specified did not match the calculated checksum.`,
          );
        headers[name] = sent;
      }
    },
  });
  return running.size === 0 ? chunks : summed(chunks, [...running.values()]);
}

async function* summed(
  chunks: AsyncIterable<Uint8Array>,
  checksums: readonly RunningChecksum[],
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (const checksum of checksums) checksum.update(chunk);
    yield chunk;
  }
}

function decodedLength(headers: HeaderMap): number {
  const text = headers['x-amz-decoded-content-length'];
  if (text === undefined)
    throw new Refusal(411, 'MissingContentLength', 'You must provide the x-amz-decoded-content-length HTTP header.');
  const length = Number(text);
  if (!/^[0-9]{1,15}$/.test(text) || !Number.isSafeInteger(length))
    throw new Refusal(400, 'InvalidArgument', 'x-amz-decoded-content-length must be a number of bytes.');
  return length;
}

function promisedTrailers(headers: HeaderMap): string[] {
  const names = (headers['x-amz-trailer'] ?? '').split(',').map(name => name.trim().toLowerCase());
  return names.filter(name => name !== '');
}

function malformedTrailer(): Fault {
  return new Refusal(
    400,
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  );
}

/**
 * Checks a body that was read whole against the digests beside it.
 * @param ofObject headers that the operation's input binds: a CompleteMultipartUpload's checksum is the object's
 * @throws Refusal BadDigest, InvalidDigest
 */
export function checkDigests(
  body: Uint8Array,
  headers: HeaderMap,
  startChecksum: StartChecksum,
  ofObject: ReadonlySet<string>,
): void {
  const contentMd5 = headers['content-md5'];
  if (contentMd5 !== undefined) {
    if (Buffer.from(contentMd5, 'base64').length !== 16)
      throw new Refusal(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.');
    if (createHash('md5').update(body).digest('base64') !== contentMd5)
      throw new Refusal(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  for (const [name, sent] of Object.entries(headers)) {
    if (!name.startsWith(CHECKSUM_HEADER) || ofObject.has(name)) continue;
    const algorithm = name.slice(CHECKSUM_HEADER.length);
    const checksum = startChecksum(algorithm);
    checksum?.update(body);
    if (checksum !== undefined && checksum.digest() !== sent)
      throw new Refusal(
        400,
        'BadDigest',
        `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
      );
  }
}

/** The headers as the schema should see them: without the chunked coding, and with the length of what is inside. */
export function contentHeaders(headers: HeaderMap, payload: Payload): HeaderMap {
  if (payload.kind !== 'chunked') return headers;
  const decoded: HeaderMap = Object.assign(Object.create(null), headers);
  const encodings = (headers['content-encoding'] ?? '').split(',').map(encoding => encoding.trim());
  const kept = encodings.filter(encoding => encoding !== '' && encoding.toLowerCase() !== 'aws-chunked');
  if (kept.length > 0) decoded['content-encoding'] = kept.join(',');
  else delete decoded['content-encoding'];
  decoded['content-length'] = headers['x-amz-decoded-content-length'];
  return decoded;
}
