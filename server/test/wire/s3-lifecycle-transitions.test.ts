import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CreateBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  type S3Client,
  type Transition,
} from '@aws-sdk/client-s3';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds } from '../../src/adapters/system.ts';
import type { LifecycleRule as Rule } from '../../src/domain/lifecycle.ts';
import type { StorageClass } from '../../src/domain/storage-class.ts';
import type { Store } from '../../src/ports/store.ts';
import type { BucketVersioning } from '../../src/ports/store-s3.ts';
import { applyLifecycles } from '../../src/reconcile/lifecycle.ts';
import { addVersion, deleteFrom } from '../../src/services/s3/versions.ts';
import { assertRefused, startS3 } from './s3-server.ts';

describe('transitions in the rules of a bucket', () => {
  const Bucket = 'transitions';
  let server: Awaited<ReturnType<typeof startS3>>;
  let s3: S3Client;
  before(async () => {
    server = await startS3();
    s3 = server.client();
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  after(() => server.stop());

  const set = (Rules: LifecycleRule[], size?: 'varies_by_storage_class') =>
    s3.send(
      new PutBucketLifecycleConfigurationCommand({
        ...{ Bucket, LifecycleConfiguration: { Rules } },
        ...(size && { TransitionDefaultMinimumObjectSize: size }),
      }),
    );
  const base = { ID: 'r', Filter: { Prefix: 'x/' }, Status: 'Enabled' } as const;

  test('are read back as they were written, with the least size that was asked for', async () => {
    const rules: LifecycleRule[] = [
      {
        ...base,
        Expiration: { Days: 365 },
        Transitions: [
          { Days: 30, StorageClass: 'STANDARD_IA' },
          { Days: 60, StorageClass: 'INTELLIGENT_TIERING' },
          { Days: 61, StorageClass: 'GLACIER_IR' },
        ],
      },
      {
        ...{ ID: 'dates', Filter: {}, Status: 'Enabled' },
        Expiration: { Date: new Date('2031-01-01T00:00:00Z') },
        Transitions: [{ Date: new Date('2030-01-01T00:00:00Z'), StorageClass: 'ONEZONE_IA' }],
      },
      {
        ...{ ID: 'noncurrent', Filter: { Tag: { Key: 'a', Value: 'b' } }, Status: 'Enabled' },
        NoncurrentVersionTransitions: [
          { NoncurrentDays: 30, StorageClass: 'STANDARD_IA' },
          { NoncurrentDays: 60, StorageClass: 'GLACIER_IR', NewerNoncurrentVersions: 3 },
        ],
      },
      { ID: 'at once', Prefix: 'now/', Status: 'Enabled', Transitions: [{ Days: 0, StorageClass: 'GLACIER_IR' }] },
    ];
    assert.equal((await set(rules)).TransitionDefaultMinimumObjectSize, 'all_storage_classes_128K');
    const answered = await set(rules, 'varies_by_storage_class');
    assert.equal(answered.TransitionDefaultMinimumObjectSize, 'varies_by_storage_class');
    const kept = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    assert.deepEqual(kept.Rules, rules);
    assert.equal(kept.TransitionDefaultMinimumObjectSize, 'varies_by_storage_class');
  });

  const one = (transition: Transition): LifecycleRule => ({ ...base, Transitions: [transition] });
  const date = (text: string) => new Date(`${text}T00:00:00Z`);
  const refusals: [LifecycleRule, string, RegExp][] = [
    [one({ Days: 1, StorageClass: 'GLACIER' }), 'InvalidStorageClass', /restored before they are read.*GLACIER_IR/],
    [one({ Days: 1, StorageClass: 'DEEP_ARCHIVE' }), 'InvalidStorageClass', /DEEP_ARCHIVE/],
    [one({ Days: 1, StorageClass: 'STANDARD' as 'GLACIER' }), 'MalformedXML', /StorageClass/],
    [one({ Days: 1 }), 'MalformedXML', /StorageClass/],
    [one({ StorageClass: 'GLACIER_IR' }), 'MalformedXML', /one of Days and Date/],
    [one({ Days: 1, Date: date('2030-01-01'), StorageClass: 'GLACIER_IR' }), 'MalformedXML', /one of Days and Date/],
    [one({ Days: -1, StorageClass: 'GLACIER_IR' }), 'InvalidArgument', /nonnegative; you sent -1/],
    [one({ Date: new Date('2030-01-01T01:00:00Z'), StorageClass: 'GLACIER_IR' }), 'InvalidArgument', /midnight/],
    [
      one({ Days: 29, StorageClass: 'STANDARD_IA' }),
      'InvalidArgument',
      /^'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'$/,
    ],
    [one({ Days: 0, StorageClass: 'ONEZONE_IA' }), 'InvalidArgument', /equal to 30 for storageClass 'ONEZONE_IA'/],
    [
      {
        ...base,
        Transitions: [
          { Days: 1, StorageClass: 'GLACIER_IR' },
          { Days: 2, StorageClass: 'GLACIER_IR' },
        ],
      },
      'InvalidRequest',
      /^'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '\(prefix=x\/\)'$/,
    ],
    [
      {
        ...base,
        Transitions: [
          { Days: 59, StorageClass: 'GLACIER_IR' },
          { Days: 30, StorageClass: 'STANDARD_IA' },
        ],
      },
      'InvalidArgument',
      /'GLACIER_IR' for filter '\(prefix=x\/\)' must be 30 days more than .* 'STANDARD_IA'/,
    ],
    [
      {
        ...base,
        Transitions: [
          { Days: 30, StorageClass: 'ONEZONE_IA' },
          { Days: 90, StorageClass: 'GLACIER_IR' },
        ],
      },
      'InvalidRequest',
      /ONEZONE_IA cannot go on to GLACIER_IR/,
    ],
    [
      { ...one({ Days: 30, StorageClass: 'STANDARD_IA' }), Expiration: { Days: 30 } },
      'InvalidArgument',
      /^'Days' in the Expiration action for filter '\(prefix=x\/\)' must be greater than 'Days' in the Transition action$/,
    ],
    [
      {
        ...one({ Date: date('2030-01-02'), StorageClass: 'STANDARD_IA' }),
        Expiration: { Date: date('2030-01-01') },
      },
      'InvalidArgument',
      /'Date' in the Expiration action .* must be later than 'Date' in the Transition action/,
    ],
    [
      { ...one({ Days: 30, StorageClass: 'STANDARD_IA' }), Expiration: { Date: date('2030-01-01') } },
      'InvalidRequest',
      /^Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '\(prefix=x\/\)'$/,
    ],
    [
      {
        ...base,
        Transitions: [
          { Days: 30, StorageClass: 'STANDARD_IA' },
          { Date: date('2030-01-01'), StorageClass: 'GLACIER_IR' },
        ],
      },
      'InvalidRequest',
      /^Found mixed 'Date' and 'Days' based Transition actions/,
    ],
    [
      { ...base, NoncurrentVersionTransitions: [{ NoncurrentDays: 29, StorageClass: 'STANDARD_IA' }] },
      'InvalidArgument',
      /'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to 30/,
    ],
    [{ ...base, NoncurrentVersionTransitions: [{ StorageClass: 'GLACIER_IR' }] }, 'MalformedXML', /NoncurrentDays/],
    [
      {
        ...base,
        NoncurrentVersionTransitions: [{ NoncurrentDays: 1, StorageClass: 'GLACIER_IR', NewerNoncurrentVersions: 101 }],
      },
      'InvalidArgument',
      /'NewerNoncurrentVersions' for NoncurrentVersionTransition action must be between 1 and 100/,
    ],
    [
      {
        ...base,
        NoncurrentVersionTransitions: [{ NoncurrentDays: 30, StorageClass: 'GLACIER_IR' }],
        NoncurrentVersionExpiration: { NoncurrentDays: 30 },
      },
      'InvalidArgument',
      /'NoncurrentDays' in the NoncurrentVersionExpiration action .* must be greater than/,
    ],
  ];
  for (const [rule, code, message] of refusals)
    test(`are refused with ${code} where they say ${JSON.stringify(rule).slice(51, 220)}`, () =>
      assertRefused(set([rule]), 400, code, message));
});

describe('transitions at work', () => {
  const ids = systemIds();
  const DAY = 24 * 3600 * 1000;
  const LARGE = 128 * 1024;
  const start = new Date('2026-01-01T12:00:00Z');
  let folder: string;
  let store: Store;
  let names = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-transitions-'));
    store = await openSqliteStore(join(folder, 'db'));
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  async function bucketWith(versioning: BucketVersioning, ...own: Partial<Rule>[]): Promise<string> {
    names += 1;
    const name = `bucket-${names}`;
    await store.transaction(async ({ s3: rows }) => {
      await rows.createBucket({ name, accountId: '1', region: 'r', createdAt: start, policy: null, versioning });
      const rules = own.map(rule => ({ id: 'r', enabled: true, form: 'filter', filter: { tags: {} }, ...rule }));
      await rows.setBucketSetting(name, 'lifecycle', { rules, transitionDefaultMinimumObjectSize: 'x' });
    });
    return name;
  }

  const write = (
    bucket: string,
    key: string,
    { day = 0, sizeBytes = LARGE, tags = {}, storageClass = 'STANDARD' as StorageClass } = {},
  ) =>
    store.transaction(async ({ s3: rows }) => {
      const row = await rows.bucket(bucket);
      assert.ok(row);
      await addVersion(rows, { ids }, row, {
        ...{ bucket, key, objectId: ids.uuid(), sizeBytes, etag: 'e', tags, ownerAccountId: null, grants: null },
        ...{ modifiedAt: new Date(start.getTime() + day * DAY), partsCount: null, storageClass },
        ...{ checksumAlgorithm: null, checksumType: null, checksum: null },
        description: { contentType: 'a/b', metadata: {} },
      });
    });
  const apply = (day: number) =>
    applyLifecycles({
      ...{ store, deleteCurrent: (rows, bucket, key, now) => deleteFrom(rows, { ids }, bucket, key, undefined, now) },
      time: { now: () => new Date(start.getTime() + day * DAY), sleep: async () => undefined },
    });
  const versions = (bucket: string) =>
    store.read(({ s3: rows }) =>
      rows.versions(bucket, { from: { key: '', inclusive: true }, end: undefined, limit: 99 }),
    );
  /** Key and class, a marker without one. */
  const classes = async (bucket: string) =>
    (await versions(bucket)).map(row => (row.isDeleteMarker ? row.key : `${row.key} ${row.storageClass}`));

  test('an object moves at the midnight after its days, and nothing else of it changes', async () => {
    const bucket = await bucketWith('Enabled', {
      transitions: [{ storageClass: 'STANDARD_IA', days: 30 }],
      filter: { prefix: 'a', tags: {} },
    });
    await write(bucket, 'a');
    await write(bucket, 'b');
    const before = await versions(bucket);
    assert.deepEqual(await apply(30), { ended: 0, moved: 0 });
    assert.deepEqual(await versions(bucket), before);
    assert.deepEqual(await apply(30.5), { ended: 0, moved: 1 });
    const [a, b] = before;
    assert.deepEqual(await versions(bucket), [{ ...a, storageClass: 'STANDARD_IA' }, b]);
    assert.deepEqual(await apply(31), { ended: 0, moved: 0 });
  });

  test('an object goes down from class to class, to the lowest that it is due for, and never up', async () => {
    const bucket = await bucketWith(
      null,
      {
        transitions: [
          { storageClass: 'GLACIER_IR', days: 60 },
          { storageClass: 'STANDARD_IA', days: 30 },
        ],
      },
      { id: 'other', transitions: [{ storageClass: 'INTELLIGENT_TIERING', days: 40 }] },
    );
    await write(bucket, 'once', { storageClass: 'ONEZONE_IA' });
    await write(bucket, 'reduced', { storageClass: 'REDUCED_REDUNDANCY' });
    await write(bucket, 'standard');
    await apply(31);
    assert.deepEqual(await classes(bucket), ['once ONEZONE_IA', 'reduced STANDARD_IA', 'standard STANDARD_IA']);
    await apply(41);
    assert.deepEqual((await classes(bucket)).slice(1), ['reduced INTELLIGENT_TIERING', 'standard INTELLIGENT_TIERING']);
    await apply(61);
    assert.deepEqual(await classes(bucket), ['once ONEZONE_IA', 'reduced GLACIER_IR', 'standard GLACIER_IR']);
  });

  test('an object that is due for several classes at once goes to the lowest', async () => {
    const bucket = await bucketWith(null, {
      transitions: [
        { storageClass: 'STANDARD_IA', days: 30 },
        { storageClass: 'GLACIER_IR', days: 60 },
      ],
    });
    await write(bucket, 'k');
    assert.equal((await apply(99)).moved, 1);
    assert.deepEqual(await classes(bucket), ['k GLACIER_IR']);
  });

  test('a date moves every object, on that day and later', async () => {
    const at = new Date(start.getTime() + 9.5 * DAY).toISOString();
    const bucket = await bucketWith(null, { transitions: [{ storageClass: 'GLACIER_IR', date: at }] });
    await write(bucket, 'k', { day: 9 });
    await apply(9);
    assert.deepEqual(await classes(bucket), ['k STANDARD']);
    await apply(9.5);
    assert.deepEqual(await classes(bucket), ['k GLACIER_IR']);
  });

  test('objects of less than 128 KiB stay, unless the filter speaks of sizes', async () => {
    const transitions = [{ storageClass: 'GLACIER_IR' as const, days: 0 }];
    const plain = await bucketWith(null, { transitions });
    const sized = await bucketWith(null, { transitions, filter: { tags: {}, greaterThanBytes: 10 } });
    for (const bucket of [plain, sized]) {
      await write(bucket, 'large');
      await write(bucket, 'small', { sizeBytes: LARGE - 1 });
      await write(bucket, 'tiny', { sizeBytes: 10 });
    }
    await apply(2);
    assert.deepEqual(await classes(plain), ['large GLACIER_IR', 'small STANDARD', 'tiny STANDARD']);
    assert.deepEqual(await classes(sized), ['large GLACIER_IR', 'small GLACIER_IR', 'tiny STANDARD']);
  });

  test('only objects with the tags of the rule move, and none by a rule that is disabled', async () => {
    const transitions = [{ storageClass: 'GLACIER_IR' as const, days: 1 }];
    const tagged = await bucketWith(null, { transitions, filter: { tags: { cold: 'yes' } } });
    await write(tagged, 'a', { tags: { cold: 'yes' } });
    await write(tagged, 'b', { tags: { cold: 'no' } });
    const disabled = await bucketWith(null, { transitions, enabled: false });
    await write(disabled, 'a');
    await apply(9);
    assert.deepEqual(await classes(tagged), ['a GLACIER_IR', 'b STANDARD']);
    assert.deepEqual(await classes(disabled), ['a STANDARD']);
  });

  test('older versions move after they were replaced, but for the newest of them, and markers never', async () => {
    const bucket = await bucketWith('Enabled', {
      noncurrentTransitions: [{ storageClass: 'GLACIER_IR', days: 5, keep: 1 }],
    });
    for (const day of [0, 1, 2, 3]) await write(bucket, 'k', { day });
    await store.transaction(async ({ s3: rows }) => {
      const row = await rows.bucket(bucket);
      assert.ok(row);
      await deleteFrom(rows, { ids }, row, 'l', undefined, start);
    });
    await write(bucket, 'l', { day: 1 });
    await apply(6.5);
    assert.deepEqual(await classes(bucket), [
      'k STANDARD',
      'k STANDARD',
      'k STANDARD',
      'k GLACIER_IR',
      'l STANDARD',
      'l',
    ]);
    await apply(99);
    assert.deepEqual((await classes(bucket)).slice(0, 4), ['k STANDARD', 'k STANDARD', 'k GLACIER_IR', 'k GLACIER_IR']);
  });

  test('an object that is due to end as well ends', async () => {
    const bucket = await bucketWith(
      null,
      { transitions: [{ storageClass: 'GLACIER_IR', days: 1 }] },
      { id: 'end', expiration: { days: 2 } },
    );
    await write(bucket, 'k');
    assert.deepEqual(await apply(9), { ended: 1, moved: 0 });
    assert.deepEqual(await classes(bucket), []);
  });
});
