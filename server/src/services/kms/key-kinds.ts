import { generateKeyPair } from 'node:crypto';
import { Fault } from '../../domain/fault.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import type { Ids } from '../../ports/time.ts';

/** What a key of a spec is for, and how. */
export interface KeyKind {
  usage: KeyRow['usage'];
  /** AWS's names of encryption, signing or MAC algorithms. */
  algorithms: readonly string[];
  /** The material of a new key: random bytes, or a private key as PKCS #8 (DER). */
  newMaterial(ids: Ids): Promise<Uint8Array>;
}

function symmetric(usage: KeyRow['usage'], algorithm: string, sizeBytes: number): KeyKind {
  return { usage, algorithms: [algorithm], newMaterial: async ids => ids.bytes(sizeBytes) };
}

const HASHES = ['SHA_256', 'SHA_384', 'SHA_512'];
const RSA_ALGORITHMS = ['RSASSA_PKCS1_V1_5', 'RSASSA_PSS'].flatMap(scheme => HASHES.map(hash => `${scheme}_${hash}`));

function rsa(modulusLength: number): KeyKind {
  const newMaterial = () => newPrivateKey('rsa', { modulusLength });
  return { usage: 'SIGN_VERIFY', algorithms: RSA_ALGORITHMS, newMaterial };
}

function elliptic(namedCurve: string, algorithm: string): KeyKind {
  return { usage: 'SIGN_VERIFY', algorithms: [algorithm], newMaterial: () => newPrivateKey('ec', { namedCurve }) };
}

/** Off the thread that answers requests: an RSA key of 4,096 bits may take a second. */
function newPrivateKey(type: 'rsa' | 'ec', size: { modulusLength?: number; namedCurve?: string }): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // The types know one overload a kind of key; the call is the same.
    generateKeyPair(type as 'rsa', { modulusLength: 0, ...size }, (error, _publicKey, privateKey) =>
      error ? reject(error) : resolve(privateKey.export({ type: 'pkcs8', format: 'der' })),
    );
  });
}

/** By KeySpec. */
const KINDS: ReadonlyMap<string, KeyKind> = new Map(
  Object.entries({
    SYMMETRIC_DEFAULT: symmetric('ENCRYPT_DECRYPT', 'SYMMETRIC_DEFAULT', 32),
    RSA_2048: rsa(2048),
    RSA_3072: rsa(3072),
    RSA_4096: rsa(4096),
    ECC_NIST_P256: elliptic('prime256v1', 'ECDSA_SHA_256'),
    ECC_NIST_P384: elliptic('secp384r1', 'ECDSA_SHA_384'),
    ECC_NIST_P521: elliptic('secp521r1', 'ECDSA_SHA_512'),
    ECC_SECG_P256K1: elliptic('secp256k1', 'ECDSA_SHA_256'),
    HMAC_224: symmetric('GENERATE_VERIFY_MAC', 'HMAC_SHA_224', 28),
    HMAC_256: symmetric('GENERATE_VERIFY_MAC', 'HMAC_SHA_256', 32),
    HMAC_384: symmetric('GENERATE_VERIFY_MAC', 'HMAC_SHA_384', 48),
    HMAC_512: symmetric('GENERATE_VERIFY_MAC', 'HMAC_SHA_512', 64),
  }),
);

/** @throws Fault UnsupportedOperationException for a spec that this server does not make */
export function kindOf(spec: string): KeyKind {
  const kind = KINDS.get(spec);
  if (kind === undefined) throw unsupported(`KeySpec ${spec}`);
  return kind;
}

/** The kind of a key pair that is made to be given away. @throws Fault ValidationException, UnsupportedOperationException */
export function pairKindOf(spec: string): KeyKind {
  const kind = kindOf(spec);
  if (kind.usage !== 'SIGN_VERIFY') throw new Fault('invalid', `KeyPairSpec must be of RSA or ECC; you sent ${spec}.`);
  return kind;
}

export function unsupported(what: string): Fault {
  return new Fault('unsupported', `${what} is not supported by this server.`, {
    code: 'UnsupportedOperationException',
  });
}

/** @throws Fault InvalidKeyUsageException for an operation that is not what the key is for */
export function requireUsage(key: KeyRow, usage: KeyRow['usage'], arn: string, operation: string): void {
  if (key.usage !== usage)
    throw new Fault('invalid', `${arn} key usage is ${key.usage} which is not valid for ${operation}.`, {
      code: 'InvalidKeyUsageException',
    });
}

/** @throws Fault InvalidKeyUsageException for an algorithm that a key of this spec has not */
export function requireAlgorithm(key: KeyRow, algorithm: string): void {
  const { algorithms } = kindOf(key.spec);
  if (!algorithms.includes(algorithm))
    throw new Fault(
      'invalid',
      `Algorithm ${algorithm} is incompatible with key spec ${key.spec}; it has ${algorithms.join(', ')}.`,
      { code: 'InvalidKeyUsageException' },
    );
}

/** The members of an answer that say what a key is and can do. */
export function describeKind({ spec, usage }: Pick<KeyRow, 'spec' | 'usage'>) {
  const member = {
    ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
    SIGN_VERIFY: 'SigningAlgorithms',
    GENERATE_VERIFY_MAC: 'MacAlgorithms',
  } as const;
  // The SDK's enumerations hold these names.
  return {
    KeyUsage: usage,
    KeySpec: spec as 'SYMMETRIC_DEFAULT',
    CustomerMasterKeySpec: spec as 'SYMMETRIC_DEFAULT',
    [member[usage]]: [...kindOf(spec).algorithms],
  };
}
