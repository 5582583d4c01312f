import { createCipheriv, createDecipheriv } from 'node:crypto';

/** Length of an AES-256 key, and of GCM's nonce and tag, in bytes. */
export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** Seals short secrets under a key of its own (ports/keys.ts, Vault). */
export interface Sealer {
  /** @param context what the secret is for; opening it for anything else fails */
  seal(plaintext: Uint8Array, context: string): string;
  /** @throws SealBroken when the text was changed, or sealed under another key or context */
  open(sealed: string, context: string): Uint8Array;
}

/** What was sealed is not what is opened: other key, other context, or changed bytes. */
export class SealBroken extends Error {
  constructor(cause?: unknown) {
    super('The sealed data was changed, or was sealed with another key or for another purpose.', { cause });
    this.name = 'SealBroken';
  }
}

/**
 * AES-256-GCM. @param nonce 12 bytes, never used twice with one key @param context bound to the result, not kept in it
 * @returns nonce, ciphertext and tag in one
 */
export function seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, context: Uint8Array | string): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(context as string));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @throws SealBroken */
export function unseal(key: Uint8Array, sealed: Uint8Array, context: Uint8Array | string): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new SealBroken();
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(context as string));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new SealBroken(cause);
  }
}
