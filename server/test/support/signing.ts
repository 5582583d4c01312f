import { createHash, createHmac } from 'node:crypto';
import type { Credentials } from './server.ts';

/** A request to sign by hand; each part can be wrong on purpose. Written from AWS's guide, apart from the verifier. */
export interface HandRequest {
  method?: string;
  /** As it goes on the wire: path and query. */
  target?: string;
  /** In wire order; `host` is added. */
  headers?: [name: string, value: string][];
  body?: string | Uint8Array;
  service?: string;
  region?: string;
  credentials?: Credentials;
  /** Moment of signing. */
  at?: Date;
  host: string;
  /** Overrides of what is signed or said. */
  say?: {
    scopeDate?: string;
    scopeService?: string;
    scopeRegion?: string;
    terminator?: string;
    algorithm?: string;
    /** Replaces the Authorization header. */
    authorization?: string;
    signature?: string;
    /** Signs only these headers. */
    signedHeaders?: string[];
    /** x-amz-content-sha256 and the hash in the canonical request. */
    payloadHash?: string;
    /** Canonical path that the signer believes in. */
    canonicalPath?: string;
    canonicalQuery?: string;
    /** Leaves x-amz-date out and signs this Date header. */
    dateHeader?: string;
    noDate?: boolean;
  };
}

export interface SignedRequest {
  method: string;
  target: string;
  headers: [name: string, value: string][];
  body: Uint8Array;
  signature: string;
  /** Key, timestamp and scope, for chunks. */
  key: Buffer;
  timestamp: string;
  scope: string;
}

export function signByHand(request: HandRequest): SignedRequest {
  const { method = 'GET', target = '/', service = 's3', region = 'us-east-1', say = {} } = request;
  const credentials = request.credentials ?? { accessKeyId: '', secretAccessKey: '' };
  const body = typeof request.body === 'string' ? Buffer.from(request.body) : (request.body ?? new Uint8Array());
  const timestamp = timestampOf(request.at ?? new Date());
  const payloadHash = say.payloadHash ?? sha256(body);
  const headers: [string, string][] = [['host', request.host], ...(request.headers ?? [])];
  if (say.dateHeader !== undefined) headers.push(['date', say.dateHeader]);
  else if (!say.noDate) headers.push(['x-amz-date', timestamp]);
  if (service === 's3' || say.payloadHash !== undefined) headers.push(['x-amz-content-sha256', payloadHash]);
  if (credentials.sessionToken !== undefined) headers.push(['x-amz-security-token', credentials.sessionToken]);

  const names = [...new Set(headers.map(([name]) => name.toLowerCase()))].sort();
  const signed = say.signedHeaders ?? names;
  const [path = '/', query = ''] = split(target);
  const canonical = [
    method,
    say.canonicalPath ?? canonicalPath(path, service),
    say.canonicalQuery ?? canonicalQuery(query),
    ...signed.map(name => `${name}:${valuesOf(headers, name)}`),
    '',
    signed.join(';'),
    payloadHash,
  ].join('\n');
  const scopeDate = say.scopeDate ?? timestamp.slice(0, 8);
  const parts = [scopeDate, say.scopeRegion ?? region, say.scopeService ?? service, say.terminator ?? 'aws4_request'];
  const scope = parts.join('/');
  const key = keyOf(credentials.secretAccessKey, parts);
  const algorithm = say.algorithm ?? 'AWS4-HMAC-SHA256';
  const signature =
    say.signature ?? hmac(key, [algorithm, timestamp, scope, sha256(canonical)].join('\n')).toString('hex');
  const authorization =
    say.authorization ??
    `${algorithm} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed.join(';')}, Signature=${signature}`;
  if (authorization !== '') headers.push(['authorization', authorization]);
  if (body.byteLength > 0) headers.push(['content-length', String(body.byteLength)]);
  return { method, target, headers, body, signature, key, timestamp, scope };
}

