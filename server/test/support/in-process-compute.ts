import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Compute, ComputeLease } from '../../src/ports/compute.ts';
import type { TrainSpec } from '../../src/reconcile/run-folder.ts';

type Wish = 'pause' | 'kill';
type Fault = { step: number; message: string; userError: boolean } | { step: number; hangs: true };

/**
 * A Compute without processes: it keeps the whole contract of the run directory, and learns nothing. `kill` is kill -9.
 * @param options.fault makes each attempt fail at that step with this message, or hang there
 */
export function createInProcessCompute(options: {
  slots: number;
  millisecondsAStep: number;
  fault?: Fault;
}): Compute & { kill(runDirectory: string): Promise<void>; running(): string[] } {
  const leases = new Map<string, ComputeLease>();
  const trainings = new Map<number, { wish?: Wish; done: Promise<void>; runDirectory: string }>();
  let started = 0;

  async function end(lease: ComputeLease, wish: Wish): Promise<void> {
    const training = trainings.get(lease.pid);
    if (!training) return;
    training.wish = wish;
    await training.done;
  }

  return {
    async start({ runDirectory }) {
      started += 1;
      const lease: ComputeLease = { kind: 'local', pid: -started, startTicks: started, bootId: 'in-process' };
      leases.set(runDirectory, lease);
      const training: { wish?: Wish; done: Promise<void>; runDirectory: string } = {
        runDirectory,
        done: Promise.resolve(),
      };
      training.done = train(runDirectory, options, () => training.wish).finally(() => trainings.delete(lease.pid));
      trainings.set(lease.pid, training);
      return lease;
    },
    find: async runDirectory => leases.get(runDirectory),
    probe: async lease => (trainings.has(lease.pid) && lease.bootId === 'in-process' ? 'alive' : 'gone'),
    end: lease => end(lease, 'pause'),
    slots: () => options.slots,
    async kill(runDirectory) {
      const lease = leases.get(runDirectory);
      if (lease) await end(lease, 'kill');
    },
    running: () => [...trainings.values()].map(training => training.runDirectory),
  };
}

const WEIGHTS = 'adapter_model.safetensors';

/** They tell whose they are, and what they started from. */
function weightsOf(folder: string, { jobId, startFromPath }: TrainSpec): string {
  const parent = startFromPath ? ` after ${readFileSync(join(folder, startFromPath, WEIGHTS), 'utf8')}` : '';
  return `weights of ${jobId}${parent}`;
}

/**
 * Keeps a cache as a worker does, its pictures by name and size.
 * @returns how many of them were there before
 */
function keptBefore(folder: string, { keptCachePath }: TrainSpec): number {
  if (!keptCachePath) return 0;
  const index = join(folder, keptCachePath, 'index.json');
  const before: string[] = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')) : [];
  const pictures = readdirSync(join(folder, 'data/images')).map(
    name => `${name} ${statSync(join(folder, 'data/images', name)).size}`,
  );
  writeFileSync(index, JSON.stringify([...new Set([...before, ...pictures])]));
  return pictures.filter(picture => before.includes(picture)).length;
}

/** Its folder's name for itself, which shows that the folder came along. */
function encoderOf(folder: string, spec: TrainSpec): string | null {
  const path = spec.evaluation?.encoderPath;
  return path ? JSON.parse(readFileSync(join(folder, path, 'config.json'), 'utf8'))._name_or_path : null;
}

