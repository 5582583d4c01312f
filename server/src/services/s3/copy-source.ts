import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import { accessToObject } from './access.ts';
import { checkCopySource } from './conditions.ts';
import { invalidArgument, s3Fault } from './faults.ts';
import type { S3Parts } from './parts.ts';
import { type OpenObject, openObject, questionsToRead, versionAction } from './reading.ts';
import { MAXIMUM_PUT_SIZE_BYTES } from './receiving.ts';
import { parseVersionId } from './versions.ts';

export interface CopyInput {
  CopySource?: string | undefined;
  CopySourceIfMatch?: string | undefined;
  CopySourceIfNoneMatch?: string | undefined;
  CopySourceIfModifiedSince?: Date | undefined;
  CopySourceIfUnmodifiedSince?: Date | undefined;
  ExpectedSourceBucketOwner?: string | undefined;
}

export interface CopySource {
  bucket: string;
  key: string;
  versionId: string | undefined;
}

/**
 * `bucket/key` or `/bucket/key`, percent-encoded, perhaps with `?versionId=…`. As on S3 a `+` is a space: clients encode
 * the one so (s5cmd, of Go's QueryEscape) and the other as %2B. @throws Fault InvalidArgument
 */
export function parseCopySource(header: string): CopySource {
  const [path = '', version] = header.split('?versionId=');
  const malformed = () =>
    invalidArgument(
      'x-amz-copy-source',
      header,
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    );
  let decoded: string;
  try {
    decoded = decodeURIComponent(path.replaceAll('+', ' ')).replace(/^\//, '');
  } catch {
    throw malformed();
  }
  const slash = decoded.indexOf('/');
  if (slash < 1 || slash === decoded.length - 1) throw malformed();
  return { bucket: decoded.slice(0, slash), key: decoded.slice(slash + 1), versionId: version };
}

/** The question whether the caller may read the source; it may lie in another Region. */
export async function askToCopyFrom(parts: S3Parts, input: CopyInput, ctx: RequestContext): Promise<AccessRequest[]> {
  const { bucket: name, key, versionId } = parseCopySource(input.CopySource ?? '');
  const ExpectedBucketOwner = input.ExpectedSourceBucketOwner;
  const bucket = await parts.buckets.findAnywhere({ Bucket: name, ExpectedBucketOwner });
  return questionsToRead(parts, bucket, 's3:GetObject', { Key: key, VersionId: versionId }, ctx);
}

/** The question whether the caller may read the source's tags, where it has any: the copy gets them. */
export async function askToCopyTags({ store, buckets }: S3Parts, input: CopyInput): Promise<AccessRequest[]> {
  const { bucket: name, key, versionId: versionName } = parseCopySource(input.CopySource ?? '');
  const versionId = parseVersionId(versionName);
  const object = await store.read(({ s3 }) =>
    versionId === undefined ? s3.object(name, key) : s3.version(name, key, versionId),
  );
  if (!object || Object.keys(object.tags).length === 0) return [];
  const bucket = await buckets.findAnywhere({ Bucket: name, ExpectedBucketOwner: input.ExpectedSourceBucketOwner });
  return [accessToObject(bucket, object, { action: versionAction('s3:GetObjectTagging', versionName), key })];
}

/** Opens the source of a copy. @throws Fault as findVersion (InvalidRequest for a delete marker), PreconditionFailed; the caller closes what it gets */
export async function openCopySource(
  parts: S3Parts,
  input: CopyInput,
  source: CopySource,
  { now }: RequestContext,
): Promise<OpenObject> {
  const open = await openSource(parts, source);
  try {
    checkCopySource(
      {
        IfMatch: input.CopySourceIfMatch,
        IfNoneMatch: input.CopySourceIfNoneMatch,
        IfModifiedSince: input.CopySourceIfModifiedSince,
        IfUnmodifiedSince: input.CopySourceIfUnmodifiedSince,
      },
      open.object,
      now,
    );
  } catch (error) {
    open.close();
    throw error;
  }
  return open;
}

async function openSource(parts: S3Parts, { bucket, key, versionId }: CopySource): Promise<OpenObject> {
  try {
    return await openObject(parts, bucket, key, versionId);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'MethodNotAllowed') throw error;
    throw s3Fault(
      'InvalidRequest',
      'The source of a copy request may not specifically refer to a delete marker by version id.',
    );
  }
}

/** @throws Fault InvalidRequest where one request may not copy that much */
export function checkCopySize(sizeBytes: number): void {
  if (sizeBytes > MAXIMUM_PUT_SIZE_BYTES)
    throw s3Fault(
      'InvalidRequest',
      `The specified copy source is larger than the maximum allowable size for a copy source: ${MAXIMUM_PUT_SIZE_BYTES}. Copy it in parts.`,
    );
}