/** A presigned URL of Version 4: returns its target. */
export function presignByHand(
  request: HandRequest & {
    /** Empty: not said. */
    expires?: string;
    /** Replaces or (empty string) removes parameters after signing. */
    change?: Record<string, string>;
  },
): string {
  const { method = 'GET', target = '/', service = 's3', region = 'us-east-1', say = {} } = request;
  const credentials = request.credentials ?? { accessKeyId: '', secretAccessKey: '' };
  const timestamp = timestampOf(request.at ?? new Date());
  const scope = `${say.scopeDate ?? timestamp.slice(0, 8)}/${region}/${service}/${say.terminator ?? 'aws4_request'}`;
  const [path = '/', query = ''] = split(target);
  const headers: [string, string][] = [['host', request.host], ...(request.headers ?? [])];
  const signed = say.signedHeaders ?? [...new Set(headers.map(([name]) => name.toLowerCase()))].sort();
  const parameters: [string, string][] = [
    ['X-Amz-Algorithm', say.algorithm ?? 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${credentials.accessKeyId}/${scope}`],
    ['X-Amz-Date', timestamp],
    ['X-Amz-SignedHeaders', signed.join(';')],
  ];
  const { expires = '900' } = request;
  if (expires !== '') parameters.push(['X-Amz-Expires', expires]);
  if (credentials.sessionToken) parameters.push(['X-Amz-Security-Token', credentials.sessionToken]);
  const added = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  const whole = query === '' ? added : `${query}&${added}`;
  const canonical = [
    method,
    canonicalPath(path, service),
    canonicalQuery(whole),
    ...signed.map(name => `${name}:${valuesOf(headers, name)}`),
    '',
    signed.join(';'),
    service === 's3' ? 'UNSIGNED-PAYLOAD' : sha256(''),
  ].join('\n');
  const key = keyOf(credentials.secretAccessKey, scope.split('/'));
  const signature = hmac(key, ['AWS4-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n')).toString('hex');
  const pairs = [...whole.split('&'), `X-Amz-Signature=${signature}`].map(pair => {
    const name = pair.split('=')[0] ?? '';
    const change = request.change?.[name];
    return change === undefined ? pair : change === '' ? '' : `${name}=${encode(change)}`;
  });
  return `${path}?${pairs.filter(pair => pair !== '').join('&')}`;
}

/** The body of a signed aws-chunked upload. */
export function chunkedBody(
  signed: SignedRequest,
  chunks: readonly (string | Uint8Array)[],
  options: { trailer?: [name: string, value: string]; unsigned?: boolean; spoil?: (index: number) => boolean } = {},
): Buffer {
  let previous = signed.signature;
  const pieces: Buffer[] = [];
  for (const [index, chunk] of [...chunks, ''].entries()) {
    const bytes = Buffer.from(chunk as string);
    const lines = ['AWS4-HMAC-SHA256-PAYLOAD', signed.timestamp, signed.scope, previous, sha256(''), sha256(bytes)];
    previous = hmac(signed.key, lines.join('\n')).toString('hex');
    const said = options.spoil?.(index) ? '0'.repeat(64) : previous;
    const extension = options.unsigned ? '' : `;chunk-signature=${said}`;
    pieces.push(Buffer.from(`${bytes.length.toString(16)}${extension}\r\n`));
    if (bytes.length > 0) pieces.push(bytes, Buffer.from('\r\n'));
  }
  if (options.trailer) {
    const [name, value] = options.trailer;
    const lines = ['AWS4-HMAC-SHA256-TRAILER', signed.timestamp, signed.scope, previous, sha256(`${name}:${value}\n`)];
    const signature = hmac(signed.key, lines.join('\n')).toString('hex');
    const said = options.spoil?.(-1) ? '0'.repeat(64) : signature;
    pieces.push(Buffer.from(`${name}:${value}\r\n`));
    if (!options.unsigned) pieces.push(Buffer.from(`x-amz-trailer-signature:${said}\r\n`));
  }
  pieces.push(Buffer.from('\r\n'));
  return Buffer.concat(pieces);
}

function timestampOf(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function canonicalPath(path: string, service: string): string {
  // S3 signs the path as it is sent; the others encode it once more.
  return service === 's3' ? path : path.split('/').map(encode).join('/');
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map(pair => (pair.includes('=') ? pair : `${pair}=`));
  return pairs
    .map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
    .sort(([a = '', av = ''], [b = '', bv = '']) => (a === b ? (av < bv ? -1 : 1) : a < b ? -1 : 1))
    .map(pair => pair.join('='))
    .join('&');
}

function valuesOf(headers: readonly [string, string][], name: string): string {
  const values = headers.filter(header => header[0].toLowerCase() === name).map(([, value]) => value);
  return values.map(value => value.trim().replace(/\s+/g, ' ')).join(',');
}

function split(target: string): [string, string] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function keyOf(secret: string, [date = '', region = '', service = '', terminator = '']: string[]): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), terminator);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
