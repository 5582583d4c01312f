import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../fault.ts';
import { assertStoppable, endPhases, enterPhase, isEnded, newStatusDetails, stopPhases } from './job-state.ts';

const statuses = (details: ReturnType<typeof newStatusDetails>) =>
  [details.validation, details.dataProcessing, details.training].map(phase => phase.status).join(' ');

test('phases follow each other, and each keeps when it first began', () => {
  let details = newStatusDetails();
  assert.equal(statuses(details), 'NotStarted NotStarted NotStarted');
  details = enterPhase(details, 'validation', 100);
  assert.equal(statuses(details), 'InProgress NotStarted NotStarted');
  details = enterPhase(details, 'dataProcessing', 200);
  details = enterPhase(details, 'training', 300);
  assert.equal(statuses(details), 'Completed Completed InProgress');
  assert.deepEqual(enterPhase(details, 'training', 400), details, 'a new attempt changes nothing');
  details = endPhases(details, 'Completed', 500);
  assert.deepEqual(details.training, { status: 'Completed', startedAt: 300, lastModifiedAt: 500 });
  assert.deepEqual(details.validation, { status: 'Completed', startedAt: 100, lastModifiedAt: 200 });
});

test('a stop and a failure mark the phase under way only', () => {
  const processing = enterPhase(enterPhase(newStatusDetails(), 'validation', 1), 'dataProcessing', 2);
  const stopping = stopPhases(processing, 3);
  assert.equal(statuses(stopping), 'Completed Stopping NotStarted');
  assert.equal(statuses(endPhases(stopping, 'Stopped', 4)), 'Completed Stopped NotStarted');
  assert.equal(statuses(endPhases(processing, 'Failed', 4)), 'Completed Failed NotStarted');
  assert.equal(statuses(endPhases(newStatusDetails(), 'Stopped', 4)), 'NotStarted NotStarted NotStarted');
});

test('only a job InProgress can be stopped', () => {
  assertStoppable('InProgress', 'ron');
  for (const status of ['Stopping', 'Stopped', 'Completed', 'Failed'] as const)
    assert.throws(
      () => assertStoppable(status, 'ron'),
      (error: unknown) => error instanceof Fault && error.kind === 'conflict' && error.message.includes(status),
    );
  assert.deepEqual((['InProgress', 'Stopping', 'Completed', 'Failed', 'Stopped'] as const).map(isEnded), [
    false,
    false,
    true,
    true,
    true,
  ]);
});
