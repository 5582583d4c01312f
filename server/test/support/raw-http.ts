import net from 'node:net';
import type { SignedRequest } from './signing.ts';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Everything that came, for tests of pipelining and 100 Continue. */
  text: string;
}

/**
 * Sends bytes on a connection of their own and reads the answer until the server closes or has sent it whole.
 * @param options.answers of pipelined requests: how many status lines to wait for
 */
export async function sendRaw(
  port: number,
  bytes: string | Uint8Array,
  options: { waitMilliseconds?: number; head?: boolean; answers?: number } = {},
): Promise<RawAnswer> {
  const text = await new Promise<string>((resolve, reject) => {
    let seen = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    const timer = setTimeout(() => done(), options.waitMilliseconds ?? 5000);
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(seen);
    };
    socket.on('data', chunk => {
      seen += chunk.toString('latin1');
      if (options.waitMilliseconds !== undefined) return;
      const { answers } = options;
      if (answers === undefined ? isWhole(seen, options.head ?? false) : statusLines(seen) >= answers) done();
    });
    socket.on('end', done);
    socket.on('close', done);
    socket.on('error', error => (seen === '' ? reject(error) : done()));
  });
  return parse(text);
}

/** A signed request as HTTP/1.1 bytes. */
export function requestBytes(request: SignedRequest, options: { withoutBody?: boolean } = {}): Buffer {
  const head = [
    `${request.method} ${request.target} HTTP/1.1`,
    ...request.headers.map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), options.withoutBody ? Buffer.alloc(0) : request.body]);
}

export async function send(port: number, request: SignedRequest): Promise<RawAnswer> {
  return sendRaw(port, requestBytes(request), { head: request.method === 'HEAD' });
}

function statusLines(text: string): number {
  return [...text.matchAll(/HTTP\/1\.1 \d+ /g)].length;
}

function isWhole(text: string, head: boolean): boolean {
  const { status, headers, body } = parse(text);
  if (status < 200 || !text.includes('\r\n\r\n')) return false;
  if (head || status === 304 || status === 204) return true;
  const length = headers['content-length'];
  if (length !== undefined) return body.length >= Number(length);
  return headers['transfer-encoding'] === 'chunked' ? body.endsWith('0\r\n\r\n') : false;
}

function parse(text: string): RawAnswer {
  // 100 Continue comes before the answer proper.
  const rest = text.replace(/^(HTTP\/1\.1 100 Continue\r\n\r\n)+/, '');
  const [head = '', ...bodies] = rest.split('\r\n\r\n');
  const [line = '', ...lines] = head.split('\r\n');
  const headers: Record<string, string> = {};
  for (const header of lines) {
    const colon = header.indexOf(':');
    headers[header.slice(0, colon).toLowerCase()] = header.slice(colon + 1).trim();
  }
  return { status: Number(line.split(' ')[1] ?? 0), headers, body: bodies.join('\r\n\r\n'), text };
}
