/** Whose a request is that no signature says it of. */
import { Fault } from '../domain/fault.ts';
import type { ProtocolName } from './contract.ts';
import type { HeaderMap } from './message.ts';
import type { Service } from './registry.ts';
import { normalizedPath } from './sigv4/canonical.ts';

/** A request that is looked at before its service is known. */
interface Unclaimed {
  headers: HeaderMap;
  method: string;
  /** As sent. */
  path: string;
  query: URLSearchParams;
}

/** The protocol of a request whose service no signature names, for its refusal alone. */
export function likelyProtocol({ headers, method, path }: Unclaimed, services: readonly Service[]): ProtocolName {
  if (headers['x-amz-target'] !== undefined) return 'json-1-1';
  const contentType = headers['content-type'] ?? '';
  if (method === 'POST' && path === '/' && contentType.startsWith('application/x-www-form-urlencoded')) return 'query';
  if (/^bearer /i.test(headers.authorization ?? '')) return 'rest-json';
  // Nothing of S3's is a POST of JSON: somebody forgot to sign a call to Bedrock.
  if (method === 'POST' && !headers.authorization && contentType.startsWith('application/json')) return 'rest-json';
  // Browsers let no page set User-Agent, so the SDK says the same in a header of its own.
  if (/\bapi\/bedrock/.test(`${headers['user-agent']} ${headers['x-amz-user-agent']}`)) return 'rest-json';
  if (/^bedrock/i.test(headers.host ?? '') && !namesBucket(headers, path, services)) return 'rest-json';
  const scope = /Credential=[^,]*\/([a-z0-9-]+)\/[^/,]*(,|$)/.exec(headers.authorization ?? '')?.[1];
  return scope === 'bedrock' ? 'rest-json' : 'rest-xml';
}

/** Where a host name stands for a bucket, its path is an object's, whatever it looks like. */
function namesBucket(headers: HeaderMap, path: string, services: readonly Service[]): boolean {
  return services.some(({ module }) => (module.addressed?.(headers.host ?? '', path).path ?? path) !== path);
}

/** The service that the SDK's schemas route a request to by its method and path. */
export function routedService(unclaimed: Unclaimed, services: readonly Service[]): Service | undefined {
  const { headers, method, path, query } = unclaimed;
  if (namesBucket(headers, path, services)) return undefined;
  return services.find(service => hasRoute(service, method, normalizedPath(path), query));
}

/**
 * The services that a browser's preflight may be about, those with rules of their own first: where a bucket's allow
 * nothing, the page may be calling Bedrock on a path that looks like the bucket's.
 */
export function preflightServices(unclaimed: Unclaimed, services: readonly Service[]): Service[] {
  const { headers, path } = unclaimed;
  const method = headers['access-control-request-method'] ?? '';
  const routed = routedService({ ...unclaimed, method }, services);
  const isCall = method === 'POST' && path === '/';
  return services.filter(({ name, contract, module }) => {
    if (module.crossOrigin === undefined) return false;
    if (contract.protocol === 'rest-xml') return true;
    return contract.protocol === 'rest-json' ? name === routed?.name : isCall;
  });
}

export function hasRoute(service: Service, method: string, path: string, query: URLSearchParams): boolean {
  try {
    return service.router?.find(method, path, query) !== undefined;
  } catch (error) {
    // A label that cannot be decoded still shows whose path it is.
    return error instanceof Fault;
  }
}
