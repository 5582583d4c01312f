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
  for await (const { parts, last } of pieces(source, chunkBytes)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce(index++, last));
    for (const part of parts) yield cipher.update(part);
    cipher.final();
    yield cipher.getAuthTag();
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
  for await (const { parts, last } of pieces(source, chunkBytes + TAG_BYTES)) {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length < TAG_BYTES) throw new SealBroken();
    const body = takeFrom(parts, length - TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce(index++, last && run.toTheEnd));
    decipher.setAuthTag(Buffer.concat(parts));
    // Nothing is given out before the tag has shown that all of it is right.
    const opened = body.map(part => decipher.update(part));
    try {
      decipher.final();
    } catch (cause) {
      throw new SealBroken(cause);
    }
    yield* opened;
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
): AsyncGenerator<{ parts: Uint8Array[]; last: boolean }> {
  const waiting: Uint8Array[] = [];
  let length = 0;
  for await (const part of source) {
    waiting.push(part);
    length += part.length;
    // One byte more than a chunk is known to follow: only then is the chunk not the last.
    for (; length > size; length -= size) yield { parts: takeFrom(waiting, size), last: false };
  }
  yield { parts: waiting, last: true };
}

/** Takes so many bytes from the front of a queue, without a copy. */
function takeFrom(queue: Uint8Array[], sizeBytes: number): Uint8Array[] {
  const taken: Uint8Array[] = [];
  for (let left = sizeBytes; left > 0; ) {
    const [first] = queue;
    if (first === undefined) break;
    if (first.length <= left) {
      taken.push(first);
      queue.shift();
    } else {
      taken.push(first.subarray(0, left));
      queue[0] = first.subarray(left);
    }
    left -= Math.min(left, first.length);
  }
  return taken;
}
