import { hkdfSync } from 'node:crypto';
import { openChunks, sealChunks } from '../../domain/encryption/chunks.ts';

/** Plain bytes of a chunk; only the last of a file may be shorter. */
export const CHUNK_BYTES = 1024 * 1024;

/** A file as sealed chunks, under a key of its own that is derived from the model's data key and the file's name. */
export function encryptChunks(
  dataKey: Uint8Array,
  name: string,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  return sealChunks(fileKey(dataKey, name), CHUNK_BYTES, source);
}

/** @throws SealBroken at the first chunk that is not what encryptChunks made, and at a missing end */
export function decryptChunks(
  dataKey: Uint8Array,
  name: string,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  return openChunks(fileKey(dataKey, name), CHUNK_BYTES, source);
}

function fileKey(dataKey: Uint8Array, name: string): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, new Uint8Array(0), `likeness model file ${name}`, 32));
}
