import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SealBroken } from '../../domain/encryption/sealing.ts';
import { CHUNK_BYTES, decryptChunks, encryptChunks } from './envelope.ts';

const KEY = randomBytes(32);
const SEALED_CHUNK_BYTES = CHUNK_BYTES + 16;

/** A source that gives the bytes in pieces of its own. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

const encrypt = (bytes: Buffer, name = 'unet.safetensors', size = 65_536) =>
  collect(encryptChunks(KEY, name, pieces(bytes, size)));
const decrypt = (bytes: Buffer, name = 'unet.safetensors', size = 65_536, key = KEY) =>
  collect(decryptChunks(key, name, pieces(bytes, size)));

describe('the envelope of a stored file', () => {
  const lengths = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 5];
  for (const length of lengths)
    it(`gives ${length} bytes back, however they arrive`, async () => {
      const plain = randomBytes(length);
      for (const size of [997, CHUNK_BYTES, 3 * CHUNK_BYTES]) {
        const sealed = await encrypt(plain, 'a', size);
        assert.equal(sealed.length, length + 16 * Math.max(1, Math.ceil(length / CHUNK_BYTES)));
        assert.ok(plain.equals(await decrypt(sealed, 'a', size + 1)));
      }
    });

  it('does not open with one bit changed, anywhere', async () => {
    const sealed = await encrypt(randomBytes(3000));
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length * 8 - 1), async bit => {
        const changed = Buffer.from(sealed);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await assert.rejects(decrypt(changed), SealBroken);
      }),
    );
  });

  it('does not open when its end is cut off, at a chunk or anywhere else', async () => {
    const sealed = await encrypt(randomBytes(3 * CHUNK_BYTES));
    for (const length of [0, 15, 16, SEALED_CHUNK_BYTES, 2 * SEALED_CHUNK_BYTES, sealed.length - 1])
      await assert.rejects(decrypt(sealed.subarray(0, length)), SealBroken, String(length));
  });

  it('does not open with chunks swapped, repeated or dropped, or with more at the end', async () => {
    const sealed = await encrypt(randomBytes(3 * CHUNK_BYTES));
    const chunk = (index: number) => sealed.subarray(index * SEALED_CHUNK_BYTES, (index + 1) * SEALED_CHUNK_BYTES);
    const [first, second, third] = [chunk(0), chunk(1), chunk(2)];
    for (const parts of [
      [second, first, third],
      [first, first, third],
      [first, third],
      [first, second, third, third],
      [first, second, third, Buffer.alloc(1)],
    ])
      await assert.rejects(decrypt(Buffer.concat(parts)), SealBroken);
  });

  it('does not open under another name or key', async () => {
    const sealed = await encrypt(Buffer.from('weights'));
    await assert.rejects(decrypt(sealed, 'vae.safetensors'), SealBroken);
    await assert.rejects(decrypt(sealed, undefined, undefined, randomBytes(32)), SealBroken);
  });
});
