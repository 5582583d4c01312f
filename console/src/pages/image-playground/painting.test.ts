import assert from 'node:assert/strict';
import test from 'node:test';
import { blank, type Stroke, withRedo, withStep, withUndo } from './painting.ts';

const stroke = (x: number): Stroke => ({ kind: 'brush', width: 0.1, points: [{ x, y: 0.5 }] });

test('Each step can be taken back and comes again, also a clearing', () => {
  const painted = withStep(withStep(withStep(blank, stroke(0.1)), stroke(0.2)), { kind: 'clear' });
  const back = withUndo(withUndo(painted));
  assert.deepEqual(back.done, [stroke(0.1)]);
  assert.deepEqual(withRedo(back).done, [stroke(0.1), stroke(0.2)]);
  assert.deepEqual(withRedo(withRedo(back)), painted);
});

test('A new step forgets what was taken back', () => {
  const painted = withStep(withUndo(withStep(blank, stroke(0.1))), stroke(0.3));
  assert.deepEqual(withRedo(painted), painted);
  assert.deepEqual(painted.done, [stroke(0.3)]);
});

test('Nothing is taken back from nothing', () => {
  assert.equal(withUndo(blank), blank);
  assert.equal(withRedo(blank), blank);
});
