import type { GetAccountSummaryResponse } from '@aws-sdk/client-iam';
import type { Operation } from '../../domain/operation.ts';
import type { IamDependencies } from './identities.ts';

/** What the console, the CLI and security tools ask of the account itself. */
export function accountOperations(deps: IamDependencies) {
  return {
    GetAccountSummary: {
      authorize: (_input: object) => [{ resource: '*' }],
      async handle(_input: object, { accountId }): Promise<GetAccountSummaryResponse> {
        return await deps.store.read(async ({ iam }) => {
          const count = async (kind: 'user' | 'role' | 'group') => iam.countIdentities(kind, accountId);
          const rootKeys = await iam.accessKeys(accountId, null);
          const SummaryMap: GetAccountSummaryResponse['SummaryMap'] = {
            Users: await count('user'),
            UsersQuota: 5000,
            Groups: await count('group'),
            GroupsQuota: 300,
            Roles: await count('role'),
            RolesQuota: 5000,
            InstanceProfiles: await iam.countInstanceProfiles(accountId),
            InstanceProfilesQuota: 1000,
            PoliciesQuota: 5000,
            PolicySizeQuota: 6144,
            UserPolicySizeQuota: 2048,
            GroupPolicySizeQuota: 5120,
            RolePolicySizeQuota: 10_240,
            AssumeRolePolicySizeQuota: 4096,
            GroupsPerUserQuota: 10,
            AttachedPoliciesPerGroupQuota: 10,
            MFADevicesInUse: 0,
            Providers: 0,
            ServerCertificates: 0,
            Policies: await iam.countPolicies(accountId),
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
