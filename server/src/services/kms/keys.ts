import type {
  CancelKeyDeletionRequest,
  CancelKeyDeletionResponse,
  CreateKeyRequest,
  CreateKeyResponse,
  DescribeKeyRequest,
  DescribeKeyResponse,
  DisableKeyRequest,
  EnableKeyRequest,
  KeyMetadata,
  ListKeysRequest,
  ListKeysResponse,
  ScheduleKeyDeletionRequest,
  ScheduleKeyDeletionResponse,
  UpdateKeyDescriptionRequest,
} from '@aws-sdk/client-kms';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import { sealMaterial } from './ciphertext.ts';
import {
  askForKey,
  findKey,
  type KmsDependencies,
  keyArn,
  materialId,
  ORIGIN_CONDITIONS,
  questionOf,
  requireKept,
} from './key-access.ts';
import { describeKind, kindOf, unsupported } from './key-kinds.ts';
import { checkKeyPolicy, defaultKeyPolicy, refuseUnknownPrincipals } from './key-policies.ts';
import { isManagedAlias, madeManagedKey, managedKey } from './managed-key.ts';
import { seekPage } from './paging.ts';
import { tagRecord } from './tags.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

export function keyOperations(deps: KmsDependencies) {
  const authorize = (input: { KeyId?: string | undefined }, ctx: RequestContext) => askForKey(deps, input.KeyId, ctx);

  const change = async (
    keyId: string | undefined,
    ctx: RequestContext,
    what: (key: KeyRow) => Partial<KeyRow>,
  ): Promise<KeyRow> =>
    await deps.store.transaction(async ({ kms }) => {
      const key = await findKey(deps, kms, keyId ?? '', ctx);
      const changes = what(key);
      await kms.updateKey(key.keyId, changes);
      return { ...key, ...changes };
    });

  return {
    CreateKey: {
      authorize: (input: CreateKeyRequest) => [
        {
          resource: '*',
          conditions: {
            ...ORIGIN_CONDITIONS,
            'kms:KeySpec': input.KeySpec ?? input.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT',
            'kms:KeyUsage': input.KeyUsage ?? 'ENCRYPT_DECRYPT',
            'kms:BypassPolicyLockoutSafetyCheck': input.BypassPolicyLockoutSafetyCheck ?? false,
          },
        },
      ],
      async handle(input: CreateKeyRequest, ctx): Promise<CreateKeyResponse> {
        const { spec, kind } = askedKind(input);
        const policy = input.Policy ?? defaultKeyPolicy(ctx.accountId);
        if (input.Policy !== undefined)
          checkKeyPolicy(input.Policy, ctx, input.BypassPolicyLockoutSafetyCheck ?? false);
        const keyId = deps.ids.uuid();
        const key: KeyRow = {
          keyId,
          accountId: ctx.accountId,
          region: ctx.region,
          state: 'Enabled',
          description: input.Description ?? '',
          manager: 'CUSTOMER',
          createdAt: deps.time.now().toISOString(),
          deleteAt: null,
          spec,
          usage: kind.usage,
          sealedMaterial: sealMaterial(deps, await kind.newMaterial(deps.ids), keyId, 0),
          materialVersion: 0,
          rotationPeriodDays: null,
          nextRotationAt: null,
          policy,
          tags: tagRecord(input.Tags, {}),
        };
        await deps.store.transaction(async ({ iam, kms }) => {
          await refuseUnknownPrincipals(iam, ctx.accountId, policy);
          await kms.insertKey(key);
        });
        return { KeyMetadata: describeKey(key) };
      },
    },

    DescribeKey: {
      async authorize(input: DescribeKeyRequest, ctx) {
        if (!isManagedAlias(input.KeyId, ctx)) return await authorize(input, ctx);
        return [await questionOf(deps, await managedKey(deps, ctx), input.KeyId ?? '', ctx)];
      },
      async handle(input: DescribeKeyRequest, ctx): Promise<DescribeKeyResponse> {
        // AWS: describing a predefined alias that has no key yet makes the key.
        if (isManagedAlias(input.KeyId, ctx)) return { KeyMetadata: describeKey(await madeManagedKey(deps, ctx)) };
        const key = await deps.store.read(({ kms }) => findKey(deps, kms, input.KeyId ?? '', ctx));
        return { KeyMetadata: describeKey(key) };
      },
    },

    ListKeys: {
      authorize: (_input: ListKeysRequest) => [{ resource: '*' }],
      async handle(input: ListKeysRequest, ctx): Promise<ListKeysResponse> {
        const now = deps.time.now().getTime();
        const { items, ...page } = await seekPage(
          input,
          (key: KeyRow) => key.keyId,
          page => deps.store.read(({ kms }) => kms.keys(ctx.accountId, ctx.region, { ...page, now })),
        );
        return { ...page, Keys: items.map(key => ({ KeyId: key.keyId, KeyArn: keyArn(key) })) };
      },
    },

    UpdateKeyDescription: {
      authorize: (input: UpdateKeyDescriptionRequest, ctx) => authorize(input, ctx),
      async handle(input: UpdateKeyDescriptionRequest, ctx): Promise<object> {
        await change(input.KeyId, ctx, key => {
          requireKept(key);
          return { description: input.Description ?? '' };
        });
        return {};
      },
    },

    EnableKey: {
      authorize: (input: EnableKeyRequest, ctx) => authorize(input, ctx),
      async handle(input: EnableKeyRequest, ctx): Promise<object> {
        await change(input.KeyId, ctx, key => {
          requireKept(key);
          return { state: 'Enabled' };
        });
        return {};
      },
    },

    DisableKey: {
      authorize: (input: DisableKeyRequest, ctx) => authorize(input, ctx),
      async handle(input: DisableKeyRequest, ctx): Promise<object> {
        await change(input.KeyId, ctx, key => {
          requireKept(key);
          return { state: 'Disabled' };
        });
        return {};
      },
    },

    ScheduleKeyDeletion: {
      authorize: (input: ScheduleKeyDeletionRequest, ctx) =>
        askForKey(deps, input.KeyId, ctx, { 'kms:ScheduleKeyDeletionPendingWindowInDays': input.PendingWindowInDays }),
      async handle(input: ScheduleKeyDeletionRequest, ctx): Promise<ScheduleKeyDeletionResponse> {
        const days = input.PendingWindowInDays ?? 30;
        if (days < 7 || days > 30)
          throw new Fault('invalid', `PendingWindowInDays must be from 7 to 30; you sent ${days}.`);
        const deleteAt = deps.time.now().getTime() + days * DAY_MILLISECONDS;
        const key = await change(input.KeyId, ctx, current => {
          requireKept(current);
          return { state: 'PendingDeletion', deleteAt };
        });
        return {
          KeyId: keyArn(key),
          DeletionDate: new Date(deleteAt),
          KeyState: 'PendingDeletion',
          PendingWindowInDays: days,
        };
      },
    },

    CancelKeyDeletion: {
      authorize: (input: CancelKeyDeletionRequest, ctx) => authorize(input, ctx),
      async handle(input: CancelKeyDeletionRequest, ctx): Promise<CancelKeyDeletionResponse> {
        const key = await change(input.KeyId, ctx, current => {
          if (current.state !== 'PendingDeletion')
            throw new Fault('conflict', `${keyArn(current)} is not pending deletion.`, {
              code: 'KMSInvalidStateException',
            });
          // AWS: a key that is taken back stays disabled until somebody enables it.
          return { state: 'Disabled', deleteAt: null };
        });
        return { KeyId: keyArn(key) };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

function describeKey(key: KeyRow): KeyMetadata {
  return {
    AWSAccountId: key.accountId,
    KeyId: key.keyId,
    Arn: keyArn(key),
    CreationDate: new Date(key.createdAt),
    Enabled: key.state === 'Enabled',
    Description: key.description,
    ...describeKind(key),
    KeyState: key.state,
    ...(key.deleteAt === null ? {} : { DeletionDate: new Date(key.deleteAt) }),
    Origin: 'AWS_KMS',
    KeyManager: key.manager,
    MultiRegion: false,
    ...(key.usage === 'ENCRYPT_DECRYPT' && { CurrentKeyMaterialId: materialId(key.keyId, key.materialVersion) }),
  };
}

/** @throws Fault UnsupportedOperationException by name; ValidationException for a usage that the spec has not */
function askedKind(input: CreateKeyRequest): { spec: string; kind: ReturnType<typeof kindOf> } {
  const { KeySpec: spec = input.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT', KeyUsage: usage = 'ENCRYPT_DECRYPT' } =
    input;
  if ((input.Origin ?? 'AWS_KMS') !== 'AWS_KMS') throw unsupported(`Origin ${input.Origin}`);
  if (input.MultiRegion) throw unsupported('MultiRegion');
  if (input.CustomKeyStoreId !== undefined || input.XksKeyId !== undefined) throw unsupported('A custom key store');
  const kind = kindOf(spec);
  if (usage === kind.usage) return { spec, kind };
  if (input.KeyUsage === undefined)
    throw new Fault(
      'invalid',
      `You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys: with ${spec}, ${kind.usage}.`,
    );
  // AWS: RSA keys encrypt as well, and elliptic curves agree on keys.
  if (spec.startsWith('RSA_') && usage === 'ENCRYPT_DECRYPT') throw unsupported(`KeyUsage ${usage} with ${spec}`);
  if (usage === 'KEY_AGREEMENT') throw unsupported(`KeyUsage ${usage}`);
  throw new Fault('invalid', `KeyUsage ${usage} is not compatible with KeySpec ${spec}: give ${kind.usage}.`);
}
