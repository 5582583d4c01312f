import { Fault } from '../../domain/fault.ts';
import type { PolicyChecks } from '../../ports/policy-checks.ts';
import { checkManagedPolicy, checkTrustPolicy, type IamDependencies } from './identities.ts';

/** The checks of CreatePolicy and of UpdateAssumeRolePolicy themselves. */
export function createPolicyChecks({ store }: Pick<IamDependencies, 'store'>): PolicyChecks {
  return {
    async problem(accountId, kind, document) {
      try {
        if (kind === 'trust') await store.read(({ iam }) => checkTrustPolicy(iam, accountId, document));
        else checkManagedPolicy(document);
        return null;
      } catch (error) {
        if (error instanceof Fault) return error.message;
        throw error;
      }
    },
  };
}
