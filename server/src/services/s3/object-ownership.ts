import type {
  DeleteBucketOwnershipControlsRequest,
  GetBucketOwnershipControlsOutput,
  GetBucketOwnershipControlsRequest,
  PutBucketOwnershipControlsRequest,
} from '@aws-sdk/client-s3';
import { isOwnersAlone } from '../../domain/access/acl.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { bucketAclWithoutAcls } from './acl-requests.ts';
import { bucketGrants, ownershipControls } from './acls-in-force.ts';
import { malformedXml, noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';

export function objectOwnershipOperations({ store, buckets }: S3Parts) {
  return {
    PutBucketOwnershipControls: {
      authorize: (input: PutBucketOwnershipControlsRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: PutBucketOwnershipControlsRequest): Promise<Record<string, never>> {
        const name = input.Bucket ?? '';
        const rules = input.OwnershipControls?.Rules ?? [];
        const ownership = rules[0]?.ObjectOwnership;
        if (rules.length !== 1 || ownership === undefined)
          throw malformedXml(`OwnershipControls takes one Rule with an ObjectOwnership; you sent ${rules.length}.`);
        await store.transaction(async ({ s3 }) => {
          const bucket = await s3.bucket(name);
          if (!bucket) throw noSuchBucket(name);
          const grants = await bucketGrants(s3, name);
          if (ownership === 'BucketOwnerEnforced' && grants && !isOwnersAlone(grants, bucket.accountId))
            throw bucketAclWithoutAcls();
          await s3.setBucketSetting(name, 'ownership', ownership);
        });
        return {};
      },
    } satisfies Operation<PutBucketOwnershipControlsRequest, Record<string, never>>,

    GetBucketOwnershipControls: {
      authorize: (input: GetBucketOwnershipControlsRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(
        input: GetBucketOwnershipControlsRequest,
        ctx: RequestContext,
      ): Promise<GetBucketOwnershipControlsOutput> {
        const { name } = await buckets.find(input, ctx);
        const ownership = await store.read(({ s3 }) => ownershipControls(s3, name));
        if (ownership === null)
          throw s3Fault('OwnershipControlsNotFoundError', 'The bucket ownership controls were not found', {
            members: { BucketName: name },
          });
        return { OwnershipControls: { Rules: [{ ObjectOwnership: ownership }] } };
      },
    } satisfies Operation<GetBucketOwnershipControlsRequest, GetBucketOwnershipControlsOutput>,

    DeleteBucketOwnershipControls: {
      // AWS: who may set them may delete them; there is no other permission.
      authorize: (input: DeleteBucketOwnershipControlsRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:PutBucketOwnershipControls' }),
      async handle(input: DeleteBucketOwnershipControlsRequest): Promise<Record<string, never>> {
        const name = input.Bucket ?? '';
        await store.transaction(async ({ s3 }) => {
          if (!(await s3.bucket(name))) throw noSuchBucket(name);
          await s3.setBucketSetting(name, 'ownership', null);
        });
        return {};
      },
    } satisfies Operation<DeleteBucketOwnershipControlsRequest, Record<string, never>>,
  };
}
