import { createCipheriv, createDecipheriv } from 'node:crypto';
import { SealBroken, TAG_BYTES } from './sealing.ts';

/**
 * Seals a stream as AES-256-GCM chunks (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015). A chunk's
 * nonce is its number and whether it is the last, so that a chunk that is moved, repeated, dropped or cut off does not
 * open. An empty stream is one empty chunk.
 * @param key 32 bytes that seal nothing else
 * @param chunkBytes plain bytes of a chunk; only the last may be shorter
 */
export async function* sealChunks(
  key: Uint8Array,
  chunkBytes: number,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  let index = 0;
  for await (const { chunk, last } of pieces(source, chunkBytes)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce(index++, last));
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  }
}

/**
 * Opens what sealChunks made, or a run of its chunks.
 * @param run the number of the source's first chunk, and whether its last one is the last of all
 * @throws SealBroken at the first chunk that is another than it should be, and at a missing end
 */
export async function* openChunks(
  key: Uint8Array,
  chunkBytes: number,
  source: AsyncIterable<Uint8Array>,
  run: { firstIndex: number; toTheEnd: boolean } = { firstIndex: 0, toTheEnd: true },
): AsyncGenerator<Buffer> {
  let index = run.firstIndex;
  for await (const { chunk, last } of pieces(source, chunkBytes + TAG_BYTES)) {
    if (chunk.length < TAG_BYTES) throw new SealBroken();
    const decipher = createDecipheriv('aes-256-gcm', key, nonce(index++, last && run.toTheEnd));
    decipher.setAuthTag(chunk.subarray(-TAG_BYTES));
    try {
      yield Buffer.concat([decipher.update(chunk.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw new SealBroken(cause);
    }
  }
}

function nonce(index: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(index), 3);
  bytes[11] = last ? 1 : 0;
  return bytes;
}

/** Pieces of exactly `size` bytes but for the last, which is marked; an empty source is one empty last piece. */
async function* pieces(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ chunk: Buffer; last: boolean }> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source) {
    parts.push(part);
    length += part.length;
    if (length <= size) continue;
    let whole = Buffer.concat(parts);
    // One byte more than a chunk is known to follow: only then is the chunk not the last.
    while (whole.length > size) {
      yield { chunk: whole.subarray(0, size), last: false };
      whole = whole.subarray(size);
    }
    parts = [whole];
    length = whole.length;
  }
  yield { chunk: Buffer.concat(parts), last: true };
}
