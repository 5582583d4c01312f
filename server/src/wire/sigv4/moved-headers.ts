import type { HeaderMap } from '../message.ts';
import type { QueryPair } from './canonical.ts';

/** Parameters of the signature itself, and what a URL says of a body that nobody knew when it was signed. */
const NO_HEADERS = new Set([
  'x-amz-algorithm',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-expires',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
  'x-amz-trailer',
  'x-amz-user-agent',
]);

/** A digest of the body; what is said of checksums else is of the request. */
const DIGEST = /^x-amz-checksum-(?!(algorithm|mode|type)$)/;

/**
 * The headers that whoever presigned a URL of S3 moved into its query, where S3 reads them as if they had been sent: the
 * AWS SDKs for JavaScript move every `x-amz-*`, boto3 does with Version 2. Both versions sign them there. Digests are left:
 * SDK v3 moves that of an empty body.
 */
export function movedHeaders(pairs: readonly QueryPair[], headers: HeaderMap): Record<string, string> {
  const moved: Record<string, string> = {};
  for (const { name, value } of pairs) {
    const header = name.toLowerCase();
    if (!header.startsWith('x-amz-') || NO_HEADERS.has(header) || DIGEST.test(header)) continue;
    if (headers[header] === undefined) moved[header] = value;
  }
  return moved;
}
