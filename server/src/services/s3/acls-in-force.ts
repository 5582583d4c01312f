import { type AclGrant, isPublicGrant } from '../../domain/access/acl.ts';
import type { ObjectAccess, S3Rows } from '../../ports/store-s3.ts';
import { publicAccessBlock } from './public-policies.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html */
export type ObjectOwnership = 'BucketOwnerEnforced' | 'BucketOwnerPreferred' | 'ObjectWriter';

/** AWS: what buckets have since April 2023, so also those that have never been asked. */
export const USUAL_OWNERSHIP: ObjectOwnership = 'BucketOwnerEnforced';

/** @returns null where the controls were deleted, which means ObjectWriter */
export async function ownershipControls(s3: S3Rows, bucket: string): Promise<ObjectOwnership | null> {
  const kept = (await s3.bucketSetting(bucket, 'ownership')) as ObjectOwnership | null | undefined;
  return kept === undefined ? USUAL_OWNERSHIP : kept;
}

export async function objectOwnership(s3: S3Rows, bucket: string): Promise<ObjectOwnership> {
  return (await ownershipControls(s3, bucket)) ?? 'ObjectWriter';
}

/** How far a bucket's ACL, and those of its objects, decide. */
export interface AclsInForce {
  ownership: ObjectOwnership;
  /** What the bucket's own list grants; empty where ACLs are off. */
  grants: readonly AclGrant[];
  ignoresPublicAcls: boolean;
}

export async function aclsInForce(s3: S3Rows, bucket: string): Promise<AclsInForce> {
  const ownership = await objectOwnership(s3, bucket);
  if (ownership === 'BucketOwnerEnforced') return { ownership, grants: [], ignoresPublicAcls: true };
  const ignoresPublicAcls = (await publicAccessBlock(s3, bucket))?.IgnorePublicAcls ?? false;
  return { ownership, ignoresPublicAcls, grants: deciding((await bucketGrants(s3, bucket)) ?? [], ignoresPublicAcls) };
}

/** The grants of a list that count. */
export function deciding(grants: readonly AclGrant[], ignoresPublicAcls: boolean): readonly AclGrant[] {
  return ignoresPublicAcls ? grants.filter(grant => !isPublicGrant(grant)) : grants;
}

/** The account that an object belongs to, as the bucket's ownership has it. */
export function shownOwner(
  { ownership, accountId }: { ownership: ObjectOwnership; accountId: string },
  { ownerAccountId }: Pick<ObjectAccess, 'ownerAccountId'>,
): string {
  return ownership === 'BucketOwnerEnforced' ? accountId : (ownerAccountId ?? accountId);
}

/** The list that a bucket was given; undefined: full control for its owner alone. */
export async function bucketGrants(s3: S3Rows, bucket: string): Promise<AclGrant[] | undefined> {
  return (await s3.bucketSetting(bucket, 'acl')) as AclGrant[] | undefined;
}
