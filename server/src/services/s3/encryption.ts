import { createHash } from 'node:crypto';
import { SealBroken, seal, unseal } from '../../domain/encryption/sealing.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { ObjectKeys } from '../../ports/object-keys.ts';
import type { Objects } from '../../ports/objects.ts';
import type { Store } from '../../ports/store.ts';
import type { ObjectDescription, ObjectEncryption } from '../../ports/store-s3.ts';
import type { Ids } from '../../ports/time.ts';
import { bucketArn } from './access.ts';
import {
  type CustomerKey,
  customerKeyOf,
  type DefaultEncryption,
  type EncryptionInput,
  needsSignature,
  wantedEncryption,
} from './encryption-request.ts';
import { invalidArgument, s3Fault } from './faults.ts';
import { sealing } from './sealed-blobs.ts';

const CUSTOMER_PREFIX = 'x-amz-server-side-encryption-customer';
export const CUSTOMER_PREFIX_OF_SOURCE = 'x-amz-copy-source-server-side-encryption-customer';
const CUSTOMER_CONTEXT = 's3-customer-key';

/** What AWS gives every bucket since January 2023. */
export const USUAL_ENCRYPTION: DefaultEncryption = { algorithm: 'AES256', bucketKey: false };

/** How a new object is kept: what its row says, and where its bytes go. */
export interface Protection {
  encryption: ObjectEncryption;
  sink: Pick<Objects, 'put'>;
  /** AWS: the ETag tells the MD5 of what everybody may know alone; elsewhere it is just as long and says nothing. */
  etag(md5: string): string;
}

export interface ObjectProtection {
  /** Condition keys and, where KMS is to encrypt, the caller's permission for it: for the questions of a write. */
  questionsToWrite(input: EncryptionInput, ctx: RequestContext): Promise<AccessRequest[]>;
  /** @throws Fault as wantedEncryption, and KMS's refusals */
  protect(input: EncryptionInput, ctx: RequestContext): Promise<Protection>;
  /** For a part of an upload, which is encrypted as its upload said. @throws Fault as unlock */
  protectPart(upload: { description: ObjectDescription }, ctx: RequestContext): Promise<Protection | undefined>;
  /** The caller's permission to use the KMS key of what is kept, if one is in it. */
  questionsToUse(
    description: ObjectDescription | undefined,
    actions: readonly ('kms:GenerateDataKey' | 'kms:Decrypt')[],
    ctx: RequestContext,
  ): Promise<AccessRequest[]>;
  /**
   * The data key of an object; null: written before objects were encrypted.
   * @param prefix which headers bring a customer's key
   * @throws Fault InvalidRequest (a key is missing, or not wanted), AccessDenied (another key), KMS's refusals
   */
  unlock(description: ObjectDescription, ctx: RequestContext, prefix?: string): Promise<Uint8Array | null>;
  /** What HEAD checks as well, which needs no key: that a customer's key is sent just where one was. */
  check(description: ObjectDescription, ctx: RequestContext): void;
}

/** Condition keys of a write. */
export function encryptionConditions(ctx: RequestContext): Record<string, string | undefined> {
  const names = ['', '-aws-kms-key-id', '-customer-algorithm'].map(suffix => `x-amz-server-side-encryption${suffix}`);
  return Object.fromEntries(names.map(name => [`s3:${name}`, ctx.headers[name]]));
}

/** The members of an answer that tell how the object is encrypted. */
export function encryptionMembers(encryption: ObjectEncryption | undefined) {
  if (encryption === undefined) return {};
  if (encryption.customerKeyMd5 !== undefined)
    return { SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: encryption.customerKeyMd5 };
  if (encryption.keyArn === undefined) return { ServerSideEncryption: 'AES256' as const };
  return {
    ServerSideEncryption: 'aws:kms' as const,
    SSEKMSKeyId: encryption.keyArn,
    ...(encryption.bucketKey ? { BucketKeyEnabled: true } : {}),
  };
}

