import type {
  AddUserToGroupRequest,
  CreateGroupRequest,
  CreateGroupResponse,
  DeleteGroupRequest,
  GetGroupRequest,
  GetGroupResponse,
  Group,
  ListGroupsForUserRequest,
  ListGroupsForUserResponse,
  ListGroupsRequest,
  ListGroupsResponse,
  RemoveUserFromGroupRequest,
  UpdateGroupRequest,
} from '@aws-sdk/client-iam';
import { identityArn } from '../../domain/access/identity.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { IamRows, IdentityRow } from '../../ports/store-iam.ts';
import { alreadyExists, deleteConflict, noSuchEntity, overQuota } from './faults.ts';
import { findIdentity, type IamDependencies, identityQuestion, insertIdentity, nameKey } from './identities.ts';
import { pageOf, seekPage } from './paging.ts';
import { describeUser } from './users.ts';

const GROUPS_PER_ACCOUNT = 300;
const GROUPS_PER_USER = 10;

export function groupOperations(deps: IamDependencies) {
  const authorize = (input: { GroupName?: string | undefined }, ctx: RequestContext) =>
    identityQuestion(deps, 'group', input.GroupName ?? '', ctx);

  return {
    CreateGroup: {
      authorize: (input: CreateGroupRequest, ctx) => [
        { resource: `arn:aws:iam::${ctx.accountId}:group${input.Path ?? '/'}${input.GroupName}` },
      ],
      async handle(input: CreateGroupRequest, ctx): Promise<CreateGroupResponse> {
        return await deps.store.transaction(async ({ iam }) => {
          if ((await iam.countIdentities('group', ctx.accountId)) >= GROUPS_PER_ACCOUNT)
            throw overQuota('GroupsPerAccount', GROUPS_PER_ACCOUNT);
          const group = await insertIdentity(deps, iam, {
            kind: 'group',
            accountId: ctx.accountId,
            name: input.GroupName ?? '',
            path: input.Path ?? '/',
            tags: {},
            boundaryArn: null,
            trustPolicy: null,
            description: null,
            maximumSessionSeconds: null,
          });
          return { Group: describeGroup(group) };
        });
      },
    },

    GetGroup: {
      authorize: (input: GetGroupRequest, ctx) => authorize(input, ctx),
      async handle(input: GetGroupRequest, ctx): Promise<GetGroupResponse> {
        return await deps.store.read(async ({ iam }) => {
          const group = await findIdentity(iam, 'group', ctx.accountId, input.GroupName ?? '');
          const { items, ...page } = await seekPage(
            input,
            (user: IdentityRow) => user.id,
            (after, limit) => iam.membersOf(group.id, { after, limit }),
          );
          const Users = items.map(user => describeUser({ ...user, tags: {}, boundaryArn: null }));
          return { ...page, Group: describeGroup(group), Users };
        });
      },
    },

    ListGroups: {
      authorize: (input: ListGroupsRequest, ctx) => [
        { resource: `arn:aws:iam::${ctx.accountId}:group${input.PathPrefix ?? '/'}` },
      ],
      async handle(input: ListGroupsRequest, ctx): Promise<ListGroupsResponse> {
        const { PathPrefix: pathPrefix = '/' } = input;
        const { items, ...page } = await seekPage(input, nameKey, (after, limit) =>
          deps.store.read(({ iam }) => iam.identitiesBelow('group', ctx.accountId, { pathPrefix, after, limit })),
        );
        return { ...page, Groups: items.map(describeGroup) };
      },
    },

    ListGroupsForUser: {
      authorize: (input: ListGroupsForUserRequest, ctx) => identityQuestion(deps, 'user', input.UserName ?? '', ctx),
      async handle(input: ListGroupsForUserRequest, ctx): Promise<ListGroupsForUserResponse> {
        return await deps.store.read(async ({ iam }) => {
          const user = await findIdentity(iam, 'user', ctx.accountId, input.UserName ?? '');
          const groups = await byId(iam, await iam.groupIdsOf(user.id));
          const { items, ...page } = pageOf(groups, group => group.name, input);
          return { ...page, Groups: items.map(describeGroup) };
        });
      },
    },

    UpdateGroup: {
      async authorize(input: UpdateGroupRequest, ctx) {
        const path = input.NewPath ?? '/';
        const renamed = { kind: 'group' as const, accountId: ctx.accountId, path, name: input.NewGroupName ?? '' };
        const old = await authorize(input, ctx);
        return input.NewGroupName === undefined ? old : [...old, { resource: identityArn(renamed) }];
      },
      async handle(input: UpdateGroupRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const group = await findIdentity(iam, 'group', ctx.accountId, input.GroupName ?? '');
          const { NewGroupName: name = group.name, NewPath: path = group.path } = input;
          const namesake = await iam.identityNamed('group', ctx.accountId, name);
          if (namesake !== undefined && namesake.id !== group.id)
            throw alreadyExists(`Group with name ${name} already exists.`);
          await iam.updateIdentity(group.id, { name, path });
          return {};
        });
      },
    },

    AddUserToGroup: {
      authorize: (input: AddUserToGroupRequest, ctx) => authorize(input, ctx),
      async handle(input: AddUserToGroupRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const group = await findIdentity(iam, 'group', ctx.accountId, input.GroupName ?? '');
          const user = await findIdentity(iam, 'user', ctx.accountId, input.UserName ?? '');
          const groups = await iam.groupIdsOf(user.id);
          if (!groups.includes(group.id) && groups.length >= GROUPS_PER_USER)
            throw overQuota('GroupsPerUser', GROUPS_PER_USER);
          await iam.addMember(group.id, user.id);
          return {};
        });
      },
    },

    RemoveUserFromGroup: {
      authorize: (input: RemoveUserFromGroupRequest, ctx) => authorize(input, ctx),
      async handle(input: RemoveUserFromGroupRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const group = await findIdentity(iam, 'group', ctx.accountId, input.GroupName ?? '');
          const user = await findIdentity(iam, 'user', ctx.accountId, input.UserName ?? '');
          if (!(await iam.removeMember(group.id, user.id)))
            throw noSuchEntity(`The user with name ${user.name} is not in the group ${group.name}.`);
          return {};
        });
      },
    },

    DeleteGroup: {
      authorize: (input: DeleteGroupRequest, ctx) => authorize(input, ctx),
      async handle(input: DeleteGroupRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const group = await findIdentity(iam, 'group', ctx.accountId, input.GroupName ?? '');
          if ((await iam.membersOf(group.id, { after: undefined, limit: 1 })).length > 0)
            throw deleteConflict('Cannot delete entity, must remove users from group first.');
          if ((await iam.attachedPolicyArns(group.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must detach all policies first.');
          if ((await iam.inlinePolicies(group.id)).length > 0)
            throw deleteConflict('Cannot delete entity, must delete policies first.');
          await iam.deleteIdentity(group.id);
          return {};
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

function describeGroup(group: IdentityRow): Group {
  return {
    Path: group.path,
    GroupName: group.name,
    GroupId: group.id,
    Arn: identityArn(group),
    CreateDate: new Date(group.createdAt),
  };
}

/** In the order of their names. */
async function byId(rows: IamRows, ids: readonly string[]): Promise<IdentityRow[]> {
  const found = await Promise.all(ids.map(id => rows.identityById(id)));
  return found.filter(row => row !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
}
