import { QUOTAS, quotaNames } from '../../domain/quotas.ts';
import type { Route } from '../../domain/route.ts';
import type { LikenessDependencies } from './dependencies.ts';

/** What an account may have here, as Service Quotas tells it on AWS. */
export function quotaRoutes({
  quotas,
  requestsPerSecond,
}: Pick<LikenessDependencies, 'quotas' | 'requestsPerSecond'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/quotas',
      action: 'ListQuotas',
      async handle() {
        const listed = quotaNames.map(name => {
          const { counts, scope, awsCode, awsValue, setting } = QUOTAS[name];
          return { name, value: quotas[name], description: counts, scope, awsCode, awsValue, setting };
        });
        return { json: { quotas: listed, requestsPerSecond } };
      },
    },
  ];
}
