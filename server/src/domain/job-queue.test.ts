import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextInQueue, readPriority } from './job-queue.ts';

const job = (accountId: string, createdAt: number, priority = 5) => ({ accountId, createdAt, priority });

const never = new Map<string, number>();

test('the oldest job of the account with the fewest running jobs goes first', () => {
  const waiting = [job('a', 1), job('a', 2), job('b', 3), job('b', 4)];
  assert.deepEqual(nextInQueue(waiting, [], never), waiting[0]);
  assert.deepEqual(nextInQueue(waiting, [{ accountId: 'a' }], never), waiting[2]);
  assert.deepEqual(nextInQueue(waiting, [{ accountId: 'a' }, { accountId: 'b' }], never), waiting[0]);
  assert.equal(nextInQueue([], [], never), undefined);
});

test('where one job runs at a time, accounts take turns', () => {
  const waiting = [job('a', 1), job('a', 2), job('b', 3), job('c', 4)];
  const lastTakenAt = new Map<string, number>();
  const order: string[] = [];
  for (let turn = 1; waiting.length > 0; turn += 1) {
    const next = nextInQueue(waiting, [], lastTakenAt);
    assert.ok(next);
    waiting.splice(waiting.indexOf(next), 1);
    lastTakenAt.set(next.accountId, turn);
    order.push(next.accountId);
  }
  assert.deepEqual(order, ['a', 'b', 'c', 'a']);
});

test('priority goes before fairness and age', () => {
  const waiting = [job('b', 1, 4), job('a', 3, 6), job('a', 2, 6)];
  assert.deepEqual(nextInQueue(waiting, [{ accountId: 'a' }], never), waiting[2]);
});

test('the priority is the digit of its tag, and five without one', () => {
  assert.equal(readPriority([{ key: 'team', value: '9' }]), 5);
  assert.equal(readPriority([{ key: 'likeness:priority', value: '9' }]), 9);
  for (const value of ['', '10', '-1', 'high', '5.5'])
    assert.throws(() => readPriority([{ key: 'likeness:priority', value }]), { kind: 'invalid' });
});
