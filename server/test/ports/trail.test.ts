import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { openJournal } from '../../src/adapters/journal-fs/journal.ts';
import { systemIds, systemTime } from '../../src/adapters/system.ts';
import { rootPrincipal } from '../../src/domain/access/identity.ts';
import type { Call } from '../../src/domain/call.ts';
import { startTrail } from '../../src/reconcile/trail.ts';

const ACCOUNT = '111122223333';
const anonymous = { type: 'anonymous', arn: '*', accountId: '', userId: 'ANONYMOUS_PRINCIPAL' } as const;

test('an address floods the trail with calls of nobody in vain, and hides no one else', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-trail-'));
  context.after(() => rm(folder, { recursive: true }));
  const parts = { time: systemTime(), log: pino({ level: 'silent' }) };
  const journal = await openJournal({ folder, ...parts });
  const trail = startTrail({
    ...{ ...parts, journal, ids: systemIds(), owner: { accountId: ACCOUNT, region: 'us-east-1' } },
    settings: { events: 'management', keepDays: 1, bucket: undefined, deliverySeconds: 300 },
    logBuckets: { put: () => assert.fail('no bucket was named') },
  });
  const call = (change: Partial<Call>): Call => ({
    ...{ requestId: 'r', at: new Date(), service: 'iam', operation: 'CreateUser', principal: undefined },
    ...{ accessKeyId: undefined, bearer: false, region: 'us-east-1', sourceIp: '192.0.2.1', sourceVpce: undefined },
    ...{ userAgent: '', questions: [], requestParameters: null, responseElements: null },
    error: { code: 'AccessDenied', message: 'no' },
    ...change,
  });
  for (let count = 0; count < 200; count++) {
    await trail.record(call({}));
    await trail.record(call({ principal: anonymous }));
  }
  await trail.record(call({ sourceIp: '192.0.2.2' }));
  await trail.record(call({ principal: rootPrincipal(ACCOUNT) }));
  const { lines } = await journal.forwards(undefined);
  await trail.stop();
  assert.equal(lines.length, 302);
});
