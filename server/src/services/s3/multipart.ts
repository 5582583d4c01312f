import type {
  AbortMultipartUploadRequest,
  CreateMultipartUploadOutput,
  CreateMultipartUploadRequest,
  UploadPartCopyOutput,
  UploadPartCopyRequest,
  UploadPartOutput,
  UploadPartRequest,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { ChecksumAlgorithm, SegmentRow, UploadRow } from '../../ports/store-s3.ts';
import { accessOfNewObject, askToSetAcl } from './acls.ts';
import { wholeSeconds } from './buckets.ts';
import { checksumMembers, declaredChecksum, multipartChecksumType, parseAlgorithm } from './checksums.ts';
import { quoted } from './conditions.ts';
import { askToCopyFrom, checkCopySize, openCopySource, parseCopySource } from './copy-source.ts';
import { checkKey, describe, refuseUnsupportedHeaders } from './description.ts';
import { CUSTOMER_PREFIX_OF_SOURCE, encryptionConditions, encryptionMembers } from './encryption.ts';
import { invalidArgument, noSuchBucket, noSuchUpload, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { parseCopyRange } from './ranges.ts';
import { duplicate, receive } from './receiving.ts';
import { requestedStorageClass } from './storage-classes.ts';
import { askToTag } from './tagging.ts';
import { parseTaggingHeader, requestedTagConditions, requestedTags } from './tags.ts';

const MAXIMUM_PART_NUMBER = 10_000;

interface UploadInput {
  Bucket?: string | undefined;
  Key?: string | undefined;
  UploadId?: string | undefined;
}

export function multipartOperations(parts: S3Parts) {
  const { store, objects, buckets, blobs, ids, protection } = parts;
  const askToWrite = (input: UploadInput, ctx: RequestContext) =>
    buckets.ask(input, ctx, { action: 's3:PutObject', key: input.Key ?? '' });

  async function askToWritePart(input: UploadInput, ctx: RequestContext) {
    const upload = await store.read(({ s3 }) => s3.upload(input.UploadId ?? ''));
    const own = upload?.bucket === input.Bucket ? upload?.description : undefined;
    const use = await protection.questionsToUse(own, ['kms:GenerateDataKey', 'kms:Decrypt'], ctx);
    return [...(await askToWrite(input, ctx)), ...use];
  }

  /** Names a durable blob as a part, unless the upload ended while its bytes came in. */
  async function writePart(segment: SegmentRow): Promise<void> {
    try {
      const replaced = await store.transaction(async ({ s3 }) => {
        if (!(await s3.upload(segment.ownerId))) throw noSuchUpload(segment.ownerId);
        return s3.putSegment(segment);
      });
      if (replaced !== undefined) blobs.discard([replaced]);
    } catch (error) {
      blobs.discard([segment.blobId]);
      throw error;
    }
  }

  return {
    CreateMultipartUpload: {
      async authorize(input: CreateMultipartUploadRequest, ctx: RequestContext) {
        const tags = requestedTags(input.Tagging);
        const conditions = {
          's3:x-amz-acl': input.ACL,
          ...encryptionConditions(ctx),
          ...requestedTagConditions(tags),
        };
        const write = await buckets.ask(input, ctx, { action: 's3:PutObject', key: input.Key ?? '', conditions });
        const tag = await askToTag(parts, input, ctx, tags);
        const acl = await askToSetAcl(parts, input, ctx);
        return [...write, ...tag, ...acl, ...(await protection.questionsToWrite(input, ctx))];
      },
      async handle(input: CreateMultipartUploadRequest, ctx: RequestContext): Promise<CreateMultipartUploadOutput> {
        const bucket = input.Bucket ?? '';
        const key = input.Key ?? '';
        checkKey(key);
        refuseUnsupportedHeaders(ctx);
        const algorithm = input.ChecksumAlgorithm === undefined ? null : parseAlgorithm(input.ChecksumAlgorithm);
        if (algorithm === null && input.ChecksumType !== undefined)
          throw s3Fault(
            'InvalidRequest',
            'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
          );
        const type = algorithm === null ? null : multipartChecksumType(algorithm, input.ChecksumType);
        const access = await accessOfNewObject(parts, bucket, ctx);
        const { encryption } = await protection.protect(input, ctx);
        const upload: Omit<UploadRow, 'keyHeld'> = {
          uploadId: newUploadId(ctx.now, ids.bytes(24)),
          bucket,
          key,
          startedAt: wholeSeconds(ctx.now),
          initiatorArn: ctx.principal.arn,
          checksumAlgorithm: algorithm,
          checksumType: type,
          description: { ...describe(input, ctx), encryption },
          storageClass: requestedStorageClass(ctx),
          tags: parseTaggingHeader(input.Tagging),
          ...access,
        };
        await store.transaction(async ({ s3 }) => {
          if (!(await s3.bucket(bucket))) throw noSuchBucket(bucket);
          const held = await s3.object(bucket, key);
          await s3.createUpload({ ...upload, keyHeld: held?.objectId ?? '' });
        });
        return {
          Bucket: bucket,
          Key: key,
          UploadId: upload.uploadId,
          ...encryptionMembers(encryption),
          ...(algorithm === null ? {} : { ChecksumAlgorithm: algorithm }),
          ...(type === null ? {} : { ChecksumType: type }),
        };
      },
    } satisfies Operation<CreateMultipartUploadRequest, CreateMultipartUploadOutput>,

    UploadPart: {
      authorize: askToWritePart,
      async handle(input: UploadPartRequest, ctx: RequestContext): Promise<UploadPartOutput> {
        refuseUnsupportedHeaders(ctx);
        const partNumber = checkPartNumber(input.PartNumber);
        const upload = await findUpload(parts, input);
        checkPartAlgorithm(upload, declaredChecksum(ctx.headers)?.algorithm);
        const protect = await protection.protectPart(upload, ctx);
        const received = await receive(
          protect?.sink ?? objects,
          input.Body,
          ctx,
          upload.checksumAlgorithm ?? 'CRC64NVME',
        );
        const etag = protect?.etag(received.md5) ?? received.md5;
        await writePart({
          ownerId: upload.uploadId,
          partNumber,
          blobId: received.blobId,
          sizeBytes: received.sizeBytes,
          etag,
          checksum: received.checksum,
          modifiedAt: wholeSeconds(ctx.now),
        });
        const shown = received.declared ?? {
          algorithm: upload.checksumAlgorithm,
          value: received.checksum,
        };
        return {
          ETag: quoted(etag),
          ...encryptionMembers(protect?.encryption),
          ...checksumMembers(shown.algorithm, shown.value),
        };
      },
    } satisfies Operation<UploadPartRequest, UploadPartOutput>,

    UploadPartCopy: {
      async authorize(input: UploadPartCopyRequest, ctx: RequestContext) {
        return [...(await askToWritePart(input, ctx)), ...(await askToCopyFrom(parts, input, ctx))];
      },
      async handle(input: UploadPartCopyRequest, ctx: RequestContext): Promise<UploadPartCopyOutput> {
        refuseUnsupportedHeaders(ctx);
        const partNumber = checkPartNumber(input.PartNumber);
        const upload = await findUpload(parts, input);
        const source = parseCopySource(input.CopySource ?? '');
        const open = await openCopySource(parts, input, source, ctx);
        try {
          const range = parseCopyRange(input.CopySourceRange, open.object.sizeBytes);
          const sizeBytes = range ? range.end - range.start + 1 : open.object.sizeBytes;
          checkCopySize(sizeBytes);
          const algorithm = upload.checksumAlgorithm ?? 'CRC64NVME';
          const protect = await protection.protectPart(upload, ctx);
          const dataKey = await protection.unlock(open.object.description, ctx, CUSTOMER_PREFIX_OF_SOURCE);
          const source = open.stream(range, ctx.signal, dataKey);
          const known = {
            ...encryptionMembers(protect?.encryption),
            ...(open.version.VersionId === undefined ? {} : { CopySourceVersionId: open.version.VersionId }),
          };
          ctx.takesLong?.(() => known);
          const copied = await duplicate(protect?.sink ?? objects, source, sizeBytes, algorithm);
          const etag = protect?.etag(copied.md5) ?? copied.md5;
          const modifiedAt = wholeSeconds(ctx.now);
          await writePart({
            ownerId: upload.uploadId,
            partNumber,
            blobId: copied.blobId,
            sizeBytes,
            etag,
            checksum: copied.checksum,
            modifiedAt,
          });
          return {
            ...known,
            CopyPartResult: {
              ETag: quoted(etag),
              LastModified: modifiedAt,
              ...checksumMembers(upload.checksumAlgorithm, copied.checksum),
            },
          };
        } finally {
          open.close();
        }
      },
    } satisfies Operation<UploadPartCopyRequest, UploadPartCopyOutput>,

    AbortMultipartUpload: {
      authorize: (input: AbortMultipartUploadRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { key: input.Key ?? '' }),
      async handle(input: AbortMultipartUploadRequest): Promise<Record<string, never>> {
        const { uploadId } = await findUpload(parts, input);
        const orphans = await store.transaction(async ({ s3 }) => {
          // Completed in between: its segments belong to an object now.
          if (!(await s3.upload(uploadId))) throw noSuchUpload(uploadId);
          await s3.endUpload(uploadId);
          return s3.deleteSegments(uploadId);
        });
        blobs.discard(orphans);
        return {};
      },
    } satisfies Operation<AbortMultipartUploadRequest, Record<string, never>>,
  };
}

/** The upload that a request names. @throws Fault NoSuchUpload, also where it is another key's */
export async function findUpload({ store }: Pick<S3Parts, 'store'>, input: UploadInput): Promise<UploadRow> {
  const uploadId = input.UploadId ?? '';
  const upload = await store.read(rows => rows.s3.upload(uploadId));
  if (!upload || upload.bucket !== input.Bucket || upload.key !== input.Key) throw noSuchUpload(uploadId);
  return upload;
}

/** AWS: a checksum made of the parts' checksums needs one of each part from its sender. @throws Fault InvalidRequest */
function checkPartAlgorithm({ checksumAlgorithm, checksumType }: UploadRow, sent: ChecksumAlgorithm | undefined): void {
  if (checksumAlgorithm === null || sent === checksumAlgorithm) return;
  if (sent === undefined && checksumType !== 'COMPOSITE') return;
  const [expected, actual] = [checksumAlgorithm.toLowerCase(), sent?.toLowerCase() ?? 'null'];
  throw s3Fault(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${expected}, actual checksum Type: ${actual}`,
  );
}

function checkPartNumber(value: number | undefined): number {
  if (value === undefined || !Number.isInteger(value) || value < 1 || value > MAXIMUM_PART_NUMBER)
    throw invalidArgument(
      'partNumber',
      String(value),
      `Part number must be an integer between 1 and ${MAXIMUM_PART_NUMBER}, inclusive`,
    );
  return value;
}

/** Uploads of a key are listed in the order of their ids, which is that of their starts. */
function newUploadId(now: Date, random: Uint8Array): string {
  return now.getTime().toString(36).padStart(9, '0') + Buffer.from(random).toString('hex');
}
