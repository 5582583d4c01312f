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
          const around = await surroundings(
            iam,
            items.flatMap(entry => ('identity' in entry ? [entry.identity] : [])),
          );
          for (const entry of items)
            if ('policy' in entry) answer.Policies.push(await policyDetail(iam, entry.policy, accountId));
            else if (entry.identity.kind === 'user') answer.UserDetailList.push(userDetail(around, entry.identity));
            else if (entry.identity.kind === 'role')
              answer.RoleDetailList.push(await roleDetail(iam, around, entry.identity));
            else answer.GroupDetailList.push(groupDetail(around, entry.identity));
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
          const usedAs = scope === 'AWS' ? ('attached' as const) : undefined;
          const page = { ...rest(section), scope, pathPrefix: '/', usedAs };
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

/** What belongs to the identities of a page, by their ids: asked for once, since each question costs more than its rows. */
async function surroundings(rows: IamRows, identities: readonly IdentityRow[]) {
  const idsOf = (kind: IdentityKind) => identities.filter(row => row.kind === kind).map(({ id }) => id);
  const ids = identities.map(({ id }) => id);
  const { attached, inline } = ids.length === 0 ? { attached: [], inline: [] } : await rows.policyNamesOn(ids);
  const [users, roles] = [idsOf('user'), idsOf('role')];
  return {
    attached: Map.groupBy(attached, ({ identityId }) => identityId),
    inline: Map.groupBy(inline, ({ identityId }) => identityId),
    groups: Map.groupBy(users.length === 0 ? [] : await rows.groupNamesOf(users), ({ userId }) => userId),
    profiles: Map.groupBy(roles.length === 0 ? [] : await rows.instanceProfilesOf(roles), ({ roleId }) => roleId),
  };
}

type Surroundings = Awaited<ReturnType<typeof surroundings>>;

function common({ attached, inline }: Surroundings, identity: IdentityRow) {
  return {
    attached: (attached.get(identity.id) ?? []).map(({ policyArn }) => ({
      PolicyName: parseIamArn(policyArn)?.name ?? '',
      PolicyArn: policyArn,
    })),
    inline: (inline.get(identity.id) ?? []).map(({ name, document }) => ({
      PolicyName: name,
      PolicyDocument: encodeDocument(document),
    })),
    shown: { Path: identity.path, Arn: identityArn(identity), CreateDate: new Date(identity.createdAt) },
  };
}

function userDetail(around: Surroundings, user: IdentityRow): UserDetail {
  const { attached, inline, shown } = common(around, user);
  return {
    ...shown,
    UserName: user.name,
    UserId: user.id,
    UserPolicyList: inline,
    GroupList: (around.groups.get(user.id) ?? []).map(({ name }) => name),
    AttachedManagedPolicies: attached,
    Tags: tagList(user.tags),
    ...boundaryOf(user),
  };
}

async function roleDetail(rows: IamRows, around: Surroundings, role: IdentityRow): Promise<RoleDetail> {
  const { attached, inline, shown } = common(around, role);
  const profiles = around.profiles.get(role.id) ?? [];
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

function groupDetail(around: Surroundings, group: IdentityRow): GroupDetail {
  const { attached, inline, shown } = common(around, group);
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
