import type {
  DeletePublicAccessBlockRequest,
  GetPublicAccessBlockOutput,
  GetPublicAccessBlockRequest,
  PutPublicAccessBlockRequest,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { PUBLIC_ACCESS_SETTING, type PublicAccessBlock, publicAccessBlock } from './public-policies.ts';

export function publicAccessOperations({ store, buckets }: S3Parts) {
  async function set(bucket: string, value: PublicAccessBlock | undefined): Promise<Record<string, never>> {
    await store.transaction(async ({ s3 }) => {
      if (!(await s3.bucket(bucket))) throw noSuchBucket(bucket);
      await s3.setBucketSetting(bucket, PUBLIC_ACCESS_SETTING, value);
    });
    return {};
  }

  return {
    PutPublicAccessBlock: {
      authorize: (input: PutPublicAccessBlockRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutBucketPublicAccessBlock' }),
      async handle(input: PutPublicAccessBlockRequest): Promise<Record<string, never>> {
        const sent = input.PublicAccessBlockConfiguration ?? {};
        return set(input.Bucket ?? '', {
          BlockPublicAcls: sent.BlockPublicAcls ?? false,
          IgnorePublicAcls: sent.IgnorePublicAcls ?? false,
          BlockPublicPolicy: sent.BlockPublicPolicy ?? false,
          RestrictPublicBuckets: sent.RestrictPublicBuckets ?? false,
        });
      },
    } satisfies Operation<PutPublicAccessBlockRequest, Record<string, never>>,

    GetPublicAccessBlock: {
      authorize: (input: GetPublicAccessBlockRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:GetBucketPublicAccessBlock' }),
      async handle(input: GetPublicAccessBlockRequest, ctx: RequestContext): Promise<GetPublicAccessBlockOutput> {
        const { name } = await buckets.find(input, ctx);
        const kept = await store.read(({ s3 }) => publicAccessBlock(s3, name));
        if (kept === undefined)
          throw s3Fault('NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found', {
            members: { BucketName: name },
          });
        return { PublicAccessBlockConfiguration: kept };
      },
    } satisfies Operation<GetPublicAccessBlockRequest, GetPublicAccessBlockOutput>,

    DeletePublicAccessBlock: {
      // AWS: who may set it may delete it; there is no other permission.
      authorize: (input: DeletePublicAccessBlockRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutBucketPublicAccessBlock' }),
      handle: (input: DeletePublicAccessBlockRequest) => set(input.Bucket ?? '', undefined),
    } satisfies Operation<DeletePublicAccessBlockRequest, Record<string, never>>,
  };
}
