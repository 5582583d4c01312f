import { createHash, timingSafeEqual } from 'node:crypto';
import { headerMap, type WireRequest, type WireResponse } from '../wire/message.ts';

export interface MetricsPageOptions {
  /** Who says it may read from anywhere; undefined: this machine alone may. */
  token: string | undefined;
  /** Whether a host name stands for a bucket, whose object `metrics` it is then. */
  isBucketHost(host: string): boolean;
  text(): Promise<string>;
}

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Of which proxies send one or another; one that sends none looks like this machine. */
const SIGNS_OF_A_PROXY = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];

/**
 * Answers `GET /metrics`, and leaves all that S3 could mean by it to S3: signed requests, queries, hosts of buckets.
 * @returns undefined for any other request
 */
export function createMetricsPage(options: MetricsPageOptions) {
  return (request: WireRequest): Promise<WireResponse> | undefined => {
    if (request.target !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
    const headers = headerMap(request.headers);
    const { authorization, host = '' } = headers;
    const [, bearer] = /^bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
    if ((authorization !== undefined && bearer === undefined) || options.isBucketHost(host)) return undefined;
    return page(request, headers, bearer);
  };

  async function page(
    request: WireRequest,
    headers: ReturnType<typeof headerMap>,
    bearer: string | undefined,
  ): Promise<WireResponse> {
    // What a proxy on this machine hands on comes from elsewhere.
    const isHandedOn = SIGNS_OF_A_PROXY.some(name => headers[name] !== undefined);
    const isLocal = isLoopback(request.sourceIp);
    const { token } = options;
    if (token === undefined && (!isLocal || isHandedOn))
      return refusal(403, 'Only this machine may read the metrics, unless LIKENESS_METRICS_TOKEN is set.');
    if (token !== undefined && !request.secureTransport && !isLocal)
      return refusal(403, 'The token is taken over TLS, or from this machine itself: anyone on the way could read it.');
    if (token !== undefined && (bearer === undefined || !isSame(bearer, token)))
      return refusal(401, 'Send Authorization: Bearer with the token of LIKENESS_METRICS_TOKEN.');
    return { ...answer(200, await options.text()), record: { service: 'metrics' } };
  }
}

function refusal(status: number, message: string): WireResponse {
  const { headers, ...rest } = answer(status, `${message}\n`);
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
  return { ...rest, headers: { ...headers, ...challenge }, record: { service: 'metrics', code: 'AccessDenied' } };
}

function answer(status: number, body: string) {
  return { status, headers: { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' }, body };
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** In a time that tells nothing of where they differ. */
function isSame(given: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
