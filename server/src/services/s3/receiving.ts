import { createHash } from 'node:crypto';
import type { RequestContext } from '../../domain/operation.ts';
import type { Objects } from '../../ports/objects.ts';
import type { ChecksumAlgorithm } from '../../ports/store-s3.ts';
import { checkDigest, declaredChecksum, headerOf, startChecksum } from './checksums.ts';
import { s3Fault } from './faults.ts';

/** A single PUT and a part end here; larger objects take several parts. */
export const MAXIMUM_PUT_SIZE_BYTES = 5 * 1024 ** 3;

export interface Received {
  blobId: string;
  sizeBytes: number;
  /** Hex MD5 of the bytes, the ETag of what is sent in one piece. */
  md5: string;
  checksum: string;
  checksumAlgorithm: ChecksumAlgorithm;
  /** What the client said, verified. */
  declared: { algorithm: ChecksumAlgorithm; value: string } | undefined;
}

/**
 * Streams an upload into a blob and checks it against everything that the client said of it: length, Content-MD5,
 * checksum in a header or trailer. What does not fit leaves no blob behind.
 * @param wanted the algorithm of the upload that a part belongs to
 * @param expectedSizeBytes null where nobody said it: the file in a browser's form
 */
export async function receive(
  objects: Pick<Objects, 'put'>,
  body: unknown,
  ctx: RequestContext,
  wanted: ChecksumAlgorithm | null = null,
  expectedSizeBytes: number | null = announcedSize(ctx.headers),
): Promise<Received> {
  const contentMd5 = parseContentMd5(ctx.headers['content-md5']);
  const declared = declaredChecksum(ctx.headers);
  const stored = wanted ?? declared?.algorithm ?? 'CRC64NVME';
  const checksum = startChecksum(stored);
  // A part may carry another checksum than the one its upload keeps: it is verified all the same.
  const declaredApart = declared && declared.algorithm !== stored ? startChecksum(declared.algorithm) : undefined;
  const hash = createHash('md5');
  let md5 = '';
  let digest = '';
  let claimed: string | undefined;

  async function* verified(): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0;
    for await (const chunk of bytesOf(body)) {
      sizeBytes += chunk.byteLength;
      if (expectedSizeBytes !== null && sizeBytes > expectedSizeBytes) break;
      hash.update(chunk);
      checksum.update(chunk);
      declaredApart?.update(chunk);
      yield chunk;
    }
    if (expectedSizeBytes !== null && sizeBytes !== expectedSizeBytes)
      throw s3Fault(
        'IncompleteBody',
        'You did not provide the number of bytes specified by the Content-Length HTTP header',
        { members: { NumberBytesExpected: expectedSizeBytes, NumberBytesProvided: sizeBytes } },
      );
    const binaryMd5 = hash.digest();
    md5 = binaryMd5.toString('hex');
    digest = checksum.digest();
    if (contentMd5 && !contentMd5.equals(binaryMd5))
      throw s3Fault('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
        members: { ExpectedDigest: contentMd5.toString('base64'), CalculatedDigest: binaryMd5.toString('base64') },
      });
    if (!declared) return;
    claimed = declared.value ?? ctx.headers[headerOf(declared.algorithm)];
    if (claimed === undefined)
      throw s3Fault(
        'InvalidRequest',
        `The trailer ${headerOf(declared.algorithm)} that x-amz-trailer announces is missing.`,
      );
    checkDigest(declared.algorithm, claimed);
    if (claimed !== (declaredApart?.digest() ?? digest)) throw badChecksum(declared.algorithm);
  }

  const { blobId, sizeBytes } = await objects.put(verified(), expectedSizeBytes ?? undefined);
  return {
    blobId,
    sizeBytes,
    md5,
    checksum: digest,
    checksumAlgorithm: stored,
    declared: declared && claimed !== undefined ? { algorithm: declared.algorithm, value: claimed } : undefined,
  };
}

/** Streams bytes that are already here into a new blob, with the digests that a copy shows. */
export async function duplicate(
  objects: Pick<Objects, 'put'>,
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  algorithm: ChecksumAlgorithm,
): Promise<Omit<Received, 'declared'>> {
  const hash = createHash('md5');
  const checksum = startChecksum(algorithm);
  async function* digested(): AsyncGenerator<Uint8Array> {
    let copiedBytes = 0;
    for await (const chunk of source) {
      hash.update(chunk);
      checksum.update(chunk);
      copiedBytes += chunk.byteLength;
      yield chunk;
    }
    if (copiedBytes !== sizeBytes) throw new Error(`A blob gave ${copiedBytes} bytes where its rows say ${sizeBytes}.`);
  }
  const { blobId } = await objects.put(digested(), sizeBytes);
  return { blobId, sizeBytes, md5: hash.digest('hex'), checksum: checksum.digest(), checksumAlgorithm: algorithm };
}

export function badChecksum(algorithm: ChecksumAlgorithm): Error {
  return s3Fault('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
}

/** Bytes of the object itself: a chunked body frames them, and says their number apart. */
function announcedSize(headers: RequestContext['headers']): number {
  const text = headers['x-amz-decoded-content-length'] ?? headers['content-length'];
  if (text === undefined) throw s3Fault('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  const sizeBytes = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(sizeBytes))
    throw s3Fault('InvalidArgument', `The length of the body must be a whole number of bytes; you sent "${text}".`);
  if (sizeBytes > MAXIMUM_PUT_SIZE_BYTES)
    throw s3Fault('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      members: { ProposedSize: sizeBytes, MaxSizeAllowed: MAXIMUM_PUT_SIZE_BYTES },
    });
  return sizeBytes;
}

function parseContentMd5(text: string | undefined): Buffer | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 16 || bytes.toString('base64') !== text)
    throw s3Fault('InvalidDigest', 'The Content-MD5 you specified was invalid.', { members: { 'Content-MD5': text } });
  return bytes;
}

/** Wire hands a body over as a stream of bytes; a request without one has no member at all. */
async function* bytesOf(body: unknown): AsyncGenerator<Uint8Array> {
  if (body === undefined) return;
  if (body instanceof Uint8Array) yield body;
  else yield* body as AsyncIterable<Uint8Array>;
}
