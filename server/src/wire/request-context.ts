import type { RequestContext } from '../domain/operation.ts';
import type { HeaderMap, WireRequest } from './message.ts';
import type { Authenticated } from './sigv4/verify.ts';

/** What a handler knows of the request and its caller. @param headers without the signature's own */
export function requestContext(
  request: WireRequest,
  headers: HeaderMap,
  asked: { service: string; operation: string; now: Date },
  caller: Pick<Authenticated, 'principal' | 'region' | 'presigned' | 'signedAt'>,
): RequestContext {
  return {
    ...asked,
    requestId: request.requestId,
    region: caller.region,
    principal: caller.principal,
    accountId: caller.principal.accountId,
    sourceIp: request.sourceIp,
    secureTransport: request.secureTransport,
    ...(request.sourceVpce !== undefined && { sourceVpce: request.sourceVpce }),
    userAgent: headers['user-agent'] ?? '',
    presigned: caller.presigned,
    ...(caller.signedAt !== undefined && { signedAt: caller.signedAt }),
    ...(request.tlsVersion !== undefined && { tlsVersion: request.tlsVersion }),
    host: headers.host ?? '',
    headers,
    signal: request.signal,
  };
}
