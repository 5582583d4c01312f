import assert from 'node:assert/strict';
import test from 'node:test';
import { columnsOf } from './columns.ts';

const stepsUntil = (count: number) => Array.from({ length: count }, (_, index) => index * 10);

test('Of many steps the first and the last are shown, and never more than there is room for', () => {
  for (let count = 0; count <= 300; count += 1) {
    const steps = stepsUntil(count);
    const columns = columnsOf(steps, 8);
    assert.ok(columns.length <= 8, `${columns.length} of ${count}`);
    assert.deepEqual([columns[0], columns.at(-1)], [steps[0], steps.at(-1)], String(count));
    if (count <= 8) assert.deepEqual(columns, steps);
  }
});

test('Columns stay where they are while steps are added', () => {
  assert.deepEqual(columnsOf(stepsUntil(20), 8), [0, 40, 80, 120, 160, 190]);
  assert.deepEqual(columnsOf(stepsUntil(21), 8), [0, 40, 80, 120, 160, 200]);
});
