import type { Principal } from '../../domain/operation.ts';
import type { HeaderMap, WireRequest } from '../message.ts';
import { bytesOf, canonicalHeaders, canonicalPaths, canonicalQueries, type QueryPair } from './canonical.ts';
import { type Claim, type ClaimV2, isoBasic } from './claim.ts';
import { ALGORITHM, matches, type Scope, scopeText, sha256Hex, signature, signingKey } from './key.ts';
import { comparable, SignatureProblem, withoutSecrets } from './problem.ts';
import { matchesV2 } from './signature-v2.ts';

/**
 * Who signs with a key, and the secret to check it with. Implemented beside IAM's rows; main.ts joins. `used` is told only
 * for a signature that held: it is written down as the key's last use.
 */
export type ResolveCredential = (
  accessKeyId: string,
  sessionToken: string | undefined,
  used?: { service: string; region: string },
) => Promise<
  | { found: true; secretAccessKey: string; principal: Principal }
  | { found: false; reason: 'unknown' | 'inactive' | 'invalidToken' | 'expired' }
>;

/** How far a client's clock may be off. */
export const CLOCK_SKEW_MILLISECONDS = 15 * 60 * 1000;

/** How a request's body is bound to its signature. */
export type Payload =
  | { kind: 'unsigned' }
  | { kind: 'sha256'; hex: string }
  /** `chain` is there when each chunk is signed. */
  | { kind: 'chunked'; chain: ChunkChain | undefined; trailer: boolean };

/** What the signature of the next chunk is made from. */
export interface ChunkChain {
  key: Buffer;
  timestamp: string;
  scope: Scope;
  seedSignature: string;
}

export interface Authenticated {
  principal: Principal;
  region: string;
  presigned: boolean;
  /** When it was signed, as the signature says; undefined where it says none. */
  signedAt?: Date;
  payload: Payload;
}

export interface VerifyOptions {
  resolveCredential: ResolveCredential;
  now: Date;
  /** Region of a request signed with Version 2, which names none. */
  defaultRegion: string;
  allowSignatureV2: boolean;
  isS3: boolean;
  /** SHA-256 of the whole body, for every service but S3; asked for once the key is known. */
  bodySha256(): Promise<string>;
}

/**
 * Verifies a request's signature: that the holder of the key's secret made this method, path, query, these signed headers
 * and this body, not long ago.
 * @throws SignatureProblem
 */
export async function verify(
  request: WireRequest,
  headers: HeaderMap,
  path: string,
  pairs: readonly QueryPair[],
  claim: Claim | ClaimV2,
  options: VerifyOptions,
): Promise<Authenticated> {
  if (claim.form === 'query-v2') return verifyV2(request, headers, path, pairs, claim, options);
  const presigned = claim.form === 'query';
  checkSignedHeaders(headers, claim, options.isS3);
  checkTime(claim, options.now);
  const payload = declaredPayload(headers, pairs, claim, options.isS3);
  const credential = await resolve(claim, options);
  const key = signingKey(credential.secretAccessKey, claim.scope);
  const payloadHash = payload.text ?? (await options.bodySha256());
  const canonicals = canonicalRequests(request, path, pairs, claim, payloadHash, options.isS3);
  const stringsToSign = canonicals.map(canonical => [
    ALGORITHM,
    claim.timestamp,
    scopeText(claim.scope),
    sha256Hex(canonical),
  ]);
  if (!stringsToSign.some(lines => matches(signature(key, lines), claim.signature)))
    throw new SignatureProblem('mismatch', '', {
      presigned,
      members: {
        AWSAccessKeyId: claim.accessKeyId,
        SignatureProvided: claim.signature,
        ...comparable('StringToSign', stringsToSign[0]?.join('\n') ?? ''),
        ...comparable('CanonicalRequest', withoutSecrets(canonicals[0]?.toString() ?? '')),
      },
    });
  const chain = { key, timestamp: claim.timestamp, scope: claim.scope, seedSignature: claim.signature };
  return {
    principal: credential.principal,
    region: claim.scope.region,
    presigned,
    signedAt: claim.signedAt,
    payload: payload.of(chain),
  };
}

