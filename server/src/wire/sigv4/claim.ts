import type { HeaderMap } from '../message.ts';
import type { QueryPair } from './canonical.ts';
import { ALGORITHM, type Scope, TERMINATOR } from './key.ts';
import { SignatureProblem } from './problem.ts';
import { isRegionName } from './region.ts';

/** What a request says of its own signature, before any of it is believed. */
export interface Claim {
  form: 'header' | 'query';
  accessKeyId: string;
  scope: Scope;
  signedHeaders: string[];
  signature: string;
  /** `20261123T050000Z`, as it stands in the string to sign. */
  timestamp: string;
  signedAt: Date;
  /** Presigned URLs only, and not all of them: outside S3 they need not say it. */
  expiresSeconds: number | undefined;
  sessionToken: string | undefined;
}

/** Signature Version 2 in a query, as boto3 makes it for custom endpoints. */
export interface ClaimV2 {
  form: 'query-v2';
  accessKeyId: string;
  signature: string;
  expires: string;
  sessionToken: string | undefined;
}

/** A week: the longest life of a presigned URL. */
export const LONGEST_EXPIRY_SECONDS = 604_800;

/**
 * Reads a request's claim.
 * @returns undefined for a request without signature
 * @throws SignatureProblem for one out of form
 */
export function readClaim(headers: HeaderMap, pairs: readonly QueryPair[]): Claim | ClaimV2 | undefined {
  const { authorization } = headers;
  const inQuery = pairs.some(({ name }) => QUERY_MARKS.has(name));
  const inQueryV2 =
    pairs.some(({ name }) => name === 'AWSAccessKeyId') && pairs.some(({ name }) => name === 'Signature');
  if (authorization !== undefined && (inQuery || inQueryV2))
    throw new SignatureProblem(
      'twoMechanisms',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the ' +
        'Authorization header should be specified',
    );
  if (authorization !== undefined) return fromHeader(authorization, headers);
  if (inQuery) return fromQuery(pairs, headers);
  return inQueryV2 ? fromQueryV2(pairs, headers) : undefined;
}

const QUERY_MARKS = new Set(['X-Amz-Algorithm', 'X-Amz-Signature', 'X-Amz-Credential']);

