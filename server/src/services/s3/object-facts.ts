import type { GetObjectAttributesOutput, GetObjectAttributesRequest } from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { ObjectRow } from '../../ports/store-s3.ts';
import { checksumMembers } from './checksums.ts';
import { boundedNumber, refuseUnsupportedHeaders } from './description.ts';
import { invalidArgument } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { askToRead } from './reading.ts';
import { findVersion, parseVersionId, shownVersion } from './versions.ts';

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];
const MAXIMUM_PARTS_PER_PAGE = 1000;

interface ObjectInput {
  Bucket?: string | undefined;
  Key?: string | undefined;
  VersionId?: string | undefined;
}

export function objectFactOperations(parts: S3Parts) {
  const { store, buckets } = parts;

  function find(input: ObjectInput): Promise<ObjectRow> {
    const versionId = parseVersionId(input.VersionId);
    return store.read(({ s3 }) => findVersion(s3, input.Bucket ?? '', input.Key ?? '', versionId));
  }

  return {
    GetObjectAttributes: {
      async authorize(input: GetObjectAttributesRequest, ctx: RequestContext) {
        const own = await askToRead(parts, input, ctx);
        const read = await askToRead(parts, input, ctx, 's3:GetObject');
        return [...own, ...read];
      },
      async handle(input: GetObjectAttributesRequest, ctx: RequestContext): Promise<GetObjectAttributesOutput> {
        refuseUnsupportedHeaders(ctx);
        const wanted = new Set<string>(input.ObjectAttributes ?? []);
        for (const attribute of wanted)
          if (!ATTRIBUTES.includes(attribute))
            throw invalidArgument('x-amz-object-attributes', attribute, 'Invalid attribute name specified.');
        const { versioning } = await buckets.find(input, ctx);
        const object = await find(input);
        return {
          ...shownVersion(versioning, object.versionId),
          LastModified: object.modifiedAt,
          // AWS: without quotes here, alone of all answers.
          ...(wanted.has('ETag') ? { ETag: object.etag } : {}),
          ...(wanted.has('Checksum') ? { Checksum: checksumOf(object) } : {}),
          ...(wanted.has('ObjectParts') && object.partsCount !== null
            ? { ObjectParts: await objectParts(object, object.partsCount, input) }
            : {}),
          ...(wanted.has('StorageClass') ? { StorageClass: object.storageClass } : {}),
          ...(wanted.has('ObjectSize') ? { ObjectSize: object.sizeBytes } : {}),
        };
      },
    } satisfies Operation<GetObjectAttributesRequest, GetObjectAttributesOutput>,
  };

  async function objectParts(object: ObjectRow, count: number, input: GetObjectAttributesRequest) {
    // AWS: the parts of an object have nothing to tell where its checksum is not made of theirs.
    if (object.checksumType !== 'COMPOSITE') return { TotalPartsCount: count };
    const limit = boundedNumber('x-amz-max-parts', input.MaxParts, {
      minimum: 0,
      maximum: MAXIMUM_PARTS_PER_PAGE,
      fallback: MAXIMUM_PARTS_PER_PAGE,
    });
    const after = Number(input.PartNumberMarker ?? 0);
    if (!Number.isInteger(after) || after < 0)
      throw invalidArgument('x-amz-part-number-marker', String(input.PartNumberMarker), 'The marker is a part number.');
    const found = await store.read(rows => rows.s3.segments(object.objectId, { after, limit: limit + 1 }));
    const page = found.slice(0, limit);
    return {
      TotalPartsCount: count,
      PartNumberMarker: String(after),
      NextPartNumberMarker: String(page.at(-1)?.partNumber ?? 0),
      MaxParts: limit,
      IsTruncated: limit > 0 && found.length > limit,
      Parts: page.map(segment => ({
        PartNumber: segment.partNumber,
        Size: segment.sizeBytes,
        ...checksumMembers(object.checksumAlgorithm, segment.checksum),
      })),
    };
  }
}

function checksumOf(object: ObjectRow) {
  return {
    ...checksumMembers(object.checksumAlgorithm, object.checksum),
    ...(object.checksumType ? { ChecksumType: object.checksumType } : {}),
  };
}
