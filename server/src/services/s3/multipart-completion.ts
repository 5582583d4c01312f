import { createHash } from 'node:crypto';
import type { CompletedPart, CompleteMultipartUploadOutput, CompleteMultipartUploadRequest } from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { SegmentRow, UploadRow } from '../../ports/store-s3.ts';
import { checksumIn, checksumMembers, checksumOfParts } from './checksums.ts';
import { checkUploadEnd, quoted, unquoted } from './conditions.ts';
import { encryptionMembers } from './encryption.ts';
import { noSuchBucket, noSuchUpload, s3Fault } from './faults.ts';
import { encodeKey } from './key-scan.ts';
import type { S3Parts } from './parts.ts';
import { askToCompare } from './reading.ts';
import { badChecksum } from './receiving.ts';
import { addVersion, type NewObject, writtenVersion } from './versions.ts';

const MINIMUM_PART_SIZE_BYTES = 5 * 1024 * 1024;
const MAXIMUM_PARTS = 10_000;

export function multipartCompletionOperations(parts: S3Parts) {
  const { store, buckets, blobs } = parts;
  return {
    CompleteMultipartUpload: {
      async authorize(input: CompleteMultipartUploadRequest, ctx: RequestContext) {
        const write = await buckets.ask(input, ctx, { action: 's3:PutObject', key: input.Key ?? '' });
        return [...write, ...(await askToCompare(parts, input, ctx))];
      },
      async handle(input: CompleteMultipartUploadRequest, ctx: RequestContext): Promise<CompleteMultipartUploadOutput> {
        const uploadId = input.UploadId ?? '';
        const bucket = input.Bucket ?? '';
        const key = input.Key ?? '';
        ctx.takesLong?.(async () => {
          const upload = await store.read(({ s3 }) => s3.upload(uploadId));
          return encryptionMembers(upload?.description.encryption);
        });
        const { object, orphans, version } = await store.transaction(async ({ s3 }) => {
          const row = await s3.bucket(bucket);
          if (!row) throw noSuchBucket(bucket);
          const existing = await s3.object(bucket, key);
          const upload = await s3.upload(uploadId);
          // A client that lost the first answer asks again: the object's id still names the upload.
          const earlier = upload ? undefined : await s3.versionOfUpload(bucket, key, uploadId);
          if (earlier) return { object: earlier, orphans: [], version: writtenVersion(earlier.versionId) };
          if (!upload || upload.bucket !== bucket || upload.key !== key) throw noSuchUpload(uploadId);
          const requested = requestedParts(input);
          const uploaded = await s3.segments(uploadId);
          const chosen = chooseParts(upload, requested, uploaded);
          const object = assemble(upload, chosen, input);
          checkUploadEnd(input, key, existing, upload.keyHeld);
          const numbers = new Set(chosen.map(({ partNumber }) => partNumber));
          const unused = uploaded.map(({ partNumber }) => partNumber).filter(number => !numbers.has(number));
          const orphans = unused.length > 0 ? await s3.deleteSegments(uploadId, unused) : [];
          await s3.endUpload(uploadId);
          const written = await addVersion(s3, parts, row, object);
          orphans.push(...written.orphans);
          return { object, orphans, version: writtenVersion(written.versionId) };
        });
        blobs.discard(orphans);
        return {
          Location: `${ctx.secureTransport ? 'https' : 'http'}://${ctx.host}/${bucket}/${encodeKey(key).replaceAll('+', '%20')}`,
          Bucket: bucket,
          Key: key,
          ETag: quoted(object.etag),
          ...encryptionMembers(object.description.encryption),
          ...version,
          ...checksumMembers(object.checksumAlgorithm, object.checksum),
          ...(object.checksumType ? { ChecksumType: object.checksumType } : {}),
        };
      },
    } satisfies Operation<CompleteMultipartUploadRequest, CompleteMultipartUploadOutput>,
  };
}

