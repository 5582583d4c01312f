import { type ColumnDataType, type Expression, type Kysely, PostgresAdapter, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { GREATEST_RANK } from '../../domain/object-version.ts';

export interface BucketTable {
  name: string;
  account_id: string;
  region: string;
  created_at: number;
  policy: string | null;
  versioning: string | null;
}

/** One row for each version of a key and each delete marker. */
export interface VersionTable {
  bucket: string;
  key: string;
  /** Falls by one with each version of the key: the newest sorts first. */
  version_rank: number;
  /** Null: the null version. */
  version_id: string | null;
  /** 1 or 0, as are all flags: SQLite has no booleans. */
  is_latest: number;
  is_delete_marker: number;
  object_id: string;
  size_bytes: number;
  etag: string;
  modified_at: number;
  checksum_algorithm: string | null;
  checksum_type: string | null;
  checksum: string | null;
  parts_count: number | null;
  description: string;
  storage_class: string;
  /** JSON object; null: none. */
  tags: string | null;
  /** Null: the bucket's owner. */
  owner_account_id: string | null;
  /** JSON list; null: full control for the owner alone. */
  grants: string | null;
}

export interface UploadTable {
  upload_id: string;
  bucket: string;
  key: string;
  started_at: number;
  initiator_arn: string;
  checksum_algorithm: string | null;
  checksum_type: string | null;
  description: string;
  storage_class: string;
  tags: string | null;
  owner_account_id: string | null;
  grants: string | null;
  /** Object id; '' where the key held none, null where nobody wrote it down. */
  key_held: string | null;
}

export interface SegmentTable {
  owner_id: string;
  part_number: number;
  blob_id: string;
  size_bytes: number;
  etag: string;
  checksum: string | null;
  modified_at: number;
}

/** What PutBucket… operations keep, as JSON. */
export interface BucketSettingTable {
  bucket: string;
  name: string;
  value: string;
}

/** Tables of the s3 service; names begin with s3_. */
export interface S3Schema {
  s3_buckets: BucketTable;
  s3_bucket_settings: BucketSettingTable;
  s3_uploads: UploadTable;
  s3_segments: SegmentTable;
  s3_versions: VersionTable;
}

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
  's3-0002-versions-tags': {
    async up(database: Kysely<unknown>) {
      const key = bytewiseText(database);
      await database.schema
        .createTable('s3_versions')
        .addColumn('bucket', key, column => column.notNull().references('s3_buckets.name'))
        .addColumn('key', key, column => column.notNull())
        .addColumn('version_rank', 'bigint', column => column.notNull())
        .addColumn('version_id', 'text')
        .addColumn('is_latest', 'integer', column => column.notNull())
        .addColumn('is_delete_marker', 'integer', column => column.notNull())
        .addColumn('object_id', 'text', column => column.notNull())
        .addColumn('size_bytes', 'bigint', column => column.notNull())
        .addColumn('etag', 'text', column => column.notNull())
        .addColumn('modified_at', 'bigint', column => column.notNull())
        .addColumn('checksum_algorithm', 'text')
        .addColumn('checksum_type', 'text')
        .addColumn('checksum', 'text')
        .addColumn('parts_count', 'integer')
        .addColumn('description', 'text', column => column.notNull())
        .addColumn('tags', 'text')
        .addPrimaryKeyConstraint('s3_versions_key', ['bucket', 'key', 'version_rank'])
        .execute();
      await sql`insert into s3_versions
        select bucket, key, ${sql.lit(GREATEST_RANK)}, null, 1, 0, object_id, size_bytes, etag, modified_at,
          checksum_algorithm, checksum_type, checksum, parts_count, description, null
        from s3_objects`.execute(database);
      await database.schema.dropTable('s3_objects').execute();
      // A list of objects costs a seek a key, however many versions and markers lie between.
      await sql`create unique index s3_versions_current on s3_versions (bucket, key)
        where is_latest = 1 and is_delete_marker = 0`.execute(database);
      await sql`create unique index s3_versions_null on s3_versions (bucket, key) where version_id is null`.execute(
        database,
      );
      await database.schema.alterTable('s3_buckets').addColumn('versioning', 'text').execute();
      await database.schema.alterTable('s3_uploads').addColumn('tags', 'text').execute();
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
  's3-0004-object-access': {
    async up(database: Kysely<unknown>) {
      for (const table of ['s3_versions', 's3_uploads'])
        for (const column of ['owner_account_id', 'grants'])
          await database.schema.alterTable(table).addColumn(column, 'text').execute();
    },
  },
  's3-0005-upload-conditions': {
    async up(database: Kysely<unknown>) {
      await database.schema.alterTable('s3_uploads').addColumn('key_held', 'text').execute();
    },
  },
  's3-0006-storage-classes': {
    async up(database: Kysely<unknown>) {
      for (const table of ['s3_versions', 's3_uploads'])
        await database.schema
          .alterTable(table)
          .addColumn('storage_class', 'text', column => column.notNull().defaultTo('STANDARD'))
          .execute();
    },
  },
};

/** Keys are listed in UTF-8 byte order: SQLite compares text so by itself, PostgreSQL only under this collation. */
function bytewiseText(database: Kysely<unknown>): ColumnDataType | Expression<unknown> {
  return database.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text';
}
