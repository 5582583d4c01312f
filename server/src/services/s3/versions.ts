import { newVersionId, rankOf, VERSION_RANDOM_SIZE_BYTES } from '../../domain/object-version.ts';
import type { BucketRow, BucketVersioning, ObjectRow, S3Rows } from '../../ports/store-s3.ts';
import { checkDelete, type DeleteConditions } from './conditions.ts';
import { invalidArgument, noSuchKey, s3Fault } from './faults.ts';
import type { S3Dependencies } from './parts.ts';

/** What a writer gives; which version it becomes follows from the bucket. */
export type NewObject = Omit<ObjectRow, 'versionId' | 'rank' | 'isLatest' | 'isDeleteMarker'>;

type IdSource = Pick<S3Dependencies, 'ids'>;

/** AWS's name of the version that has no id. */
const NULL_VERSION = 'null';

/**
 * The version that a request names: an id, null for the null version, undefined where it names none.
 * @throws Fault InvalidArgument for what nobody was ever given as an id
 */
export function parseVersionId(versionId: string | undefined, argument = 'versionId'): string | null | undefined {
  if (versionId === undefined) return undefined;
  if (versionId === '') throw invalidArgument(argument, '', 'Version id cannot be the empty string');
  if (versionId === NULL_VERSION) return null;
  if (rankOf(versionId) === undefined) throw invalidArgument(argument, versionId, 'Invalid version id specified');
  return versionId;
}

/** How a version's id is written. */
export function versionName(versionId: string | null): string {
  return versionId ?? NULL_VERSION;
}

/** The member that shows a version's id: a bucket that has never kept versions shows none. */
export function shownVersion(versioning: BucketVersioning, versionId: string | null): { VersionId?: string } {
  return versioning === null ? {} : { VersionId: versionName(versionId) };
}

/** The same for an answer to a write. AWS: under suspension it tells of none. */
export function writtenVersion(versionId: string | null): { VersionId?: string } {
  return versionId === null ? {} : { VersionId: versionId };
}

/**
 * The version that a request reads.
 * @param method of the request, where a delete marker is refused as such even if it is the latest version and not named
 * @throws Fault NoSuchKey (a delete marker that is the latest says so in headers), NoSuchVersion, MethodNotAllowed for a
 * delete marker asked for by its id
 */
export async function findVersion(
  s3: S3Rows,
  bucket: string,
  key: string,
  versionId: string | null | undefined,
  method?: 'GET' | 'PUT' | 'POST' | 'DELETE',
): Promise<ObjectRow> {
  const row = await (versionId === undefined ? s3.latest(bucket, key) : s3.version(bucket, key, versionId));
  if (row && !row.isDeleteMarker) return row;
  if (row && (versionId !== undefined || method !== undefined))
    throw s3Fault('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
      members: { Method: method ?? 'GET', ResourceType: 'DeleteMarker' },
      headers: { ...markerHeaders(row), allow: 'DELETE', 'last-modified': row.modifiedAt.toUTCString() },
    });
  if (versionId !== undefined && versionId !== null) throw noSuchVersion(key, versionId);
  throw noSuchKey(key, row ? markerHeaders(row) : {});
}

export function noSuchVersion(key: string, versionId: string): Error {
  return s3Fault('NoSuchVersion', 'The specified version does not exist.', {
    members: { Key: key, VersionId: versionId },
  });
}

function markerHeaders({ versionId }: ObjectRow): Record<string, string> {
  return { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionName(versionId) };
}

export interface Written {
  versionId: string | null;
  /** Blobs to discard after the commit. */
  orphans: string[];
}

/** Adds an object as its key's latest version; without versions, and under suspension, in the null version's place. */
export async function addVersion(
  s3: S3Rows,
  parts: IdSource,
  { versioning }: BucketRow,
  object: NewObject,
): Promise<Written> {
  return add(s3, parts, versioning, { ...object, isDeleteMarker: false });
}

async function add(
  s3: S3Rows,
  { ids }: IdSource,
  versioning: BucketVersioning,
  object: NewObject & { isDeleteMarker: boolean },
): Promise<Written> {
  const { bucket, key } = object;
  const keeps = versioning === 'Enabled';
  const orphans = keeps ? [] : await s3.deleteVersion(bucket, key, null);
  const rank = await s3.nextRank(bucket, key);
  const versionId = keeps ? newVersionId(rank, ids.bytes(VERSION_RANDOM_SIZE_BYTES)) : null;
  await s3.addVersion({ ...object, versionId, rank });
  return { versionId, orphans };
}

export interface Deleted {
  orphans: string[];
  /** What the deletion left or took away: for the answer. Undefined where the bucket has never kept versions. */
  versionId?: string | undefined;
  /** A delete marker was made, or was what a named version was. */
  isDeleteMarker: boolean;
}

/** Holds what is about to be deleted to the request's conditions: the version named, or the current one. */
export async function checkDeletion(
  s3: S3Rows,
  bucket: string,
  key: string,
  versionId: string | null | undefined,
  conditions: DeleteConditions,
): Promise<void> {
  if (Object.values(conditions).every(condition => condition === undefined)) return;
  const row = await (versionId === undefined ? s3.object(bucket, key) : s3.version(bucket, key, versionId));
  checkDelete(conditions, key, row?.isDeleteMarker ? undefined : row);
}

/**
 * Deletes a version for good, or hides the key: under a delete marker where the bucket keeps versions.
 * @param versionId undefined: the request names none
 */
export async function deleteFrom(
  s3: S3Rows,
  parts: IdSource,
  { name: bucket, versioning }: BucketRow,
  key: string,
  versionId: string | null | undefined,
  now: Date,
): Promise<Deleted> {
  if (versionId !== undefined) {
    const row = await s3.version(bucket, key, versionId);
    return {
      orphans: await s3.deleteVersion(bucket, key, versionId),
      versionId: versionName(versionId),
      isDeleteMarker: row?.isDeleteMarker ?? false,
    };
  }
  if (versioning === null) return { orphans: await s3.deleteVersion(bucket, key, null), isDeleteMarker: false };
  const marker = await add(s3, parts, versioning, {
    bucket,
    key,
    objectId: parts.ids.uuid(),
    sizeBytes: 0,
    etag: '',
    modifiedAt: now,
    checksumAlgorithm: null,
    checksumType: null,
    checksum: null,
    partsCount: null,
    description: { contentType: '', metadata: {} },
    storageClass: 'STANDARD',
    tags: {},
    ownerAccountId: null,
    grants: null,
    isDeleteMarker: true,
  });
  return { orphans: marker.orphans, versionId: versionName(marker.versionId), isDeleteMarker: true };
}
