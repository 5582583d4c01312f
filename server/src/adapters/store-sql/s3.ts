import { type Kysely, type Selectable, sql } from 'kysely';
import type {
  BucketRow,
  ChecksumAlgorithm,
  ChecksumType,
  KeyRange,
  S3Rows,
  SegmentRow,
  UploadRow,
} from '../../ports/store-s3.ts';
import type { BucketTable, S3Schema, SegmentTable, UploadTable } from './s3-schema.ts';
import { readGrants, readTags, toDate, versionRows, writeAccess, writeTags } from './s3-versions.ts';

/** Both databases bound the variables of one statement; this stays far below. */
const IDS_PER_STATEMENT = 500;

export function s3Rows(database: Kysely<S3Schema>): S3Rows {
  const rows: S3Rows = {
    ...versionRows(database, ownerId => rows.deleteSegments(ownerId)),
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
          versioning: row.versioning,
        })
        .execute();
    },
    async setBucketPolicy(name, policy) {
      await database.updateTable('s3_buckets').set({ policy }).where('name', '=', name).execute();
    },
    async setBucketVersioning(name, versioning) {
      await database.updateTable('s3_buckets').set({ versioning }).where('name', '=', name).execute();
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
    async bucketsWithSetting(name) {
      const found = await database
        .selectFrom('s3_bucket_settings')
        .select('bucket')
        .where('name', '=', name)
        .orderBy('bucket')
        .execute();
      return found.map(({ bucket }) => bucket);
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
          storage_class: row.storageClass,
          tags: writeTags(row.tags),
          key_held: row.keyHeld,
          ...writeAccess(row),
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
    return query.where(sql<boolean>`(${sql.ref('key')}, ${sql.ref('upload_id')}) > (${from.key}, ${from.uploadId})`);
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
    versioning: row.versioning as BucketRow['versioning'],
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
    storageClass: row.storage_class as UploadRow['storageClass'],
    tags: readTags(row.tags),
    keyHeld: row.key_held,
    ownerAccountId: row.owner_account_id,
    grants: readGrants(row.grants),
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
