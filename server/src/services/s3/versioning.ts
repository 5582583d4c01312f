import type {
  DeleteMarkerEntry,
  GetBucketVersioningOutput,
  GetBucketVersioningRequest,
  ListObjectVersionsOutput,
  ListObjectVersionsRequest,
  ObjectVersion,
  ObjectVersionStorageClass,
  PutBucketVersioningRequest,
} from '@aws-sdk/client-s3';
import { rankOf } from '../../domain/object-version.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { ListPosition, VersionSummary } from '../../ports/store-s3.ts';
import { shownOwner } from './acls-in-force.ts';
import { quoted } from './conditions.ts';
import { invalidArgument, noSuchBucket, s3Fault } from './faults.ts';
import { scan, startAfter } from './key-scan.ts';
import { encodingOf, maximumKeys } from './listing.ts';
import { ownerOf } from './owner.ts';
import type { S3Parts } from './parts.ts';
import { parseVersionId, versionName } from './versions.ts';

export function versioningOperations({ store, buckets }: S3Parts) {
  return {
    PutBucketVersioning: {
      authorize: (input: PutBucketVersioningRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: PutBucketVersioningRequest): Promise<Record<string, never>> {
        const name = input.Bucket ?? '';
        const { Status, MFADelete } = input.VersioningConfiguration ?? {};
        if (MFADelete !== undefined && MFADelete !== 'Disabled')
          throw s3Fault('NotImplemented', `MFA delete is not implemented: leave MfaDelete out; you sent ${MFADelete}.`);
        if (Status !== 'Enabled' && Status !== 'Suspended')
          throw s3Fault(
            'IllegalVersioningConfigurationException',
            `The Versioning element must be specified: Status is Enabled or Suspended; you sent ${Status ?? 'none'}.`,
          );
        await store.transaction(async ({ s3 }) => {
          if (!(await s3.bucket(name))) throw noSuchBucket(name);
          await s3.setBucketVersioning(name, Status);
        });
        return {};
      },
    } satisfies Operation<PutBucketVersioningRequest, Record<string, never>>,

    GetBucketVersioning: {
      authorize: (input: GetBucketVersioningRequest, ctx: RequestContext) => buckets.ask(input, ctx),
      async handle(input: GetBucketVersioningRequest, ctx: RequestContext): Promise<GetBucketVersioningOutput> {
        const { versioning } = await buckets.find(input, ctx);
        return versioning === null ? {} : { Status: versioning };
      },
    } satisfies Operation<GetBucketVersioningRequest, GetBucketVersioningOutput>,

    ListObjectVersions: {
      authorize: (input: ListObjectVersionsRequest, ctx: RequestContext) =>
        buckets.ask(input, ctx, {
          action: 's3:ListBucketVersions',
          conditions: { 's3:prefix': input.Prefix, 's3:delimiter': input.Delimiter, 's3:max-keys': input.MaxKeys },
        }),
      async handle(
        input: ListObjectVersionsRequest,
        ctx: RequestContext,
      ): Promise<ListObjectVersionsOutput & { $metadata: { elementOrder: string[] } }> {
        const bucket = await buckets.find(input, ctx);
        const limit = maximumKeys(input.MaxKeys);
        const query = { prefix: input.Prefix ?? '', delimiter: input.Delimiter ?? '', limit };
        const found = await store.read(async ({ s3 }) => {
          const from = await position(input, query);
          return scan<VersionSummary>(from, query, range => s3.versions(bucket.name, range));
        });
        const { encode, shown } = encodingOf(input, found);
        const entry = (row: VersionSummary) => ({
          Key: encode(row.key),
          VersionId: versionName(row.versionId),
          IsLatest: row.isLatest,
          LastModified: row.modifiedAt,
          Owner: ownerOf(shownOwner(bucket, row)),
        });
        return {
          Name: bucket.name,
          Prefix: encode(input.Prefix ?? ''),
          KeyMarker: encode(input.KeyMarker ?? ''),
          VersionIdMarker: input.VersionIdMarker ?? '',
          MaxKeys: limit,
          ...(input.Delimiter ? { Delimiter: encode(input.Delimiter) } : {}),
          ...shown,
          IsTruncated: found.next !== undefined,
          ...(found.next === undefined ? {} : { NextKeyMarker: encode(found.next) }),
          ...(found.next !== undefined && found.last ? { NextVersionIdMarker: versionName(found.last.versionId) } : {}),
          Versions: found.items
            .filter(row => !row.isDeleteMarker)
            .map(
              (row): ObjectVersion => ({
                ...entry(row),
                ETag: quoted(row.etag),
                Size: row.sizeBytes,
                // The SDK's type of this one list knows no class but STANDARD.
                StorageClass: row.storageClass as ObjectVersionStorageClass,
                ...(row.checksumAlgorithm ? { ChecksumAlgorithm: [row.checksumAlgorithm] } : {}),
                ...(row.checksumType ? { ChecksumType: row.checksumType } : {}),
              }),
            ),
          DeleteMarkers: found.items.filter(row => row.isDeleteMarker).map((row): DeleteMarkerEntry => entry(row)),
          CommonPrefixes: found.commonPrefixes.map(prefix => ({ Prefix: encode(prefix) })),
          $metadata: { elementOrder: found.items.map(row => (row.isDeleteMarker ? 'DeleteMarker' : 'Version')) },
        };
      },
    } satisfies Operation<ListObjectVersionsRequest, ListObjectVersionsOutput>,
  };

  /** Where the list goes on. @throws Fault InvalidArgument for a version's marker without a key's, or that is none */
  async function position(
    input: ListObjectVersionsRequest,
    query: { prefix: string; delimiter: string },
  ): Promise<ListPosition> {
    const { KeyMarker: key, VersionIdMarker: marker } = input;
    if (marker === undefined) return startAfter(key ?? '', query);
    if (!key)
      throw invalidArgument(
        'version-id-marker',
        marker,
        'A version-id marker cannot be specified without a key marker.',
      );
    if (marker === '') return startAfter(key, query);
    const versionId = parseVersionId(marker, 'version-id-marker');
    const rank =
      typeof versionId === 'string'
        ? rankOf(versionId)
        : (await store.read(({ s3 }) => s3.version(input.Bucket ?? '', key, null)))?.rank;
    // The null version has no place in its name: where it has gone, the key's versions are listed again.
    return { key, inclusive: true, ...(rank === undefined ? {} : { rank }) };
  }
}
