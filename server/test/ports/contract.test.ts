import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertKeepsContract, contractPath, messageOf } from '../support/contract.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { writeRunDirectory } from '../support/run-directory.ts';

test('Every golden message of the contract is as its schema says', () => {
  for (const name of readdirSync(join(contractPath, 'examples')))
    assertKeepsContract(messageOf(name), JSON.parse(readFileSync(join(contractPath, 'examples', name), 'utf8')));
});

test('The in-process Compute and the run directories of the tests keep the contract', async context => {
  const folder = mkdtempSync(join(tmpdir(), 'likeness-contract-'));
  context.after(() => rmSync(folder, { recursive: true }));
  assertKeepsContract('spec', writeRunDirectory(folder, { stepCount: 12 }));
  const compute = createInProcessCompute({ slots: 1, millisecondsAStep: 1 });
  const lease = await compute.start({ runDirectory: folder, jobId: 'a1b2c3d4e5f6' });
  while ((await compute.probe(lease)) === 'alive') await delay(5);
  const events = readFileSync(join(folder, 'events.jsonl'), 'utf8').trim().split('\n');
  for (const line of events) assertKeepsContract('event', JSON.parse(line));
  assertKeepsContract('result', JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')));
});
