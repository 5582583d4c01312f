import assert from 'node:assert/strict';
import test from 'node:test';
import { recommendedSteps } from './recommended-steps.ts';

test('The recommended steps are those of the table, and lie on straight lines between its rows', () => {
  const rows: [number, number][] = [
    [8, 1000],
    [32, 4000],
    [48, 6000],
    [64, 8000],
    [1000, 10_000],
    [10_000, 12_000],
  ];
  for (const [images, steps] of rows) assert.equal(recommendedSteps(images), steps, `${images} images`);
  assert.equal(recommendedSteps(5), 625);
  assert.equal(recommendedSteps(20_000), 12_000);
});
