import { crc32 } from 'node:zlib';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** Signature and IHDR, the first chunk: its 13 bytes with their length, type and checksum. */
const HEADER_BYTES = SIGNATURE.length + 25;
const CHUNK_AROUND_BYTES = 12;

/** Where the chunk with a manifest begins; C2PA wants it before the pixels. */
export const MANIFEST_AT = HEADER_BYTES;

export function isPng(bytes: Buffer): boolean {
  return bytes.length > HEADER_BYTES && bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/** How long the chunk is that holds so much. */
export function chunkLength(contentBytes: number): number {
  return CHUNK_AROUND_BYTES + contentBytes;
}

/** The picture with a manifest store in a chunk of its own (C2PA 2.2, appendix A.3.2: `caBX`). */
export function withManifest(png: Buffer, store: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from('caBX', 'latin1'), store]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(store.length);
  checksum.writeUInt32BE(crc32(typed));
  return Buffer.concat([png.subarray(0, MANIFEST_AT), length, typed, checksum, png.subarray(MANIFEST_AT)]);
}
