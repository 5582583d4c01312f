import {
  type AclStatement,
  bucketAclStatements,
  keyAclStatements,
  objectAclStatements,
} from '../../domain/access/acl.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { Store } from '../../ports/store.ts';
import type { BucketRow, ObjectAccess } from '../../ports/store-s3.ts';
import { type AclsInForce, aclsInForce, deciding } from './acls-in-force.ts';
import { isBucketName } from './bucket-names.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import { denialsOf, policyInForce, withStatements } from './public-policies.ts';

interface BucketInput {
  Bucket?: string | undefined;
  ExpectedBucketOwner?: string | undefined;
}

export interface FoundBucket extends BucketRow, AclsInForce {
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
  /** The same of a bucket that has been found. */
  questionOf(bucket: FoundBucket, details: AccessDetails): Promise<AccessRequest>;
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
      return row && { ...row, policyInForce: await policyInForce(s3, row), ...(await aclsInForce(s3, name)) };
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

  async function questionOf(bucket: FoundBucket, details: AccessDetails): Promise<AccessRequest> {
    const { key } = details;
    if (key === undefined || bucket.grants.length === 0) return accessTo(bucket, details);
    const existing = await store.read(({ s3 }) => s3.object(bucket.name, key));
    const owner = existing && (existing.ownerAccountId ?? bucket.accountId);
    return accessTo(bucket, details, keyAclStatements(bucket.grants, bucket.accountId, owner));
  }

  return {
    find,
    findAnywhere,
    questionOf,
    async ask(input, ctx, details = {}) {
      return [await questionOf(await find(input, ctx), details)];
    },
  };
}

/**
 * A question about a bucket, or about a key of it.
 * @param acl what an ACL adds to the bucket's policy
 */
export function accessTo(
  bucket: FoundBucket,
  { action, key, conditions }: AccessDetails,
  acl: readonly AclStatement[] = key === undefined ? bucketAclStatements(bucket.grants) : [],
): AccessRequest {
  const resourcePolicy = withStatements(bucket.policyInForce, acl);
  return {
    ...(action === undefined ? {} : { action }),
    resource: key === undefined ? bucketArn(bucket.name) : `${bucketArn(bucket.name)}/${key}`,
    ...(conditions ? { conditions } : {}),
    resourceAccountId: bucket.accountId,
    ...(resourcePolicy === null ? {} : { resourcePolicy }),
  };
}

/**
 * A question about an object that is there. AWS: one that is another account's is that account's to decide about, by its
 * ACL; of the bucket's policy only what it denies counts.
 * @param object undefined: none is there, and who may list the bucket may learn so
 */
export function accessToObject(
  bucket: FoundBucket,
  object: ObjectAccess | undefined,
  details: AccessDetails & { key: string },
): AccessRequest {
  if (bucket.ownership === 'BucketOwnerEnforced') return accessTo(bucket, details);
  const owner = object?.ownerAccountId ?? bucket.accountId;
  const grants = object ? deciding(object.grants ?? [], bucket.ignoresPublicAcls) : bucket.grants;
  const own = owner === bucket.accountId ? bucket : { ...bucket, policyInForce: denialsOf(bucket.policyInForce) };
  return { ...accessTo(own, details, objectAclStatements(grants)), resourceAccountId: owner };
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
