import { createHmac, timingSafeEqual } from 'node:crypto';
import type { HeaderMap } from '../message.ts';
import type { QueryPair } from './canonical.ts';
import type { ClaimV2 } from './claim.ts';

/** Query parameters that Version 2 signs (S3 user guide, "Signing and authenticating REST requests"; botocore HmacV1Auth). */
const SIGNED_PARAMETERS = new Set([
  'accelerate',
  'acl',
  'analytics',
  'cors',
  'defaultObjectAcl',
  'delete',
  'inventory',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'partNumber',
  'policy',
  'replication',
  'requestPayment',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'restore',
  'select',
  'select-type',
  'storageClass',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
]);

/**
 * Whether a presigned URL of Signature Version 2 was made with this secret. boto3 moves the headers it signed
 * (`content-type`, `x-amz-*`) into the query, so they count from either place.
 */
export function matchesV2(
  method: string,
  path: string,
  pairs: readonly QueryPair[],
  headers: HeaderMap,
  claim: ClaimV2,
  secretAccessKey: string,
): boolean {
  const moved = (name: string) => headers[name] ?? pairs.find(pair => pair.name.toLowerCase() === name)?.value ?? '';
  const amazon = new Map<string, string>();
  for (const { name, value } of pairs) if (/^x-amz-/i.test(name)) amazon.set(name.toLowerCase(), value);
  for (const [name, value] of Object.entries(headers)) if (name.startsWith('x-amz-')) amazon.set(name, value ?? '');
  const amazonLines = [...amazon]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}\n`);
  const parameters = pairs
    .filter(({ name }) => SIGNED_PARAMETERS.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, value, raw }) => (raw.includes('=') ? `${name}=${value}` : name));
  const resource = path + (parameters.length > 0 ? `?${parameters.join('&')}` : '');
  const lines = [method, moved('content-md5'), moved('content-type'), claim.expires];
  const text = `${lines.join('\n')}\n${amazonLines.join('')}${resource}`;
  const expected = createHmac('sha1', secretAccessKey).update(text, 'utf8').digest();
  const sent = Buffer.from(claim.signature, 'base64');
  return sent.length === expected.length && timingSafeEqual(sent, expected);
}
