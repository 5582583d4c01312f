import type { GetAccountSummaryResponse, ListAccountAliasesResponse } from '@aws-sdk/client-iam';
import type { Operation } from '../../domain/operation.ts';
import type { IamDependencies } from './identities.ts';

/** What the console, the CLI and security tools ask of the account itself. */
export function accountOperations(deps: IamDependencies) {
  return {
    ListAccountAliases: {
      authorize: (_input: object) => [{ resource: '*' }],
      async handle(_input: object): Promise<ListAccountAliasesResponse> {
        return { AccountAliases: [], IsTruncated: false };
      },
    },

    GetAccountSummary: {
      authorize: (_input: object) => [{ resource: '*' }],
      async handle(_input: object, { accountId }): Promise<GetAccountSummaryResponse> {
        return await deps.store.read(async ({ iam }) => {
          const count = async (kind: 'user' | 'role' | 'group') => (await iam.identities(kind, accountId)).length;
          const rootKeys = await iam.accessKeys(accountId, null);
          const SummaryMap: GetAccountSummaryResponse['SummaryMap'] = {
            Users: await count('user'),
            UsersQuota: 5000,
            Groups: await count('group'),
            GroupsQuota: 300,
            Policies: (await iam.policies(accountId)).length,
            AccessKeysPerUserQuota: 2,
            AttachedPoliciesPerRoleQuota: 10,
            AttachedPoliciesPerUserQuota: 10,
            VersionsPerPolicyQuota: 5,
            AccountAccessKeysPresent: rootKeys.length > 0 ? 1 : 0,
            AccountMFAEnabled: 0,
            MFADevices: 0,
          };
          return { SummaryMap };
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}
