import type {
  DeleteObjectOutput,
  DeleteObjectRequest,
  GetObjectOutput,
  GetObjectRequest,
  HeadObjectOutput,
  HeadObjectRequest,
  PutObjectOutput,
  PutObjectRequest,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { ObjectRow, SegmentRow } from '../../ports/store-s3.ts';
import { accessOfNewObject, askToSetAcl } from './acls.ts';
import { wholeSeconds } from './buckets.ts';
import { checksumMembers } from './checksums.ts';
import { checkRead, checkWrite, quoted, rangeHolds } from './conditions.ts';
import { checkKey, describe, refuseUnsupportedHeaders } from './description.ts';
import { encryptionConditions, encryptionMembers, refuseEncryptionOfRead } from './encryption.ts';
import { invalidArgument, noSuchBucket, s3Fault } from './faults.ts';
import { expirationMember } from './lifecycle.ts';
import type { S3Parts } from './parts.ts';
import { type ByteRange, parseRange } from './ranges.ts';
import { askToCompare, askToRead, begun, openObject, versionAction } from './reading.ts';
import { receive } from './receiving.ts';
import { requestedStorageClass, shownStorageClass } from './storage-classes.ts';
import { askToTag } from './tagging.ts';
import { parseTaggingHeader, requestedTagConditions, requestedTags } from './tags.ts';
import { addVersion, checkDeletion, deleteFrom, type NewObject, parseVersionId, writtenVersion } from './versions.ts';

/** The status that wire answers with where it is not the operation's usual one. */
interface WithStatus {
  $metadata?: { httpStatusCode?: number; httpHeaders?: Record<string, string> };
}

export function objectOperations(parts: S3Parts) {
  const { store, buckets, blobs, ids, protection } = parts;

  /** Everything that GetObject and HeadObject share: conditions, part or range, and the members that describe it. */
  async function select(input: GetObjectRequest, ctx: RequestContext) {
    refuseUnsupportedHeaders(ctx);
    refuseEncryptionOfRead(ctx);
    const key = input.Key ?? '';
    if (ctx.principal.type === 'anonymous' && overrides(input).length > 0)
      throw s3Fault('InvalidRequest', 'Request specific response headers cannot be used for anonymous GET requests.');
    const open = await openObject(parts, input.Bucket ?? '', key, input.VersionId);
    try {
      const { object, segments } = open;
      const { description } = object;
      const tagCount = Object.keys(object.tags).length;
      protection.check(description, ctx);
      checkRead(input, object, ctx.now, {
        ...(description.cacheControl ? { 'cache-control': description.cacheControl } : {}),
      });
      const part = input.PartNumber === undefined ? undefined : partOf(input, object, segments);
      const wanted = rangeHolds(ctx.headers['if-range'], object) ? input.Range : undefined;
      const range = part ? part.range : parseRange(wanted, object.sizeBytes);
      const answered = range ? range.end - range.start + 1 : object.sizeBytes;
      const output = {
        AcceptRanges: 'bytes',
        LastModified: object.modifiedAt,
        ContentLength: answered,
        ETag: quoted(object.etag),
        ...open.version,
        ...(range ? { ContentRange: `bytes ${range.start}-${range.end}/${object.sizeBytes}` } : {}),
        ...describing(object, input),
        ...shownStorageClass(object),
        ...encryptionMembers(description.encryption),
        ...(input.ChecksumMode === 'ENABLED' ? shownChecksum(object, part, range) : {}),
        ...(object.isLatest ? await store.read(({ s3 }) => expirationMember(s3, object)) : {}),
        ...(tagCount === 0 ? {} : { TagCount: tagCount }),
        ...(part && object.partsCount !== null ? { PartsCount: object.partsCount } : {}),
        $metadata: { ...(range ? { httpStatusCode: 206 } : {}), httpHeaders: freeExpires(object, input) },
      } satisfies GetObjectOutput & WithStatus;
      return { open, range, output };
    } catch (error) {
      open.close();
      throw error;
    }
  }

  return {
    PutObject: {
      async authorize(input: PutObjectRequest, ctx: RequestContext) {
        const tags = requestedTags(input.Tagging);
        const conditions = {
          's3:x-amz-acl': input.ACL,
          ...encryptionConditions(ctx),
          ...requestedTagConditions(tags),
        };
        const write = await buckets.ask(input, ctx, { key: input.Key ?? '', conditions });
        const tag = await askToTag(parts, input, ctx, tags);
        const acl = await askToSetAcl(parts, input, ctx);
        const read = await askToCompare(parts, input, ctx);
        return [...write, ...tag, ...acl, ...read, ...(await protection.questionsToWrite(input, ctx))];
      },
      async handle(input: PutObjectRequest, ctx: RequestContext): Promise<PutObjectOutput> {
        const bucket = input.Bucket ?? '';
        const key = input.Key ?? '';
        checkKey(key);
        refuseUnsupportedHeaders(ctx);
        const description = describe(input, ctx);
        const storageClass = requestedStorageClass(ctx);
        const tags = parseTaggingHeader(input.Tagging);
        // Before the bytes, so that a write that cannot succeed costs no upload; again when it is written.
        checkWrite(input, key, await store.read(rows => rows.s3.object(bucket, key)));
        const access = await accessOfNewObject(parts, bucket, ctx);
        const protect = await protection.protect(input, ctx);
        const received = await receive(protect.sink, input.Body, ctx);
        const object: NewObject = {
          bucket,
          key,
          objectId: ids.uuid(),
          sizeBytes: received.sizeBytes,
          etag: protect.etag(received.md5),
          modifiedAt: wholeSeconds(ctx.now),
          checksumAlgorithm: received.checksumAlgorithm,
          checksumType: 'FULL_OBJECT',
          checksum: received.checksum,
          partsCount: null,
          description: { ...description, encryption: protect.encryption },
          storageClass,
          tags,
          ...access,
        };
        const version = await writeObject(parts, object, received.blobId, input);
        return {
          ...version,
          ...(await store.read(({ s3 }) => expirationMember(s3, object))),
          ETag: quoted(object.etag),
          ...encryptionMembers(protect.encryption),
          ...(input.SSEKMSEncryptionContext && { SSEKMSEncryptionContext: input.SSEKMSEncryptionContext }),
          ...checksumMembers(object.checksumAlgorithm, object.checksum),
          ChecksumType: 'FULL_OBJECT',
        };
      },
    } satisfies Operation<PutObjectRequest, PutObjectOutput>,

    GetObject: {
      authorize: (input: GetObjectRequest, ctx: RequestContext) => askToRead(parts, input, ctx),
      async handle(input: GetObjectRequest, ctx: RequestContext): Promise<GetObjectOutput> {
        const { open, range, output } = await select(input, ctx);
        const dataKey = await protection.unlock(open.object.description, ctx).catch(error => {
          open.close();
          throw error;
        });
        const body = await begun(open.stream(range, ctx.signal, dataKey));
        return { ...output, Body: body as unknown as NonNullable<GetObjectOutput['Body']> };
      },
    } satisfies Operation<GetObjectRequest, GetObjectOutput>,

    HeadObject: {
      authorize: (input: HeadObjectRequest, ctx: RequestContext) => askToRead(parts, input, ctx, 's3:GetObject'),
      async handle(input: HeadObjectRequest, ctx: RequestContext): Promise<HeadObjectOutput> {
        const { open, output } = await select(input, ctx);
        open.close();
        return output;
      },
    } satisfies Operation<HeadObjectRequest, HeadObjectOutput>,

    DeleteObject: {
      authorize: (input: DeleteObjectRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, {
          action: versionAction('s3:DeleteObject', input.VersionId),
          key: input.Key ?? '',
          conditions: { 's3:VersionId': input.VersionId },
        }),
      async handle(input: DeleteObjectRequest, ctx: RequestContext): Promise<DeleteObjectOutput> {
        const bucket = input.Bucket ?? '';
        const key = input.Key ?? '';
        refuseUnsupportedHeaders(ctx);
        const versionId = parseVersionId(input.VersionId);
        const { IfMatch: ETag, IfMatchLastModifiedTime: LastModifiedTime, IfMatchSize: Size } = input;
        const conditions = { ETag, LastModifiedTime, Size };
        const deleted = await store.transaction(async ({ s3 }) => {
          const row = await s3.bucket(bucket);
          if (!row) throw noSuchBucket(bucket);
          await checkDeletion(s3, bucket, key, versionId, conditions);
          return deleteFrom(s3, parts, row, key, versionId, wholeSeconds(ctx.now));
        });
        blobs.discard(deleted.orphans);
        return {
          ...(deleted.versionId === undefined ? {} : { VersionId: deleted.versionId }),
          ...(deleted.isDeleteMarker ? { DeleteMarker: true } : {}),
        };
      },
    } satisfies Operation<DeleteObjectRequest, DeleteObjectOutput>,
  };
}

/**
 * Names a durable blob as an object; what it replaces is deleted after the commit, and the blob itself if the write is
 * refused. @returns the member that names its version @throws Fault NoSuchBucket (deleted meanwhile), or as checkWrite
 */
export async function writeObject(
  parts: Pick<S3Parts, 'store' | 'blobs' | 'ids'>,
  object: NewObject,
  blobId: string,
  conditions: { IfMatch?: string | undefined; IfNoneMatch?: string | undefined },
): Promise<{ VersionId?: string }> {
  const { store, blobs } = parts;
  try {
    const written = await store.transaction(async ({ s3 }) => {
      const bucket = await s3.bucket(object.bucket);
      if (!bucket) throw noSuchBucket(object.bucket);
      checkWrite(conditions, object.key, await s3.object(object.bucket, object.key));
      const { versionId, orphans } = await addVersion(s3, parts, bucket, object);
      await s3.putSegment({
        ownerId: object.objectId,
        partNumber: 1,
        blobId,
        sizeBytes: object.sizeBytes,
        etag: object.etag,
        checksum: object.checksum,
        modifiedAt: object.modifiedAt,
      });
      return { orphans, version: writtenVersion(versionId) };
    });
    blobs.discard(written.orphans);
    return written.version;
  } catch (error) {
    blobs.discard([blobId]);
    throw error;
  }
}

function describing({ description }: ObjectRow, input: GetObjectRequest) {
  const cacheControl = input.ResponseCacheControl ?? description.cacheControl;
  const contentDisposition = input.ResponseContentDisposition ?? description.contentDisposition;
  const contentEncoding = input.ResponseContentEncoding ?? description.contentEncoding;
  const contentLanguage = input.ResponseContentLanguage ?? description.contentLanguage;
  const expires = input.ResponseExpires ?? (description.expires ? new Date(description.expires) : undefined);
  return {
    ContentType: input.ResponseContentType ?? description.contentType,
    ...(cacheControl === undefined ? {} : { CacheControl: cacheControl }),
    ...(contentDisposition === undefined ? {} : { ContentDisposition: contentDisposition }),
    ...(contentEncoding === undefined ? {} : { ContentEncoding: contentEncoding }),
    ...(contentLanguage === undefined ? {} : { ContentLanguage: contentLanguage }),
    ...(expires === undefined || Number.isNaN(expires.getTime()) ? {} : { Expires: expires }),
    Metadata: description.metadata,
  };
}

/** AWS: an Expires that is no date was stored, and is answered, as it came; the schema's member can hold dates only. */
function freeExpires({ description: { expires } }: ObjectRow, input: GetObjectRequest): Record<string, string> {
  if (input.ResponseExpires !== undefined || expires === undefined) return {};
  return Number.isNaN(Date.parse(expires)) ? { expires } : {};
}

function overrides(input: GetObjectRequest): string[] {
  return Object.entries(input)
    .filter(([name, value]) => name.startsWith('Response') && value !== undefined)
    .map(([name]) => name);
}

interface Part {
  segment: SegmentRow;
  /** Undefined for a part without bytes: such an object is answered whole. */
  range: ByteRange | undefined;
}

/** @throws Fault InvalidRequest beside a range, InvalidPartNumber past the last part */
function partOf(input: GetObjectRequest, object: ObjectRow, segments: readonly SegmentRow[]): Part {
  const number = input.PartNumber ?? 1;
  if (input.Range !== undefined)
    throw s3Fault('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  if (!Number.isInteger(number) || number < 1 || number > 10_000)
    throw invalidArgument('partNumber', number, 'Part number must be an integer between 1 and 10000, inclusive');
  const segment = segments[number - 1];
  if (!segment)
    throw s3Fault('InvalidPartNumber', 'The requested partnumber is not satisfiable', {
      members: { PartNumberRequested: number, ActualPartCount: segments.length },
    });
  const start = segments.slice(0, number - 1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const empty = segment.sizeBytes === 0 || object.sizeBytes === 0;
  return { segment, range: empty ? undefined : { start, end: start + segment.sizeBytes - 1 } };
}

/** S3 shows the checksum of what it answers: the whole object's, also as a range, or the part's; none for less. */
function shownChecksum(object: ObjectRow, part: Part | undefined, range: ByteRange | undefined) {
  const isWhole = range === undefined || range.end - range.start + 1 === object.sizeBytes;
  if (!isWhole && !part) return {};
  const value = part && object.partsCount !== null ? part.segment.checksum : object.checksum;
  return {
    ...checksumMembers(object.checksumAlgorithm, value),
    ...(value !== null && object.checksumType ? { ChecksumType: object.checksumType } : {}),
  };
}
