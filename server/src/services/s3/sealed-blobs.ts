import { hkdfSync } from 'node:crypto';
import { openChunks, sealChunks } from '../../domain/encryption/chunks.ts';
import { SealBroken, TAG_BYTES } from '../../domain/encryption/sealing.ts';
import type { Objects } from '../../ports/objects.ts';
import type { Ids } from '../../ports/time.ts';
import type { ByteRange } from './ranges.ts';

/** Small enough that a short range decrypts little, large enough that tags and calls cost nothing. */
const CHUNK_BYTES = 64 * 1024;
/** Four letters that tell the form, and a salt: an object's parts share its data key, and no two blobs share a key. */
const FORM = Buffer.from('LKS1', 'latin1');
const SALT_BYTES = 32;
const HEADER_BYTES = FORM.length + SALT_BYTES;

/** A place for uploads that keeps their bytes encrypted; sizes are those of the plain bytes. */
export function sealing(objects: Objects, ids: Ids, dataKey: Uint8Array): Pick<Objects, 'put'> {
  return {
    async put(source, expectedSizeBytes) {
      let sizeBytes = 0;
      async function* counted(): AsyncGenerator<Uint8Array> {
        for await (const chunk of source) {
          sizeBytes += chunk.byteLength;
          yield chunk;
        }
      }
      const salt = ids.bytes(SALT_BYTES);
      async function* sealed(): AsyncGenerator<Uint8Array> {
        yield Buffer.concat([FORM, salt]);
        yield* sealChunks(blobKey(dataKey, salt), CHUNK_BYTES, counted());
      }
      const expected = expectedSizeBytes === undefined ? undefined : sealedSize(expectedSizeBytes);
      const { blobId } = await objects.put(sealed(), expected);
      return { blobId, sizeBytes };
    },
  };
}

/**
 * The plain bytes of a sealed blob, or a range of them, of which only the chunks that hold it are read.
 * @param sizeBytes of the whole, plain @throws SealBroken
 */
export async function* openSealed(
  objects: Objects,
  dataKey: Uint8Array,
  blobId: string,
  sizeBytes: number,
  range: ByteRange = { start: 0, end: sizeBytes - 1 },
): AsyncGenerator<Uint8Array> {
  const lastChunk = Math.max(0, Math.ceil(sizeBytes / CHUNK_BYTES) - 1);
  const firstIndex = Math.floor(range.start / CHUNK_BYTES);
  const endIndex = Math.min(lastChunk, Math.floor(Math.max(0, range.end) / CHUNK_BYTES));
  const salt = await readSalt(objects, blobId);
  const stride = CHUNK_BYTES + TAG_BYTES;
  const toTheEnd = endIndex === lastChunk;
  const end = (toTheEnd ? sealedSize(sizeBytes) : HEADER_BYTES + (endIndex + 1) * stride) - 1;
  const source = objects.get(blobId, { start: HEADER_BYTES + firstIndex * stride, end });
  let offset = firstIndex * CHUNK_BYTES;
  for await (const chunk of openChunks(blobKey(dataKey, salt), CHUNK_BYTES, source, { firstIndex, toTheEnd })) {
    const from = Math.max(0, range.start - offset);
    const to = Math.min(chunk.length, range.end + 1 - offset);
    if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
    offset += chunk.length;
  }
}

async function readSalt(objects: Objects, blobId: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of objects.get(blobId, { start: 0, end: HEADER_BYTES - 1 })) parts.push(part);
  const header = Buffer.concat(parts);
  if (header.length !== HEADER_BYTES || !header.subarray(0, FORM.length).equals(FORM)) throw new SealBroken();
  return header.subarray(FORM.length);
}

function sealedSize(sizeBytes: number): number {
  const chunks = Math.max(1, Math.ceil(sizeBytes / CHUNK_BYTES));
  return HEADER_BYTES + sizeBytes + chunks * TAG_BYTES;
}

function blobKey(dataKey: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, salt, 'likeness s3 blob', 32));
}
