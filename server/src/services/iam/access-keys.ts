import type {
  CreateAccessKeyRequest,
  CreateAccessKeyResponse,
  DeleteAccessKeyRequest,
  GetAccessKeyLastUsedRequest,
  GetAccessKeyLastUsedResponse,
  ListAccessKeysRequest,
  ListAccessKeysResponse,
  UpdateAccessKeyRequest,
} from '@aws-sdk/client-iam';
import { newSecret } from '../../domain/access/session.ts';
import { newAccessKeyId } from '../../domain/access-key-id.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { AccessKeyRow, IamRows } from '../../ports/store-iam.ts';
import { sealSecret } from './credentials.ts';
import { deleteConflict, noSuchEntity, overQuota } from './faults.ts';
import { findIdentity, type IamDependencies, identityQuestion } from './identities.ts';
import { pageOf } from './paging.ts';
import { callerName } from './users.ts';

const KEYS_PER_USER = 2;

export function accessKeyOperations(deps: IamDependencies) {
  const authorize = (input: { UserName?: string | undefined }, ctx: RequestContext) =>
    input.UserName === undefined
      ? [{ resource: ctx.principal.arn }]
      : identityQuestion(deps, 'user', input.UserName, ctx);

  return {
    CreateAccessKey: {
      authorize: (input: CreateAccessKeyRequest, ctx) => authorize(input, ctx),
      async handle(input: CreateAccessKeyRequest, ctx): Promise<CreateAccessKeyResponse> {
        const accessKeyId = newAccessKeyId('AKIA', ctx.accountId, deps.ids);
        const secretAccessKey = newSecret(deps.ids);
        const createdAt = deps.time.now();
        const name = await deps.store.transaction(async ({ iam }) => {
          const owner = await ownerOf(iam, input, ctx);
          if ((await iam.accessKeys(ctx.accountId, owner.userId)).length >= KEYS_PER_USER)
            throw overQuota('AccessKeysPerUser', KEYS_PER_USER);
          await iam.insertAccessKey({
            accessKeyId,
            accountId: ctx.accountId,
            userId: owner.userId,
            sealedSecret: sealSecret(deps.vault, secretAccessKey, accessKeyId),
            active: true,
            createdAt: createdAt.toISOString(),
            bootstrap: false,
            lastUsedAt: null,
            lastUsedService: null,
            lastUsedRegion: null,
          });
          return owner.name;
        });
        return {
          AccessKey: {
            UserName: name,
            AccessKeyId: accessKeyId,
            Status: 'Active',
            SecretAccessKey: secretAccessKey,
            CreateDate: createdAt,
          },
        };
      },
    },

    ListAccessKeys: {
      authorize: (input: ListAccessKeysRequest, ctx) => authorize(input, ctx),
      async handle(input: ListAccessKeysRequest, ctx): Promise<ListAccessKeysResponse> {
        const { name, keys } = await deps.store.read(async ({ iam }) => {
          const owner = await ownerOf(iam, input, ctx);
          return { name: owner.name, keys: await iam.accessKeys(ctx.accountId, owner.userId) };
        });
        const sorted = keys.sort((a, b) => (a.accessKeyId < b.accessKeyId ? -1 : 1));
        const { items, ...page } = pageOf(sorted, key => key.accessKeyId, input);
        return {
          ...page,
          AccessKeyMetadata: items.map(key => ({
            UserName: name,
            AccessKeyId: key.accessKeyId,
            Status: key.active ? 'Active' : 'Inactive',
            CreateDate: new Date(key.createdAt),
          })),
        };
      },
    },

    UpdateAccessKey: {
      authorize: (input: UpdateAccessKeyRequest, ctx) => authorize(input, ctx),
      async handle(input: UpdateAccessKeyRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const key = await findKey(iam, input, ctx);
          await iam.updateAccessKey(key.accessKeyId, { active: input.Status === 'Active' });
          return {};
        });
      },
    },

    DeleteAccessKey: {
      authorize: (input: DeleteAccessKeyRequest, ctx) => authorize(input, ctx),
      async handle(input: DeleteAccessKeyRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ iam }) => {
          const key = await findKey(iam, input, ctx);
          if (key.bootstrap)
            throw deleteConflict(
              `${key.accessKeyId} is the root key that LIKENESS_ROOT_ACCESS_KEY_ID or the first start set; it is replaced there.`,
            );
          await iam.deleteAccessKey(key.accessKeyId);
          return {};
        });
      },
    },

    GetAccessKeyLastUsed: {
      async authorize(input: GetAccessKeyLastUsedRequest, ctx) {
        const owner = await deps.store.read(async ({ iam }) => {
          const key = await iam.accessKey(input.AccessKeyId ?? '');
          return key?.accountId === ctx.accountId && key.userId !== null ? iam.identityById(key.userId) : undefined;
        });
        return owner === undefined ? [{ resource: '*' }] : identityQuestion(deps, 'user', owner.name, ctx);
      },
      async handle(input: GetAccessKeyLastUsedRequest, ctx): Promise<GetAccessKeyLastUsedResponse> {
        return await deps.store.read(async ({ iam }) => {
          const key = await iam.accessKey(input.AccessKeyId ?? '');
          // AWS: whether anybody has such a key is not told.
          if (key === undefined || key.accountId !== ctx.accountId)
            throw new Fault(
              'denied',
              `User: ${ctx.principal.arn} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key ${input.AccessKeyId}`,
            );
          const user = key.userId === null ? undefined : await iam.identityById(key.userId);
          return {
            ...(user === undefined ? {} : { UserName: user.name }),
            AccessKeyLastUsed: {
              ...(key.lastUsedAt === null ? {} : { LastUsedDate: new Date(key.lastUsedAt) }),
              ServiceName: key.lastUsedService ?? 'N/A',
              Region: key.lastUsedRegion ?? 'N/A',
            },
          };
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

async function ownerOf(
  rows: IamRows,
  input: { UserName?: string | undefined },
  ctx: RequestContext,
): Promise<{ userId: string | null; name: string }> {
  const name = input.UserName ?? callerName(ctx);
  if (name === null) return { userId: null, name: 'root' };
  const user = await findIdentity(rows, 'user', ctx.accountId, name);
  return { userId: user.id, name: user.name };
}

async function findKey(
  rows: IamRows,
  input: { UserName?: string | undefined; AccessKeyId?: string | undefined },
  ctx: RequestContext,
): Promise<AccessKeyRow> {
  const owner = await ownerOf(rows, input, ctx);
  const key = await rows.accessKey(input.AccessKeyId ?? '');
  if (key === undefined || key.accountId !== ctx.accountId || key.userId !== owner.userId)
    throw noSuchKey(input.AccessKeyId);
  return key;
}

function noSuchKey(accessKeyId: string | undefined) {
  return noSuchEntity(`The Access Key with id ${accessKeyId} cannot be found.`);
}
