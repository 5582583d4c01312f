import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { openFileObjects } from '../../src/adapters/objects-fs/objects-fs.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds } from '../../src/adapters/system.ts';
import { GREATEST_RANK, newVersionId } from '../../src/domain/object-version.ts';
import type { Store } from '../../src/ports/store.ts';
import type { ListPosition, ObjectRow, SegmentRow, UploadRow } from '../../src/ports/store-s3.ts';
import { sweep } from '../../src/reconcile/sweep.ts';

const closing: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closing) await close();
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-store-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Every adapter of the port answers this suite. */
const adapters: Record<string, () => Promise<Store>> = {
  async sqlite() {
    const store = await openSqliteStore(join(await newFolder(), 'likeness.db'));
    closing.unshift(() => store.close());
    return store;
  },
};

const at = new Date('2026-11-23T00:00:00Z');
const blob = () => randomBytes(16).toString('hex');

function objectRow(key: string, version: Partial<ObjectRow> = {}): ObjectRow {
  return {
    bucket: 'bucket',
    key,
    objectId: blob(),
    versionId: null,
    rank: GREATEST_RANK,
    isLatest: true,
    isDeleteMarker: false,
    sizeBytes: 5 * 1024 ** 3,
    etag: 'etag',
    modifiedAt: at,
    checksumAlgorithm: 'CRC32',
    checksumType: 'FULL_OBJECT',
    checksum: 'AAAAAA==',
    partsCount: null,
    description: { contentType: 'text/plain', metadata: { a: 'ü' } },
    storageClass: 'ONEZONE_IA',
    tags: { team: 'ü' },
    ownerAccountId: '222222222222',
    grants: [{ grantee: { group: 'AllUsers' }, permission: 'READ' }],
    ...version,
  };
}

function segmentRow(ownerId: string, partNumber: number, blobId = blob()): SegmentRow {
  return { ownerId, partNumber, blobId, sizeBytes: 1, etag: 'e', checksum: null, modifiedAt: at };
}

function uploadRow(key: string, uploadId: string): UploadRow {
  return {
    uploadId,
    bucket: 'bucket',
    key,
    startedAt: at,
    initiatorArn: 'arn:aws:iam::123456789012:root',
    checksumAlgorithm: null,
    checksumType: null,
    description: { contentType: 'a/b', metadata: {} },
    storageClass: 'STANDARD_IA',
    tags: {},
    ownerAccountId: null,
    grants: null,
    keyHeld: '',
  };
}

