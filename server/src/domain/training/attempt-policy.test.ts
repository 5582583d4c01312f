import assert from 'node:assert/strict';
import test from 'node:test';
import { type AttemptHistory, nextAttempt, DEFAULT_ATTEMPT_POLICY as policy } from './attempt-policy.ts';

const history: AttemptHistory = {
  attempt: 1,
  failuresWithoutProgress: 0,
  startedFromStep: 0,
  newestCheckpointStep: null,
  stopping: false,
};

test('A completed attempt finishes the job', () => {
  assert.deepEqual(nextAttempt(history, { kind: 'completed' }, policy), { kind: 'finish' });
});

test('A job that is being stopped ends stopped, however its attempt ended', () => {
  for (const exit of [{ kind: 'completed' }, { kind: 'stopped' }, { kind: 'gone', logTail: '' }] as const)
    assert.deepEqual(nextAttempt({ ...history, stopping: true }, exit, policy), { kind: 'stopped' });
});

test('A pause goes on with the next attempt and is no failure', () => {
  const decision = nextAttempt({ ...history, failuresWithoutProgress: 2 }, { kind: 'interrupted' }, policy);
  assert.deepEqual(decision, { kind: 'resume', attempt: 2, failuresWithoutProgress: 0 });
});

test('A fault of the data or the request is never tried again', () => {
  const exit = { kind: 'failed', message: 'Lower learningRate.', userError: true } as const;
  assert.deepEqual(nextAttempt(history, exit, policy), { kind: 'fail', message: 'Lower learningRate.' });
});

test('A vanished process is tried again until it vanished three times without progress', () => {
  const exit = { kind: 'gone', logTail: 'Killed' } as const;
  const second = nextAttempt(history, exit, policy);
  assert.deepEqual(second, { kind: 'resume', attempt: 2, failuresWithoutProgress: 1 });
  const third = nextAttempt({ ...history, attempt: 2, failuresWithoutProgress: 1 }, exit, policy);
  assert.deepEqual(third, { kind: 'resume', attempt: 3, failuresWithoutProgress: 2 });
  const last = nextAttempt({ ...history, attempt: 3, failuresWithoutProgress: 2 }, exit, policy);
  assert.equal(last.kind, 'fail');
  assert.match(last.kind === 'fail' ? last.message : '', /3 times in a row.*The end of its log: Killed/);
});

test('A newer checkpoint starts the count again', () => {
  const progressed = {
    ...history,
    attempt: 9,
    failuresWithoutProgress: 2,
    startedFromStep: 100,
    newestCheckpointStep: 150,
  };
  const decision = nextAttempt(progressed, { kind: 'gone', logTail: '' }, policy);
  assert.deepEqual(decision, { kind: 'resume', attempt: 10, failuresWithoutProgress: 1 });
});

test('A message never passes 2,048 characters and keeps the end of the log', () => {
  const spent = { ...history, failuresWithoutProgress: 2 };
  const decision = nextAttempt(spent, { kind: 'gone', logTail: `${'x'.repeat(9000)} MemoryError` }, policy);
  assert.ok(decision.kind === 'fail' && decision.message.length <= 2048 && decision.message.endsWith('MemoryError'));
});
