import type {
  AddRoleToInstanceProfileRequest,
  CreateInstanceProfileRequest,
  CreateInstanceProfileResponse,
  DeleteInstanceProfileRequest,
  GetInstanceProfileRequest,
  GetInstanceProfileResponse,
  InstanceProfile,
  ListInstanceProfilesForRoleRequest,
  ListInstanceProfilesForRoleResponse,
  ListInstanceProfilesRequest,
  ListInstanceProfilesResponse,
  ListInstanceProfileTagsRequest,
  ListInstanceProfileTagsResponse,
  RemoveRoleFromInstanceProfileRequest,
  TagInstanceProfileRequest,
  UntagInstanceProfileRequest,
} from '@aws-sdk/client-iam';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { IamRows } from '../../ports/store-iam.ts';
import type { InstanceProfileRow } from '../../ports/store-iam-profiles.ts';
import { alreadyExists, deleteConflict, noSuchEntity, overQuota } from './faults.ts';
import {
  findIdentity,
  type IamDependencies,
  identityQuestion,
  nameKey,
  tagList,
  tagRecord,
  without,
} from './identities.ts';
import { pageOf, seekPage } from './paging.ts';
import { describeRole } from './roles.ts';

const PROFILES_PER_ACCOUNT = 1000;

/** Nothing here runs on an instance; Terraform and the like make the profile beside each role all the same. */
export function instanceProfileOperations(deps: IamDependencies) {
  const authorize = async (input: { InstanceProfileName?: string | undefined }, ctx: RequestContext) => {
    const name = input.InstanceProfileName ?? '';
    const row = await deps.store.read(({ iam }) => iam.instanceProfile(ctx.accountId, name));
    return [{ resource: profileArn(row ?? { accountId: ctx.accountId, path: '/', name }) }];
  };
  const change = <Input extends { InstanceProfileName: string | undefined }>(
    run: (rows: IamRows, profile: InstanceProfileRow, input: Input, ctx: RequestContext) => Promise<void>,
  ): Operation<Input, object> => ({
    authorize,
    async handle(input, ctx) {
      return await deps.store.transaction(async ({ iam }) => {
        await run(iam, await findProfile(iam, ctx.accountId, input.InstanceProfileName), input, ctx);
        return {};
      });
    },
  });

  return {
    CreateInstanceProfile: {
      authorize(input: CreateInstanceProfileRequest, ctx) {
        const { Path: path = '/', InstanceProfileName: name = '' } = input;
        return [{ resource: profileArn({ accountId: ctx.accountId, path, name }) }];
      },
      async handle(input: CreateInstanceProfileRequest, ctx): Promise<CreateInstanceProfileResponse> {
        const { Path: path = '/', InstanceProfileName: name = '' } = input;
        const row: InstanceProfileRow = {
          ...{ accountId: ctx.accountId, name, path, roleId: null },
          id: `AIPA${deps.ids.upper(17)}`,
          createdAt: deps.time.now().toISOString(),
          tags: tagRecord(input.Tags),
        };
        return await deps.store.transaction(async ({ iam }) => {
          if ((await iam.instanceProfileNamed(ctx.accountId, name)) !== undefined)
            throw alreadyExists(`Instance Profile ${name} already exists.`);
          if ((await iam.countInstanceProfiles(ctx.accountId)) >= PROFILES_PER_ACCOUNT)
            throw overQuota('InstanceProfilesPerAccount', PROFILES_PER_ACCOUNT);
          await iam.insertInstanceProfile(row);
          return { InstanceProfile: await describeInstanceProfile(iam, row) };
        });
      },
    },

    GetInstanceProfile: {
      authorize: (input: GetInstanceProfileRequest, ctx) => authorize(input, ctx),
      async handle(input: GetInstanceProfileRequest, ctx): Promise<GetInstanceProfileResponse> {
        return await deps.store.read(async ({ iam }) => {
          const row = await findProfile(iam, ctx.accountId, input.InstanceProfileName);
          return { InstanceProfile: await describeInstanceProfile(iam, row) };
        });
      },
    },

    ListInstanceProfiles: {
      authorize: (input: ListInstanceProfilesRequest, ctx) => [
        { resource: `arn:aws:iam::${ctx.accountId}:instance-profile${input.PathPrefix ?? '/'}` },
      ],
      async handle(input: ListInstanceProfilesRequest, ctx): Promise<ListInstanceProfilesResponse> {
        return await deps.store.read(async ({ iam }) => {
          const { PathPrefix: pathPrefix = '/' } = input;
          const { items, ...page } = await seekPage(input, nameKey, (after, limit) =>
            iam.instanceProfilesBelow(ctx.accountId, { pathPrefix, after, limit }),
          );
          // AWS: lists leave the tags out.
          const shown = items.map(row => describeInstanceProfile(iam, { ...row, tags: {} }));
          return { ...page, InstanceProfiles: await Promise.all(shown) };
        });
      },
    },

    ListInstanceProfilesForRole: {
      authorize: (input: ListInstanceProfilesForRoleRequest, ctx) =>
        identityQuestion(deps, 'role', input.RoleName ?? '', ctx),
      async handle(input: ListInstanceProfilesForRoleRequest, ctx): Promise<ListInstanceProfilesForRoleResponse> {
        return await deps.store.read(async ({ iam }) => {
          const role = await findIdentity(iam, 'role', ctx.accountId, input.RoleName ?? '');
          const { items, ...page } = pageOf(await iam.instanceProfilesOf([role.id]), row => row.name, input);
          const shown = items.map(row => describeInstanceProfile(iam, { ...row, tags: {} }));
          return { ...page, InstanceProfiles: await Promise.all(shown) };
        });
      },
    },

    AddRoleToInstanceProfile: change(async (iam, profile, input: AddRoleToInstanceProfileRequest, ctx) => {
      const role = await findIdentity(iam, 'role', ctx.accountId, input.RoleName ?? '');
      if (profile.roleId !== null) throw overQuota('InstanceSessionsPerInstanceProfile', 1);
      await iam.updateInstanceProfile(profile.id, { roleId: role.id });
    }),

    RemoveRoleFromInstanceProfile: change(async (iam, profile, input: RemoveRoleFromInstanceProfileRequest, ctx) => {
      const role = await iam.identity('role', ctx.accountId, input.RoleName ?? '');
      if (role === undefined || profile.roleId !== role.id)
        throw noSuchEntity(`Role ${input.RoleName} in instance profile ${profile.name} cannot be found.`);
      await iam.updateInstanceProfile(profile.id, { roleId: null });
    }),

    DeleteInstanceProfile: change(async (iam, profile, _input: DeleteInstanceProfileRequest) => {
      if (profile.roleId !== null)
        throw deleteConflict('Cannot delete entity, must remove roles from instance profile first.');
      await iam.deleteInstanceProfile(profile.id);
    }),

    TagInstanceProfile: change(async (iam, profile, input: TagInstanceProfileRequest) =>
      iam.updateInstanceProfile(profile.id, { tags: tagRecord(input.Tags, profile.tags) }),
    ),

    UntagInstanceProfile: change(async (iam, profile, input: UntagInstanceProfileRequest) =>
      iam.updateInstanceProfile(profile.id, { tags: without(profile.tags, input.TagKeys) }),
    ),

    ListInstanceProfileTags: {
      authorize: (input: ListInstanceProfileTagsRequest, ctx) => authorize(input, ctx),
      async handle(input: ListInstanceProfileTagsRequest, ctx): Promise<ListInstanceProfileTagsResponse> {
        const row = await deps.store.read(({ iam }) => findProfile(iam, ctx.accountId, input.InstanceProfileName));
        const { items, ...page } = pageOf(tagList(row.tags), tag => tag.Key, input);
        return { ...page, Tags: items };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

async function findProfile(rows: IamRows, accountId: string, name: string | undefined): Promise<InstanceProfileRow> {
  const row = await rows.instanceProfile(accountId, name ?? '');
  if (row === undefined) throw noSuchEntity(`Instance Profile ${name} cannot be found.`);
  return row;
}

/** As answers show it. */
export async function describeInstanceProfile(rows: IamRows, row: InstanceProfileRow): Promise<InstanceProfile> {
  const role = row.roleId === null ? undefined : await rows.identityById(row.roleId);
  const tags = tagList(row.tags);
  return {
    Path: row.path,
    InstanceProfileName: row.name,
    InstanceProfileId: row.id,
    Arn: profileArn(row),
    CreateDate: new Date(row.createdAt),
    Roles: role === undefined ? [] : [describeRole({ ...role, tags: {}, boundaryArn: null })],
    ...(tags.length > 0 ? { Tags: tags } : {}),
  };
}

function profileArn({ accountId, path, name }: Pick<InstanceProfileRow, 'accountId' | 'path' | 'name'>): string {
  return `arn:aws:iam::${accountId}:instance-profile${path}${name}`;
}
