import assert from 'node:assert/strict';
import test from 'node:test';
import { type JobEvent, NOTHING, withEvent } from './job-progress.ts';

type Told = JobEvent extends infer Event ? (Event extends JobEvent ? Omit<Event, 'at'> : never) : never;

function after(...events: Told[]) {
  return events.reduce(
    (progress, event, index) => withEvent(progress, { ...event, at: `2026-11-27T12:00:0${index}Z` } as JobEvent),
    NOTHING,
  );
}

test('Of many checkpoints the newest is told, with their number', () => {
  const evaluated: Told = {
    ...{ type: 'evaluation', step: 10, validationLoss: 1, score: 0.5, isBest: true },
    ...{ subjectFidelity: null, promptFidelity: null },
  };
  const once = after({ type: 'checkpoint', step: 10 });
  assert.deepEqual(
    once.log.map(({ text }) => text),
    ['Wrote a checkpoint after 10 steps'],
  );
  const { log, checkpoints } = after(
    { type: 'phase', phase: 'training', done: 0, total: 1 },
    { type: 'checkpoint', step: 10 },
    evaluated,
    { type: 'checkpoint', step: 20 },
    { type: 'checkpoint', step: 1030 },
  );
  assert.deepEqual(
    log.map(({ text }) => text),
    [
      ...['Trains', 'Evaluated after 10 steps: score 0.500, the best so far'],
      'Wrote 3 checkpoints, the newest after 1,030 steps',
    ],
  );
  assert.deepEqual(checkpoints, [10, 20, 1030]);
});

test('Warnings that differ in their numbers alone are one, with its count and its newest words', () => {
  const { warnings } = after(
    { type: 'warning', message: 'The loss was not finite at step 12.' },
    { type: 'warning', message: 'The pictures look like photographs.' },
    { type: 'warning', message: 'The loss was not finite at step 1,300.' },
  );
  assert.deepEqual(
    warnings.map(({ message, count }) => [message, count]),
    [
      ['The pictures look like photographs.', 1],
      ['The loss was not finite at step 1,300.', 2],
    ],
  );
});

test('What another attempt does again takes the place of what the one before it did', () => {
  const step = (step: number, loss: number): Told => ({
    ...{ type: 'step', step, loss, secondsLeft: 1, imagesPerSecond: 1 },
  });
  const { losses } = after(step(0, 3), step(1, 2), step(2, 1), step(1, 5));
  assert.deepEqual(losses, [
    { step: 0, loss: 3 },
    { step: 1, loss: 5 },
  ]);
});
