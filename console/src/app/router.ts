import { useSyncExternalStore } from 'react';

const BASE = '/_console';

export interface Place {
  /** Below the console's base, always beginning with `/`. */
  path: string;
  query: URLSearchParams;
}

const listeners = new Set<() => void>();
const leaveListeners = new Set<() => void>();
let place = readPlace();

function readPlace(): Place {
  const { pathname, search } = window.location;
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : '/';
  return { path: path === '' ? '/' : path, query: new URLSearchParams(search) };
}

function changed(): void {
  const { path } = place;
  place = readPlace();
  if (place.path !== path) for (const listener of leaveListeners) listener();
  for (const listener of listeners) listener();
}

/** @param listener is called when another page is shown; another tab or filter of the same page is none */
export function onLeave(listener: () => void): void {
  leaveListeners.add(listener);
}

window.addEventListener('popstate', changed);

// A plain click on a link of the console's own changes the place without loading the page again, whoever drew the link,
// for a new tab too: one would ask to sign in again (session.ts), while a form half filled is there on the way back.
document.addEventListener('click', event => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || link.hasAttribute('download')) return;
  const url = new URL(link.href, window.location.href);
  if (url.origin !== window.location.origin || !url.pathname.startsWith(`${BASE}/`)) return;
  const { pathname, search } = window.location;
  // A section of the page itself is the browser's to go to.
  if (url.hash !== '' && url.pathname === pathname && url.search === search) return;
  event.preventDefault();
  navigate(url.pathname.slice(BASE.length) + url.search + url.hash);
});

/** @param to a path below the console's base, with or without a query and a section; the page that has it scrolls there */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const url = BASE + to;
  if (options.replace) window.history.replaceState(null, '', url);
  else window.history.pushState(null, '', url);
  changed();
  if (!options.replace) window.scrollTo(0, 0);
}

/** The address of a place, for links. */
export function hrefOf(to: string): string {
  return BASE + to;
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, () => place);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @returns the parameters of a pattern like `/jobs/{jobId}`, decoded; undefined where the path is another */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.replace(/\/$/, '').split('/');
  if (pattern !== '/' && wanted.length !== given.length) return undefined;
  if (pattern === '/') return path === '/' ? {} : undefined;
  const found: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? '';
    if (segment.startsWith('{')) {
      const decoded = decode(value);
      if (decoded === undefined) return undefined;
      found[segment.slice(1, -1)] = decoded;
    } else if (segment !== value) return undefined;
  }
  return found;
}

/** @returns undefined for what no page made: an address that was cut within a letter, for one */
function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
