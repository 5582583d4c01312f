import { type ColumnDataType, type Expression, type Kysely, PostgresAdapter, type Selectable, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type {
  BucketRow,
  ChecksumAlgorithm,
  ChecksumType,
  KeyRange,
  ObjectRow,
  ObjectSummary,
  S3Rows,
  SegmentRow,
  UploadRow,
} from '../../ports/store-s3.ts';

interface BucketTable {
  name: string;
  account_id: string;
  region: string;
  created_at: number;
  policy: string | null;
}

interface ObjectTable {
  bucket: string;
  key: string;
  object_id: string;
  size_bytes: number;
  etag: string;
  modified_at: number;
  checksum_algorithm: string | null;
  checksum_type: string | null;
  checksum: string | null;
  parts_count: number | null;
  description: string;
}

interface UploadTable {
  upload_id: string;
  bucket: string;
  key: string;
  started_at: number;
  initiator_arn: string;
  checksum_algorithm: string | null;
  checksum_type: string | null;
  description: string;
}

interface SegmentTable {
  owner_id: string;
  part_number: number;
  blob_id: string;
  size_bytes: number;
  etag: string;
  checksum: string | null;
  modified_at: number;
}

/** What PutBucket… operations keep, as JSON. */
interface BucketSettingTable {
  bucket: string;
  name: string;
  value: string;
}

/** Tables of the s3 service; names begin with s3_. */
export interface S3Schema {
  s3_buckets: BucketTable;
  s3_bucket_settings: BucketSettingTable;
  s3_objects: ObjectTable;
  s3_uploads: UploadTable;
  s3_segments: SegmentTable;
}

/** Both databases bound the variables of one statement; this stays far below. */
const IDS_PER_STATEMENT = 500;

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const s3Migrations: Record<string, Migration> = {
  's3-0001-buckets-objects-uploads': {
    async up(database: Kysely<unknown>) {
      const key = bytewiseText(database);
      await database.schema
        .createTable('s3_buckets')
        .addColumn('name', key, column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('policy', 'text')
        .execute();
      await database.schema
        .createIndex('s3_buckets_account')
        .on('s3_buckets')
        .columns(['account_id', 'name'])
        .execute();
      await database.schema
        .createTable('s3_objects')
        .addColumn('bucket', key, column => column.notNull().references('s3_buckets.name'))
        .addColumn('key', key, column => column.notNull())
        .addColumn('object_id', 'text', column => column.notNull())
        .addColumn('size_bytes', 'bigint', column => column.notNull())
        .addColumn('etag', 'text', column => column.notNull())
        .addColumn('modified_at', 'bigint', column => column.notNull())
        .addColumn('checksum_algorithm', 'text')
        .addColumn('checksum_type', 'text')
        .addColumn('checksum', 'text')
        .addColumn('parts_count', 'integer')
        .addColumn('description', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('s3_objects_key', ['bucket', 'key'])
        .execute();
      await database.schema
        .createTable('s3_uploads')
        .addColumn('upload_id', 'text', column => column.primaryKey())
        .addColumn('bucket', key, column => column.notNull().references('s3_buckets.name'))
        .addColumn('key', key, column => column.notNull())
        .addColumn('started_at', 'bigint', column => column.notNull())
        .addColumn('initiator_arn', 'text', column => column.notNull())
        .addColumn('checksum_algorithm', 'text')
        .addColumn('checksum_type', 'text')
        .addColumn('description', 'text', column => column.notNull())
        .execute();
      await database.schema
        .createIndex('s3_uploads_key')
        .on('s3_uploads')
        .columns(['bucket', 'key', 'upload_id'])
        .execute();
      await database.schema
        .createTable('s3_segments')
        .addColumn('owner_id', 'text', column => column.notNull())
        .addColumn('part_number', 'integer', column => column.notNull())
        .addColumn('blob_id', 'text', column => column.notNull().unique())
        .addColumn('size_bytes', 'bigint', column => column.notNull())
        .addColumn('etag', 'text', column => column.notNull())
        .addColumn('checksum', 'text')
        .addColumn('modified_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('s3_segments_part', ['owner_id', 'part_number'])
        .execute();
    },
  },
  's3-0003-bucket-settings': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('s3_bucket_settings')
        .addColumn('bucket', bytewiseText(database), column => column.notNull().references('s3_buckets.name'))
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('value', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('s3_bucket_settings_name', ['bucket', 'name'])
        .execute();
    },
  },
};

/** Keys are listed in UTF-8 byte order: SQLite compares text so by itself, PostgreSQL only under this collation. */
function bytewiseText(database: Kysely<unknown>): ColumnDataType | Expression<unknown> {
  return database.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text';
}

export function s3Rows(database: Kysely<S3Schema>): S3Rows {
  const rows: S3Rows = {
    async bucket(name) {
      const row = await database.selectFrom('s3_buckets').selectAll().where('name', '=', name).executeTakeFirst();
      return row && toBucket(row);
    },
    async buckets({ accountId, prefix, region, after, limit }) {
      let query = database
        .selectFrom('s3_buckets')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('name', '>', after)
        .where('name', '>=', prefix);
      // Bucket names are ASCII, so this character sorts behind every continuation of the prefix.
      if (prefix !== '') query = query.where('name', '<', `${prefix}\u{10ffff}`);
      if (region !== undefined) query = query.where('region', '=', region);
      const found = await query.orderBy('name').limit(limit).execute();
      return found.map(toBucket);
    },
    async createBucket(row) {
      await database
        .insertInto('s3_buckets')
        .values({
          name: row.name,
          account_id: row.accountId,
          region: row.region,
          created_at: row.createdAt.getTime(),
          policy: row.policy,
        })
        .execute();
    },
    async setBucketPolicy(name, policy) {
      await database.updateTable('s3_buckets').set({ policy }).where('name', '=', name).execute();
    },
    async bucketSetting(bucket, name) {
      const row = await database
        .selectFrom('s3_bucket_settings')
        .select('value')
        .where('bucket', '=', bucket)
        .where('name', '=', name)
        .executeTakeFirst();
      return row && JSON.parse(row.value);
    },
    async setBucketSetting(bucket, name, value) {
      await database.deleteFrom('s3_bucket_settings').where('bucket', '=', bucket).where('name', '=', name).execute();
      if (value !== undefined)
        await database
          .insertInto('s3_bucket_settings')
          .values({ bucket, name, value: JSON.stringify(value) })
          .execute();
    },
    async hasObjects(bucket) {
      const row = await database
        .selectFrom('s3_objects')
        .select('key')
        .where('bucket', '=', bucket)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async deleteBucket(name) {
      const uploads = await database.selectFrom('s3_uploads').select('upload_id').where('bucket', '=', name).execute();
      const blobs: string[] = [];
      for (const upload of uploads) blobs.push(...(await rows.deleteSegments(upload.upload_id)));
      await database.deleteFrom('s3_uploads').where('bucket', '=', name).execute();
      await database.deleteFrom('s3_bucket_settings').where('bucket', '=', name).execute();
      await database.deleteFrom('s3_buckets').where('name', '=', name).execute();
      return blobs;
    },

    async object(bucket, key) {
      const row = await database
        .selectFrom('s3_objects')
        .selectAll()
        .where('bucket', '=', bucket)
        .where('key', '=', key)
        .executeTakeFirst();
      return row && toObject(row);
    },
    async objects(bucket, range) {
      let query = database
        .selectFrom('s3_objects')
        .select(['key', 'size_bytes', 'etag', 'modified_at', 'checksum_algorithm', 'checksum_type'])
        .where('bucket', '=', bucket)
        .where('key', range.from.inclusive ? '>=' : '>', range.from.key);
      if (range.end !== undefined) query = query.where('key', '<', range.end);
      const found = await query.orderBy('key').limit(range.limit).execute();
      return found.map(toSummary);
    },
    async putObject(row) {
      const earlier = await rows.deleteObject(row.bucket, row.key);
      await database
        .insertInto('s3_objects')
        .values({
          bucket: row.bucket,
          key: row.key,
          object_id: row.objectId,
          size_bytes: row.sizeBytes,
          etag: row.etag,
          modified_at: row.modifiedAt.getTime(),
          checksum_algorithm: row.checksumAlgorithm,
          checksum_type: row.checksumType,
          checksum: row.checksum,
          parts_count: row.partsCount,
          description: JSON.stringify(row.description),
        })
        .execute();
      return earlier;
    },
    async deleteObject(bucket, key) {
      const row = await database
        .selectFrom('s3_objects')
        .select('object_id')
        .where('bucket', '=', bucket)
        .where('key', '=', key)
        .executeTakeFirst();
      if (!row) return [];
      await database.deleteFrom('s3_objects').where('bucket', '=', bucket).where('key', '=', key).execute();
      return rows.deleteSegments(row.object_id);
    },

    async upload(uploadId) {
      const row = await database
        .selectFrom('s3_uploads')
        .selectAll()
        .where('upload_id', '=', uploadId)
        .executeTakeFirst();
      return row && toUpload(row);
    },
    async uploads(bucket, range) {
      let query = database.selectFrom('s3_uploads').selectAll().where('bucket', '=', bucket);
      query = afterUpload(query, range);
      if (range.end !== undefined) query = query.where('key', '<', range.end);
      const found = await query.orderBy('key').orderBy('upload_id').limit(range.limit).execute();
      return found.map(toUpload);
    },
    async createUpload(row) {
      await database
        .insertInto('s3_uploads')
        .values({
          upload_id: row.uploadId,
          bucket: row.bucket,
          key: row.key,
          started_at: row.startedAt.getTime(),
          initiator_arn: row.initiatorArn,
          checksum_algorithm: row.checksumAlgorithm,
          checksum_type: row.checksumType,
          description: JSON.stringify(row.description),
        })
        .execute();
    },
    async endUpload(uploadId) {
      await database.deleteFrom('s3_uploads').where('upload_id', '=', uploadId).execute();
    },

    async segments(ownerId, page) {
      let query = database.selectFrom('s3_segments').selectAll().where('owner_id', '=', ownerId).orderBy('part_number');
      if (page) query = query.where('part_number', '>', page.after).limit(page.limit);
      const found = await query.execute();
      return found.map(toSegment);
    },
    async putSegment(row) {
      const [replaced] = await rows.deleteSegments(row.ownerId, [row.partNumber]);
      await database
        .insertInto('s3_segments')
        .values({
          owner_id: row.ownerId,
          part_number: row.partNumber,
          blob_id: row.blobId,
          size_bytes: row.sizeBytes,
          etag: row.etag,
          checksum: row.checksum,
          modified_at: row.modifiedAt.getTime(),
        })
        .execute();
      return replaced;
    },
    async deleteSegments(ownerId, partNumbers) {
      const blobs: string[] = [];
      for (const numbers of partNumbers ? chunks(partNumbers) : [undefined]) {
        let deletion = database.deleteFrom('s3_segments').where('owner_id', '=', ownerId);
        if (numbers) deletion = deletion.where('part_number', 'in', numbers);
        const deleted = await deletion.returning('blob_id').execute();
        blobs.push(...deleted.map(row => row.blob_id));
      }
      return blobs;
    },
    async orphans(blobIds) {
      const named = new Set<string>();
      for (const ids of chunks(blobIds)) {
        const found = await database.selectFrom('s3_segments').select('blob_id').where('blob_id', 'in', ids).execute();
        for (const row of found) named.add(row.blob_id);
      }
      return blobIds.filter(id => !named.has(id));
    },
  };
  return rows;
}

/** The part of a query builder that a position needs, whatever else the query selects. */
function afterUpload<Query extends { where(expression: ReturnType<typeof sql<boolean>>): Query }>(
  query: Query,
  { from }: KeyRange,
): Query {
  if (from.uploadId !== undefined)
    return query.where(
      sql<boolean>`(${sql.ref('key')} > ${from.key} or (${sql.ref('key')} = ${from.key} and ${sql.ref('upload_id')} > ${from.uploadId}))`,
    );
  return query.where(
    from.inclusive ? sql<boolean>`${sql.ref('key')} >= ${from.key}` : sql<boolean>`${sql.ref('key')} > ${from.key}`,
  );
}

function* chunks<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += IDS_PER_STATEMENT)
    yield items.slice(start, start + IDS_PER_STATEMENT);
}

function toBucket(row: Selectable<BucketTable>): BucketRow {
  return {
    name: row.name,
    accountId: row.account_id,
    region: row.region,
    createdAt: toDate(row.created_at),
    policy: row.policy,
  };
}

type SummaryColumns = 'key' | 'size_bytes' | 'etag' | 'modified_at' | 'checksum_algorithm' | 'checksum_type';

function toSummary(row: Pick<ObjectTable, SummaryColumns>): ObjectSummary {
  return {
    key: row.key,
    sizeBytes: Number(row.size_bytes),
    etag: row.etag,
    modifiedAt: toDate(row.modified_at),
    checksumAlgorithm: row.checksum_algorithm as ChecksumAlgorithm | null,
    checksumType: row.checksum_type as ChecksumType | null,
  };
}

function toObject(row: Selectable<ObjectTable>): ObjectRow {
  return {
    ...toSummary(row),
    bucket: row.bucket,
    objectId: row.object_id,
    checksum: row.checksum,
    partsCount: row.parts_count,
    description: JSON.parse(row.description) as ObjectRow['description'],
  };
}

function toUpload(row: Selectable<UploadTable>): UploadRow {
  return {
    uploadId: row.upload_id,
    bucket: row.bucket,
    key: row.key,
    startedAt: toDate(row.started_at),
    initiatorArn: row.initiator_arn,
    checksumAlgorithm: row.checksum_algorithm as ChecksumAlgorithm | null,
    checksumType: row.checksum_type as ChecksumType | null,
    description: JSON.parse(row.description) as UploadRow['description'],
  };
}

function toSegment(row: Selectable<SegmentTable>): SegmentRow {
  return {
    ownerId: row.owner_id,
    partNumber: row.part_number,
    blobId: row.blob_id,
    sizeBytes: Number(row.size_bytes),
    etag: row.etag,
    checksum: row.checksum,
    modifiedAt: toDate(row.modified_at),
  };
}

/** PostgreSQL's driver hands a bigint over as text. */
function toDate(milliseconds: number | string): Date {
  return new Date(Number(milliseconds));
}