function fromHeader(authorization: string, headers: HeaderMap): Claim {
  const space = authorization.indexOf(' ');
  if (space < 0 && authorization !== ALGORITHM)
    throw new SignatureProblem('noMechanism', `Unsupported Authorization Type. Please use ${ALGORITHM}.`);
  const algorithm = space < 0 ? authorization : authorization.slice(0, space);
  if (algorithm !== ALGORITHM)
    throw new SignatureProblem(
      'unsupportedMechanism',
      `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
    );
  const parts = new Map<string, string>();
  for (const part of authorization.slice(space + 1).split(',')) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part.trim() : part.slice(0, equals).trim();
    if (parts.has(name)) throw new SignatureProblem('malformed', `Authorization header has '${name}' more than once.`);
    parts.set(name, equals < 0 ? '' : part.slice(equals + 1).trim());
  }
  const missing = ['Credential', 'SignedHeaders', 'Signature'].filter(name => !parts.get(name));
  if (missing.length > 0)
    throw new SignatureProblem(
      'malformed',
      missing.map(name => `Authorization header requires '${name}' parameter.`).join(' '),
    );
  const { accessKeyId, scope } = readCredential(parts.get('Credential') ?? '', false);
  const date = headers['x-amz-date'] ?? headers.date;
  if (date === undefined)
    throw new SignatureProblem('missingDate', 'AWS authentication requires a valid Date or x-amz-date header');
  const { timestamp, signedAt } = readDate(date, headers['x-amz-date'] === undefined);
  checkScopeDate(scope, timestamp, false);
  return {
    form: 'header',
    accessKeyId,
    scope,
    signedHeaders: readSignedHeaders(parts.get('SignedHeaders') ?? '', false),
    signature: parts.get('Signature') ?? '',
    timestamp,
    signedAt,
    expiresSeconds: undefined,
    sessionToken: headers['x-amz-security-token'],
  };
}

function fromQuery(pairs: readonly QueryPair[], headers: HeaderMap): Claim {
  const presigned = true;
  const value = (name: string): string => {
    const values = pairs.filter(pair => pair.name === name);
    if (values.length > 1) throw new SignatureProblem('malformed', `${name} must be given once.`, { presigned });
    return values[0]?.value ?? '';
  };
  const names = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-Date', 'X-Amz-SignedHeaders'];
  if (names.some(name => value(name) === '')) throw incompleteQuery();
  if (value('X-Amz-Algorithm') !== ALGORITHM)
    throw new SignatureProblem('malformed', `X-Amz-Algorithm only supports "${ALGORITHM}"`, { presigned });
  const { accessKeyId, scope } = readCredential(value('X-Amz-Credential'), presigned);
  const expires = value('X-Amz-Expires');
  // AWS: S3 alone demands it; elsewhere the URL holds as long as a signed header would. Go's SDK v2 leaves it out for STS.
  if (expires === '' && scope.service === 's3') throw incompleteQuery();
  const expiresSeconds = expires === '' ? undefined : readExpiry(expires);
  const date = value('X-Amz-Date');
  if (!ISO_BASIC.test(date))
    throw new SignatureProblem('malformed', `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`, {
      presigned,
    });
  const { timestamp, signedAt } = readDate(date, false);
  checkScopeDate(scope, timestamp, presigned);
  return {
    form: 'query',
    accessKeyId,
    scope,
    signedHeaders: readSignedHeaders(value('X-Amz-SignedHeaders'), presigned),
    signature: value('X-Amz-Signature'),
    timestamp,
    signedAt,
    expiresSeconds,
    sessionToken: value('X-Amz-Security-Token') || headers['x-amz-security-token'],
  };
}

function readExpiry(expires: string): number {
  const presigned = true;
  if (!/^-?[0-9]+$/.test(expires))
    throw new SignatureProblem('malformed', 'X-Amz-Expires should be a number', { presigned });
  const expiresSeconds = Number(expires);
  if (expiresSeconds < 1)
    throw new SignatureProblem('malformed', 'X-Amz-Expires must be at least 1 second', { presigned });
  if (expiresSeconds > LONGEST_EXPIRY_SECONDS)
    throw new SignatureProblem(
      'malformed',
      `X-Amz-Expires must be less than a week (in seconds) that is ${LONGEST_EXPIRY_SECONDS}`,
      { presigned },
    );
  return expiresSeconds;
}

function incompleteQuery(): SignatureProblem {
  return new SignatureProblem(
    'malformed',
    'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, ' +
      'X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    { presigned: true },
  );
}

function fromQueryV2(pairs: readonly QueryPair[], headers: HeaderMap): ClaimV2 {
  const value = (name: string) => pairs.find(pair => pair.name.toLowerCase() === name.toLowerCase())?.value;
  const expires = value('Expires') ?? '';
  if (!/^[0-9]{1,12}$/.test(expires))
    throw new SignatureProblem('malformed', 'Invalid date (should be seconds since epoch): Expires', {
      presigned: true,
    });
  return {
    form: 'query-v2',
    accessKeyId: value('AWSAccessKeyId') ?? '',
    signature: value('Signature') ?? '',
    expires,
    sessionToken: value('x-amz-security-token') ?? headers['x-amz-security-token'],
  };
}

export function readCredential(text: string, presigned: boolean): { accessKeyId: string; scope: Scope } {
  // The key comes first and may hold slashes in theory; the four parts of the scope come last.
  const parts = text.split('/');
  const [date, region, service, terminator] = parts.slice(-4);
  const accessKeyId = parts.slice(0, -4).join('/');
  if (!accessKeyId || !date || !region || !service || !terminator)
    throw new SignatureProblem(
      'malformed',
      presigned
        ? 'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        : 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
      { presigned },
    );
  if (terminator !== TERMINATOR)
    throw new SignatureProblem(
      'scope',
      `Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${terminator}'.`,
      { presigned },
    );
  // S3 says which Region it expects, and knows that once it has looked at the bucket.
  if (service !== 's3' && !isRegionName(region))
    throw new SignatureProblem('scope', 'Credential should be scoped to a valid region.', { presigned });
  return { accessKeyId, scope: { date, region, service } };
}

const ISO_BASIC = /^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z$/;

function readDate(text: string, httpDateAllowed: boolean): { timestamp: string; signedAt: Date } {
  const iso = ISO_BASIC.exec(text);
  const [, year, month, day, hour, minute, second] = iso ?? [];
  const signedAt = iso
    ? new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
    : new Date(httpDateAllowed ? text : Number.NaN);
  if (Number.isNaN(signedAt.getTime()))
    throw new SignatureProblem(
      'missingDate',
      "Date must be in ISO-8601 'basic format'; AWS authentication requires a valid Date or x-amz-date header",
    );
  return { timestamp: iso ? text : isoBasic(signedAt), signedAt };
}

export function isoBasic(date: Date): string {
  return date.toISOString().replace(/[-:]|\.[0-9]{3}/g, '');
}

function checkScopeDate(scope: Scope, timestamp: string, presigned: boolean): void {
  if (scope.date !== timestamp.slice(0, 8))
    throw new SignatureProblem(
      'scope',
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scope.date}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`,
      { presigned },
    );
}

function readSignedHeaders(text: string, presigned: boolean): string[] {
  const names = text.split(';');
  const sorted = [...new Set(names)].sort();
  const inForm = names.every(name => /^(:authority|[a-z0-9!#$%&'*+.^_`|~-]+)$/.test(name));
  if (!inForm || sorted.join(';') !== text)
    throw new SignatureProblem('malformed', 'SignedHeaders must be lower-case header names, each once, in order.', {
      presigned,
    });
  return names;
}
