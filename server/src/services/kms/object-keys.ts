import { Fault } from '../../domain/fault.ts';
import type { ObjectKeys, WrappingKey } from '../../ports/object-keys.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import { decryptUnder, encryptUnder } from './ciphertext.ts';
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
import { madeManagedKey, managedKey, viaService } from './managed-key.ts';
import { rotatedKey } from './rotation.ts';

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

  return {
    async resolve(keyId, ctx) {
      if (keyId !== undefined) return keyArn(await lookUp(keyId, ctx));
      return keyArn(await madeManagedKey(deps, ctx));
    },

    async questions(keyId, actions, context, ctx) {
      const found = keyId === undefined ? managedKey(deps, ctx) : lookUp(keyId, ctx);
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

function serviceContext({ context }: WrappingKey): string {
  return `s3-object:${JSON.stringify(Object.entries(context).sort())}`;
}

/** KMS's refusals as S3 passes them on. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
function asS3(error: unknown): unknown {
  if (!(error instanceof Fault) || error.code === undefined) return error;
  return new Fault('invalid', error.message, { code: `KMS.${error.code}`, cause: error });
}
