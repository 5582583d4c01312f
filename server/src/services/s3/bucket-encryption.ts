import type {
  DeleteBucketEncryptionRequest,
  GetBucketEncryptionOutput,
  GetBucketEncryptionRequest,
  PutBucketEncryptionRequest,
  ServerSideEncryptionRule,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { USUAL_ENCRYPTION } from './encryption.ts';
import type { DefaultEncryption } from './encryption-request.ts';
import { invalidArgument, malformedXml, noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';

export function bucketEncryptionOperations({ store, buckets }: S3Parts) {
  async function set(bucket: string, value: DefaultEncryption | undefined): Promise<Record<string, never>> {
    await store.transaction(async ({ s3 }) => {
      if (!(await s3.bucket(bucket))) throw noSuchBucket(bucket);
      await s3.setBucketSetting(bucket, 'encryption', value);
    });
    return {};
  }

  return {
    PutBucketEncryption: {
      // AWS: the permissions are not named like the operations.
      authorize: (input: PutBucketEncryptionRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutEncryptionConfiguration' }),
      handle: async (input: PutBucketEncryptionRequest) =>
        set(input.Bucket ?? '', parseRules(input.ServerSideEncryptionConfiguration?.Rules ?? [])),
    } satisfies Operation<PutBucketEncryptionRequest, Record<string, never>>,

    GetBucketEncryption: {
      authorize: (input: GetBucketEncryptionRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:GetEncryptionConfiguration' }),
      async handle(input: GetBucketEncryptionRequest, ctx: RequestContext): Promise<GetBucketEncryptionOutput> {
        const { name } = await buckets.find(input, ctx);
        const kept = (await store.read(({ s3 }) => s3.bucketSetting(name, 'encryption'))) as
          | DefaultEncryption
          | undefined;
        return { ServerSideEncryptionConfiguration: { Rules: [shownRule(kept ?? USUAL_ENCRYPTION)] } };
      },
    } satisfies Operation<GetBucketEncryptionRequest, GetBucketEncryptionOutput>,

    // AWS: a bucket is never without; deleting its setting leaves the one that every bucket begins with.
    DeleteBucketEncryption: {
      authorize: (input: DeleteBucketEncryptionRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutEncryptionConfiguration' }),
      handle: async (input: DeleteBucketEncryptionRequest) => set(input.Bucket ?? '', undefined),
    } satisfies Operation<DeleteBucketEncryptionRequest, Record<string, never>>,
  };
}

/** @throws Fault MalformedXML, InvalidArgument, NotImplemented */
function parseRules(rules: readonly ServerSideEncryptionRule[]): DefaultEncryption {
  const [rule, ...more] = rules;
  if (rule === undefined || more.length > 0)
    throw malformedXml(`ServerSideEncryptionConfiguration takes one Rule; you sent ${rules.length}.`);
  const { SSEAlgorithm = 'AES256', KMSMasterKeyID } = rule.ApplyServerSideEncryptionByDefault ?? {};
  if (SSEAlgorithm === 'aws:kms:dsse')
    throw s3Fault('NotImplemented', 'aws:kms:dsse is not implemented: use aws:kms or AES256.');
  if (SSEAlgorithm !== 'AES256' && SSEAlgorithm !== 'aws:kms')
    throw malformedXml(`SSEAlgorithm is AES256 or aws:kms; you sent ${SSEAlgorithm}.`);
  if (SSEAlgorithm === 'AES256' && KMSMasterKeyID !== undefined)
    throw invalidArgument(
      'ApplyServerSideEncryptionByDefault',
      KMSMasterKeyID,
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse',
    );
  const blocked = rule.BlockedEncryptionTypes?.EncryptionType?.includes('SSE-C') ?? false;
  return {
    algorithm: SSEAlgorithm,
    ...(KMSMasterKeyID === undefined ? {} : { keyId: KMSMasterKeyID }),
    bucketKey: rule.BucketKeyEnabled ?? false,
    ...(blocked ? { blocksCustomerKeys: true } : {}),
  };
}

function shownRule({ algorithm, keyId, bucketKey, blocksCustomerKeys }: DefaultEncryption): ServerSideEncryptionRule {
  return {
    ApplyServerSideEncryptionByDefault: {
      SSEAlgorithm: algorithm,
      ...(keyId === undefined ? {} : { KMSMasterKeyID: keyId }),
    },
    BucketKeyEnabled: bucketKey,
    ...(blocksCustomerKeys ? { BlockedEncryptionTypes: { EncryptionType: ['SSE-C'] } } : {}),
  };
}
