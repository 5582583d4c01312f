/** COSE_Sign1 (RFC 9052 §4.2) as C2PA wants it: the certificates in the protected header, the payload left out. */
import {
  constants,
  createPrivateKey,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
  X509Certificate,
} from 'node:crypto';
import type { KeyPair } from '../certificates/key-pair.ts';
import { type CborValue, cbor, taggedCbor } from './cbor.ts';

/** Of a COSE header (RFC 9052 §3.1, RFC 9360 §2). */
const [ALGORITHM, CERTIFICATE_CHAIN] = [1, 33];
const COSE_SIGN1 = 18;

interface Algorithm {
  /** In COSE's registry. */
  id: number;
  digest: string | null;
  options: Omit<SignKeyObjectInput, 'key'>;
}

/** Elliptic curves: r and s one after the other (RFC 9053 §2.1). */
const ecdsa = (id: number, digest: string): Algorithm => ({ id, digest, options: { dsaEncoding: 'ieee-p1363' } });
const CURVES: Readonly<Record<string, Algorithm>> = {
  prime256v1: ecdsa(-7, 'sha256'),
  secp384r1: ecdsa(-35, 'sha384'),
  secp521r1: ecdsa(-36, 'sha512'),
};
const PS256: Algorithm = {
  id: -37,
  digest: 'sha256',
  options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
};
const ED25519: Algorithm = { id: -8, digest: null, options: {} };
const SHORTEST_RSA_BITS = 2048;

/** @returns CBOR of the whole signature over a claim */
export type SignClaim = (claim: Buffer) => Buffer;

/** @throws Error in one line for a key of a kind that C2PA does not know */
export function claimSigner({ cert, key }: KeyPair): SignClaim {
  const privateKey = createPrivateKey(key);
  const { id, digest, options } = algorithmOf(privateKey);
  const header = new Map<number, CborValue>([
    [ALGORITHM, id],
    [CERTIFICATE_CHAIN, chainOf(cert)],
  ]);
  const protectedHeader = cbor(header);
  return claim => {
    const signed = cbor(['Signature1', protectedHeader, Buffer.alloc(0), claim]);
    const signature = sign(digest, signed, { key: privateKey, ...options });
    return taggedCbor(COSE_SIGN1, [protectedHeader, {}, null, signature]);
  };
}

function algorithmOf(key: KeyObject): Algorithm {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return ED25519;
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= SHORTEST_RSA_BITS) return PS256;
  const found = key.asymmetricKeyType === 'ec' ? CURVES[namedCurve] : undefined;
  if (found) return found;
  throw new Error(
    `LIKENESS_C2PA_KEY must be an Ed25519 key, an elliptic one on P-256, P-384 or P-521, or RSA of ${SHORTEST_RSA_BITS} bits or more; it is ${[key.asymmetricKeyType, namedCurve, modulusLength || ''].filter(Boolean).join(' ')}.`,
  );
}

/** Without those that issued themselves: who validates has them, or does not trust them. */
function chainOf(pem: string): Uint8Array[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const certificates = blocks.map(block => new X509Certificate(block));
  return certificates.filter(({ subject, issuer }) => subject !== issuer).map(({ raw }) => raw);
}
