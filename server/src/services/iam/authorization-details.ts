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
import { awsManagedPolicy } from '../../domain/access/managed-policies.ts';
import type { Operation } from '../../domain/operation.ts';
import type { IamRows, IdentityKind, IdentityRow, PolicyRow, SeekPage } from '../../ports/store-iam.ts';
import { boundaryOf, encodeDocument, type IamDependencies, nameKey, tagList } from './identities.ts';
import { describeInstanceProfile } from './instance-profiles.ts';
import { seekPage } from './paging.ts';
import { describePolicy, describeVersion, policiesAfter } from './policies.ts';
import { describeRole } from './roles.ts';

type Entry = { key: string } & ({ identity: IdentityRow } | { policy: PolicyRow });

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
          const { Filter: filter = [] } = input;
          const wanted = (type: EntityType) => filter.length === 0 || filter.includes(type);
          const { items, ...page } = await seekPage(
            input,
            (entry: Entry) => entry.key,
            (after, limit) => entriesAfter(iam, accountId, wanted, { after, limit }),
          );
          const answer = {
            UserDetailList: [] as UserDetail[],
            GroupDetailList: [] as GroupDetail[],
            RoleDetailList: [] as RoleDetail[],
            Policies: [] as ManagedPolicyDetail[],
          };
          for (const entry of items)
            if ('policy' in entry) answer.Policies.push(await policyDetail(iam, entry.policy, accountId));
            else if (entry.identity.kind === 'user') answer.UserDetailList.push(await userDetail(iam, entry.identity));
            else if (entry.identity.kind === 'role') answer.RoleDetailList.push(await roleDetail(iam, entry.identity));
            else answer.GroupDetailList.push(await groupDetail(iam, entry.identity));
          return { ...page, ...answer };
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/**
 * In the order of their keys: groups, managed policies, roles, users; each by what its index holds. AWS's own policies only
 * where they are in use.
 */
async function entriesAfter(
  rows: IamRows,
  accountId: string,
  wanted: (type: EntityType) => boolean,
  { after = '', limit }: SeekPage,
): Promise<Entry[]> {
  const found: Entry[] = [];
  const rest = (section: string) => ({
    after: after.startsWith(section) ? after.slice(section.length) : undefined,
    limit: limit - found.length,
  });
  for (const section of ['group ', 'policy ', 'role ', 'user ']) {
    if (found.length === limit || (section < after && !after.startsWith(section))) continue;
    if (section === 'policy ') {
      for (const scope of ['Local', 'AWS'] as const)
        if (wanted(`${scope}ManagedPolicy`) && found.length < limit) {
          const page = { ...rest(section), scope, pathPrefix: '/', onlyAttached: scope === 'AWS' };
          for (const policy of await policiesAfter(rows, accountId, page))
            found.push({ key: `${section}${policy.arn}`, policy });
        }
      continue;
    }
    const kind = section.trimEnd() as IdentityKind;
    if (wanted(TYPES[kind]))
      for (const identity of await rows.identitiesBelow(kind, accountId, { ...rest(section), pathPrefix: '/' }))
        found.push({ key: `${section}${nameKey(identity)}`, identity });
  }
  return found;
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
  const profiles = await rows.instanceProfilesOf(role.id);
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

async function policyDetail(rows: IamRows, policy: PolicyRow, accountId: string): Promise<ManagedPolicyDetail> {
  const { Tags: _tags, ...described } = await describePolicy(rows, policy, accountId);
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
