import type {
  ListMultipartUploadsOutput,
  ListMultipartUploadsRequest,
  ListPartsOutput,
  ListPartsRequest,
} from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { ListPosition } from '../../ports/store-s3.ts';
import { checksumMembers } from './checksums.ts';
import { quoted } from './conditions.ts';
import { boundedNumber } from './description.ts';
import { invalidArgument } from './faults.ts';
import { scan, startAfter } from './key-scan.ts';
import { encodingOf } from './listing.ts';
import { findUpload } from './multipart.ts';
import { ownerOf } from './owner.ts';
import type { S3Parts } from './parts.ts';

const MAXIMUM_PER_PAGE = 1000;

export function multipartListingOperations(parts: S3Parts) {
  const { store, buckets } = parts;
  return {
    ListParts: {
      authorize: (input: ListPartsRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:ListMultipartUploadParts', key: input.Key ?? '' }),
      async handle(input: ListPartsRequest, ctx: RequestContext): Promise<ListPartsOutput> {
        const { accountId } = await buckets.find(input, ctx);
        const upload = await findUpload(parts, input);
        const limit = boundedNumber('max-parts', input.MaxParts, {
          minimum: 0,
          maximum: MAXIMUM_PER_PAGE,
          fallback: MAXIMUM_PER_PAGE,
        });
        const after = marker(input.PartNumberMarker);
        const found = await store.read(rows => rows.s3.segments(upload.uploadId, { after, limit: limit + 1 }));
        const page = found.slice(0, limit);
        const last = page.at(-1);
        return {
          Bucket: upload.bucket,
          Key: upload.key,
          UploadId: upload.uploadId,
          Initiator: { ID: upload.initiatorArn },
          Owner: ownerOf(upload.ownerAccountId ?? accountId),
          StorageClass: upload.storageClass,
          PartNumberMarker: String(after),
          NextPartNumberMarker: String(last?.partNumber ?? 0),
          MaxParts: limit,
          IsTruncated: limit > 0 && found.length > limit,
          Parts: page.map(segment => ({
            PartNumber: segment.partNumber,
            LastModified: segment.modifiedAt,
            ETag: quoted(segment.etag),
            Size: segment.sizeBytes,
            ...checksumMembers(upload.checksumAlgorithm, segment.checksum),
          })),
          ...(upload.checksumAlgorithm ? { ChecksumAlgorithm: upload.checksumAlgorithm } : {}),
          ...(upload.checksumType ? { ChecksumType: upload.checksumType } : {}),
        };
      },
    } satisfies Operation<ListPartsRequest, ListPartsOutput>,

    ListMultipartUploads: {
      authorize: (input: ListMultipartUploadsRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, { action: 's3:ListBucketMultipartUploads' }),
      async handle(input: ListMultipartUploadsRequest, ctx: RequestContext): Promise<ListMultipartUploadsOutput> {
        const { accountId } = await buckets.find(input, ctx);
        const limit = boundedNumber('max-uploads', input.MaxUploads, {
          minimum: 1,
          maximum: MAXIMUM_PER_PAGE,
          fallback: MAXIMUM_PER_PAGE,
        });
        const query = { prefix: input.Prefix ?? '', delimiter: input.Delimiter ?? '', limit };
        const found = await store.read(rows =>
          scan(position(input, query), query, range => rows.s3.uploads(input.Bucket ?? '', range)),
        );
        const { encode, shown } = encodingOf(input, found);
        return {
          Bucket: input.Bucket ?? '',
          KeyMarker: encode(input.KeyMarker ?? ''),
          UploadIdMarker: input.UploadIdMarker ?? '',
          // AWS: both are there on the last page as well, and empty where there is nothing.
          NextKeyMarker: encode(found.lastName ?? ''),
          NextUploadIdMarker: found.last?.uploadId ?? '',
          Prefix: encode(input.Prefix ?? ''),
          ...(input.Delimiter ? { Delimiter: encode(input.Delimiter) } : {}),
          ...shown,
          MaxUploads: limit,
          IsTruncated: found.next !== undefined,
          Uploads: found.items.map(upload => ({
            UploadId: upload.uploadId,
            Key: encode(upload.key),
            Initiated: upload.startedAt,
            StorageClass: upload.storageClass,
            Owner: ownerOf(upload.ownerAccountId ?? accountId),
            Initiator: { ID: upload.initiatorArn },
            ...(upload.checksumAlgorithm ? { ChecksumAlgorithm: upload.checksumAlgorithm } : {}),
            ...(upload.checksumType ? { ChecksumType: upload.checksumType } : {}),
          })),
          CommonPrefixes: found.commonPrefixes.map(prefix => ({ Prefix: encode(prefix) })),
        };
      },
    } satisfies Operation<ListMultipartUploadsRequest, ListMultipartUploadsOutput>,
  };
}

/** AWS: an upload id marker counts only beside a key marker. */
function position(input: ListMultipartUploadsRequest, query: { prefix: string; delimiter: string }): ListPosition {
  if (input.KeyMarker && input.UploadIdMarker)
    return { key: input.KeyMarker, inclusive: false, uploadId: input.UploadIdMarker };
  return startAfter(input.KeyMarker ?? '', query);
}

function marker(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 2 ** 31 - 1)
    throw invalidArgument(
      'part-number-marker',
      text,
      'Argument part-number-marker must be an integer between 0 and 2147483647',
    );
  return value;
}
