import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import type { UsageKey } from '../../src/domain/usage.ts';
import type { Store } from '../../src/ports/store.ts';

const DAY = 86_400_000;
const scope = { accountId: '111111111111', region: 'us-east-1' };
const drawn: UsageKey = { ...scope, resourceArn: 'base', dimension: 'imagesDrawn', variant: '512-standard' };
const units: UsageKey = { ...scope, resourceArn: 'units', dimension: 'modelUnitHours', variant: 'none' };
let directory: string;
let store: Store;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'likeness-usage-'));
  store = await openSqliteStore(join(directory, 'rows.sqlite'));
});
after(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

const recorded = (window = { from: 0, to: 100 * DAY }, of = scope) =>
  store.read(rows => rows.usage.recorded(of, window));

test('counts of a day are added up, and one that is undone with its transaction is not there', async () => {
  await store.transaction(rows => rows.usage.count(drawn, 2, DAY + 5));
  await store.transaction(rows => rows.usage.count(drawn, 3, DAY + 7));
  await store.transaction(rows => rows.usage.count(drawn, 4, 3 * DAY));
  await store.transaction(rows => rows.usage.count({ ...drawn, variant: '1024-premium' }, 1, DAY));
  const undone = store.transaction(async rows => {
    await rows.usage.count(drawn, 100, DAY);
    throw new Error('undone');
  });
  await assert.rejects(undone);
  const { counts } = await recorded();
  assert.deepEqual(counts.map(({ day, variant, quantity }) => [day / DAY, variant, quantity]).toSorted(), [
    [1, '1024-premium', 1],
    [1, '512-standard', 5],
    [3, '512-standard', 4],
  ]);
  assert.equal((await recorded({ from: 2 * DAY, to: 4 * DAY })).counts.length, 1);
});

test('a thing is held once at a time, begins and ends once, and may be held again', async () => {
  await store.transaction(async rows => {
    await rows.usage.beginSpan(units, 2, 10 * DAY);
    await rows.usage.beginSpan(units, 9, 11 * DAY);
    await rows.usage.endSpan(units, 12 * DAY);
    await rows.usage.endSpan(units, 13 * DAY);
    await rows.usage.beginSpan(units, 1, 20 * DAY);
  });
  const { spans } = await recorded();
  assert.deepEqual(
    spans.map(({ quantity, startedAt, endedAt }) => [quantity, startedAt / DAY, endedAt && endedAt / DAY]),
    [
      [2, 10, 12],
      [1, 20, null],
    ],
  );
  assert.equal((await recorded({ from: 12 * DAY, to: 20 * DAY })).spans.length, 0);
  assert.equal((await recorded({ from: 30 * DAY, to: 31 * DAY })).spans.length, 1);
});

test('an account and Region sees its own alone', async () => {
  for (const other of [
    { ...scope, accountId: '222222222222' },
    { ...scope, region: 'us-west-2' },
  ])
    assert.deepEqual(await recorded(undefined, other), { counts: [], spans: [] });
});
