import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { Store } from '../../ports/store.ts';
import type { BucketRow } from '../../ports/store-s3.ts';
import { isBucketName } from './bucket-names.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import { policyInForce } from './public-policies.ts';

interface BucketInput {
  Bucket?: string | undefined;
  ExpectedBucketOwner?: string | undefined;
}

export interface FoundBucket extends BucketRow {
  /** The bucket policy as it decides, with what the public access block adds to it. */
  policyInForce: string | null;
}

/** The parts of a request to the policy engine that an operation adds. */
export interface AccessDetails {
  /** Where IAM's action is not named like the operation. */
  action?: string;
  key?: string;
  conditions?: AccessRequest['conditions'];
}

export interface BucketFinder {
  /**
   * The bucket of a request, in the Region of its signature.
   * @throws Fault NoSuchBucket, InvalidBucketName, PermanentRedirect (it lies in another Region) or AccessDenied (it is
   * not the expected owner's)
   */
  find(input: BucketInput, ctx: RequestContext): Promise<FoundBucket>;
  /** The same for a bucket of any Region: for the operation that exists to find the Region out. */
  findAnywhere(input: BucketInput): Promise<FoundBucket>;
  /** The question whether the caller may do the operation to the bucket or to one of its objects. */
  ask(input: BucketInput, ctx: RequestContext, details?: AccessDetails): Promise<AccessRequest[]>;
}

export function createBucketFinder(store: Store): BucketFinder {
  async function find(input: BucketInput, ctx: RequestContext): Promise<FoundBucket> {
    const bucket = await findAnywhere(input);
    if (ctx.regionNamed !== false && bucket.region !== ctx.region) throw redirect(bucket, ctx);
    return bucket;
  }

  async function findAnywhere(input: BucketInput): Promise<FoundBucket> {
    const name = input.Bucket ?? '';
    const bucket = await store.read(async ({ s3 }) => {
      const row = await s3.bucket(name);
      return row && { ...row, policyInForce: await policyInForce(s3, row) };
    });
    if (bucket) return owned(bucket, input);
    if (!isBucketName(name))
      throw s3Fault('InvalidBucketName', 'The specified bucket is not valid.', { members: { BucketName: name } });
    throw noSuchBucket(name);
  }

  function owned(bucket: FoundBucket, input: BucketInput): FoundBucket {
    if (input.ExpectedBucketOwner !== undefined && input.ExpectedBucketOwner !== bucket.accountId)
      throw s3Fault(
        'AccessDenied',
        `Access Denied: the bucket ${bucket.name} is not owned by the account in x-amz-expected-bucket-owner.`,
      );
    return bucket;
  }

  return {
    find,
    findAnywhere,
    async ask(input, ctx, details = {}) {
      return [accessTo(await find(input, ctx), details)];
    },
  };
}

export function accessTo(bucket: FoundBucket, { action, key, conditions }: AccessDetails): AccessRequest {
  return {
    ...(action === undefined ? {} : { action }),
    resource: key === undefined ? bucketArn(bucket.name) : `${bucketArn(bucket.name)}/${key}`,
    ...(conditions ? { conditions } : {}),
    resourceAccountId: bucket.accountId,
    ...(bucket.policyInForce === null ? {} : { resourcePolicy: bucket.policyInForce }),
  };
}

export function bucketArn(name: string): string {
  return `arn:aws:s3:::${name}`;
}

/** SDKs read the Region from the header and sign again for it. */
function redirect(bucket: BucketRow, ctx: RequestContext): Error {
  return s3Fault(
    'PermanentRedirect',
    `The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint. It is in the Region ${bucket.region}; you signed for ${ctx.region}.`,
    {
      members: { Endpoint: ctx.host, Bucket: bucket.name, Region: bucket.region },
      headers: { 'x-amz-bucket-region': bucket.region },
    },
  );
}
