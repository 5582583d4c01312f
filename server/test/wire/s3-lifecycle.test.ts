import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CreateBucketCommand,
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds } from '../../src/adapters/system.ts';
import type { LifecycleRule as Rule } from '../../src/domain/lifecycle.ts';
import type { Store } from '../../src/ports/store.ts';
import type { BucketVersioning } from '../../src/ports/store-s3.ts';
import { applyLifecycles } from '../../src/reconcile/lifecycle.ts';
import { addVersion, deleteFrom } from '../../src/services/s3/versions.ts';
import { assertRefused, startS3 } from './s3-server.ts';

const Bucket = 'lifecycle';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

const set = (...Rules: LifecycleRule[]) =>
  s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
const get = () => s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));

describe('the rules of a bucket', () => {
  test('are read back as they were written, and go when they are deleted', async () => {
    await assertRefused(get(), 404, 'NoSuchLifecycleConfiguration');
    const rules: LifecycleRule[] = [
      { ID: 'old form', Prefix: 'logs/', Status: 'Enabled', Expiration: { Days: 1 } },
      { ID: 'all', Filter: {}, Status: 'Disabled', Expiration: { Date: new Date('2030-01-01T00:00:00Z') } },
      { ID: 'tag', Filter: { Tag: { Key: 'a', Value: 'b' } }, Status: 'Enabled', Expiration: { Days: 2 } },
      {
        ID: 'and',
        Filter: { And: { Prefix: 'x/', Tags: [{ Key: 'a', Value: 'b' }], ObjectSizeGreaterThan: 5 } },
        Status: 'Enabled',
        NoncurrentVersionExpiration: { NoncurrentDays: 3, NewerNoncurrentVersions: 2 },
      },
      {
        ID: 'markers',
        Filter: { Prefix: '' },
        Status: 'Enabled',
        Expiration: { ExpiredObjectDeleteMarker: true },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ];
    await set(...rules);
    const kept = await get();
    assert.deepEqual(kept.Rules, rules);
    assert.equal(kept.TransitionDefaultMinimumObjectSize, 'all_storage_classes_128K');
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
    await assertRefused(get(), 404, 'NoSuchLifecycleConfiguration');
  });

  const base: LifecycleRule = { ID: 'r', Filter: {}, Status: 'Enabled', Expiration: { Days: 1 } };
  const refusals: [LifecycleRule[], number, string, RegExp][] = [
    [[], 400, 'MalformedXML', /Rules/],
    [[base, base], 400, 'InvalidArgument', /unique/],
    [[{ ...base, ID: 'x'.repeat(256) }], 400, 'InvalidArgument', /255/],
    [[{ ...base, Status: 'enabled' as 'Enabled' }], 400, 'MalformedXML', /./],
    [[{ ...base, Expiration: { Days: 0 } }], 400, 'InvalidArgument', /positive integer/],
    [[{ ...base, Expiration: { Date: new Date('2030-01-01T01:00:00Z') } }], 400, 'InvalidArgument', /midnight/],
    [[{ ...base, Expiration: { Days: 1, ExpiredObjectDeleteMarker: true } }], 400, 'MalformedXML', /one of/],
    [[{ ID: 'r', Filter: {}, Status: 'Enabled' }], 400, 'InvalidRequest', /At least one action/],
    [[{ ...base, Prefix: 'x' }], 400, 'MalformedXML', /not both/],
    [[{ ...base, Filter: { Prefix: 'x', Tag: { Key: 'a', Value: 'b' } } }], 400, 'MalformedXML', /And/],
  ];
  for (const [rules, status, code, message] of refusals)
    test(`are refused with ${code} where they say ${JSON.stringify(rules).slice(0, 120)}`, async () => {
      await assertRefused(set(...rules), status, code, message);
    });

  test('show in the answers when an object will end', async () => {
    await set({ ID: 'soon', Filter: { Prefix: 'end/' }, Status: 'Enabled', Expiration: { Days: 1 } });
    const written = await s3.send(new PutObjectCommand({ Bucket, Key: 'end/k', Body: '' }));
    assert.match(written.Expiration ?? '', /^expiry-date="\w{3}, \d\d \w{3} \d{4} 00:00:00 GMT", rule-id="soon"$/);
    assert.equal((await s3.send(new GetObjectCommand({ Bucket, Key: 'end/k' }))).Expiration, written.Expiration);
    assert.equal((await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '' }))).Expiration, undefined);
  });
});

