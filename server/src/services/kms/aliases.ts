import type {
  AliasListEntry,
  CreateAliasRequest,
  DeleteAliasRequest,
  ListAliasesRequest,
  ListAliasesResponse,
  UpdateAliasRequest,
} from '@aws-sdk/client-kms';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { AliasRow, KmsRows } from '../../ports/store-kms.ts';
import {
  aliasArn,
  askForKey,
  findKey,
  type KeyScope,
  type KmsDependencies,
  notFound,
  refuseAlias,
  requireKept,
} from './key-access.ts';
import { type ListedAlias, withManagedAlias } from './managed-key.ts';
import { seekPage } from './paging.ts';

export function aliasOperations(deps: KmsDependencies) {
  /** AWS: both the alias (by identity policy) and the key (by key policy) must allow it. */
  const authorize = async (
    name: string | undefined,
    keyIds: readonly (string | undefined)[],
    ctx: RequestContext,
  ): Promise<AccessRequest[]> => {
    const asked: AccessRequest[] = [{ resource: aliasArn(ctx, name ?? '') }];
    for (const keyId of keyIds) asked.push(...(await askForKey(deps, keyId && targetKey(keyId), ctx)));
    return asked;
  };

  return {
    CreateAlias: {
      authorize: (input: CreateAliasRequest, ctx) => authorize(input.AliasName, [input.TargetKeyId], ctx),
      async handle(input: CreateAliasRequest, ctx): Promise<object> {
        const { AliasName: name = '' } = input;
        checkName(name);
        const createdAt = deps.time.now().toISOString();
        return await deps.store.transaction(async ({ kms }) => {
          const key = await findKey(deps, kms, targetKey(input.TargetKeyId), ctx);
          requireKept(key);
          if (await kms.alias(ctx.accountId, ctx.region, name))
            throw new Fault('conflict', `An alias with the name ${aliasArn(ctx, name)} already exists`, {
              code: 'AlreadyExistsException',
            });
          const { accountId, region } = ctx;
          await kms.insertAlias({ accountId, region, name, keyId: key.keyId, createdAt, updatedAt: createdAt });
          return {};
        });
      },
    },

    UpdateAlias: {
      async authorize(input: UpdateAliasRequest, ctx) {
        const alias = await deps.store.read(({ kms }) => findAlias(kms, input.AliasName, ctx));
        return await authorize(input.AliasName, [alias.keyId, input.TargetKeyId], ctx);
      },
      async handle(input: UpdateAliasRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ kms }) => {
          const alias = await findAlias(kms, input.AliasName, ctx);
          const key = await findKey(deps, kms, targetKey(input.TargetKeyId), ctx);
          requireKept(key);
          const old = await kms.key(alias.keyId);
          if (old !== undefined && (old.spec !== key.spec || old.usage !== key.usage))
            throw new Fault(
              'invalid',
              `An alias may move only to a key of the same kind: ${alias.name} is of ${old.spec}, ${key.keyId} of ${key.spec}.`,
            );
          await kms.updateAlias({ ...alias, keyId: key.keyId, updatedAt: deps.time.now().toISOString() });
          return {};
        });
      },
    },

    DeleteAlias: {
      async authorize(input: DeleteAliasRequest, ctx) {
        const alias = await deps.store.read(({ kms }) => findAlias(kms, input.AliasName, ctx));
        return await authorize(input.AliasName, [alias.keyId], ctx);
      },
      async handle(input: DeleteAliasRequest, ctx): Promise<object> {
        return await deps.store.transaction(async ({ kms }) => {
          const alias = await findAlias(kms, input.AliasName, ctx);
          await kms.deleteAlias(ctx.accountId, ctx.region, alias.name);
          return {};
        });
      },
    },

    ListAliases: {
      authorize: (_input: ListAliasesRequest) => [{ resource: '*' }],
      async handle(input: ListAliasesRequest, ctx): Promise<ListAliasesResponse> {
        if (input.KeyId !== undefined) refuseAlias(input.KeyId);
        return await deps.store.read(async ({ kms }) => {
          const keyId = input.KeyId === undefined ? undefined : (await findKey(deps, kms, input.KeyId, ctx)).keyId;
          const { items, ...page } = await seekPage(
            input,
            (alias: ListedAlias) => alias.name,
            async page => {
              const aliases = await kms.aliases(ctx.accountId, ctx.region, { ...page, keyId });
              return keyId === undefined ? await withManagedAlias(kms, ctx, page, aliases) : aliases;
            },
          );
          return { ...page, Aliases: items.map(alias => describeAlias(alias, ctx)) };
        });
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** @throws Fault for what is no name of an alias that one may change, NotFoundException */
async function findAlias(rows: KmsRows, name = '', ctx: RequestContext): Promise<AliasRow> {
  checkName(name);
  const alias = await rows.alias(ctx.accountId, ctx.region, name);
  if (alias === undefined) throw notFound(`Alias ${aliasArn(ctx, name)} is not found.`);
  return alias;
}

function describeAlias(alias: ListedAlias, scope: KeyScope): AliasListEntry {
  const named = { AliasName: alias.name, AliasArn: aliasArn(scope, alias.name) };
  if (!('keyId' in alias)) return named;
  return {
    ...named,
    TargetKeyId: alias.keyId,
    CreationDate: new Date(alias.createdAt),
    LastUpdatedDate: new Date(alias.updatedAt),
  };
}

function checkName(name: string): void {
  if (!name.startsWith('alias/'))
    throw new Fault('invalid', `Invalid identifier: AliasName must begin with "alias/"; you sent "${name}".`);
  if (!/^alias\/[a-zA-Z0-9/_-]{1,250}$/.test(name))
    throw new Fault(
      'invalid',
      `${name} contains invalid characters for an alias: after "alias/" come 1 to 250 of letters, digits, / _ -.`,
    );
  if (name.startsWith('alias/aws/'))
    throw new Fault('denied', `AliasName may not begin with "alias/aws/", which is reserved; "${name}" does.`, {
      code: 'NotAuthorizedException',
    });
}

/** AWS: an alias stands for a key, never for another alias. */
function targetKey(keyId = ''): string {
  if (keyId.includes('alias/')) throw new Fault('invalid', 'Aliases must refer to keys. Not aliases');
  return keyId;
}
