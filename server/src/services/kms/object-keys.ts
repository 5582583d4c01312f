import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { ObjectKeys, WrappingKey } from '../../ports/object-keys.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import { decryptUnder, encryptUnder, sealMaterial } from './ciphertext.ts';
import {
  findKey,
  type KeyScope,
  type KmsDependencies,
  keyArn,
  keyFacts,
  keyQuestion,
  materialOf,
  requireEnabled,
} from './key-access.ts';
import { requireUsage } from './key-kinds.ts';
import { rotatedKey } from './rotation.ts';

const ALIAS = 'alias/aws/s3';

/** Wraps the data keys of S3's objects: under the master key, or under KMS keys as S3 does on behalf of its callers. */
export function createObjectKeys(deps: KmsDependencies): ObjectKeys {
  async function lookUp(keyId: string, scope: KeyScope): Promise<KeyRow> {
    return await deps.store
      .read(({ kms }) => findKey(deps, kms, keyId, scope))
      .catch(error => {
        throw asS3(error);
      });
  }

  async function usable(arn: string): Promise<KeyRow> {
    const [, , , region = '', accountId = ''] = arn.split(':');
    try {
      const key = await rotatedKey(deps, arn, { region, accountId });
      requireEnabled(key);
      requireUsage(key, 'ENCRYPT_DECRYPT', arn, 'GenerateDataKey');
      return key;
    } catch (error) {
      throw asS3(error);
    }
  }

  /** The account's own key for S3 in the Region, as it is or as it would be made. */
  async function own(scope: KeyScope): Promise<KeyRow> {
    const alias = await deps.store.read(({ kms }) => kms.alias(scope.accountId, scope.region, ALIAS));
    return alias ? await lookUp(ALIAS, scope) : managedKey(deps, scope);
  }

  return {
    async resolve(keyId, ctx) {
      if (keyId !== undefined) return keyArn(await lookUp(keyId, ctx));
      return await deps.store.transaction(async ({ kms }) => {
        const { accountId, region } = ctx;
        const alias = await kms.alias(accountId, region, ALIAS);
        if (alias) return keyArn(alias);
        const key = managedKey(deps, ctx);
        const at = key.createdAt;
        await kms.insertKey(key);
        await kms.insertAlias({ accountId, region, name: ALIAS, keyId: key.keyId, createdAt: at, updatedAt: at });
        return keyArn(key);
      });
    },

    async questions(keyId, actions, context, ctx) {
      const found = keyId === undefined ? own(ctx) : lookUp(keyId, ctx);
      const key = await found.catch(() => undefined);
      if (key === undefined) return [];
      const facts = await deps.store.read(({ kms }) => keyFacts(kms, key, ctx.principal));
      const conditions = { 'kms:ViaService': viaService(ctx.region), 'kms:CallerAccount': ctx.accountId };
      return actions.map(action => keyQuestion(key, facts, { action, context, conditions }));
    },

    async generate(wrapping) {
      const plaintext = deps.ids.bytes(32);
      if (wrapping.keyArn === null) return { plaintext, wrapped: deps.vault.seal(plaintext, serviceContext(wrapping)) };
      const key = await usable(wrapping.keyArn);
      return { plaintext, wrapped: encryptUnder(deps, key, plaintext, wrapping.context).toString('base64url') };
    },

    async unwrap(wrapping, wrapped) {
      if (wrapping.keyArn === null) return deps.vault.open(wrapped, serviceContext(wrapping));
      const key = await usable(wrapping.keyArn);
      const blob = Buffer.from(wrapped, 'base64url');
      const material = await deps.store.read(({ kms }) => materialOf(kms, key, blob));
      return decryptUnder(deps, material, blob, wrapping.context);
    },
  };
}

function viaService(region: string): string {
  return `s3.${region}.amazonaws.com`;
}

function serviceContext({ context }: WrappingKey): string {
  return `s3-object:${JSON.stringify(Object.entries(context).sort())}`;
}

/** KMS's refusals as S3 passes them on. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function asS3(error: unknown): unknown {
  if (!(error instanceof Fault) || error.code === undefined) return error;
  return new Fault('invalid', error.message, { code: `KMS.${error.code}`, cause: error });
}

/** AWS's managed key of an account for S3: whoever may use S3 there may use it, and nobody may change it. */
function managedKey(deps: KmsDependencies, { accountId, region }: KeyScope | RequestContext): KeyRow {
  const keyId = deps.ids.uuid();
  const using = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'];
  const policy = {
    Version: '2012-10-17',
    Id: 'auto-s3-2',
    Statement: [
      {
        Sid: 'Allow access through S3 for all principals in the account that are authorized to use S3',
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: using,
        Resource: '*',
        Condition: { StringEquals: { 'kms:CallerAccount': accountId, 'kms:ViaService': viaService(region) } },
      },
      {
        Sid: 'Allow direct access to key metadata to the account',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: ['kms:Describe*', 'kms:Get*', 'kms:List*'],
        Resource: '*',
      },
    ],
  };
  return {
    ...{ keyId, accountId, region, deleteAt: null },
    state: 'Enabled',
    description: 'Default key that protects my S3 objects when no other key is defined',
    createdAt: deps.time.now().toISOString(),
    sealedMaterial: sealMaterial(deps, deps.ids.bytes(32), keyId, 0),
    ...{ spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
    ...{ materialVersion: 0, rotationPeriodDays: null, nextRotationAt: null },
    policy: JSON.stringify(policy),
    tags: {},
  };
}
