import { type Kysely, type Selectable, sql } from 'kysely';
import { GREATEST_RANK, rankOf } from '../../domain/object-version.ts';
import type { StorageClass } from '../../domain/storage-class.ts';
import type {
  ChecksumAlgorithm,
  ChecksumType,
  ObjectAccess,
  ObjectRow,
  ObjectSummary,
  Tags,
  VersionRows,
  VersionSummary,
} from '../../ports/store-s3.ts';
import type { S3Schema, VersionTable } from './s3-schema.ts';

/** As the partial index has it: with bound values neither database would use the index. */
const CURRENT = sql<boolean>`is_latest = 1 and is_delete_marker = 0`;
const SUMMARY = [
  'key',
  'size_bytes',
  'etag',
  'modified_at',
  'checksum_algorithm',
  'checksum_type',
  'owner_account_id',
  'storage_class',
] as const;

/** Versions of objects. @param deleteSegments forgets an object's segments and returns their blobs */
export function versionRows(
  database: Kysely<S3Schema>,
  deleteSegments: (ownerId: string) => Promise<string[]>,
): VersionRows {
  /** A version id holds the rank, so it is found by the primary key; the null version has an index of its own. */
  function versionOf(bucket: string, key: string, versionId: string | null) {
    const query = database.selectFrom('s3_versions').selectAll().where('bucket', '=', bucket).where('key', '=', key);
    return versionId === null
      ? query.where('version_id', 'is', null)
      : query.where('version_rank', '=', rankOf(versionId) ?? -1).where('version_id', '=', versionId);
  }

  const newest = (bucket: string, key: string) =>
    database
      .selectFrom('s3_versions')
      .selectAll()
      .where('bucket', '=', bucket)
      .where('key', '=', key)
      .orderBy('version_rank')
      .limit(1);

  return {
    async object(bucket, key) {
      const row = await database
        .selectFrom('s3_versions')
        .selectAll()
        .where('bucket', '=', bucket)
        .where('key', '=', key)
        .where(CURRENT)
        .executeTakeFirst();
      return row && toObject(row);
    },
    async latest(bucket, key) {
      const row = await newest(bucket, key).executeTakeFirst();
      return row && toObject(row);
    },
    async version(bucket, key, versionId) {
      const row = await versionOf(bucket, key, versionId).executeTakeFirst();
      return row && toObject(row);
    },
    async versionOfUpload(bucket, key, uploadId) {
      const row = await database
        .selectFrom('s3_versions')
        .selectAll()
        .where('bucket', '=', bucket)
        .where('key', '=', key)
        .where('object_id', '=', uploadId)
        .executeTakeFirst();
      return row && toObject(row);
    },
    async objects(bucket, range) {
      let query = database
        .selectFrom('s3_versions')
        .select(SUMMARY)
        .where('bucket', '=', bucket)
        .where('key', range.from.inclusive ? '>=' : '>', range.from.key)
        .where(CURRENT);
      if (range.end !== undefined) query = query.where('key', '<', range.end);
      const found = await query.orderBy('key').limit(range.limit).execute();
      return found.map(toSummary);
    },
    async versions(bucket, { from, end, limit }) {
      let query = database
        .selectFrom('s3_versions')
        .select([...SUMMARY, 'version_rank', 'version_id', 'is_latest', 'is_delete_marker'])
        .where('bucket', '=', bucket);
      if (from.rank !== undefined)
        query = query.where(sql<boolean>`(${sql.ref('key')}, version_rank) > (${from.key}, ${from.rank})`);
      else query = query.where('key', from.inclusive ? '>=' : '>', from.key);
      if (end !== undefined) query = query.where('key', '<', end);
      const found = await query.orderBy('key').orderBy('version_rank').limit(limit).execute();
      return found.map(toVersionSummary);
    },
    async hasVersions(bucket) {
      const row = await database
        .selectFrom('s3_versions')
        .select('key')
        .where('bucket', '=', bucket)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async nextRank(bucket, key) {
      const row = await newest(bucket, key).clearSelect().select('version_rank').executeTakeFirst();
      return row === undefined ? GREATEST_RANK : Number(row.version_rank) - 1;
    },
    async addVersion(row) {
      await database
        .updateTable('s3_versions')
        .set({ is_latest: 0 })
        .where('bucket', '=', row.bucket)
        .where('key', '=', row.key)
        .where('version_rank', '=', row.rank + 1)
        .execute();
      await database
        .insertInto('s3_versions')
        .values({
          bucket: row.bucket,
          key: row.key,
          version_rank: row.rank,
          version_id: row.versionId,
          is_latest: 1,
          is_delete_marker: Number(row.isDeleteMarker),
          object_id: row.objectId,
          size_bytes: row.sizeBytes,
          etag: row.etag,
          modified_at: row.modifiedAt.getTime(),
          checksum_algorithm: row.checksumAlgorithm,
          checksum_type: row.checksumType,
          checksum: row.checksum,
          parts_count: row.partsCount,
          description: JSON.stringify(row.description),
          storage_class: row.storageClass,
          tags: writeTags(row.tags),
          ...writeAccess(row),
        })
        .execute();
    },
    async deleteVersion(bucket, key, versionId) {
      const row = await versionOf(bucket, key, versionId).executeTakeFirst();
      if (!row) return [];
      const place = (rank: number | string) =>
        sql<boolean>`bucket = ${bucket} and ${sql.ref('key')} = ${key} and version_rank = ${rank}`;
      await database.deleteFrom('s3_versions').where(place(row.version_rank)).execute();
      if (row.is_latest === 1) {
        const next = await newest(bucket, key).executeTakeFirst();
        if (next)
          await database.updateTable('s3_versions').set({ is_latest: 1 }).where(place(next.version_rank)).execute();
      }
      return deleteSegments(row.object_id);
    },
    async setTags({ bucket, key, rank }, tags) {
      await database
        .updateTable('s3_versions')
        .set({ tags: writeTags(tags) })
        .where('bucket', '=', bucket)
        .where('key', '=', key)
        .where('version_rank', '=', rank)
        .execute();
    },
    async setStorageClass({ bucket, key, rank }, storageClass) {
      await database
        .updateTable('s3_versions')
        .set({ storage_class: storageClass })
        .where('bucket', '=', bucket)
        .where('key', '=', key)
        .where('version_rank', '=', rank)
        .execute();
    },
    async setGrants({ bucket, key, rank }, grants) {
      await database
        .updateTable('s3_versions')
        .set({ grants: grants && JSON.stringify(grants) })
        .where('bucket', '=', bucket)
        .where('key', '=', key)
        .where('version_rank', '=', rank)
        .execute();
    },
  };
}

function toSummary(row: Pick<VersionTable, (typeof SUMMARY)[number]>): ObjectSummary {
  return {
    key: row.key,
    sizeBytes: Number(row.size_bytes),
    etag: row.etag,
    modifiedAt: toDate(row.modified_at),
    checksumAlgorithm: row.checksum_algorithm as ChecksumAlgorithm | null,
    checksumType: row.checksum_type as ChecksumType | null,
    ownerAccountId: row.owner_account_id,
    storageClass: row.storage_class as StorageClass,
  };
}

type VersionColumns = (typeof SUMMARY)[number] | 'version_rank' | 'version_id' | 'is_latest' | 'is_delete_marker';

function toVersionSummary(row: Pick<VersionTable, VersionColumns>): VersionSummary {
  return {
    ...toSummary(row),
    rank: Number(row.version_rank),
    versionId: row.version_id,
    isLatest: row.is_latest === 1,
    isDeleteMarker: row.is_delete_marker === 1,
  };
}

function toObject(row: Selectable<VersionTable>): ObjectRow {
  return {
    ...toVersionSummary(row),
    bucket: row.bucket,
    objectId: row.object_id,
    checksum: row.checksum,
    partsCount: row.parts_count,
    description: JSON.parse(row.description) as ObjectRow['description'],
    tags: readTags(row.tags),
    grants: readGrants(row.grants),
  };
}

export function readTags(text: string | null): Tags {
  return text === null ? {} : (JSON.parse(text) as Tags);
}

export function writeTags(tags: Tags): string | null {
  return Object.keys(tags).length === 0 ? null : JSON.stringify(tags);
}

export function writeAccess({ ownerAccountId, grants }: ObjectAccess) {
  return { owner_account_id: ownerAccountId, grants: grants && JSON.stringify(grants) };
}

export function readGrants(text: string | null): ObjectAccess['grants'] {
  return text === null ? null : (JSON.parse(text) as ObjectAccess['grants']);
}

/** PostgreSQL's driver hands a bigint over as text. */
export function toDate(milliseconds: number | string): Date {
  return new Date(Number(milliseconds));
}
