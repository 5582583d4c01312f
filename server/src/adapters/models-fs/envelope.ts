import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { SealBroken, TAG_BYTES } from '../../domain/encryption/sealing.ts';

/** Plain bytes of a chunk; only the last of a file may be shorter. */
export const CHUNK_BYTES = 1024 * 1024;

/**
 * A file as AES-256-GCM chunks (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015). A chunk's nonce is its
 * number and whether it is the last, so that a chunk that is moved, repeated, dropped or cut off does not open. Each file
 * has a key of its own, derived from the model's data key and the file's name, so that nonces never meet.
 */
export async function* encryptChunks(
  dataKey: Uint8Array,
  name: string,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const key = fileKey(dataKey, name);
  let index = 0;
  for await (const { chunk, last } of chunked(source, CHUNK_BYTES)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce(index++, last));
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  }
}

/** @throws SealBroken at the first chunk that is not what encryptChunks made, and at a missing end */
export async function* decryptChunks(
  dataKey: Uint8Array,
  name: string,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const key = fileKey(dataKey, name);
  let index = 0;
  for await (const { chunk, last } of chunked(source, CHUNK_BYTES + TAG_BYTES)) {
    if (chunk.length < TAG_BYTES) throw new SealBroken();
    const decipher = createDecipheriv('aes-256-gcm', key, nonce(index++, last));
    decipher.setAuthTag(chunk.subarray(-TAG_BYTES));
    try {
      yield Buffer.concat([decipher.update(chunk.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw new SealBroken(cause);
    }
  }
}

function fileKey(dataKey: Uint8Array, name: string): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, new Uint8Array(0), `likeness model file ${name}`, 32));
}

function nonce(index: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(index), 3);
  bytes[11] = last ? 1 : 0;
  return bytes;
}

/** Pieces of exactly `size` bytes but for the last, which is marked; an empty source is one empty last piece. */
async function* chunked(
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
