import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commitmentEnd } from './commitment.ts';

test('a term ends calendar months later, on the last day where the month is shorter', () => {
  const cases = [
    ['2026-11-23T05:06:07.008Z', 'OneMonth', '2026-12-23T05:06:07.008Z'],
    ['2026-12-31T23:59:59.999Z', 'OneMonth', '2027-01-31T23:59:59.999Z'],
    ['2027-01-31T00:00:00.000Z', 'OneMonth', '2027-02-28T00:00:00.000Z'],
    ['2028-01-30T00:00:00.000Z', 'OneMonth', '2028-02-29T00:00:00.000Z'],
    ['2026-08-31T12:00:00.000Z', 'SixMonths', '2027-02-28T12:00:00.000Z'],
    ['2026-11-23T00:00:00.000Z', 'SixMonths', '2027-05-23T00:00:00.000Z'],
  ] as const;
  for (const [start, duration, end] of cases)
    assert.equal(new Date(commitmentEnd(new Date(start), duration)).toISOString(), end);
});
