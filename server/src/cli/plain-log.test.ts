import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainLog } from './plain-log.ts';

describe('the log between what a command prints', () => {
  const told: string[] = [];
  const log = plainLog(text => told.push(text));

  it('says a warning in one line of words, with what it is about', () => {
    log.warn({ jobId: 'abc', attempt: 1 }, 'training: the loss is not a number');
    assert.match(
      told.pop() ?? '',
      /^! \d\d:\d\d:\d\d training: the loss is not a number \(jobId: abc, attempt: 1\)\n$/,
    );
    log.warn({ error: new Error('no such bucket'), jobId: 'abc' }, 'writing metrics failed; trying again');
    assert.match(told.pop() ?? '', /^! \S+ writing metrics failed; trying again: no such bucket \(jobId: abc\)\n$/);
    log.info('a request');
    assert.deepEqual(told, []);
  });

  it('adds the stack to an error', () => {
    log.error({ err: new Error('unheard of'), requestId: '7' }, 'request failed');
    assert.match(told.pop() ?? '', /^✗ \S+ request failed: unheard of \(requestId: 7\)\nError: unheard of\n {4}at /);
  });
});
