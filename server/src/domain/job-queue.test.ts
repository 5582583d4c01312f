import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextInQueue, readPriority } from './job-queue.ts';

const job = (accountId: string, createdAt: number, priority = 5) => ({ accountId, createdAt, priority });

test('the oldest job of the account with the fewest running jobs goes first', () => {
  const waiting = [job('a', 1), job('a', 2), job('b', 3), job('b', 4)];
  assert.deepEqual(nextInQueue(waiting, []), waiting[0]);
  assert.deepEqual(nextInQueue(waiting, [{ accountId: 'a' }]), waiting[2]);
  assert.deepEqual(nextInQueue(waiting, [{ accountId: 'a' }, { accountId: 'b' }]), waiting[0]);
  assert.equal(nextInQueue([], []), undefined);
});

test('priority goes before fairness and age', () => {
  const waiting = [job('b', 1, 4), job('a', 3, 6), job('a', 2, 6)];
  assert.deepEqual(nextInQueue(waiting, [{ accountId: 'a' }]), waiting[2]);
});

test('the priority is the digit of its tag, and five without one', () => {
  assert.equal(readPriority([{ key: 'team', value: '9' }]), 5);
  assert.equal(readPriority([{ key: 'likeness:priority', value: '9' }]), 9);
  for (const value of ['', '10', '-1', 'high', '5.5'])
    assert.equal(readPriority([{ key: 'likeness:priority', value }]), undefined);
});
