import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createLocalInference } from '../../src/adapters/inference-local/inference.ts';
import { prepareWorkerLauncher } from '../../src/adapters/sandbox/worker-launcher.ts';
import { Fault } from '../../src/domain/fault.ts';
import type { Inference, InvokeRequest, Unit } from '../../src/ports/inference.ts';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { baseModelPath, pythonPath, workerPath } from '../support/run-directory.ts';

interface Made {
  inference: Inference;
  /** kill -9 of a unit. */
  kill(unit: Unit): void;
  close(): Promise<void>;
}

const request: InvokeRequest = {
  requestId: 'r1',
  adapterId: null,
  task: 'TEXT_IMAGE',
  text: 'a red fox in the snow',
  negativeText: null,
  images: [],
  similarityStrength: null,
  mask: null,
  outPaintingMode: null,
  colors: [],
  control: null,
  numberOfImages: 1,
  width: 512,
  height: 512,
  cfgScale: 8,
  seed: 7,
  quality: 'standard',
};

function makeInProcess(): Made {
  const inference = createInProcessInference({ capacity: 3, loadMilliseconds: 100, invokeMilliseconds: 100 });
  const kill = (unit: Unit) => inference.units.find(({ id }) => id === unit.id)?.kill();
  return { inference, kill, close: async () => undefined };
}

const makeLocal = (sandbox: 'require' | 'off') => async (): Promise<Made | string> => {
  if (!existsSync(pythonPath)) return `there is no ${pythonPath}: run npm run setup`;
  if (!existsSync(join(baseModelPath, 'model_index.json'))) return 'models/art is not built';
  const runtimeParent = mkdtempSync(join(tmpdir(), 'lk-'));
  try {
    const launcher = await prepareWorkerLauncher({ pythonPath, workerPath, sandbox });
    const inference = createLocalInference({ launcher, runtimeParent, capacity: 3, threads: 1 });
    return {
      inference,
      kill(unit) {
        const line = processes().find(args => args.includes(`${runtimeParent}/`) && args.includes(`/${unit.id}/s`));
        process.kill(Number(line?.trim().split(' ')[0]), 'SIGKILL');
      },
      async close() {
        await inference.close();
        assert.deepEqual(readdirSync(runtimeParent), []);
        assert.deepEqual(
          processes().filter(args => args.includes(runtimeParent)),
          [],
        );
        rmSync(runtimeParent, { recursive: true });
      },
    };
  } catch (error) {
    return (error as Error).message;
  }
};

function processes(): string[] {
  return execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
}

const cases: [string, () => Promise<Made | string>][] = [
  ['in process', async () => makeInProcess()],
  ['local, sandboxed', makeLocal('require')],
  ['local, without a sandbox', makeLocal('off')],
];
const never = new AbortController().signal;
const kindOf = (error: unknown) => (error instanceof Fault ? error.kind : String(error));

for (const [name, make] of cases) {
  test(`Inference ${name}`, async suite => {
    const made = await make();
    if (typeof made === 'string') return suite.skip(made);
    const { inference } = made;
    suite.after(() => made.close());
    const adaptersFolder = await inference.createWeightsFolder();
    const unit = await inference.start({ baseModelPath, adapter: null, adaptersFolder });

    await suite.test('A unit says that it loads, refuses until then, and becomes ready', async () => {
      assert.equal((await unit.health()).status, 'loading');
      const early = await unit.invoke(request, never).catch(kindOf);
      assert.ok(early === 'notReady' || early === 'modelError', String(early));
      const deadline = Date.now() + 240_000;
      for (let status = 'loading'; status !== 'ready'; status = (await unit.health()).status) {
        assert.ok(status === 'loading' && Date.now() < deadline, JSON.stringify(await unit.health()));
        await delay(50);
      }
    });

    await suite.test('The same request gives the same images, as many as asked for', async () => {
      const first = await unit.invoke({ ...request, numberOfImages: 2 }, never);
      assert.equal(first.images.length, 2);
      const [one] = (await unit.invoke(request, never)).images;
      const [again] = (await unit.invoke(request, never)).images;
      assert.equal(one, again);
    });

    await suite.test("The worker's refusal is an invalid fault", async () => {
      assert.equal(await unit.invoke({ ...request, width: 511, adapterId: 'unknown' }, never).catch(kindOf), 'invalid');
    });

    await suite.test('A unit looks for further adapters below their folder only, and says what is none', async () => {
      mkdirSync(join(adaptersFolder, 'empty'));
      assert.equal(await unit.load('empty', join(adaptersFolder, 'empty')).catch(kindOf), 'invalid');
      assert.equal(await unit.load('outside', baseModelPath).catch(kindOf), 'invalid');
      await unit.unload('empty');
      assert.equal((await unit.health()).status, 'ready');
    });

    await suite.test('A request whose unit is killed fails with modelError at once', async () => {
      const answer = unit.invoke({ ...request, numberOfImages: 5, width: 1024, height: 1024 }, never).catch(kindOf);
      await delay(30);
      made.kill(unit);
      assert.equal(await answer, 'modelError');
      await unit.ended;
      assert.equal((await unit.health()).status, 'gone');
      assert.equal(await unit.invoke(request, never).catch(kindOf), 'modelError');
      await unit.stop(1);
    });

    await suite.test('Stopping ends the process', async () => {
      const other = await inference.start({ baseModelPath, adapter: null, adaptersFolder: null });
      await other.stop(0);
      await other.ended;
      assert.equal((await other.health()).status, 'gone');
    });

    await suite.test('A model that cannot be loaded is gone or failed, and says why', async () => {
      if (name === 'in process') return;
      const other = await inference.start({ baseModelPath: tmpdir(), adapter: null, adaptersFolder: null });
      let health = await other.health();
      while (health.status === 'loading') {
        await delay(50);
        health = await other.health();
      }
      assert.match(health.status, /failed|gone/);
      assert.match(health.message ?? '', /model_index\.json/);
      await other.stop(0);
    });

    await suite.test('Decrypted weights get a private folder', async () => {
      const folder = await inference.createWeightsFolder();
      assert.equal(statSync(folder).mode & 0o777, 0o700);
      await inference.deleteWeightsFolder(folder);
      assert.equal(existsSync(folder), false);
      await inference.deleteWeightsFolder(adaptersFolder);
    });
  });
}
