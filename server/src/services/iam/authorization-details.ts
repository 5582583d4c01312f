import type {
  EntityType,
  GetAccountAuthorizationDetailsRequest,
  GetAccountAuthorizationDetailsResponse,
  GroupDetail,
  ManagedPolicyDetail,
  RoleDetail,
  UserDetail,
} from '@aws-sdk/client-iam';
import { identityArn, parseIamArn } from '../../domain/access/identity.ts';
import { awsManagedPolicies, awsManagedPolicy } from '../../domain/access/managed-policies.ts';
import type { Operation } from '../../domain/operation.ts';
import type { IamRows, IdentityKind, IdentityRow, PolicyRow } from '../../ports/store-iam.ts';
import { boundaryOf, encodeDocument, type IamDependencies, tagList } from './identities.ts';
import { describeInstanceProfile } from './instance-profiles.ts';
import { pageOf } from './paging.ts';
import { describePolicy, describeVersion } from './policies.ts';
import { describeRole } from './roles.ts';

type Entry = { type: EntityType; key: string } & ({ identity: IdentityRow } | { policy: PolicyRow });

const TYPES: Record<IdentityKind, EntityType> = { group: 'Group', role: 'Role', user: 'User' };

/** The account's whole IAM in one list, as auditing tools read it. */
export function authorizationDetailOperations(deps: IamDependencies) {
  return {
    GetAccountAuthorizationDetails: {
      authorize: (_input: GetAccountAuthorizationDetailsRequest) => [{ resource: '*' }],
      async handle(
        input: GetAccountAuthorizationDetailsRequest,
        { accountId },
      ): Promise<GetAccountAuthorizationDetailsResponse> {
        return await deps.store.read(async ({ iam }) => {
          const all = await entries(iam, accountId);
          const { Filter: filter = [] } = input;
          const wanted = filter.length === 0 ? all : all.filter(entry => filter.includes(entry.type));
          const { items, ...page } = pageOf(wanted, entry => entry.key, input);
          const answer = {
            UserDetailList: [] as UserDetail[],
            GroupDetailList: [] as GroupDetail[],
            RoleDetailList: [] as RoleDetail[],
            Policies: [] as ManagedPolicyDetail[],
          };
          for (const entry of items)
            if ('policy' in entry) answer.Policies.push(await policyDetail(iam, entry.policy));
            else if (entry.identity.kind === 'user') answer.UserDetailList.push(await userDetail(iam, entry.identity));
            else if (entry.identity.kind === 'role') answer.RoleDetailList.push(await roleDetail(iam, entry.identity));
            else answer.GroupDetailList.push(await groupDetail(iam, entry.identity));
          return { ...page, ...answer };
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** In the order of their keys; AWS's own policies only where they are in use. */
async function entries(rows: IamRows, accountId: string): Promise<Entry[]> {
  const all: Entry[] = [];
  for (const kind of ['group', 'role', 'user'] as const)
    for (const identity of await rows.identities(kind, accountId))
      all.push({ type: TYPES[kind], key: `${kind} ${identity.name}`, identity });
  for (const policy of await rows.policies(accountId))
    all.push({ type: 'LocalManagedPolicy', key: `policy ${policy.arn}`, policy });
  for (const policy of awsManagedPolicies())
    if ((await rows.identityIdsAttachedTo(policy.arn)).length > 0)
      all.push({ type: 'AWSManagedPolicy', key: `policy ${policy.arn}`, policy });
  return all.sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function common(rows: IamRows, identity: IdentityRow) {
  const inline = await rows.inlinePolicies(identity.id);
  return {
    attached: (await rows.attachedPolicyArns(identity.id)).map(arn => ({
      PolicyName: parseIamArn(arn)?.name ?? '',
      PolicyArn: arn,
    })),
    inline: inline.map(({ name, document }) => ({ PolicyName: name, PolicyDocument: encodeDocument(document) })),
    shown: { Path: identity.path, Arn: identityArn(identity), CreateDate: new Date(identity.createdAt) },
  };
}

async function userDetail(rows: IamRows, user: IdentityRow): Promise<UserDetail> {
  const { attached, inline, shown } = await common(rows, user);
  const groups = await Promise.all((await rows.groupIdsOf(user.id)).map(id => rows.identityById(id)));
  return {
    ...shown,
    UserName: user.name,
    UserId: user.id,
    UserPolicyList: inline,
    GroupList: groups.flatMap(group => group?.name ?? []),
    AttachedManagedPolicies: attached,
    Tags: tagList(user.tags),
    ...boundaryOf(user),
  };
}

async function roleDetail(rows: IamRows, role: IdentityRow): Promise<RoleDetail> {
  const { attached, inline, shown } = await common(rows, role);
  const profiles = (await rows.instanceProfiles(role.accountId)).filter(profile => profile.roleId === role.id);
  return {
    ...shown,
    RoleName: role.name,
    RoleId: role.id,
    AssumeRolePolicyDocument: describeRole(role).AssumeRolePolicyDocument,
    InstanceProfileList: await Promise.all(profiles.map(profile => describeInstanceProfile(rows, profile))),
    RolePolicyList: inline,
    AttachedManagedPolicies: attached,
    Tags: tagList(role.tags),
    RoleLastUsed: {},
    ...boundaryOf(role),
  };
}

async function groupDetail(rows: IamRows, group: IdentityRow): Promise<GroupDetail> {
  const { attached, inline, shown } = await common(rows, group);
  return {
    ...shown,
    GroupName: group.name,
    GroupId: group.id,
    GroupPolicyList: inline,
    AttachedManagedPolicies: attached,
  };
}

async function policyDetail(rows: IamRows, policy: PolicyRow): Promise<ManagedPolicyDetail> {
  const { Tags: _tags, ...described } = await describePolicy(rows, policy);
  const ofAws = awsManagedPolicy(policy.arn);
  const versions = ofAws ? [ofAws.version] : await rows.policyVersions(policy.arn);
  return {
    ...described,
    ...(policy.description === null ? {} : { Description: policy.description }),
    PolicyVersionList: versions.map(version => ({
      ...describeVersion(version, policy.defaultVersion),
      Document: encodeDocument(version.document),
    })),
  };
}