function checkSignedHeaders(headers: HeaderMap, claim: Claim, isS3: boolean): void {
  const signed = new Set(claim.signedHeaders);
  const unsigned = Object.keys(headers).filter(name => name.startsWith('x-amz-') && !signed.has(name));
  if (!signed.has('host') && !signed.has(':authority')) unsigned.unshift('host');
  // S3 takes the hash of a presigned upload from the query or this header, and never reads it otherwise.
  if (unsigned.length === 0) return;
  throw new SignatureProblem(
    'unsignedHeaders',
    isS3
      ? 'There were headers present in the request which were not signed'
      : `'${unsigned.join("', '")}' must be a 'SignedHeader' in the AWS Authorization.`,
    { presigned: claim.form === 'query', members: { HeadersNotSigned: unsigned.join(', ') } },
  );
}

function checkTime(claim: Claim, now: Date): void {
  const presigned = claim.form === 'query';
  const signedAt = claim.signedAt.getTime();
  if (claim.expiresSeconds !== undefined) {
    const expiresAt = new Date(signedAt + claim.expiresSeconds * 1000);
    const members = { Expires: expiresAt.toISOString(), ServerTime: now.toISOString() };
    if (now > expiresAt)
      throw new SignatureProblem('urlExpired', 'Request has expired', {
        presigned,
        members: { 'X-Amz-Expires': String(claim.expiresSeconds), ...members },
      });
    if (signedAt - now.getTime() > CLOCK_SKEW_MILLISECONDS)
      throw new SignatureProblem('urlNotYetValid', 'Request is not yet valid', { presigned, members });
    return;
  }
  const late = now.getTime() - signedAt;
  if (Math.abs(late) <= CLOCK_SKEW_MILLISECONDS) return;
  const limit = new Date(now.getTime() + (late > 0 ? -CLOCK_SKEW_MILLISECONDS : CLOCK_SKEW_MILLISECONDS));
  throw new SignatureProblem(
    'clockSkew',
    late > 0
      ? `Signature expired: ${claim.timestamp} is now earlier than ${isoBasic(limit)} (${isoBasic(now)} - 15 min.)`
      : `Signature not yet current: ${claim.timestamp} is still later than ${isoBasic(limit)} (${isoBasic(now)} + 15 min.)`,
    {
      members: {
        RequestTime: claim.timestamp,
        ServerTime: now.toISOString().replace(/\.[0-9]{3}/, ''),
        MaxAllowedSkewMilliseconds: String(CLOCK_SKEW_MILLISECONDS),
      },
    },
  );
}

/** The key's secret and its holder. @throws SignatureProblem */
export async function resolve(
  claim: { accessKeyId: string; sessionToken: string | undefined; form: string },
  options: Pick<VerifyOptions, 'resolveCredential' | 'isS3'>,
) {
  const presigned = claim.form !== 'header';
  const answer = await options.resolveCredential(claim.accessKeyId, claim.sessionToken);
  if (answer.found) return answer;
  const INVALID = 'The security token included in the request is invalid.';
  if (answer.reason === 'expired')
    throw new SignatureProblem(
      'expiredToken',
      options.isS3 ? 'The provided token has expired.' : 'The security token included in the request is expired',
      { presigned },
    );
  if (answer.reason === 'invalidToken')
    throw new SignatureProblem(
      'invalidToken',
      options.isS3 ? 'The provided token is malformed or otherwise invalid.' : INVALID,
      { presigned },
    );
  // A key switched off is answered like one that never was, as AWS does.
  throw new SignatureProblem(
    'unknownKey',
    options.isS3 ? 'The AWS Access Key Id you provided does not exist in our records.' : INVALID,
    { presigned, members: { AWSAccessKeyId: claim.accessKeyId } },
  );
}

