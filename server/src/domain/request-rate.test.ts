import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestRate, tokenBuckets } from './request-rate.ts';

test('a bucket gives what it holds at once, then one token after another, and never more than it holds', () => {
  const { take } = tokenBuckets(2, 60);
  assert.deepEqual([take('a', 0), take('a', 0), take('a', 0)], [0, 0, 30]);
  assert.equal(take('b', 0), 0, 'another key');
  assert.equal(take('a', 15_000), 15);
  assert.equal(take('a', 30_000), 0);
  assert.deepEqual([take('a', 1e9), take('a', 1e9), take('a', 1e9)], [0, 0, 30]);
  assert.ok(take('a', 0) >= 30, 'a clock that is set back');
});

test('an account is held to its rate by class, apart from others and from the service itself', () => {
  let now = 0;
  const admit = requestRate({ s3: 1 }, { now: () => now, isOwn: key => key === 'OWN' });
  const one = { accountId: '1', accessKeyId: 'KEY' };
  admit(one, 's3');
  assert.throws(() => admit(one, 's3'), { kind: 'throttled', headers: { 'retry-after': '1' } });
  admit(one, 'iam');
  admit({ accountId: '2', accessKeyId: 'KEY' }, 's3');
  admit({ accountId: '1', accessKeyId: 'OWN' }, 's3');
  now = 1000;
  admit(one, 's3');
});
