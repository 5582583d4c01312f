import type { Route } from './server.ts';

/** `/_likeness/v1/health`: unsigned, for whoever watches the process. */
export function healthRoute(version: string, status: () => 'starting' | 'ready' | 'stopping'): Route {
  return async () => ({
    status: status() === 'ready' ? 200 : 503,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify({ status: status(), version }),
    record: { operation: 'health' },
  });
}
