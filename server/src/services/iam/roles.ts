import type {
  CreateRoleRequest,
  CreateRoleResponse,
  DeleteRoleRequest,
  GetRoleRequest,
  GetRoleResponse,
  ListRolesRequest,
  ListRolesResponse,
  Role,
  UpdateAssumeRolePolicyRequest,
  UpdateRoleDescriptionRequest,
  UpdateRoleDescriptionResponse,
  UpdateRoleRequest,
} from '@aws-sdk/client-iam';
import { identityArn } from '../../domain/access/identity.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { IdentityRow } from '../../ports/store-iam.ts';
import { deleteConflict, overQuota, validationError } from './faults.ts';
import {
  boundaryOf,
  checkBoundary,
  checkTrustPolicy,
  encodeDocument,
  findIdentity,
  type IamDependencies,
  identityQuestion,
  insertIdentity,
  nameKey,
  tagList,
  tagRecord,
} from './identities.ts';
import { seekPage } from './paging.ts';

const DEFAULT_SESSION_SECONDS = 3600;
const ROLES_PER_ACCOUNT = 5000;

export function roleOperations(deps: IamDependencies) {
  const authorize = (input: { RoleName?: string | undefined }, ctx: RequestContext) =>
    identityQuestion(deps, 'role', input.RoleName ?? '', ctx);

  return {
    CreateRole: {
      authorize(input: CreateRoleRequest, ctx) {
        const { Path: path = '/', RoleName: name = '' } = input;
        const resource = identityArn({ kind: 'role', accountId: ctx.accountId, path, name });
        return [{ resource, conditions: { 'iam:PermissionsBoundary': input.PermissionsBoundary } }];
      },
      async handle(input: CreateRoleRequest, ctx): Promise<CreateRoleResponse> {
        const { RoleName: name = '', AssumeRolePolicyDocument: trustPolicy = '' } = input;
        const tags = tagRecord(input.Tags);
        const maximumSessionSeconds = sessionSeconds(input.MaxSessionDuration) ?? DEFAULT_SESSION_SECONDS;
        return await deps.store.transaction(async ({ iam }) => {
          await checkTrustPolicy(iam, ctx.accountId, trustPolicy);
          if ((await iam.countIdentities('role', ctx.accountId)) >= ROLES_PER_ACCOUNT)
            throw overQuota('RolesPerAccount', ROLES_PER_ACCOUNT);
          const role = await insertIdentity(deps, iam, {
            kind: 'role',
            accountId: ctx.accountId,
            name,
            path: input.Path ?? '/',
            tags,
            boundaryArn: await checkBoundary(iam, ctx.accountId, input.PermissionsBoundary),
            trustPolicy,
            description: input.Description ?? null,
            maximumSessionSeconds,
          });
          return { Role: describeRole(role) };
        });
      },
    },

    GetRole: {
      authorize: (input: GetRoleRequest, ctx) => authorize(input, ctx),
      async handle(input: GetRoleRequest, ctx): Promise<GetRoleResponse> {
        const role = await deps.store.read(({ iam }) => findIdentity(iam, 'role', ctx.accountId, input.RoleName ?? ''));
        return { Role: { ...describeRole(role), ...sessionBound(role), RoleLastUsed: {} } };
      },
    },

    ListRoles: {
      authorize: (input: ListRolesRequest, ctx) => [
        { resource: `arn:aws:iam::${ctx.accountId}:role${input.PathPrefix ?? '/'}` },
      ],
      async handle(input: ListRolesRequest, ctx): Promise<ListRolesResponse> {
        const { PathPrefix: pathPrefix = '/' } = input;
        const { items, ...page } = await seekPage(input, nameKey, (after, limit) =>
          deps.store.read(({ iam }) => iam.identitiesBelow('role', ctx.accountId, { pathPrefix, after, limit })),
        );
        // AWS: the list leaves out tags and the boundary.
        const shown = (role: IdentityRow) => describeRole({ ...role, tags: {}, boundaryArn: null });
        return { ...page, Roles: items.map(role => ({ ...shown(role), ...sessionBound(role) })) };
      },
    },

    UpdateRole: {
      authorize: (input: UpdateRoleRequest, ctx) => authorize(input, ctx),
      async handle(input: UpdateRoleRequest, ctx): Promise<object> {
        const maximumSessionSeconds = sessionSeconds(input.MaxSessionDuration) ?? DEFAULT_SESSION_SECONDS;
        return await deps.store.transaction(async ({ iam }) => {
          const role = await findIdentity(iam, 'role', ctx.accountId, input.RoleName ?? '');
          // AWS: what the call leaves out goes back to its default.
          await iam.updateIdentity(role.id, { description: input.Description ?? '', maximumSessionSeconds });
          return {};
        });
      },
    },

    UpdateRoleDescription: {
      authorize: (input: UpdateRoleDescriptionRequest, ctx) => authorize(input, ctx),
      async handle(input: UpdateRoleDescriptionRequest, ctx): Promise<UpdateRoleDescriptionResponse> {
        return await deps.store.transaction(async ({ iam }) => {
          const role = await findIdentity(iam, 'role', ctx.accountId, input.RoleName ?? '');
          const description = input.Description ?? '';
          await iam.updateIdentity(role.id, { description });
          return { Role: describeRole({ ...role, description }) };
        });
      },
    },

    UpdateAssumeRolePolicy: {
      authorize: (input: UpdateAssumeRolePolicyRequest, ctx) => authorize(input, ctx),
      async handle(input: UpdateAssumeRolePolicyRequest, ctx): Promise<object> {
        const { RoleName: name = '', PolicyDocument: trustPolicy = '' } = input;
        return await deps.store.transaction(async ({ iam }) => {
          const role = await findIdentity(iam, 'role', ctx.accountId, name);
          await checkTrustPolicy(iam, ctx.accountId, trustPolicy);
          await iam.updateIdentity(role.id, { trustPolicy });
          return {};
        });
      },
    },

    DeleteRole: {
      authorize: (input: DeleteRoleRequest, ctx) => authorize(input, ctx),
      async handle(input: DeleteRoleRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const role = await findIdentity(iam, 'role', ctx.accountId, input.RoleName ?? '');
          if ((await iam.instanceProfilesOf([role.id])).length > 0)
            throw deleteConflict('Cannot delete entity, must remove roles from instance profile first.');
          if ((await iam.attachedPolicyArns(role.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must detach all policies first.');
          if ((await iam.inlinePolicies(role.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must delete policies first.');
          await iam.deleteIdentity(role.id);
          return {};
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** As answers show it. */
export function describeRole(role: IdentityRow): Role {
  const tags = tagList(role.tags);
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: identityArn(role),
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encodeDocument(role.trustPolicy ?? ''),
    ...(role.description === null ? {} : { Description: role.description }),
    ...(tags.length > 0 ? { Tags: tags } : {}),
    ...boundaryOf(role),
  };
}

/** AWS: said of a role that is read, not of one that is made, described anew or in an instance profile. */
function sessionBound({ maximumSessionSeconds }: IdentityRow): { MaxSessionDuration: number } {
  return { MaxSessionDuration: maximumSessionSeconds ?? DEFAULT_SESSION_SECONDS };
}

function sessionSeconds(value: number | undefined): number | undefined {
  if (value !== undefined && (value < 3600 || value > 43_200))
    throw validationError(`MaxSessionDuration must be from 3600 to 43200 seconds; you sent ${value}.`);
  return value;
}
