import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attemptLimit } from './attempt-limit.ts';

describe('attempt limit', () => {
  it('takes so many attempts a window, and says when the next is taken', () => {
    const limit = attemptLimit({ attempts: 2, windowMilliseconds: 10_000 });
    assert.equal(limit.begin('a', 0), 0);
    assert.equal(limit.begin('a', 4000), 0);
    assert.equal(limit.begin('a', 5000), 5);
    assert.equal(limit.begin('b', 5000), 0);
    assert.equal(limit.begin('a', 10_001), 0);
    assert.equal(limit.begin('a', 10_002), 4);
  });

  it('forgives the last attempt, and forgets a key', () => {
    const limit = attemptLimit({ attempts: 1, windowMilliseconds: 1000 });
    limit.begin('a', 0);
    limit.forgive('a');
    assert.equal(limit.begin('a', 1), 0);
    assert.equal(limit.begin('a', 2), 1);
    limit.forget('a');
    assert.equal(limit.begin('a', 3), 0);
  });
});