describe('the rules at work', () => {
  const ids = systemIds();
  const DAY = 24 * 3600 * 1000;
  const start = new Date('2026-01-01T12:00:00Z');
  let folder: string;
  let store: Store;
  let names = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-lifecycle-'));
    store = await openSqliteStore(join(folder, 'db'));
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  async function bucketWith(versioning: BucketVersioning, rule: Partial<Rule>): Promise<string> {
    names += 1;
    const name = `bucket-${names}`;
    await store.transaction(async ({ s3: rows }) => {
      await rows.createBucket({ name, accountId: '1', region: 'r', createdAt: start, policy: null, versioning });
      const rules = [{ id: 'r', enabled: true, form: 'filter', filter: { tags: {} }, ...rule }];
      await rows.setBucketSetting(name, 'lifecycle', { rules, transitionDefaultMinimumObjectSize: 'x' });
    });
    return name;
  }

  const write = (bucket: string, key: string, day: number, tags = {}) =>
    store.transaction(async ({ s3: rows }) => {
      const row = await rows.bucket(bucket);
      assert.ok(row);
      await addVersion(rows, { ids }, row, {
        ...{ bucket, key, objectId: ids.uuid(), sizeBytes: 1, etag: 'e', tags, ownerAccountId: null, grants: null },
        ...{ modifiedAt: new Date(start.getTime() + day * DAY), partsCount: null },
        ...{ checksumAlgorithm: null, checksumType: null, checksum: null, storageClass: 'STANDARD' },
        description: { contentType: 'a/b', metadata: {} },
      });
    });
  const deleteCurrent: Parameters<typeof applyLifecycles>[0]['deleteCurrent'] = (rows, bucket, key, now) =>
    deleteFrom(rows, { ids }, bucket, key, undefined, now);
  const apply = (day: number, rows = store) =>
    applyLifecycles({
      ...{ store: rows, deleteCurrent },
      time: { now: () => new Date(start.getTime() + day * DAY), sleep: async () => undefined },
    });
  /** Key and days since the start, `marker` for a delete marker. */
  const left = async (bucket: string) =>
    (
      await store.read(({ s3: rows }) =>
        rows.versions(bucket, { from: { key: '', inclusive: true }, end: undefined, limit: 99 }),
      )
    ).map(row => `${row.key} ${row.isDeleteMarker ? 'marker' : (row.modifiedAt.getTime() - start.getTime()) / DAY}`);

  test('an object ends at the midnight after its days', async () => {
    const bucket = await bucketWith(null, { expiration: { days: 2 }, filter: { prefix: 'a', tags: {} } });
    await write(bucket, 'a', 0);
    await write(bucket, 'b', 0);
    await apply(2);
    assert.deepEqual(await left(bucket), ['a 0', 'b 0']);
    await apply(2.5);
    assert.deepEqual(await left(bucket), ['b 0']);
  });

  test('only objects with the tags of the rule end', async () => {
    const bucket = await bucketWith(null, { expiration: { days: 1 }, filter: { tags: { keep: 'no' } } });
    await write(bucket, 'a', 0, { keep: 'no' });
    await write(bucket, 'b', 0, { keep: 'yes' });
    await apply(9);
    assert.deepEqual(await left(bucket), ['b 0']);
  });

  test('in a bucket with versions the object is hidden, and the marker goes when nothing is under it', async () => {
    const bucket = await bucketWith('Enabled', {
      expiration: { days: 1 },
      noncurrentExpiration: { days: 5 },
    });
    await write(bucket, 'k', 0);
    await apply(2);
    assert.deepEqual(await left(bucket), ['k marker', 'k 0']);
    await apply(6);
    assert.deepEqual(await left(bucket), ['k marker', 'k 0']);
    await apply(8);
    assert.deepEqual(await left(bucket), ['k marker']);
    await apply(9);
    assert.deepEqual(await left(bucket), []);
  });

  test('the newest noncurrent versions stay where the rule keeps them', async () => {
    const bucket = await bucketWith('Enabled', { noncurrentExpiration: { days: 1, keep: 2 } });
    for (const day of [0, 1, 2, 3, 4]) await write(bucket, 'k', day);
    await apply(30);
    assert.deepEqual(await left(bucket), ['k 4', 'k 3', 'k 2']);
  });

  test('an unfinished upload ends, and its parts with it', async () => {
    const bucket = await bucketWith(null, { abortUploadDays: 3 });
    await store.transaction(async ({ s3: rows }) => {
      await rows.createUpload({
        ...{ uploadId: 'u', bucket, key: 'k', startedAt: start, initiatorArn: 'arn', tags: {} },
        ...{ ownerAccountId: null, grants: null, keyHeld: null, storageClass: 'STANDARD' },
        ...{ checksumAlgorithm: null, checksumType: null, description: { contentType: 'a/b', metadata: {} } },
      });
      const part = { ownerId: 'u', partNumber: 1, blobId: 'blob', sizeBytes: 1, etag: 'e', checksum: null };
      await rows.putSegment({ ...part, modifiedAt: start });
    });
    assert.equal((await apply(3)).ended, 0);
    assert.equal((await apply(4)).ended, 1);
    assert.deepEqual(await store.read(({ s3: rows }) => rows.orphans(['blob'])), ['blob']);
  });

  test('many objects share commits as they end, but so few at a time that others wait for a moment only', async () => {
    const bucket = await bucketWith(null, { expiration: { days: 1 } });
    for (let index = 0; index < 100; index += 1) await write(bucket, `k${index}`, 0);
    let waiting = 0;
    let mostWaiting = 0;
    const watched: Store = {
      ...store,
      async transaction(run) {
        waiting += 1;
        mostWaiting = Math.max(mostWaiting, waiting);
        return store.transaction(run).finally(() => {
          waiting -= 1;
        });
      },
    };
    await apply(9, watched);
    assert.deepEqual(await left(bucket), []);
    assert.ok(mostWaiting > 1 && mostWaiting <= 16, `${mostWaiting} at once`);
  });

  test('many objects are looked at a hundred at a time, with a rest in between that others have to themselves', async () => {
    const bucket = await bucketWith(null, { expiration: { days: 1000 } });
    for (let index = 0; index < 250; index += 1) await write(bucket, `k${index}`, 0);
    const rests: number[] = [];
    await applyLifecycles({
      ...{ store, deleteCurrent },
      time: {
        now: () => start,
        async sleep(milliseconds) {
          rests.push(milliseconds);
        },
      },
    });
    assert.equal((await left(bucket)).length, 99);
    assert.ok(rests.length >= 2 && rests.every(milliseconds => milliseconds > 0), `${rests}`);
  });

  test('a rule that is disabled ends nothing', async () => {
    const bucket = await bucketWith(null, { enabled: false, expiration: { days: 1 } });
    await write(bucket, 'k', 0);
    await apply(99);
    assert.deepEqual(await left(bucket), ['k 0']);
  });
});
