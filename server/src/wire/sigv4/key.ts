import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const TERMINATOR = 'aws4_request';
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** What a signature is limited to: `20261123/us-east-1/s3/aws4_request`. */
export interface Scope {
  date: string;
  region: string;
  service: string;
}

export function scopeText({ date, region, service }: Scope): string {
  return `${date}/${region}/${service}/${TERMINATOR}`;
}

/** The key of a day, a Region and a service, derived from a secret as AWS Signature Version 4 says. */
export function signingKey(secretAccessKey: string, scope: Scope): Buffer {
  const day = hmac(Buffer.from(`AWS4${secretAccessKey}`, 'utf8'), scope.date);
  return hmac(hmac(hmac(day, scope.region), scope.service), TERMINATOR);
}

/** HMAC-SHA256 of the lines of a string to sign. */
export function signature(key: Uint8Array, lines: readonly (string | Uint8Array)[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const [index, line] of lines.entries()) {
    if (index > 0) mac.update('\n');
    mac.update(line);
  }
  return mac.digest();
}

export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Compares in constant time; @param sent hexadecimal, of any length and case as the client sent it */
export function matches(expected: Uint8Array, sent: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(sent)) return false;
  return timingSafeEqual(expected, Buffer.from(sent, 'hex'));
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
