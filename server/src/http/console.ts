import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { headerMap, splitTarget, type WireRequest, type WireResponse } from '../wire/message.ts';

export const CONSOLE_PATH = '/_console';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.jpg': 'image/jpeg',
  '.jsonl': 'application/jsonl',
  '.json': 'application/json',
};

/** Scripts are files of ours alone; objects of S3, on the same origin, can neither frame the console nor reach its window. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** In the order of preference. */
const ENCODINGS = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const;

interface ConsoleFile {
  bytes: Uint8Array;
  encoded: Readonly<Partial<Record<string, Uint8Array>>>;
  type: string;
  etag: string;
}

const NOT_BUILT =
  '<!doctype html><title>Likeness</title><p>The console is not built. Run <code>npm run setup</code> and start the service again.';

/**
 * Serves the built console from memory: an exact name or, for any other path without an extension, its one page (whose
 * addresses are the browser's). @param folder console/dist; where it is missing, every path says how to build it
 */
export function createConsole(folder: string): (request: WireRequest) => Promise<WireResponse> {
  let files: Map<string, ConsoleFile> | undefined;
  let readAt = 0;

  /** Read at the first request, and again after another build. */
  function filesNow(): Map<string, ConsoleFile> {
    const page = join(folder, 'index.html');
    const builtAt = existsSync(page) ? statSync(page).mtimeMs : 0;
    if (files === undefined || builtAt !== readAt) files = builtAt === 0 ? new Map() : readFiles(folder);
    readAt = builtAt;
    return files;
  }

  return async request => {
    const { path } = splitTarget(request.target);
    const record = { operation: 'Console' };
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return { status: 405, headers: { allow: 'GET, HEAD' }, record };
    if (path === CONSOLE_PATH) return { status: 301, headers: { location: `${CONSOLE_PATH}/` }, record };
    const name = path.slice(CONSOLE_PATH.length + 1);
    const all = filesNow();
    if (all.size === 0) return plain(503, NOT_BUILT, record);
    const file = all.get(name) ?? (extname(name) === '' ? all.get('index.html') : undefined);
    if (!file) return plain(404, '<!doctype html><title>Likeness</title><p>There is no such file.', record);
    return answer(file, name.startsWith('assets/'), request, record);
  };
}

/**
 * Sends a browser that opens the endpoint itself to the console. All else of `/` is S3's list of buckets: signed requests,
 * queries, hosts of buckets, and clients, which do not ask for HTML.
 * @param isBucketHost whether a host name stands for a bucket
 * @returns undefined for any other request
 */
export function createConsoleDoor(isBucketHost: (host: string) => boolean) {
  return ({ target, method, headers }: WireRequest): WireResponse | undefined => {
    if (target !== '/' || (method !== 'GET' && method !== 'HEAD')) return undefined;
    const { accept = '', authorization, host = '' } = headerMap(headers);
    if (!/\btext\/html\b/i.test(accept) || authorization !== undefined || isBucketHost(host)) return undefined;
    const location = { location: `${CONSOLE_PATH}/`, vary: 'accept', 'cache-control': 'no-store' };
    return { status: 303, headers: location, record: { operation: 'Console' } };
  };
}

function answer(file: ConsoleFile, isImmutable: boolean, request: WireRequest, record: object): WireResponse {
  const asked = headerMap(request.headers);
  const headers: Record<string, string> = {
    ...SECURITY_HEADERS,
    etag: file.etag,
    vary: 'accept-encoding',
    // Names under assets/ hold a hash of their content; the page itself is asked for each time.
    'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  if (asked['if-none-match']?.includes(file.etag)) return { status: 304, headers, record };
  const accepted = (asked['accept-encoding'] ?? '').split(',').map(text => text.trim().replace(/\s*;\s*q=[01.]+$/, ''));
  const encoding = ENCODINGS.find(({ name }) => accepted.includes(name) && file.encoded[name] !== undefined);
  const body = (encoding && file.encoded[encoding.name]) ?? file.bytes;
  headers['content-type'] = file.type;
  headers['content-length'] = String(body.byteLength);
  if (encoding) headers['content-encoding'] = encoding.name;
  return { status: 200, headers, body, record };
}

function plain(status: number, html: string, record: object): WireResponse {
  const headers = { ...SECURITY_HEADERS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
  return { status, headers, body: html, record };
}

function readFiles(folder: string): Map<string, ConsoleFile> {
  const names = globSync('**/*', { cwd: folder }).filter(name => TYPES[extname(name)] !== undefined);
  return new Map(
    names.map(name => {
      const bytes = readFileSync(join(folder, name));
      const encoded = Object.fromEntries(
        ENCODINGS.map(({ name: encoding, suffix }) => [encoding, join(folder, `${name}${suffix}`)] as const)
          .filter(([, path]) => existsSync(path))
          .map(([encoding, path]) => [encoding, readFileSync(path)]),
      );
      const etag = `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      return [name, { bytes, encoded, type: TYPES[extname(name)] ?? '', etag }];
    }),
  );
}