export function createObjectProtection(deps: {
  store: Store;
  objects: Objects;
  ids: Ids;
  objectKeys: ObjectKeys;
}): ObjectProtection {
  const { store, objects, ids, objectKeys } = deps;

  async function wanted(input: EncryptionInput, ctx: RequestContext) {
    const set = await store.read(rows => rows.s3.bucketSetting(input.Bucket ?? '', 'encryption'));
    const encryption = wantedEncryption(input, ctx, (set as DefaultEncryption | undefined) ?? USUAL_ENCRYPTION);
    const bucketKey = encryption.kind === 'kms' && encryption.bucketKey;
    const object = bucketArn(input.Bucket ?? '');
    const context = { 'aws:s3:arn': bucketKey ? object : `${object}/${input.Key ?? ''}` };
    return { encryption, context: encryption.kind === 'kms' ? { ...context, ...encryption.context } : context };
  }

  function protection(encryption: ObjectEncryption, dataKey: Uint8Array): Protection {
    const isMd5 = encryption.keyArn === undefined && encryption.customerKeyMd5 === undefined;
    return {
      encryption,
      sink: sealing(objects, ids, dataKey),
      etag: md5 => (isMd5 ? md5 : createHash('md5').update(ids.bytes(16)).digest('hex')),
    };
  }

  async function unlock(description: ObjectDescription, ctx: RequestContext, prefix = CUSTOMER_PREFIX) {
    const customer = checkCustomerKey(description, ctx, prefix);
    const { encryption } = description;
    if (encryption === undefined) return null;
    if (encryption.keyArn !== undefined && ctx.principal.type === 'anonymous') throw needsSignature();
    if (customer !== undefined) return openWith(customer, encryption.wrapped);
    return objectKeys.unwrap({ keyArn: encryption.keyArn ?? null, context: encryption.context }, encryption.wrapped);
  }

  return {
    async questionsToWrite(input, ctx) {
      try {
        const { encryption, context } = await wanted(input, ctx);
        if (encryption.kind !== 'kms') return [];
        return await objectKeys.questions(encryption.keyId, ['kms:GenerateDataKey'], context, ctx);
      } catch {
        // What is wrong with the request is said to those who may make it.
        return [];
      }
    },

    async protect(input, ctx) {
      const { encryption, context } = await wanted(input, ctx);
      if (encryption.kind === 'customer') {
        const dataKey = ids.bytes(32);
        const wrapped = seal(encryption.key.bytes, ids.bytes(12), dataKey, CUSTOMER_CONTEXT).toString('base64url');
        return protection({ context: {}, wrapped, customerKeyMd5: encryption.key.md5 }, dataKey);
      }
      const keyArn = encryption.kind === 'kms' ? await objectKeys.resolve(encryption.keyId, ctx) : null;
      const { plaintext, wrapped } = await objectKeys.generate({ keyArn, context });
      return protection(
        {
          ...{ context, wrapped },
          ...(keyArn === null ? {} : { keyArn }),
          ...(encryption.kind === 'kms' && encryption.bucketKey ? { bucketKey: true } : {}),
        },
        plaintext,
      );
    },

    async protectPart({ description }, ctx) {
      const dataKey = await unlock(description, ctx);
      return dataKey === null || description.encryption === undefined
        ? undefined
        : protection(description.encryption, dataKey);
    },

    async questionsToUse(description, actions, ctx) {
      const { keyArn, context } = description?.encryption ?? {};
      if (keyArn === undefined || context === undefined) return [];
      // A key serves in its own Region, also for a copy into another.
      const region = keyArn.split(':')[3] ?? ctx.region;
      return await objectKeys.questions(keyArn, actions, context, { ...ctx, region });
    },

    unlock,
    check: (description, ctx) => {
      checkCustomerKey(description, ctx, CUSTOMER_PREFIX);
    },
  };
}

function checkCustomerKey(
  { encryption }: ObjectDescription,
  ctx: RequestContext,
  prefix: string,
): CustomerKey | undefined {
  const sent = customerKeyOf(ctx, prefix);
  const wants = encryption?.customerKeyMd5 !== undefined;
  if (sent === undefined && wants)
    throw s3Fault(
      'InvalidRequest',
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    );
  if (sent !== undefined && !wants)
    throw s3Fault('InvalidRequest', 'The encryption parameters are not applicable to this object.');
  if (sent !== undefined) openWith(sent, encryption?.wrapped ?? '');
  return sent;
}

function openWith(key: CustomerKey, wrapped: string): Uint8Array {
  try {
    return unseal(key.bytes, Buffer.from(wrapped, 'base64url'), CUSTOMER_CONTEXT);
  } catch (cause) {
    if (!(cause instanceof SealBroken)) throw cause;
    throw s3Fault(
      'AccessDenied',
      'Access Denied: the customer-provided key is another than the object was stored with.',
    );
  }
}

/** AWS: what is read tells how it was encrypted; only a write says how. @throws Fault InvalidArgument */
export function refuseEncryptionOfRead(ctx: RequestContext): void {
  const header = Object.keys(ctx.headers).find(
    name => name.startsWith('x-amz-server-side-encryption') && !name.startsWith(CUSTOMER_PREFIX),
  );
  if (header !== undefined && ctx.headers[header] !== undefined)
    throw invalidArgument(header, ctx.headers[header] ?? '', `${header} header is not supported for this operation.`);
}
