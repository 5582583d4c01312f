import { SealBroken, seal, unseal } from '../../domain/encryption/sealing.ts';
import { Fault } from '../../domain/fault.ts';
import type { Vault } from '../../ports/keys.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import type { Ids } from '../../ports/time.ts';

/** First byte of every ciphertext: the form of what follows (16 bytes of key id, nonce, ciphertext, tag). */
const FORM = 1;
const HEADER_BYTES = 17;

export type EncryptionContext = Record<string, string> | undefined;

/** Encrypts under a key; the encryption context and the key's id are authenticated, not kept. */
export function encryptUnder(
  deps: { vault: Vault; ids: Ids },
  key: KeyRow,
  plaintext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  const header = Buffer.concat([Buffer.of(FORM), Buffer.from(key.keyId.replaceAll('-', ''), 'hex')]);
  const sealed = seal(keyMaterial(deps, key), deps.ids.bytes(12), plaintext, authenticated(key, context));
  return Buffer.concat([header, sealed]);
}

/** @throws Fault InvalidCiphertextException: changed bytes, another key's, or another encryption context */
export function decryptUnder(
  deps: { vault: Vault },
  key: KeyRow,
  ciphertext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  try {
    return unseal(keyMaterial(deps, key), ciphertext.subarray(HEADER_BYTES), authenticated(key, context));
  } catch (cause) {
    if (!(cause instanceof SealBroken)) throw cause;
    throw invalidCiphertext('it was changed, or its encryption context was another', cause);
  }
}

/** Id of the key that a ciphertext was made with. @throws Fault InvalidCiphertextException when it is none of ours */
export function keyIdOfCiphertext(ciphertext: Uint8Array): string {
  if (ciphertext.length < HEADER_BYTES + 28 || ciphertext[0] !== FORM)
    throw invalidCiphertext('it is none that this service made');
  const hex = Buffer.from(ciphertext.subarray(1, HEADER_BYTES)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function invalidCiphertext(why: string, cause?: unknown): Fault {
  return new Fault('invalid', `CiphertextBlob cannot be decrypted: ${why}.`, {
    code: 'InvalidCiphertextException',
    cause,
  });
}

function keyMaterial({ vault }: { vault: Vault }, key: KeyRow): Uint8Array {
  return vault.open(key.sealedMaterial, `kms-key:${key.keyId}`);
}

/** The context without regard to the order of its pairs. JSON keeps a pair's two halves apart. */
function authenticated(key: KeyRow, context: EncryptionContext): string {
  const pairs = Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([key.keyId, pairs]);
}
