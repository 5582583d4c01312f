import { createHash } from 'node:crypto';
import type { AccessRequest, Principal } from '../../domain/operation.ts';
import { headerMap, type WireRequest } from '../message.ts';
import { Refusal } from '../refusal.ts';
import { queryPairs } from './canonical.ts';
import { readClaim } from './claim.ts';
import { SignatureProblem } from './problem.ts';
import { type Authenticated, type ResolveCredential, verify } from './verify.ts';

/** Whose a long-term Bedrock API key is. Implemented beside IAM's rows; main.ts joins. */
export type ResolveApiKey = (
  token: string,
) => Promise<{ found: true; principal: Principal } | { found: false; reason: 'unknown' | 'inactive' | 'expired' }>;

/** AWS: a short-term key lives 12 hours at most, whatever its signature says. */
const LONGEST_SECONDS = 43_200;
const SHORT_TERM_PREFIX = 'bedrock-api-key-';
const LONG_TERM_PREFIX = 'ABSK';
const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** The token of `Authorization: Bearer …`; undefined for any other request. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

/** What a caller with a key must be allowed beside the operation itself. */
export function bearerQuestion(token: string): AccessRequest {
  const type = token.startsWith(LONG_TERM_PREFIX) ? 'LONG_TERM' : 'SHORT_TERM';
  return {
    action: 'bedrock:CallWithBearerToken',
    resource: '*',
    conditions: { 'bedrock:BearerTokenType': type },
  };
}

/**
 * Verifies a Bedrock API key. A long-term one (`ABSK…`) is a service-specific credential of a user; a short-term one
 * (`bedrock-api-key-…`) is a presigned URL of the action CallWithBearerToken, which its signer's credentials made.
 * @throws Refusal AccessDeniedException
 */
export async function verifyBearer(
  token: string,
  request: WireRequest,
  options: { resolveApiKey: ResolveApiKey; resolveCredential: ResolveCredential; now: Date; defaultRegion: string },
): Promise<Authenticated> {
  if (!request.secureTransport && !isLoopback(request.sourceIp))
    throw refused('A Bedrock API key is taken over TLS, or from this machine itself: anyone on the way could read it.');
  if (token.startsWith(SHORT_TERM_PREFIX))
    return await shortTerm(token.slice(SHORT_TERM_PREFIX.length), request, options);
  if (!token.startsWith(LONG_TERM_PREFIX)) throw refused('Invalid API Key format: Must start with pre-defined prefix');
  const answer = await options.resolveApiKey(token);
  if (!answer.found) throw answer.reason === 'expired' ? expired() : notValid();
  return {
    principal: answer.principal,
    region: options.defaultRegion,
    presigned: false,
    payload: { kind: 'unsigned' },
  };
}

async function shortTerm(
  encoded: string,
  request: WireRequest,
  options: { resolveCredential: ResolveCredential; now: Date; defaultRegion: string },
): Promise<Authenticated> {
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const [, host = '', path = '', rawQuery = ''] = /^(?:https:\/\/)?([^/?]+)(\/?)\?(.*)$/.exec(text) ?? [];
  // The token generators add Version=1 after they have signed.
  const signedQuery = rawQuery.replace(/&Version=1$/, '');
  const pairs = queryPairs(signedQuery);
  if (host === '' || !pairs.some(({ name, value }) => name === 'Action' && value === 'CallWithBearerToken'))
    throw refused('Invalid API Key format: Base64 decoding failed');
  const presigned: WireRequest = {
    ...request,
    method: 'POST',
    target: `${path || '/'}?${signedQuery}`,
    headers: [['host', host]],
  };
  const headers = headerMap(presigned.headers);
  try {
    const claim = readClaim(headers, pairs);
    if (claim?.form !== 'query' || claim.scope.service !== 'bedrock') throw notValid();
    if (claim.expiresSeconds === undefined || claim.expiresSeconds > LONGEST_SECONDS) throw notValid();
    return await verify(presigned, headers, path || '/', pairs, claim, {
      resolveCredential: options.resolveCredential,
      now: options.now,
      defaultRegion: options.defaultRegion,
      allowSignatureV2: false,
      isS3: false,
      bodySha256: async () => EMPTY_SHA256,
    });
  } catch (error) {
    if (!(error instanceof SignatureProblem)) throw error;
    throw error.kind === 'urlExpired' || error.kind === 'expiredToken' ? expired() : notValid();
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

function expired(): Refusal {
  return refused('Bearer Token has expired');
}

function notValid(): Refusal {
  return refused('Authentication failed: Please make sure your API Key is valid.');
}

function refused(message: string): Refusal {
  return new Refusal(403, 'AccessDeniedException', message);
}
