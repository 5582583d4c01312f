import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLocalCompute } from '../../src/adapters/compute-local/compute.ts';
import { prepareWorkerLauncher } from '../../src/adapters/sandbox/worker-launcher.ts';
import type { Compute } from '../../src/ports/compute.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { baseModelPath, pythonPath, samplePath, workerPath, writeRunDirectory } from '../support/run-directory.ts';

interface Case {
  name: string;
  /** undefined: why it is skipped. */
  make(): Promise<Compute | string>;
}

const local = (sandbox: 'require' | 'off') => async (): Promise<Compute | string> => {
  if (!existsSync(pythonPath)) return `there is no ${pythonPath}: run npm run setup`;
  if (!existsSync(join(baseModelPath, 'model_index.json')) || !existsSync(samplePath)) return 'models/art is not built';
  try {
    return createLocalCompute({ launcher: await prepareWorkerLauncher({ pythonPath, workerPath, sandbox }), slots: 1 });
  } catch (error) {
    return (error as Error).message;
  }
};

const cases: Case[] = [
  { name: 'in process', make: async () => createInProcessCompute({ slots: 1, millisecondsAStep: 5 }) },
  { name: 'local, sandboxed', make: local('require') },
  { name: 'local, without a sandbox', make: local('off') },
];

function runDirectory(context: TestContext, stepCount: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'likeness-run-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeRunDirectory(folder, { stepCount });
  cpSync(baseModelPath, join(folder, 'base'), { recursive: true });
  return folder;
}

async function until(what: () => boolean | Promise<boolean>, seconds = 240): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error('waited too long');
    await delay(50);
  }
}

const resultOf = (folder: string) =>
  existsSync(join(folder, 'result.json')) ? JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) : undefined;
const hasSteps = (folder: string) =>
  existsSync(join(folder, 'events.jsonl')) && readFileSync(join(folder, 'events.jsonl'), 'utf8').includes('"step"');

/** Command lines that name the folder, other than this test's. */
function processesNaming(folder: string): string[] {
  const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  return all.filter(line => line.includes(folder));
}

for (const { name, make } of cases) {
  test(`Compute ${name}`, async suite => {
    const compute = await make();
    if (typeof compute === 'string') return suite.skip(compute);

    await suite.test('A training runs to its result, and its lease is then gone', async context => {
      const folder = runDirectory(context, 10);
      const lease = await compute.start({ runDirectory: folder, jobId: 'a1b2c3d4e5f6' });
      assert.equal(await compute.probe(lease), 'alive');
      assert.deepEqual(await compute.find(folder), lease);
      assert.equal(await compute.probe({ ...lease, startTicks: lease.startTicks + 1, bootId: 'x' }), 'gone');
      await until(async () => (await compute.probe(lease)) === 'gone');
      const result = resultOf(folder);
      assert.equal(
        result?.status,
        'completed',
        existsSync(join(folder, 'log.txt')) ? readFileSync(join(folder, 'log.txt'), 'utf8') : '',
      );
      assert.equal(result.stepsDone, 10);
      assert.ok(existsSync(join(folder, result.weights[0].path)));
      assert.deepEqual(processesNaming(folder), []);
    });

    await suite.test('Ending it leaves no process, and a checkpoint where there was time for one', async context => {
      const folder = runDirectory(context, 5000);
      const lease = await compute.start({ runDirectory: folder, jobId: 'a1b2c3d4e5f6' });
      await until(() => hasSteps(folder));
      // As after kill -9 of the server between the start and the lease.
      rmSync(join(folder, 'lease.json'), { force: true });
      assert.deepEqual(await compute.find(folder), lease);
      await compute.end(lease, 60);
      assert.equal(await compute.probe(lease), 'gone');
      assert.deepEqual(processesNaming(folder), []);
      assert.equal(resultOf(folder)?.status, 'interrupted');
    });

    await suite.test('Without a grace it is killed at once, sandbox and all', async context => {
      const folder = runDirectory(context, 5000);
      const lease = await compute.start({ runDirectory: folder, jobId: 'a1b2c3d4e5f6' });
      writeFileSync(join(folder, 'note'), '');
      await compute.end(lease, 0);
      assert.equal(await compute.probe(lease), 'gone');
      assert.deepEqual(processesNaming(folder), []);
      await compute.end(lease, 0);
    });

    await suite.test('Nothing is found where nothing was started', async () => {
      assert.equal(await compute.find('/nowhere/at/all'), undefined);
    });
  });
}

test('A worker that cannot be started is said so, with what to do', async () => {
  const missing = { pythonPath: '/nowhere/python', workerPath: null, sandbox: 'off' } as const;
  await assert.rejects(
    prepareWorkerLauncher(missing),
    /The Python \/nowhere\/python does not run \(spawn \/nowhere\/python ENOENT\): run "npm run setup" first/,
  );
});