/** What stands for the body in the canonical request; `text` undefined: the hash of the body itself. */
function declaredPayload(
  headers: HeaderMap,
  pairs: readonly QueryPair[],
  claim: Claim,
  isS3: boolean,
): { text: string | undefined; of(chain: ChunkChain): Payload } {
  const presigned = claim.form === 'query';
  const header = headers['x-amz-content-sha256'];
  if (!isS3) {
    // The body is hashed whatever the header says, so a header that says something else cannot verify.
    return { text: undefined, of: () => ({ kind: 'unsigned' }) };
  }
  const text = header ?? (presigned ? pairs.find(({ name }) => name === 'X-Amz-Content-Sha256')?.value : undefined);
  if (text === undefined && presigned) return { text: UNSIGNED_PAYLOAD, of: () => ({ kind: 'unsigned' }) };
  if (text === undefined)
    throw new SignatureProblem(
      'unsupportedMechanism',
      'Missing required header for this request: x-amz-content-sha256',
    );
  if (text === UNSIGNED_PAYLOAD) return { text, of: () => ({ kind: 'unsigned' }) };
  if (/^[0-9a-f]{64}$/.test(text)) return { text, of: () => ({ kind: 'sha256', hex: text }) };
  const streaming = STREAMING.get(text);
  if (streaming === undefined)
    throw new SignatureProblem(
      'badContentSha256',
      `x-amz-content-sha256 must be ${UNSIGNED_PAYLOAD}, ${[...STREAMING.keys()].join(', ')}, or a valid sha256 value.`,
      { members: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: text } },
    );
  return {
    text,
    of: chain => ({ kind: 'chunked', chain: streaming.signed ? chain : undefined, trailer: streaming.trailer }),
  };
}

/** The body of a request that nobody signed: what its own header says of it still holds. */
export function unsignedPayload(headers: HeaderMap): Payload {
  const text = headers['x-amz-content-sha256'] ?? '';
  if (/^[0-9a-f]{64}$/.test(text)) return { kind: 'sha256', hex: text };
  const streaming = STREAMING.get(text);
  if (streaming?.signed)
    throw new SignatureProblem('badContentSha256', `${text} needs a signed request.`, {
      members: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: text },
    });
  return streaming ? { kind: 'chunked', chain: undefined, trailer: streaming.trailer } : { kind: 'unsigned' };
}

const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

const STREAMING = new Map([
  ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { signed: false, trailer: true }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { signed: true, trailer: false }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', { signed: true, trailer: true }],
]);

/** Every form of the request that its signer may have signed; all of them mean what the server reads. */
function canonicalRequests(
  request: WireRequest,
  path: string,
  pairs: readonly QueryPair[],
  claim: Claim,
  payloadHash: string,
  isS3: boolean,
): Buffer[] {
  const signedHeaders = canonicalHeaders(request.headers, claim.signedHeaders);
  if (signedHeaders === undefined) return [];
  const queries = canonicalQueries(
    claim.form === 'query' ? pairs.filter(({ name }) => name !== 'X-Amz-Signature') : pairs,
  );
  const forms: Buffer[] = [];
  for (const canonicalPath of canonicalPaths(path, isS3))
    for (const query of queries) {
      const text = [
        request.method,
        canonicalPath,
        query,
        signedHeaders,
        claim.signedHeaders.join(';'),
        payloadHash,
      ].join('\n');
      const bytes = bytesOf(text);
      forms.push(bytes);
      // A header beyond ASCII: some clients sign the characters' UTF-8, others the bytes they send.
      const utf8 = Buffer.from(text, 'utf8');
      if (!utf8.equals(bytes)) forms.push(utf8);
    }
  return forms;
}

async function verifyV2(
  request: WireRequest,
  headers: HeaderMap,
  path: string,
  pairs: readonly QueryPair[],
  claim: ClaimV2,
  options: VerifyOptions,
): Promise<Authenticated> {
  const presigned = true;
  if (!options.allowSignatureV2)
    throw new SignatureProblem(
      'unsupportedMechanism',
      `Signature Version 2 is switched off here. Please use ${ALGORITHM} (boto3: Config(signature_version="s3v4")).`,
    );
  const expiresAt = new Date(Number(claim.expires) * 1000);
  if (options.now > expiresAt)
    throw new SignatureProblem('urlExpired', 'Request has expired', {
      presigned,
      members: { Expires: expiresAt.toISOString(), ServerTime: options.now.toISOString() },
    });
  const region = options.defaultRegion;
  const credential = await resolve(claim, options);
  if (!matchesV2(request.method, path, pairs, headers, claim, credential.secretAccessKey))
    throw new SignatureProblem('mismatch', '', {
      presigned,
      members: { AWSAccessKeyId: claim.accessKeyId, SignatureProvided: claim.signature },
    });
  return { principal: credential.principal, region, presigned, payload: { kind: 'unsigned' } };
}
