import type { Route } from '../../domain/route.ts';
import type { LikenessDependencies } from './dependencies.ts';

/** Unsigned, for whoever watches the process. */
export function healthRoutes({ version, status }: Pick<LikenessDependencies, 'version' | 'status'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/health',
      action: null,
      async handle() {
        return { status: status() === 'ready' ? 200 : 503, json: { status: status(), version } };
      },
    },
  ];
}
