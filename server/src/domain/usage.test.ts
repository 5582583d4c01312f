import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrices } from './prices.ts';
import { dayOf, imagesSeen, imageVariant, type UsageCount, type UsageSpan, usageReport } from './usage.ts';

const at = (text: string) => Date.parse(text);
const key = { accountId: '1', region: 'us-east-1' };
const storage: UsageSpan = {
  ...{ ...key, resourceArn: 'model', dimension: 'modelStorageMonths', variant: '', quantity: 1 },
  ...{ startedAt: at('2026-01-17T12:00:00Z'), endedAt: at('2026-03-01T00:00:00Z') },
};
const units: UsageSpan = {
  ...{ ...key, resourceArn: 'units', dimension: 'modelUnitHours', variant: 'none', quantity: 2 },
  ...{ startedAt: at('2026-01-31T22:30:00Z'), endedAt: null },
};
const drawn = (day: string, quantity: number, resourceArn = 'base'): UsageCount => ({
  ...{ ...key, resourceArn, dimension: 'imagesDrawn', variant: '1024-standard' },
  ...{ day: at(day), quantity },
});
const window = { from: at('2026-01-01'), to: at('2026-04-01'), now: at('2026-02-01T01:00:00Z') };

test('what is held is cut at the ends of months and days, and a month of storage is that month’s length', () => {
  const months = usageReport({ counts: [], spans: [storage] }, window, {
    by: 'month',
    byResource: false,
    prices: null,
  });
  const found = months.entries.map(({ period, quantity }) => [period, quantity]);
  assert.deepEqual(found, [
    ['2026-01', 14.5 / 31],
    ['2026-02', 1],
  ]);
  const days = usageReport({ counts: [], spans: [units] }, window, { by: 'day', byResource: true, prices: null });
  const shown = days.entries.map(({ period, quantity, unit, resourceArn }) => [period, quantity, unit, resourceArn]);
  assert.deepEqual(shown, [
    ['2026-01-31', 3, 'hours', 'units'],
    ['2026-02-01', 2, 'hours', 'units'],
  ]);
});

test('a window leaves out what is before and after it, and what is held goes on until now', () => {
  const recorded = { counts: [drawn('2026-01-01', 1), drawn('2026-02-01', 2), drawn('2026-02-02', 4)], spans: [units] };
  const day = { from: at('2026-02-01'), to: at('2026-02-02'), now: window.now };
  const { entries, total } = usageReport(recorded, day, { by: 'total', byResource: false, prices: null });
  assert.deepEqual(
    entries.map(entry => [entry.dimension, entry.quantity, entry.cost]),
    [
      ['imagesDrawn', 2, null],
      ['modelUnitHours', 2, null],
    ],
  );
  assert.equal(total, null);
});

test('resources are told apart or added up, and priced by their variant where there is a price', () => {
  const recorded = { counts: [drawn('2026-01-01', 1), drawn('2026-01-02', 2), drawn('2026-01-02', 3, 'x')], spans: [] };
  const prices = parsePrices('{"currency": "USD", "imagesDrawn": {"1024-standard": 0.01}}');
  const each = usageReport(recorded, window, { by: 'total', byResource: true, prices });
  assert.deepEqual(
    each.entries.map(({ resourceArn, quantity, cost }) => [resourceArn, quantity, cost]),
    [
      ['base', 3, 0.03],
      ['x', 3, 0.03],
    ],
  );
  const all = usageReport(recorded, window, { by: 'total', byResource: false, prices });
  assert.deepEqual([all.entries.length, all.entries[0]?.quantity, all.total], [1, 6, 0.06]);
});

test('images are priced by size and quality, and a step sees no more of them than there are', () => {
  assert.equal(imageVariant({ width: 768, height: 768, quality: 'standard' }), '512-standard');
  assert.equal(imageVariant({ width: 1152, height: 640, quality: 'premium' }), '1024-premium');
  assert.equal(imagesSeen(60, 8, 8000), 64_000);
  assert.equal(imagesSeen(5, 8, 100), 500);
  assert.equal(dayOf(at('2026-02-01T23:59:59Z')), at('2026-02-01'));
});

test('a price table is read whole, and refused by the member that is wrong', () => {
  const table = '{"currency": "EUR", "imagesSeen": 0.005, "modelUnitHours": {"none": 21, "OneMonth": 0}}';
  assert.equal(parsePrices(table).imagesSeen, 0.005);
  const refusals: [string, RegExp][] = [
    ['no', /no JSON/],
    ['[]', /must be a JSON object/],
    ['{}', /currency must be 1 to 12 letters; it is undefined/],
    ['{"currency": "USD", "gpu": 1}', /gpu is not a price; known are currency, imagesSeen/],
    ['{"currency": "USD", "imagesSeen": -1}', /imagesSeen must be a number from 0 on; it is -1/],
    ['{"currency": "USD", "imagesDrawn": 1}', /imagesDrawn must be an object with 512-standard/],
    ['{"currency": "USD", "imagesDrawn": {"2048-standard": 1}}', /imagesDrawn\.2048-standard is not known/],
    ['{"currency": "USD", "modelUnitHours": {"none": "1"}}', /modelUnitHours\.none must be a number .* it is "1"/],
  ];
  for (const [text, message] of refusals) assert.throws(() => parsePrices(text), message);
});
