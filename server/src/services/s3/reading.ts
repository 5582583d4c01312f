import { SealBroken } from '../../domain/encryption/sealing.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { Objects } from '../../ports/objects.ts';
import type { ObjectRow, SegmentRow } from '../../ports/store-s3.ts';
import { accessTo, accessToObject, type FoundBucket } from './access.ts';
import type { S3Parts } from './parts.ts';
import type { ByteRange } from './ranges.ts';
import { openSealed } from './sealed-blobs.ts';
import { tagConditions } from './tags.ts';
import { findVersion, parseVersionId, shownVersion } from './versions.ts';

interface ObjectInput {
  Bucket?: string | undefined;
  Key?: string | undefined;
  VersionId?: string | undefined;
  ExpectedBucketOwner?: string | undefined;
  ChecksumMode?: string | undefined;
}

/** What decrypts an object; others read only what is said of it. */
const READS_BYTES: ReadonlySet<string> = new Set(['GetObject', 'CopyObject', 'UploadPartCopy']);

/** AWS: a checksum tells of the bytes, and needs the key as they do. */
function decrypts({ ChecksumMode }: ObjectInput, { operation }: RequestContext): boolean {
  return READS_BYTES.has(operation) || ChecksumMode === 'ENABLED';
}

/**
 * The questions of an operation that reads an object. Where there is none, the caller must be allowed to list the bucket
 * as well: else the answer is AccessDenied, because "no such key" would tell what the bucket holds.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export async function askToRead(
  parts: S3Parts,
  input: ObjectInput,
  ctx: RequestContext,
  action = `s3:${ctx.operation}`,
): Promise<AccessRequest[]> {
  const bucket = await parts.buckets.find(input, ctx);
  return questionsToRead(parts, bucket, action, input, ctx);
}

/** AWS: a write over an ETag that the caller names tells whether it is the object's, so it is a read as well. */
export async function askToCompare(
  parts: S3Parts,
  input: ObjectInput & { IfMatch?: string | undefined },
  ctx: RequestContext,
): Promise<AccessRequest[]> {
  if (input.IfMatch === undefined) return [];
  const { Bucket, Key, ExpectedBucketOwner } = input;
  // What tells the ETag as well, and needs no key of KMS.
  const asked = { ...ctx, operation: 'HeadObject' };
  return askToRead(parts, { Bucket, Key, ExpectedBucketOwner }, asked, 's3:GetObject');
}

/** The same for an object that the request names otherwise: the source of a copy. */
export async function questionsToRead(
  { store, protection }: S3Parts,
  bucket: FoundBucket,
  action: string,
  input: ObjectInput,
  ctx: RequestContext,
): Promise<AccessRequest[]> {
  const { Key: key = '', VersionId } = input;
  const versionId = parseVersionId(VersionId);
  const { name } = bucket;
  const object = await store.read(({ s3 }) =>
    versionId === undefined ? s3.object(name, key) : s3.version(name, key, versionId),
  );
  const read = accessToObject(bucket, object, {
    key,
    action: versionAction(action, VersionId),
    conditions: { 's3:VersionId': VersionId, ...tagConditions('s3:ExistingObjectTag', object?.tags ?? {}) },
  });
  const use = decrypts(input, ctx) ? await protection.questionsToUse(object?.description, ['kms:Decrypt'], ctx) : [];
  return object ? [read, ...use] : [read, accessTo(bucket, { action: 's3:ListBucket' })];
}

/** AWS: an operation on a named version is another permission (s3:GetObject, s3:GetObjectVersion). */
export function versionAction(action: string, versionId: string | undefined): string {
  return versionId === undefined ? action : action.replace('Object', 'ObjectVersion');
}

export interface OpenObject {
  object: ObjectRow;
  /** The member that names the version, where the bucket keeps any. */
  version: { VersionId?: string };
  segments: SegmentRow[];
  /** Streams bytes of the object and then closes it. @param dataKey as ObjectProtection.unlock gave it */
  stream(range: ByteRange | undefined, signal: AbortSignal, dataKey: Uint8Array | null): AsyncIterable<Uint8Array>;
  /** For an object whose bytes are not wanted. */
  close(): void;
}

/** How often an object is looked up that is replaced while it is. */
const LOOKUPS = 10;

/** Opens an object so that its bytes stay, even if it is replaced meanwhile. @throws Fault as findVersion */
export async function openObject(
  { store, objects, blobs }: S3Parts,
  bucket: string,
  key: string,
  versionName: string | undefined,
): Promise<OpenObject> {
  const versionId = parseVersionId(versionName);
  const close = blobs.beginReading();
  try {
    for (let attempt = 0; attempt < LOOKUPS; attempt++) {
      const object = await store.read(({ s3 }) => findVersion(s3, bucket, key, versionId));
      const versioning = (await store.read(({ s3 }) => s3.bucket(bucket)))?.versioning ?? null;
      const version = shownVersion(versioning, object.versionId);
      const segments = await store.read(({ s3 }) => s3.segments(object.objectId));
      // Two questions: an object replaced between them has lost its segments, and is looked up again. None is without.
      if (segments.length > 0)
        return {
          object,
          version,
          segments,
          close,
          stream: (range, signal, dataKey) => stream({ objects, object, segments, close }, range, signal, dataKey),
        };
    }
    throw new Error(`The object ${bucket}/${key} has no segments, or is replaced without pause.`);
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The same bytes, of which the first were read: what cannot be opened at all is answered as an error, and not by a connection
 * that ends.
 */
export async function begun(source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = source[Symbol.asyncIterator]();
  let first: IteratorResult<Uint8Array> | undefined = await iterator.next();
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const result = first ?? (await iterator.next());
        first = undefined;
        return result;
      },
      // A generator that wrapped it would not run its `finally` where nobody ever pulled.
      return: async value => (await iterator.return?.(value)) ?? { done: true, value },
    }),
  };
}

interface Opened {
  objects: Objects;
  object: ObjectRow;
  segments: readonly SegmentRow[];
  close(): void;
}

function stream(
  { objects, object, segments, close }: Opened,
  range: ByteRange | undefined,
  signal: AbortSignal,
  dataKey: Uint8Array | null,
): AsyncIterable<Uint8Array> {
  // A client that goes away before the first byte never pulls the generator, whose `finally` then never runs.
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
  return {
    async *[Symbol.asyncIterator]() {
      let reading = '';
      try {
        let offset = 0;
        for (const { blobId, sizeBytes } of segments) {
          reading = blobId;
          const start = Math.max(0, (range?.start ?? 0) - offset);
          const end = Math.min(sizeBytes - 1, (range?.end ?? Number.POSITIVE_INFINITY) - offset);
          if (start <= end)
            yield* dataKey === null
              ? objects.get(blobId, { start, end })
              : openSealed(objects, dataKey, blobId, sizeBytes, { start, end });
          offset += sizeBytes;
        }
      } catch (error) {
        throw signal.aborted ? error : damaged(object, reading, error);
      } finally {
        signal.removeEventListener('abort', close);
        close();
      }
    },
  };
}

function damaged({ bucket, key, versionId }: ObjectRow, blobId: string, cause: unknown): Error {
  const version = versionId === null ? '' : ` (version ${versionId})`;
  const why = cause instanceof SealBroken ? 'its bytes were changed or cut off' : `${(cause as Error).message}`;
  return new Error(
    `s3://${bucket}/${key}${version} cannot be read, blob ${blobId}: ${why}. Restore its file below objects/ from a copy, or ` +
      'put the object again.',
    { cause },
  );
}
