import type { WireRequest } from '../message.ts';

/** A name and a value of the query, as sent. */
export interface QueryPair {
  name: string;
  value: string;
  raw: string;
}

/**
 * Latin-1 is how Node hands over the bytes of a request line or header; a target made by hand may hold real Unicode.
 */
export function bytesOf(text: string): Buffer {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of bytes
  return /^[\u0000-\u00ff]*$/.test(text) ? Buffer.from(text, 'latin1') : Buffer.from(text, 'utf8');
}

/** Percent-encodes every byte that RFC 3986 does not call unreserved. */
export function uriEncode(bytes: Uint8Array): string {
  let encoded = '';
  for (const byte of bytes) encoded += UNRESERVED[byte] ?? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}

const UNRESERVED: Record<number, string> = {};
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~')
  UNRESERVED[character.charCodeAt(0)] = character;

/** Undoes percent-encoding on bytes; a `%` that starts no escape stands for itself. */
export function uriDecode(text: string, plusIsSpace: boolean): Buffer {
  const bytes = bytesOf(text);
  const decoded = Buffer.alloc(bytes.length);
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    const digits = byte === 0x25 ? /^[0-9a-fA-F]{2}$/.exec(bytes.toString('latin1', index + 1, index + 3)) : null;
    if (digits) {
      decoded[length++] = Number.parseInt(digits[0], 16);
      index += 2;
    } else decoded[length++] = plusIsSpace && byte === 0x2b ? 0x20 : byte;
  }
  return decoded.subarray(0, length);
}

/** Splits a raw query into pairs; `a` alone has an empty value, and empty pieces (`&&`) do not count. */
export function queryPairs(rawQuery: string): QueryPair[] {
  const pairs: QueryPair[] = [];
  for (const raw of rawQuery.split('&')) {
    if (raw === '') continue;
    const equals = raw.indexOf('=');
    const name = equals < 0 ? raw : raw.slice(0, equals);
    const value = equals < 0 ? '' : raw.slice(equals + 1);
    pairs.push({
      name: uriDecode(name, true).toString('utf8'),
      value: uriDecode(value, true).toString('utf8'),
      raw,
    });
  }
  return pairs;
}

/**
 * The forms of a query that clients sign: each name and value decoded and encoded again, or as sent. Both bind what this
 * server reads; a client that leaves a sub-delimiter unescaped signs the second.
 */
export function canonicalQueries(pairs: readonly QueryPair[]): string[] {
  const encoded: [string, string][] = [];
  const asSent: [string, string][] = [];
  for (const { raw } of pairs) {
    const equals = raw.indexOf('=');
    const name = equals < 0 ? raw : raw.slice(0, equals);
    const value = equals < 0 ? '' : raw.slice(equals + 1);
    encoded.push([uriEncode(uriDecode(name, true)), uriEncode(uriDecode(value, true))]);
    asSent.push([name, value]);
  }
  return distinct([joinSorted(encoded), joinSorted(asSent)]);
}

function joinSorted(pairs: [string, string][]): string {
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  pairs.sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

/**
 * The path that a request to any service but S3 means: no empty and no dot segments. It is what was signed, so it is
 * also what must be routed.
 */
export function normalizedPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  // botocore and the SDK's signer: only a path that ends in a slash keeps one, so not `/a/.`, unlike in RFC 3986.
  const slash = segments.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${segments.join('/')}${slash}`;
}

/**
 * The forms of a path that clients sign. S3: as sent, or each segment decoded and encoded again. Every other service:
 * the path as sent encoded once more, normalized or not (Go's SDK does not normalize).
 */
export function canonicalPaths(path: string, isS3: boolean): string[] {
  const encode = (text: string) => text.split('/').map(segment => uriEncode(bytesOf(segment)));
  if (isS3) {
    const again = path.split('/').map(segment => uriEncode(uriDecode(segment, false)));
    return distinct([path, again.join('/')].map(form => form || '/'));
  }
  return distinct([encode(normalizedPath(path)).join('/'), encode(path || '/').join('/')]);
}

/**
 * The canonical headers: values of a repeated header in the order sent, white space at the ends removed and inside
 * reduced to one space.
 * @returns undefined when a signed header is not there
 */
export function canonicalHeaders(headers: WireRequest['headers'], signed: readonly string[]): string | undefined {
  let lines = '';
  for (const name of signed) {
    const values = headers.filter(header => header[0] === name).map(header => squeeze(header[1]));
    if (values.length === 0) return undefined;
    lines += `${name}:${values.join(',')}\n`;
  }
  return lines;
}

// Not \s: its no-break space is a byte of UTF-8 here.
function squeeze(value: string): string {
  return value.replace(/[ \t\r\n\f\v]+/g, ' ').replace(/^ | $/g, '');
}

function distinct(forms: string[]): string[] {
  return [...new Set(forms)];
}