async function train(
  folder: string,
  options: { millisecondsAStep: number; fault?: Fault },
  wish: () => Wish | undefined,
): Promise<void> {
  const spec = JSON.parse(readFileSync(join(folder, 'spec.json'), 'utf8')) as TrainSpec;
  const first = spec.resumeFromPath === null ? 0 : Number(/step-(\d+)$/.exec(spec.resumeFromPath)?.[1]);
  let seq = 0;
  const tell = (event: Record<string, unknown>) => {
    seq += 1;
    const line = JSON.stringify({ v: 1, seq, at: new Date().toISOString(), ...event });
    writeFileSync(join(folder, 'events.jsonl'), `${line}\n`, { flag: 'a' });
  };
  const checkpoint = (step: number) => {
    const path = `checkpoints/step-${String(step).padStart(6, '0')}`;
    mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, path, 'manifest.json'), JSON.stringify({ v: 1, step, sha256: {} }));
    tell({ type: 'checkpoint', step, path });
  };
  const finish = (status: string, stepsDone: number, more: Record<string, unknown> = {}) => {
    const result = {
      v: 1,
      status,
      stepsDone,
      trainingLoss: stepsDone > 0 ? 1 / stepsDone : null,
      weights: [],
      error: null,
      endedAt: new Date().toISOString(),
      trainingSeconds: 1,
      imagesSeen: stepsDone * spec.batchSize,
      peakMemoryBytes: 1_000_000_000,
      device: 'cpu',
      precision: 'float32',
      ...more,
    };
    writeFileSync(join(folder, 'result.json.tmp'), JSON.stringify(result));
    renameSync(join(folder, 'result.json.tmp'), join(folder, 'result.json'));
  };

  const evaluate = (step: number) => {
    const path = `evaluations/step-${String(step).padStart(6, '0')}`;
    mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, path, 'sample-00-00.png'), `picture after ${step}`);
    writeFileSync(join(folder, path, 'metrics.json'), JSON.stringify({ prompts: ['a <prompt>'], seeds: [42] }));
    if (step > 0) {
      mkdirSync(join(folder, `${path}-weights`), { recursive: true });
      writeFileSync(join(folder, `${path}-weights`, WEIGHTS), `weights after ${step}`);
    }
    const scores = { subjectFidelity: step / 100, promptFidelity: 0.5, priorDrift: 0.1, diversity: 0.2 };
    const nearness = { nearestTraining: 0.5, trainingNearest: 0.6 };
    const validation = { validationLoss: 1 / (step + 1), validationSource: 'training' };
    const judged = { score: step / 100, isBest: step > 0, encoder: encoderOf(folder, spec), seconds: 0 };
    tell({ type: 'evaluation', step, path, ...validation, ...judged, ...scores, ...nearness });
  };

  const kept = keptBefore(folder, spec);
  tell({ type: 'phase', phase: 'caching', done: kept, total: 5 });
  if (spec.evaluation && first === 0) evaluate(0);
  tell({ type: 'phase', phase: 'training', done: first, total: spec.stepCount });
  for (let step = first; step < spec.stepCount; step += 1) {
    await delay(options.millisecondsAStep);
    if (wish() === 'kill') return;
    if (options.fault?.step === step) {
      if (!('hangs' in options.fault)) {
        const { message, userError } = options.fault;
        return finish('failed', step, { error: { message, userError } });
      }
      while (!wish()) await delay(5);
      return;
    }
    const loss = 1 / (step + 1);
    tell({ type: 'step', step, epoch: 0, loss, learningRate: 1e-3, imagesPerSecond: 8, secondsLeft: 1 });
    if (spec.evaluation && (step + 1) % spec.evaluation.intervalSteps === 0) evaluate(step + 1);
    const asked = existsSync(join(folder, 'stop')) ? readFileSync(join(folder, 'stop'), 'utf8') : undefined;
    if (asked === 'stop') return finish('stopped', step + 1);
    const isPaused = asked === 'pause' || wish() === 'pause';
    if (isPaused || (step + 1) % spec.checkpointIntervalSteps === 0) checkpoint(step + 1);
    if (isPaused) return finish('interrupted', step + 1);
  }
  mkdirSync(join(folder, spec.outputPath), { recursive: true });
  const config = { r: spec.rank, lora_alpha: spec.alpha, target_modules: ['to_q'] };
  const files = { [WEIGHTS]: weightsOf(folder, spec), 'adapter_config.json': JSON.stringify(config) };
  const weights = Object.entries(files).map(([name, text]) => {
    const path = join(spec.outputPath, name);
    writeFileSync(join(folder, path), text);
    return { path, sha256: createHash('sha256').update(text).digest('hex'), sizeBytes: text.length };
  });
  finish('completed', spec.stepCount, { weights });
}