for (const [name, open] of Object.entries(adapters))
  describe(`store, s3: ${name}`, () => {
    async function withBucket(): Promise<Store> {
      const store = await open();
      await store.transaction(({ s3 }) =>
        s3.createBucket({
          name: 'bucket',
          accountId: '1',
          region: 'us-east-1',
          createdAt: at,
          policy: null,
          versioning: null,
        }),
      );
      return store;
    }

    test('an object is read back as it was written', async () => {
      const store = await withBucket();
      const row = objectRow('a key');
      await store.transaction(({ s3 }) => s3.addVersion(row));
      assert.deepEqual(await store.read(({ s3 }) => s3.object('bucket', 'a key')), row);
      assert.equal(await store.read(({ s3 }) => s3.object('bucket', 'A KEY')), undefined);
    });

    test('keys are listed in the order of their UTF-8 bytes', async () => {
      const store = await withBucket();
      const keys = ['b', 'a', 'A', 'é', '\u{1f436}', '\u{ffee}', 'a/b', 'a b', '\u0001'];
      await store.transaction(async ({ s3 }) => {
        for (const key of keys) await s3.addVersion(objectRow(key));
      });
      const listed = await store.read(({ s3 }) =>
        s3.objects('bucket', { from: { key: '', inclusive: true }, end: undefined, limit: 100 }),
      );
      const sorted = [...keys].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
      assert.deepEqual(
        listed.map(({ key }) => key),
        sorted,
      );
      const between = await store.read(({ s3 }) =>
        s3.objects('bucket', { from: { key: 'a', inclusive: false }, end: 'b', limit: 1 }),
      );
      assert.deepEqual(
        between.map(({ key }) => key),
        ['a b'],
      );
    });

    test('what deletes an object hands its blobs over', async () => {
      const store = await withBucket();
      const first = objectRow('k');
      const segments = [segmentRow(first.objectId, 1), segmentRow(first.objectId, 2)];
      await store.transaction(async ({ s3 }) => {
        await s3.addVersion(first);
        for (const segment of segments) await s3.putSegment(segment);
      });
      const blobs = segments.map(({ blobId }) => blobId);
      const stranger = blob();
      assert.deepEqual(await store.read(({ s3 }) => s3.orphans([...blobs, stranger])), [stranger]);
      const deleted = await store.transaction(({ s3 }) => s3.deleteVersion('bucket', 'k', null));
      assert.deepEqual(deleted.sort(), blobs.sort());
      assert.deepEqual(await store.transaction(({ s3 }) => s3.deleteVersion('bucket', 'k', null)), []);
    });

    test('versions are listed newest first, and a marker hides its key until it goes', async () => {
      const store = await withBucket();
      const [second, marker] = [GREATEST_RANK - 1, GREATEST_RANK - 2];
      const ids = [newVersionId(second, randomBytes(11)), newVersionId(marker, randomBytes(11))] as const;
      const rows = [
        objectRow('k'),
        objectRow('k', { rank: second, versionId: ids[0] }),
        objectRow('k', { rank: marker, versionId: ids[1], isDeleteMarker: true }),
        objectRow('l'),
      ];
      await store.transaction(async ({ s3 }) => {
        for (const row of rows) {
          assert.equal(await s3.nextRank('bucket', row.key), row.rank);
          await s3.addVersion(row);
        }
      });
      const listed = (from: ListPosition) =>
        store.read(async ({ s3 }) =>
          (await s3.versions('bucket', { from, end: undefined, limit: 9 })).map(row => [
            row.key,
            row.versionId,
            row.isLatest,
          ]),
        );
      const all = [
        ['k', ids[1], true],
        ['k', ids[0], false],
        ['k', null, false],
        ['l', null, true],
      ];
      assert.deepEqual(await listed({ key: '', inclusive: true }), all);
      assert.deepEqual(await listed({ key: 'k', inclusive: true, rank: second }), all.slice(2));
      assert.equal(await store.read(({ s3 }) => s3.object('bucket', 'k')), undefined);
      assert.equal((await store.read(({ s3 }) => s3.version('bucket', 'k', ids[0])))?.rank, second);
      await store.transaction(({ s3 }) => s3.deleteVersion('bucket', 'k', ids[1]));
      assert.deepEqual(await listed({ key: '', inclusive: true }), [['k', ids[0], true], ...all.slice(2)]);
      assert.equal((await store.read(({ s3 }) => s3.object('bucket', 'k')))?.versionId, ids[0]);
    });

    test('a version changes its storage class, and nothing else of it or of the others', async () => {
      const store = await withBucket();
      const newer = objectRow('k', {
        rank: GREATEST_RANK - 1,
        versionId: newVersionId(GREATEST_RANK - 1, randomBytes(11)),
      });
      const older = objectRow('k');
      await store.transaction(async ({ s3 }) => {
        for (const row of [older, newer]) await s3.addVersion(row);
        await s3.setStorageClass(older, 'GLACIER_IR');
      });
      const version = (id: string | null) => store.read(({ s3 }) => s3.version('bucket', 'k', id));
      assert.deepEqual(await version(null), { ...older, isLatest: false, storageClass: 'GLACIER_IR' });
      assert.deepEqual(await version(newer.versionId), newer);
      const listed = await store.read(({ s3 }) =>
        s3.versions('bucket', { from: { key: '', inclusive: true }, end: undefined, limit: 9 }),
      );
      assert.deepEqual(
        listed.map(({ storageClass }) => storageClass),
        ['ONEZONE_IA', 'GLACIER_IR'],
      );
    });

    test('what a bucket is set to is replaced whole, and goes with the bucket', async () => {
      const store = await withBucket();
      const setting = () => store.read(({ s3 }) => s3.bucketSetting('bucket', 'tagging'));
      await store.transaction(({ s3 }) => s3.setBucketSetting('bucket', 'tagging', { a: '1' }));
      await store.transaction(({ s3 }) => s3.setBucketSetting('bucket', 'tagging', { b: '2' }));
      assert.deepEqual(await setting(), { b: '2' });
      assert.deepEqual(await store.read(({ s3 }) => s3.bucketsWithSetting('tagging')), ['bucket']);
      await store.transaction(({ s3 }) => s3.deleteBucket('bucket'));
      assert.equal(await setting(), undefined);
    });

    test('a part of the same number replaces the earlier one', async () => {
      const store = await withBucket();
      await store.transaction(async ({ s3 }) => {
        await s3.createUpload({ ...uploadRow('k', 'u'), keyHeld: 'object' });
        assert.deepEqual(await s3.upload('u'), { ...uploadRow('k', 'u'), keyHeld: 'object' });
        const first = segmentRow('u', 1);
        assert.equal(await s3.putSegment(first), undefined);
        assert.equal(await s3.putSegment(segmentRow('u', 1)), first.blobId);
        for (let number = 2; number <= 1200; number++) await s3.putSegment(segmentRow('u', number));
      });
      const page = await store.read(({ s3 }) => s3.segments('u', { after: 3, limit: 2 }));
      assert.deepEqual(
        page.map(({ partNumber }) => partNumber),
        [4, 5],
      );
      const numbers = Array.from({ length: 1100 }, (_, index) => index + 1);
      assert.equal((await store.transaction(({ s3 }) => s3.deleteSegments('u', numbers))).length, 1100);
      assert.equal((await store.read(({ s3 }) => s3.segments('u'))).length, 100);
    });

    test('uploads are listed by key, then by their start', async () => {
      const store = await withBucket();
      await store.transaction(async ({ s3 }) => {
        for (const [key, id] of [
          ['b', '1'],
          ['a', '3'],
          ['a', '2'],
        ] as const)
          await s3.createUpload(uploadRow(key, id));
      });
      const ids = async (from: { key: string; inclusive: boolean; uploadId?: string }) =>
        (await store.read(({ s3 }) => s3.uploads('bucket', { from, end: undefined, limit: 10 }))).map(
          ({ uploadId }) => uploadId,
        );
      assert.deepEqual(await ids({ key: '', inclusive: true }), ['2', '3', '1']);
      assert.deepEqual(await ids({ key: 'a', inclusive: false }), ['1']);
      assert.deepEqual(await ids({ key: 'a', inclusive: false, uploadId: '2' }), ['3', '1']);
    });

    test('a bucket is listed for its account only, and goes with its unfinished uploads', async () => {
      const store = await withBucket();
      const segment = segmentRow('u', 1);
      await store.transaction(async ({ s3 }) => {
        await s3.createBucket({
          name: 'bucket-2',
          accountId: '1',
          region: 'eu-west-1',
          createdAt: at,
          policy: '{}',
          versioning: 'Enabled',
        });
        await s3.createBucket({
          name: 'foreign',
          accountId: '2',
          region: 'us-east-1',
          createdAt: at,
          policy: null,
          versioning: null,
        });
        await s3.createUpload(uploadRow('k', 'u'));
        await s3.putSegment(segment);
      });
      const names = async (query: { prefix?: string; after?: string; region?: string }) =>
        (await store.read(({ s3 }) => s3.buckets({ accountId: '1', prefix: '', after: '', limit: 10, ...query }))).map(
          bucket => bucket.name,
        );
      assert.deepEqual(await names({}), ['bucket', 'bucket-2']);
      assert.deepEqual(await names({ prefix: 'bucket-' }), ['bucket-2']);
      assert.deepEqual(await names({ after: 'bucket' }), ['bucket-2']);
      assert.deepEqual(await names({ region: 'us-east-1' }), ['bucket']);
      assert.deepEqual(await store.transaction(({ s3 }) => s3.deleteBucket('bucket')), [segment.blobId]);
      assert.deepEqual(await names({}), ['bucket-2']);
    });

    test('the sweep deletes old blobs that no row names, and only those', async () => {
      const store = await withBucket();
      const objects = await openFileObjects(await newFolder(), systemIds());
      const put = async () => (await objects.put(bytes())).blobId;
      const [named, orphan] = [await put(), await put()];
      const row = objectRow('k');
      await store.transaction(async ({ s3 }) => {
        await s3.addVersion(row);
        await s3.putSegment(segmentRow(row.objectId, 1, named));
      });
      const later = { now: () => new Date(Date.now() + 2 * 3600_000), sleep: async () => undefined };
      assert.equal(await sweep({ store, objects, time: later }, 3 * 3600), 0);
      assert.equal(await sweep({ store, objects, time: later }, 3600), 1);
      const left: string[] = [];
      for await (const { blobId } of objects.list()) left.push(blobId);
      assert.deepEqual([left, orphan === named], [[named], false]);
    });
  });

async function* bytes(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('bytes');
}
