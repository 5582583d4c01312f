import type {
  AttachedPolicy,
  EntityType,
  ListEntitiesForPolicyRequest,
  ListEntitiesForPolicyResponse,
} from '@aws-sdk/client-iam';
import { parseIamArn } from '../../domain/access/identity.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { IdentityKind, IdentityRow } from '../../ports/store-iam.ts';
import { noSuchPolicy, overQuota } from './faults.ts';
import { checkAttachable, findIdentity, type IamDependencies, identityQuestion } from './identities.ts';
import { pageOf, seekPage } from './paging.ts';
import { findPolicy, USE_OF_FILTER } from './policies.ts';

/** AWS's default quota, for users, roles and groups alike. */
const POLICIES_PER_IDENTITY = 10;

interface AttachInput {
  UserName?: string | undefined;
  RoleName?: string | undefined;
  GroupName?: string | undefined;
  PolicyArn?: string | undefined;
}

interface ListInput extends Omit<AttachInput, 'PolicyArn'> {
  PathPrefix?: string | undefined;
  Marker?: string | undefined;
  MaxItems?: number | undefined;
}

interface ListOutput {
  AttachedPolicies: AttachedPolicy[];
  IsTruncated: boolean;
  Marker?: string;
}

/** Managed policies on users, roles and groups: the same three operations for each. */
/** Other filters name kinds of policies, of which there is nothing to list here. */
const KIND_OF_FILTER: Readonly<Partial<Record<EntityType, IdentityKind>>> = {
  User: 'user',
  Role: 'role',
  Group: 'group',
};

export function attachmentOperations(deps: IamDependencies) {
  const question = async (kind: IdentityKind, input: AttachInput, ctx: RequestContext) => {
    const requests = await identityQuestion(deps, kind, nameOf(kind, input), ctx);
    return requests.map(request => ({
      ...request,
      conditions: { ...request.conditions, 'iam:PolicyARN': input.PolicyArn },
    }));
  };

  const attach = (kind: IdentityKind): Operation<AttachInput, object> => ({
    authorize: (input, ctx) => question(kind, input, ctx),
    async handle(input, ctx) {
      const { PolicyArn: arn = '' } = input;
      return await deps.store.transaction(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, nameOf(kind, input));
        await checkAttachable(iam, ctx.accountId, arn);
        const attached = await iam.attachedPolicyArns(identity.id);
        if (!attached.includes(arn) && attached.length >= POLICIES_PER_IDENTITY)
          throw overQuota(`PoliciesPer${kind[0]?.toUpperCase()}${kind.slice(1)}`, POLICIES_PER_IDENTITY);
        await iam.attach(identity.id, arn, deps.time.now().toISOString());
        return {};
      });
    },
  });

  const detach = (kind: IdentityKind): Operation<AttachInput, object> => ({
    authorize: (input, ctx) => question(kind, input, ctx),
    async handle(input, ctx) {
      const { PolicyArn: arn = '' } = input;
      return await deps.store.transaction(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, nameOf(kind, input));
        if (!(await iam.detach(identity.id, arn))) throw noSuchPolicy(arn);
        return {};
      });
    },
  });

  const list = (kind: IdentityKind): Operation<ListInput, ListOutput> => ({
    authorize: (input, ctx) => identityQuestion(deps, kind, nameOf(kind, input), ctx),
    async handle(input, ctx) {
      const arns = await deps.store.read(async ({ iam }) => {
        const identity = await findIdentity(iam, kind, ctx.accountId, nameOf(kind, input));
        return await iam.attachedPolicyArns(identity.id);
      });
      const prefix = input.PathPrefix ?? '/';
      const below = arns.filter(arn => parseIamArn(arn)?.path.startsWith(prefix)).sort();
      const { items, ...page } = pageOf(below, arn => arn, input);
      return {
        ...page,
        AttachedPolicies: items.map(arn => ({ PolicyName: parseIamArn(arn)?.name ?? '', PolicyArn: arn })),
      };
    },
  });

  return {
    AttachRolePolicy: attach('role'),
    AttachUserPolicy: attach('user'),
    AttachGroupPolicy: attach('group'),
    DetachRolePolicy: detach('role'),
    DetachUserPolicy: detach('user'),
    DetachGroupPolicy: detach('group'),
    ListAttachedRolePolicies: list('role'),
    ListAttachedUserPolicies: list('user'),
    ListAttachedGroupPolicies: list('group'),

    ListEntitiesForPolicy: {
      authorize: (input: ListEntitiesForPolicyRequest) => [{ resource: input.PolicyArn ?? '*' }],
      async handle(input: ListEntitiesForPolicyRequest, ctx): Promise<ListEntitiesForPolicyResponse> {
        return await deps.store.read(async ({ iam }) => {
          const policy = await findPolicy(iam, input.PolicyArn, ctx.accountId);
          const { PathPrefix: pathPrefix = '/', EntityFilter: filter, PolicyUsageFilter: use } = input;
          const kind = filter && KIND_OF_FILTER[filter];
          const usedAs = use && USE_OF_FILTER[use];
          // A managed policy of the account is on users, roles and groups only.
          const { items, ...page } =
            filter !== undefined && kind === undefined
              ? { items: [], IsTruncated: false }
              : await seekPage(
                  input,
                  (row: IdentityRow) => row.id,
                  (after, limit) =>
                    iam.identitiesWith(policy.arn, ctx.accountId, { kind, usedAs, pathPrefix, after, limit }),
                );
          const of = (kind: IdentityKind) => items.filter(row => row.kind === kind);
          return {
            ...page,
            PolicyUsers: of('user').map(row => ({ UserName: row.name, UserId: row.id })),
            PolicyRoles: of('role').map(row => ({ RoleName: row.name, RoleId: row.id })),
            PolicyGroups: of('group').map(row => ({ GroupName: row.name, GroupId: row.id })),
          };
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

function nameOf(kind: IdentityKind, input: Omit<AttachInput, 'PolicyArn'>): string {
  const names = { user: input.UserName, role: input.RoleName, group: input.GroupName };
  return names[kind] ?? '';
}
