import { Fault } from '../../domain/fault.ts';
import type { Route } from '../../domain/route.ts';
import { CHECKED_POLICIES } from '../../ports/policy-checks.ts';
import type { LikenessDependencies } from './dependencies.ts';

/** For an editor, while a policy is typed: AWS's operations tell what is wrong only when it is saved. */
export function policyCheckRoutes({ policyChecks }: Pick<LikenessDependencies, 'policyChecks'>): Route[] {
  return [
    {
      method: 'POST',
      path: '/policies/check',
      action: 'CheckPolicy',
      shownMembers: ['kind'],
      async handle({ body }, { accountId }) {
        const { kind: given, document } = body;
        const kind = CHECKED_POLICIES.find(name => name === given);
        if (kind === undefined)
          throw new Fault(
            'invalid',
            `kind must be one of ${CHECKED_POLICIES.join(', ')}; you sent ${JSON.stringify(given)}.`,
          );
        if (typeof document !== 'string') throw new Fault('invalid', 'document must be a string: a policy as JSON.');
        return { json: { problem: await policyChecks.problem(accountId, kind, document) } };
      },
    },
  ];
}
