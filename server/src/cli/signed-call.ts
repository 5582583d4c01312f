import { createHash, createHmac } from 'node:crypto';
import type { RootCredentials } from '../data-folder.ts';
import { CliFailure } from './failure.ts';

/** Whatever else is asked of this server will fail as well. */
export class NoAnswer extends CliFailure {}

/**
 * Calls one of the product's own routes of a running server, signed with Signature Version 4.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @param path below `/_likeness/v1`, with its query if it has one; only characters that a URL need not encode
 * @throws CliFailure with the server's own message when it refuses; NoAnswer when nothing answers there
 */
export async function callRoute(
  server: { endpoint: string; region: string } & RootCredentials,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  return (await fetchRoute(server, method, path, body)).json();
}

/** The same, for an answer that is no JSON. */
export async function fetchRoute(
  server: { endpoint: string; region: string } & RootCredentials,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<Response> {
  const url = new URL(`/_likeness/v1${path}`, server.endpoint);
  url.search = [...url.searchParams]
    .map(pair => pair.map(escaped).join('='))
    .toSorted()
    .join('&');
  const text = body === undefined ? '' : JSON.stringify(body);
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${timestamp.slice(0, 8)}/${server.region}/likeness/aws4_request`;
  const signedHeaders = 'host;x-amz-date';
  const canonical = [
    ...[method, url.pathname, url.search.slice(1), `host:${url.host}`, `x-amz-date:${timestamp}`, ''],
    ...[signedHeaders, sha256(text)],
  ].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${server.secretAccessKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n')).toString('hex');
  const response = await fetch(url, {
    method,
    headers: {
      'x-amz-date': timestamp,
      authorization: `AWS4-HMAC-SHA256 Credential=${server.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: text }),
  }).catch(() => {
    throw new NoAnswer(`no service answers at ${server.endpoint}.`);
  });
  if (response.ok) return response;
  const answer = (await response.json()) as { message?: string };
  throw new CliFailure(answer.message ?? `the server answered ${response.status}.`);
}

/** As a signature has it: all but unreserved characters. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, found => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
