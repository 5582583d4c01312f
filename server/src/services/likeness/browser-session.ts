import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';

/** Below `/_likeness/v1`: the cookie goes to no other path, S3's objects on the same origin least of all. */
export const BROWSER_SESSION_PATH = '/sign-in/session';

interface OwnPage {
  /** The page was loaded over TLS, be it that of a proxy before this server. */
  isSecure: boolean;
  host: string;
}

/**
 * That a page of this very origin asks: the cookie alone would also come with what another port of this machine sends. A page that
 * S3 holds has an origin of its own (`null`), by its sandbox.
 * @throws Fault denied
 */
export function ownPage({ headers, host, secureTransport }: RequestContext): OwnPage {
  const { origin = '', 'sec-fetch-site': site } = headers;
  const [, scheme = '', authority = ''] = /^(https?):\/\/(.+)$/.exec(origin) ?? [];
  const isOwn = authority !== '' && authority === host && (scheme === 'https' || !secureTransport);
  // Browsers leave it out where they trust the connection too little (plain HTTP of another machine).
  if (!isOwn || (site !== undefined && site !== 'same-origin'))
    throw new Fault('denied', `Only a page of this service's own origin keeps a sign-in; the Origin is "${origin}".`);
  return { isSecure: scheme === 'https', host };
}

/** @param token null: takes it back */
export function sessionCookie(page: OwnPage, token: string | null): Record<string, string> {
  const parts = [
    `${cookieName(page)}=${token ?? ''}`,
    `Path=/_likeness/v1${BROWSER_SESSION_PATH}`,
    ...['HttpOnly', 'SameSite=Strict'],
    ...(page.isSecure ? ['Secure'] : []),
    ...(token === null ? ['Max-Age=0'] : []),
  ];
  return { 'set-cookie': parts.join('; ') };
}

/** @returns '' where there is none */
export function cookieToken(page: OwnPage, { headers }: RequestContext): string {
  const prefix = `${cookieName(page)}=`;
  const pairs = (headers.cookie ?? '').split(/[;,]/).map(pair => pair.trim());
  return pairs.find(pair => pair.startsWith(prefix))?.slice(prefix.length) ?? '';
}

/** Browsers keep cookies by host alone: without the port, services of one machine would take each other's. */
function cookieName({ isSecure, host }: OwnPage): string {
  const port = /:(\d+)$/.exec(host)?.[1];
  return `${isSecure ? '__Secure-' : ''}likeness-session${port === undefined ? '' : `-${port}`}`;
}
