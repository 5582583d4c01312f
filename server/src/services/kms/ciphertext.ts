import { SealBroken, seal, unseal } from '../../domain/encryption/sealing.ts';
import { Fault } from '../../domain/fault.ts';
import type { Vault } from '../../ports/keys.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import type { Ids } from '../../ports/time.ts';

/**
 * First byte of every ciphertext: the form of what follows. 2: 16 bytes of key id, 4 of the material's version, nonce,
 * ciphertext, tag. 1, from before keys were rotated: the same without a version, which is 0.
 */
const FORM = 2;
const FORM_WITHOUT_VERSION = 1;
const KEY_ID_END = 17;
const HEADER_BYTES = 21;

export type EncryptionContext = Record<string, string> | undefined;

/** New material of a key, sealed for its row. */
export function sealMaterial(deps: { vault: Vault }, material: Uint8Array, keyId: string, version: number): string {
  return deps.vault.seal(material, purpose(keyId, version));
}

/** The material that a key has now. */
export function openMaterial(deps: { vault: Vault }, key: KeyRow): Uint8Array {
  return deps.vault.open(key.sealedMaterial, purpose(key.keyId, key.materialVersion));
}

/** Encrypts under a key; the encryption context, the key's id and its material's version are authenticated. */
export function encryptUnder(
  deps: { vault: Vault; ids: Ids },
  key: KeyRow,
  plaintext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = FORM;
  header.write(key.keyId.replaceAll('-', ''), 1, 'hex');
  header.writeUInt32BE(key.materialVersion, KEY_ID_END);
  const material = openMaterial(deps, key);
  const bound = authenticated(key.keyId, FORM, key.materialVersion, context);
  return Buffer.concat([header, seal(material, deps.ids.bytes(12), plaintext, bound)]);
}

/**
 * @param sealedMaterial that of the version which the ciphertext names
 * @throws Fault InvalidCiphertextException: changed bytes, another key's, or another encryption context
 */
export function decryptUnder(
  { vault }: { vault: Vault },
  sealedMaterial: string,
  ciphertext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  const { keyId, version, form, bodyAt } = readHeader(ciphertext);
  const material = vault.open(sealedMaterial, purpose(keyId, version));
  try {
    return unseal(material, ciphertext.subarray(bodyAt), authenticated(keyId, form, version, context));
  } catch (cause) {
    if (!(cause instanceof SealBroken)) throw cause;
    throw invalidCiphertext('it was changed, or its encryption context was another', cause);
  }
}

/** What a ciphertext says of itself. @throws Fault InvalidCiphertextException when it is none of ours */
export function readHeader(ciphertext: Uint8Array): { keyId: string; version: number; form: number; bodyAt: number } {
  const bytes = Buffer.from(ciphertext);
  const form = bytes[0] ?? 0;
  const bodyAt = form === FORM_WITHOUT_VERSION ? KEY_ID_END : HEADER_BYTES;
  if ((form !== FORM && form !== FORM_WITHOUT_VERSION) || bytes.length < bodyAt + 28)
    throw invalidCiphertext('it is none that this service made');
  const hex = bytes.toString('hex', 1, KEY_ID_END);
  const keyId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { keyId, version: form === FORM_WITHOUT_VERSION ? 0 : bytes.readUInt32BE(KEY_ID_END), form, bodyAt };
}

export function invalidCiphertext(why: string, cause?: unknown): Fault {
  return new Fault('invalid', `CiphertextBlob cannot be decrypted: ${why}.`, {
    code: 'InvalidCiphertextException',
    cause,
  });
}

function purpose(keyId: string, version: number): string {
  return version === 0 ? `kms-key:${keyId}` : `kms-key:${keyId}:${version}`;
}

/** The context without regard to the order of its pairs. JSON keeps a pair's two halves apart. */
function authenticated(keyId: string, form: number, version: number, context: EncryptionContext): string {
  const pairs = Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(form === FORM_WITHOUT_VERSION ? [keyId, pairs] : [keyId, version, pairs]);
}
