import type {
  CreateUserRequest,
  CreateUserResponse,
  DeleteUserRequest,
  GetUserRequest,
  GetUserResponse,
  ListUsersRequest,
  ListUsersResponse,
  UpdateUserRequest,
  User,
} from '@aws-sdk/client-iam';
import { identityArn } from '../../domain/access/identity.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { IdentityRow } from '../../ports/store-iam.ts';
import { alreadyExists, deleteConflict, overQuota, validationError } from './faults.ts';
import {
  boundaryOf,
  checkBoundary,
  findIdentity,
  type IamDependencies,
  identityQuestion,
  insertIdentity,
  nameKey,
  tagList,
  tagRecord,
} from './identities.ts';
import { seekPage } from './paging.ts';

const USERS_PER_ACCOUNT = 5000;

export function userOperations(deps: IamDependencies) {
  const authorize = (input: { UserName?: string | undefined }, ctx: RequestContext) =>
    input.UserName === undefined
      ? [{ resource: ctx.principal.arn }]
      : identityQuestion(deps, 'user', input.UserName, ctx);

  return {
    CreateUser: {
      authorize(input: CreateUserRequest, ctx) {
        const { Path: path = '/', UserName: name = '' } = input;
        const resource = identityArn({ kind: 'user', accountId: ctx.accountId, path, name });
        return [{ resource, conditions: { 'iam:PermissionsBoundary': input.PermissionsBoundary } }];
      },
      async handle(input: CreateUserRequest, ctx): Promise<CreateUserResponse> {
        const tags = tagRecord(input.Tags);
        return await deps.store.transaction(async ({ iam }) => {
          if ((await iam.countIdentities('user', ctx.accountId)) >= USERS_PER_ACCOUNT)
            throw overQuota('UsersPerAccount', USERS_PER_ACCOUNT);
          const user = await insertIdentity(deps, iam, {
            kind: 'user',
            accountId: ctx.accountId,
            name: input.UserName ?? '',
            path: input.Path ?? '/',
            tags,
            boundaryArn: await checkBoundary(iam, ctx.accountId, input.PermissionsBoundary),
            trustPolicy: null,
            description: null,
            maximumSessionSeconds: null,
          });
          return { User: describeUser(user) };
        });
      },
    },

    GetUser: {
      authorize: (input: GetUserRequest, ctx) => authorize(input, ctx),
      async handle(input: GetUserRequest, ctx): Promise<GetUserResponse> {
        const name = input.UserName ?? callerName(ctx);
        return await deps.store.read(async ({ iam }) => {
          if (name !== null) return { User: describeUser(await findIdentity(iam, 'user', ctx.accountId, name)) };
          const account = await iam.account(ctx.accountId);
          return {
            User: {
              UserName: 'root',
              Path: '/',
              UserId: ctx.accountId,
              Arn: ctx.principal.arn,
              CreateDate: new Date(account?.createdAt ?? 0),
            },
          };
        });
      },
    },

    ListUsers: {
      authorize: (input: ListUsersRequest, ctx) => [
        { resource: `arn:aws:iam::${ctx.accountId}:user${input.PathPrefix ?? '/'}` },
      ],
      async handle(input: ListUsersRequest, ctx): Promise<ListUsersResponse> {
        const { PathPrefix: pathPrefix = '/' } = input;
        const { items, ...page } = await seekPage(input, nameKey, (after, limit) =>
          deps.store.read(({ iam }) => iam.identitiesBelow('user', ctx.accountId, { pathPrefix, after, limit })),
        );
        return { ...page, Users: items.map(user => describeUser({ ...user, tags: {}, boundaryArn: null })) };
      },
    },

    UpdateUser: {
      async authorize(input: UpdateUserRequest, ctx) {
        const path = input.NewPath ?? '/';
        const renamed = { kind: 'user' as const, accountId: ctx.accountId, path, name: input.NewUserName ?? '' };
        const old = await identityQuestion(deps, 'user', input.UserName ?? '', ctx);
        return input.NewUserName === undefined ? old : [...old, { resource: identityArn(renamed) }];
      },
      async handle(input: UpdateUserRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const user = await findIdentity(iam, 'user', ctx.accountId, input.UserName ?? '');
          const { NewUserName: name = user.name, NewPath: path = user.path } = input;
          const namesake = await iam.identityNamed('user', ctx.accountId, name);
          if (namesake !== undefined && namesake.id !== user.id)
            throw alreadyExists(`User with name ${name} already exists.`);
          await iam.updateIdentity(user.id, { name, path });
          return {};
        });
      },
    },

    DeleteUser: {
      authorize: (input: DeleteUserRequest, ctx) => authorize(input, ctx),
      async handle(input: DeleteUserRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const user = await findIdentity(iam, 'user', ctx.accountId, input.UserName ?? '');
          if ((await iam.loginProfile(user.id)) !== undefined)
            throw deleteConflict('Cannot delete entity, must delete login profile first.');
          if ((await iam.serviceCredentials(user.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must delete service specific credentials first.');
          if ((await iam.accessKeys(ctx.accountId, user.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must delete access keys first.');
          if ((await iam.attachedPolicyArns(user.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must detach all policies first.');
          if ((await iam.inlinePolicies(user.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must delete policies first.');
          if ((await iam.groupIdsOf(user.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must remove users from group first.');
          await iam.deleteIdentity(user.id);
          return {};
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/**
 * The user that an operation without UserName is about: the caller. @returns null for the root user
 * @throws Fault ValidationError for the session of a role, which is no user
 */
export function callerName({ principal }: RequestContext): string | null {
  if (principal.type === 'root') return null;
  if (principal.userName === undefined)
    throw validationError('Must specify userName when calling with non-User credentials');
  return principal.userName;
}

/** As answers show it. */
export function describeUser(user: IdentityRow): User {
  const tags = tagList(user.tags);
  return {
    Path: user.path,
    UserName: user.name,
    UserId: user.id,
    Arn: identityArn(user),
    CreateDate: new Date(user.createdAt),
    ...(tags.length > 0 ? { Tags: tags } : {}),
    ...boundaryOf(user),
  };
}
