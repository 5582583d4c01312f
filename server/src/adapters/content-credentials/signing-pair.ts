/**
 * The certificate under which credentials are signed, and its key. A validator takes no certificate that signs itself,
 * so the service's own has an issuer, made for it alone and whose key is forgotten at once.
 */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import {
  bitString,
  distinguishedName,
  explicit,
  extension,
  integer,
  objectIdentifier,
  pem,
  positive,
  sequence,
  tagged,
  time,
} from '../certificates/der.ts';
import { type KeyPair, keptPair, readOwnPair } from '../certificates/key-pair.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
/** Ten years: a picture's credentials count as valid while their certificate is. */
const VALID_DAYS = 3650;
const RENEWED_BEFORE_DAYS = 30;
const SETTINGS = { cert: 'LIKENESS_C2PA_CERT', key: 'LIKENESS_C2PA_KEY' };
const ED25519 = sequence(objectIdentifier('1.3.101.112'));
/** C2PA 2.2 §14.5.1: of a signer of claims, any of C2PA's own, document signing and e-mail protection. */
const PURPOSES = ['1.3.6.1.4.1.62558.2.1', '1.3.6.1.5.5.7.3.36', '1.3.6.1.5.5.7.3.4'];

export interface SigningPairOptions {
  /** DATA/c2pa; what the service makes itself lies here. */
  folder: string;
  certPath: string | undefined;
  keyPath: string | undefined;
  now: Date;
}

/**
 * The user's pair, or the service's own, made at the first start and kept.
 * @throws Error in one line for a pair that cannot be used, or of which only one half is named
 */
export async function loadSigningPair({ folder, certPath, keyPath, now }: SigningPairOptions): Promise<KeyPair> {
  if (certPath === undefined && keyPath === undefined)
    return await keptPair(
      folder,
      certificate => !endsBefore(certificate, now.getTime() + RENEWED_BEFORE_DAYS * DAY_MILLISECONDS),
      () => selfMadePair(now, generateKeyPairSync('ed25519')),
    );
  if (certPath === undefined || keyPath === undefined)
    throw new Error(`${SETTINGS.cert} and ${SETTINGS.key} go together: set both, or neither for a self-made pair.`);
  const pair = await readOwnPair({ cert: certPath, key: keyPath }, SETTINGS);
  refuseUnfit(new X509Certificate(pair.cert), now);
  return pair;
}

/** What every validator would hold against each picture. @throws Error in one line */
function refuseUnfit(certificate: X509Certificate, now: Date): void {
  const rule = (problem: string) => new Error(`${SETTINGS.cert} ${problem}.`);
  if (certificate.ca || certificate.subject === certificate.issuer)
    throw rule('must be issued by an authority, and be none itself: validators refuse credentials signed with others');
  if (!certificate.keyUsage?.some(purpose => PURPOSES.includes(purpose)))
    throw rule('must have the extended key usage emailProtection, documentSigning or c2pa-kp-claimSigning');
  if (endsBefore(certificate, now.getTime())) throw rule(`ended at ${certificate.validTo}: name one that is valid`);
}

function endsBefore(certificate: X509Certificate, at: number): boolean {
  return new Date(certificate.validTo).getTime() < at;
}

/**
 * A certificate by an issuer made for it alone, in a file with that issuer's, for who wants to trust it.
 * @param keys of the signer; the service's own are Ed25519: the same bytes get the same signature
 */
export function selfMadePair(now: Date, keys: KeyPairKeyObjectResult): KeyPair {
  const begins = new Date(now.getTime() - DAY_MILLISECONDS);
  const ends = new Date(begins.getTime() + VALID_DAYS * DAY_MILLISECONDS);
  // Nothing of the machine or its owner: every picture carries this name.
  const installation = randomBytes(4).toString('hex');
  const issuer = { name: nameOf(`Likeness ${installation} issuer`), ...generateKeyPairSync('ed25519') };
  const signer = { name: nameOf(`Likeness ${installation}`), ...keys };
  const validity = sequence(time(begins), time(ends));
  const ofSigner = [
    extension('2.5.29.19', true, sequence()),
    // digitalSignature
    extension('2.5.29.15', true, tagged(0x03, Buffer.from([7, 0x80]))),
    // documentSigning and emailProtection: validators before C2PA 2.2 know the second alone.
    extension('2.5.29.37', false, sequence(...PURPOSES.slice(1).map(objectIdentifier))),
  ];
  const ofIssuer = [
    extension('2.5.29.19', true, sequence(tagged(0x01, Buffer.from([0xff])), integer(Buffer.from([0])))),
    // keyCertSign
    extension('2.5.29.15', true, tagged(0x03, Buffer.from([2, 0x04]))),
  ];
  const certificates = [
    certificateOf(signer, issuer, validity, ofSigner),
    certificateOf(issuer, issuer, validity, ofIssuer),
  ];
  return {
    cert: certificates.map(certificate => pem('CERTIFICATE', certificate)).join(''),
    key: signer.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

interface Party {
  name: Buffer;
  publicKey: KeyObject;
  privateKey: KeyObject;
}

function certificateOf(subject: Party, issuer: Party, validity: Buffer, extensions: readonly Buffer[]): Buffer {
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(positive(randomBytes(16))),
    ED25519,
    issuer.name,
    validity,
    subject.name,
    subject.publicKey.export({ format: 'der', type: 'spki' }),
    explicit(
      3,
      sequence(
        ...extensions,
        extension('2.5.29.14', false, tagged(0x04, keyId(subject.publicKey))),
        extension('2.5.29.35', false, sequence(tagged(0x80, keyId(issuer.publicKey)))),
      ),
    ),
  );
  return sequence(body, ED25519, bitString(sign(null, body, issuer.privateKey)));
}

/** Any that is the key's alone will do (RFC 5280 §4.2.1.2). */
function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest();
}

function nameOf(commonName: string): Buffer {
  return distinguishedName(['2.5.4.10', 'Likeness'], ['2.5.4.3', commonName]);
}
