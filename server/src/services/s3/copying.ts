import type { CopyObjectOutput, CopyObjectRequest } from '@aws-sdk/client-s3';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { accessOfNewObject, askToSetAcl } from './acls.ts';
import { wholeSeconds } from './buckets.ts';
import { checksumMembers, parseAlgorithm } from './checksums.ts';
import { checkWrite, quoted } from './conditions.ts';
import { askToCopyFrom, askToCopyTags, checkCopySize, openCopySource, parseCopySource } from './copy-source.ts';
import { checkKey, describe, refuseUnsupportedHeaders } from './description.ts';
import { CUSTOMER_PREFIX_OF_SOURCE, encryptionConditions, encryptionMembers } from './encryption.ts';
import { invalidArgument, s3Fault } from './faults.ts';
import { writeObject } from './objects.ts';
import type { S3Parts } from './parts.ts';
import { askToCompare } from './reading.ts';
import { duplicate } from './receiving.ts';
import { requestedStorageClass } from './storage-classes.ts';
import { askToTag } from './tagging.ts';
import { parseTaggingHeader, requestedTagConditions, requestedTags } from './tags.ts';
import type { NewObject } from './versions.ts';

export function copyingOperations(parts: S3Parts) {
  const { store, buckets, ids, protection } = parts;

  /**
   * What is reason enough to copy an object onto itself. AWS: a storage class or an encryption that the request names, even
   * those that the object has, an encryption that was set for the bucket, and a KMS key, which the copy is without.
   */
  async function changes(bucket: string, key: string, { headers }: RequestContext): Promise<boolean> {
    if (headers['x-amz-storage-class'] !== undefined) return true;
    if (Object.keys(headers).some(name => name.startsWith('x-amz-server-side-encryption'))) return true;
    return await store.read(async ({ s3 }) => {
      if ((await s3.bucketSetting(bucket, 'encryption')) !== undefined) return true;
      const object = await s3.object(bucket, key);
      const encryption = object?.description.encryption;
      // A copy that names no class is STANDARD, whatever its source was.
      if (object && object.storageClass !== 'STANDARD') return true;
      return encryption?.keyArn !== undefined || encryption?.customerKeyMd5 !== undefined;
    });
  }

  return {
    CopyObject: {
      async authorize(input: CopyObjectRequest, ctx: RequestContext) {
        const tags = replacesTags(input) ? requestedTags(input.Tagging) : {};
        const write = await buckets.ask(input, ctx, {
          action: 's3:PutObject',
          key: input.Key ?? '',
          conditions: {
            's3:x-amz-copy-source': input.CopySource,
            's3:x-amz-metadata-directive': input.MetadataDirective,
            's3:x-amz-acl': input.ACL,
            ...encryptionConditions(ctx),
            ...requestedTagConditions(tags),
          },
        });
        return [
          ...write,
          ...(await protection.questionsToWrite(input, ctx)),
          ...(await askToTag(parts, input, ctx, tags)),
          ...(await askToSetAcl(parts, input, ctx)),
          ...(await askToCompare(parts, input, ctx)),
          ...(await askToCopyFrom(parts, input, ctx)),
          ...(replacesTags(input) ? [] : await askToCopyTags(parts, input)),
        ];
      },
      async handle(input: CopyObjectRequest, ctx: RequestContext): Promise<CopyObjectOutput> {
        const bucket = input.Bucket ?? '';
        const key = input.Key ?? '';
        checkKey(key);
        refuseUnsupportedHeaders(ctx);
        const replaces = directive('x-amz-metadata-directive', input.MetadataDirective, 'metadata') === 'REPLACE';
        const replacementTags = replacesTags(input) ? parseTaggingHeader(input.Tagging) : undefined;
        const storageClass = requestedStorageClass(ctx);
        const replacement = replaces ? describe(input, ctx) : undefined;
        const source = parseCopySource(input.CopySource ?? '');
        const isSelf = source.bucket === bucket && source.key === key;
        // AWS: an older version copied onto its own key is how one restores it.
        if (isSelf && source.versionId === undefined && !replaces && !(await changes(bucket, key, ctx)))
          throw s3Fault(
            'InvalidRequest',
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
          );
        const algorithm = input.ChecksumAlgorithm === undefined ? undefined : parseAlgorithm(input.ChecksumAlgorithm);
        checkWrite(input, key, await store.read(rows => rows.s3.object(bucket, key)));
        const access = await accessOfNewObject(parts, bucket, ctx);
        const open = await openCopySource(parts, input, source, ctx);
        try {
          const { object: original } = open;
          checkCopySize(original.sizeBytes);
          const dataKey = await protection.unlock(original.description, ctx, CUSTOMER_PREFIX_OF_SOURCE);
          const protect = await protection.protect(input, ctx);
          const known = {
            ...encryptionMembers(protect.encryption),
            ...(open.version.VersionId === undefined ? {} : { CopySourceVersionId: open.version.VersionId }),
          };
          ctx.takesLong?.(() => known);
          const copied = await duplicate(
            protect.sink,
            open.stream(undefined, ctx.signal, dataKey),
            original.sizeBytes,
            algorithm ?? original.checksumAlgorithm ?? 'CRC64NVME',
          );
          const copy: NewObject = {
            bucket,
            key,
            objectId: ids.uuid(),
            sizeBytes: copied.sizeBytes,
            etag: protect.etag(copied.md5),
            modifiedAt: wholeSeconds(ctx.now),
            checksumAlgorithm: copied.checksumAlgorithm,
            checksumType: 'FULL_OBJECT',
            checksum: copied.checksum,
            partsCount: null,
            description: { ...(replacement ?? original.description), encryption: protect.encryption },
            storageClass,
            tags: replacementTags ?? original.tags,
            ...access,
          };
          const version = await writeObject(parts, copy, copied.blobId, input);
          return {
            ...known,
            ...version,
            CopyObjectResult: {
              ETag: quoted(copy.etag),
              LastModified: copy.modifiedAt,
              ChecksumType: 'FULL_OBJECT',
              ...checksumMembers(copy.checksumAlgorithm, copy.checksum),
            },
          };
        } finally {
          open.close();
        }
      },
    } satisfies Operation<CopyObjectRequest, CopyObjectOutput>,
  };
}

function replacesTags(input: CopyObjectRequest): boolean {
  return directive('x-amz-tagging-directive', input.TaggingDirective, 'tagging') === 'REPLACE';
}

function directive(header: string, value: string | undefined, what: string): 'COPY' | 'REPLACE' {
  if (value === undefined || value === 'COPY') return 'COPY';
  if (value === 'REPLACE') return value;
  throw invalidArgument(header, value, `Unknown ${what} directive.`);
}