/** @throws Fault InvalidRequest without a body, MalformedXML for no parts or too many, InvalidPartOrder */
function requestedParts(input: CompleteMultipartUploadRequest): (CompletedPart & { PartNumber: number })[] {
  if (input.MultipartUpload === undefined) throw s3Fault('InvalidRequest', 'You must specify at least one part');
  const parts = input.MultipartUpload.Parts ?? [];
  if (parts.length === 0 || parts.length > MAXIMUM_PARTS)
    throw s3Fault(
      'MalformedXML',
      `The XML you provided was not well-formed or did not validate against our published schema: CompleteMultipartUpload takes 1 to ${MAXIMUM_PARTS} Parts; you sent ${parts.length}.`,
    );
  let previous = 0;
  return parts.map(part => {
    const number = part.PartNumber;
    if (number === undefined || part.ETag === undefined)
      throw s3Fault(
        'MalformedXML',
        'The XML you provided was not well-formed or did not validate against our published schema: each Part takes a PartNumber and an ETag.',
      );
    if (number <= previous)
      throw s3Fault(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
        { members: { UploadId: input.UploadId ?? '' } },
      );
    previous = number;
    return { ...part, PartNumber: number };
  });
}

/** @throws Fault InvalidPart, EntityTooSmall, InvalidRequest (a composite checksum needs every part's) */
function chooseParts(
  upload: UploadRow,
  requested: readonly (CompletedPart & { PartNumber: number })[],
  uploaded: readonly SegmentRow[],
): SegmentRow[] {
  const byNumber = new Map(uploaded.map(segment => [segment.partNumber, segment]));
  const algorithm = upload.checksumAlgorithm;
  const chosen = requested.map(part => {
    const segment = byNumber.get(part.PartNumber);
    const claimed = algorithm ? checksumIn(part, algorithm) : undefined;
    if (
      !segment ||
      unquoted(part.ETag ?? '') !== segment.etag ||
      (claimed !== undefined && claimed !== segment.checksum)
    )
      throw s3Fault(
        'InvalidPart',
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { members: { UploadId: upload.uploadId, PartNumber: part.PartNumber, ETag: unquoted(part.ETag ?? '') } },
      );
    if (algorithm && upload.checksumType === 'COMPOSITE' && claimed === undefined)
      throw s3Fault(
        'InvalidRequest',
        `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${part.PartNumber} in the request.`,
      );
    return segment;
  });
  // AWS looks for every part before it looks at sizes.
  const small = chosen.slice(0, -1).find(({ sizeBytes }) => sizeBytes < MINIMUM_PART_SIZE_BYTES);
  if (small)
    throw s3Fault('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      members: {
        ETag: small.etag,
        MinSizeAllowed: MINIMUM_PART_SIZE_BYTES,
        PartNumber: small.partNumber,
        ProposedSize: small.sizeBytes,
      },
    });
  return chosen;
}

/** @throws Fault BadDigest, InvalidRequest where the whole is not what the client says */
function assemble(
  upload: UploadRow,
  segments: readonly SegmentRow[],
  input: CompleteMultipartUploadRequest,
): NewObject {
  const algorithm = upload.checksumAlgorithm ?? 'CRC64NVME';
  const type = upload.checksumType ?? 'FULL_OBJECT';
  if (input.ChecksumType !== undefined && input.ChecksumType !== type)
    throw s3Fault(
      'InvalidRequest',
      `The upload was created using the ${type} checksum mode. The complete request must use the same checksum mode.`,
    );
  const checksum = checksumOfParts(
    algorithm,
    type,
    segments.map(({ checksum, sizeBytes }) => ({ checksum: checksum ?? '', sizeBytes })),
  );
  const claimed = checksumIn(input, algorithm);
  if (claimed !== undefined && claimed !== checksum) throw badChecksum(algorithm);
  const sizeBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  if (input.MpuObjectSize !== undefined && input.MpuObjectSize !== sizeBytes)
    throw s3Fault(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${input.MpuObjectSize} does not match what was computed: ${sizeBytes}`,
    );
  const hash = createHash('md5');
  for (const { etag } of segments) hash.update(Buffer.from(etag, 'hex'));
  return {
    bucket: upload.bucket,
    key: upload.key,
    objectId: upload.uploadId,
    sizeBytes,
    etag: `${hash.digest('hex')}-${segments.length}`,
    // AWS: an object that came in parts dates from the start of its upload.
    modifiedAt: upload.startedAt,
    checksumAlgorithm: algorithm,
    checksumType: type,
    checksum,
    partsCount: segments.length,
    description: upload.description,
    storageClass: upload.storageClass,
    tags: upload.tags,
    ownerAccountId: upload.ownerAccountId,
    grants: upload.grants,
  };
}
