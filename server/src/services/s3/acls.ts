import type {
  AccessControlPolicy,
  GetBucketAclOutput,
  GetBucketAclRequest,
  GetObjectAclOutput,
  GetObjectAclRequest,
  PutBucketAclRequest,
  PutObjectAclOutput,
  PutObjectAclRequest,
} from '@aws-sdk/client-s3';
import { type AclGrant, isOwnersAlone } from '../../domain/access/acl.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import type { BucketRow, BucketVersioning, ObjectAccess } from '../../ports/store-s3.ts';
import {
  type AclSubject,
  aclOfDocument,
  aclOfHeaders,
  aclsNotSupported,
  namesAcl,
  refusePublicAcl,
  shownAcl,
} from './acl-requests.ts';
import { bucketGrants, objectOwnership, shownOwner } from './acls-in-force.ts';
import { noSuchBucket, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { askToRead } from './reading.ts';
import { findVersion, parseVersionId, shownVersion } from './versions.ts';

export function aclOperations(parts: S3Parts) {
  const { store, buckets } = parts;
  return {
    PutBucketAcl: {
      authorize: (input: PutBucketAclRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: PutBucketAclRequest, ctx: RequestContext): Promise<Record<string, never>> {
        const name = input.Bucket ?? '';
        await store.transaction(async rows => {
          const bucket = await bucketOf(rows, name);
          const subject = { kind: 'bucket', owner: bucket.accountId, bucketOwner: bucket.accountId } as const;
          const grants = await keptAcl(rows, name, subject, () =>
            sentAcl(rows, input.AccessControlPolicy, ctx, subject),
          );
          if (grants === null) return;
          await rows.s3.setBucketSetting(name, 'acl', grants);
        });
        return {};
      },
    } satisfies Operation<PutBucketAclRequest, Record<string, never>>,

    GetBucketAcl: {
      authorize: (input: GetBucketAclRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: GetBucketAclRequest, ctx: RequestContext): Promise<GetBucketAclOutput> {
        const { name, accountId, ownership } = await buckets.find(input, ctx);
        const grants = await store.read(({ s3 }) => bucketGrants(s3, name));
        return shownAcl(ownership === 'BucketOwnerEnforced' ? undefined : grants, accountId);
      },
    } satisfies Operation<GetBucketAclRequest, GetBucketAclOutput>,

    PutObjectAcl: {
      authorize: (input: PutObjectAclRequest, ctx: RequestContext) => askToRead(parts, input, ctx),
      async handle(input: PutObjectAclRequest, ctx: RequestContext) {
        const name = input.Bucket ?? '';
        const versionId = parseVersionId(input.VersionId);
        return await store.transaction(async rows => {
          const { accountId: bucketOwner, versioning } = await bucketOf(rows, name);
          const object = await findVersion(rows.s3, name, input.Key ?? '', versionId);
          const ownership = await objectOwnership(rows.s3, name);
          const owner = shownOwner({ ownership, accountId: bucketOwner }, object);
          const subject = { kind: 'object', owner, bucketOwner } as const;
          const grants = await keptAcl(rows, name, subject, () =>
            sentAcl(rows, input.AccessControlPolicy, ctx, subject),
          );
          if (grants !== null) await rows.s3.setGrants(object, grants);
          return versionHeader(versioning, object.versionId);
        });
      },
    } satisfies Operation<PutObjectAclRequest, PutObjectAclOutput & VersionHeader>,

    GetObjectAcl: {
      authorize: (input: GetObjectAclRequest, ctx: RequestContext) => askToRead(parts, input, ctx),
      async handle(input: GetObjectAclRequest, ctx: RequestContext) {
        const { name, accountId, ownership, versioning } = await buckets.find(input, ctx);
        const versionId = parseVersionId(input.VersionId);
        const object = await store.read(({ s3 }) => findVersion(s3, name, input.Key ?? '', versionId));
        const grants = ownership === 'BucketOwnerEnforced' ? null : object.grants;
        return {
          ...shownAcl(grants ?? undefined, shownOwner({ ownership, accountId }, object)),
          ...versionHeader(versioning, object.versionId),
        };
      },
    } satisfies Operation<GetObjectAclRequest, GetObjectAclOutput & VersionHeader>,
  };
}

interface VersionHeader {
  $metadata: { httpHeaders: Record<string, string> };
}

/** AWS: the answers about ACLs name the version too, in a header that its model has no member for. */
function versionHeader(versioning: BucketVersioning, versionId: string | null): VersionHeader {
  const { VersionId } = shownVersion(versioning, versionId);
  return { $metadata: { httpHeaders: VersionId === undefined ? {} : { 'x-amz-version-id': VersionId } } };
}

/** AWS: a writer who sends an ACL needs the right to set it, where the bucket has ACLs at all. */
export async function askToSetAcl(
  { buckets }: S3Parts,
  input: { Bucket?: string | undefined; Key?: string | undefined },
  ctx: RequestContext,
): Promise<AccessRequest[]> {
  if (!namesAcl(ctx.headers)) return [];
  const { ownership, accountId } = await buckets.find(input, ctx);
  if (ownership === 'BucketOwnerEnforced') return [];
  const requests = await buckets.ask(input, ctx, { action: 's3:PutObjectAcl', key: input.Key ?? '' });
  if (newOwner(ownership, accountId, ctx) === accountId) return requests;
  // The object will be the writer's own; the bucket's owner can still deny.
  return requests.map(request => ({ ...request, resourceAccountId: ctx.accountId }));
}

/**
 * Whose a new object is, and the list that its writer sends for it.
 * @throws Fault NoSuchBucket, AccessControlListNotSupported, AccessDenied (BlockPublicAcls), or as aclOfHeaders
 */
export async function accessOfNewObject(
  { store }: Pick<S3Parts, 'store'>,
  name: string,
  ctx: RequestContext,
): Promise<ObjectAccess> {
  return store.read(async rows => {
    const { accountId: bucketOwner } = await bucketOf(rows, name);
    const owner = newOwner(await objectOwnership(rows.s3, name), bucketOwner, ctx);
    const subject = { kind: 'object', owner, bucketOwner } as const;
    const grants = await keptAcl(rows, name, subject, () => aclOfHeaders(rows, ctx.headers, subject));
    return { ownerAccountId: owner === bucketOwner ? null : owner, grants };
  });
}

/** The account that owns what a caller writes. What nobody signed, or a service wrote, is the bucket owner's. */
function newOwner(ownership: string, bucketOwner: string, { accountId, headers }: RequestContext): string {
  const handsOver = ownership === 'BucketOwnerPreferred' && headers['x-amz-acl'] === 'bucket-owner-full-control';
  return ownership === 'BucketOwnerEnforced' || handsOver || accountId === '' ? bucketOwner : accountId;
}

/**
 * The list to keep of a bucket or object; null: none. AWS: a bucket without ACLs takes the one that says what is true of it
 * anyway.
 * @throws Fault AccessControlListNotSupported for any other, AccessDenied (BlockPublicAcls), or as `read`
 */
async function keptAcl(
  rows: Rows,
  bucket: string,
  { owner }: AclSubject,
  read: () => Promise<AclGrant[] | undefined>,
): Promise<AclGrant[] | null> {
  const isEnforced = (await objectOwnership(rows.s3, bucket)) === 'BucketOwnerEnforced';
  const grants = await read().catch(error => {
    // A grantee that is nobody is not the owner either.
    throw isEnforced && error instanceof Fault && error.message === 'Invalid id' ? aclsNotSupported() : error;
  });
  if (grants === undefined) return null;
  if (isEnforced && !isOwnersAlone(grants, owner)) throw aclsNotSupported();
  if (isEnforced) return null;
  await refusePublicAcl(rows, bucket, grants);
  return grants;
}

async function bucketOf({ s3 }: Rows, name: string): Promise<BucketRow> {
  const bucket = await s3.bucket(name);
  if (!bucket) throw noSuchBucket(name);
  return bucket;
}

/** @throws Fault MissingSecurityHeader, UnexpectedContent, or as aclOfHeaders and aclOfDocument */
async function sentAcl(
  rows: Rows,
  document: AccessControlPolicy | undefined,
  { headers }: RequestContext,
  subject: AclSubject,
): Promise<AclGrant[]> {
  const named = await aclOfHeaders(rows, headers, subject);
  if (named !== undefined && document !== undefined)
    throw s3Fault('UnexpectedContent', 'This request does not support content: send headers of the ACL, or a body.');
  const sent = named ?? (document && (await aclOfDocument(rows, document, subject)));
  if (sent === undefined)
    throw s3Fault('MissingSecurityHeader', 'Your request was missing a required header', {
      members: { MissingHeaderName: 'x-amz-acl' },
    });
  return sent;
}
