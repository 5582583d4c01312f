import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TrainSpec } from '../../src/reconcile/run-folder.ts';

export const projectRoot = resolve(import.meta.dirname, '../../..');
export const workerPath = join(projectRoot, 'worker');
export const pythonPath = process.env.LIKENESS_PYTHON ?? join(projectRoot, '.venv/bin/python');
export const baseModelPath = join(projectRoot, 'models/art/weights');
export const samplePath = join(projectRoot, 'models/art/sample');

/** A run directory as the training loop makes it: five sample images, a spec, no base copy. */
export function writeRunDirectory(folder: string, spec: Partial<TrainSpec> = {}): TrainSpec {
  const lines = readFileSync(join(samplePath, 'captions.jsonl'), 'utf8').trim().split('\n').slice(0, 5);
  mkdirSync(join(folder, 'data/images'), { recursive: true });
  const manifest = lines.map((line, index) => {
    const entry = JSON.parse(line) as Record<string, string>;
    const path = `data/images/${index + 1}`;
    copyFileSync(join(samplePath, imageName(entry)), join(folder, path));
    return JSON.stringify({ path, caption: entry.caption });
  });
  writeFileSync(join(folder, 'data/manifest.jsonl'), `${manifest.join('\n')}\n`);
  const whole: TrainSpec = {
    v: 1,
    jobId: 'a1b2c3d4e5f6',
    attempt: 1,
    baseModelPath: 'base',
    startFromPath: null,
    manifestPath: 'data/manifest.jsonl',
    outputPath: 'output',
    method: 'lora',
    rank: 4,
    alpha: 4,
    stepCount: 10,
    batchSize: 8,
    requestedLearningRate: 1e-5,
    learningRate: 1e-3,
    learningRateSchedule: 'constant',
    warmupSteps: 0,
    captionDropout: 0.1,
    unconditionalPrior: 0,
    minSnrGamma: null,
    priorPreservation: 0,
    maskPrompt: null,
    unmaskedWeight: 0.1,
    resolution: 128,
    seed: 42,
    checkpointIntervalSteps: 10,
    resumeFromPath: null,
    keptCachePath: null,
    threads: 1,
    evaluation: null,
    ...spec,
  };
  writeFileSync(join(folder, 'spec.json'), JSON.stringify(whole));
  return whole;
}

/** The sample's captions file names its images relative to itself. */
function imageName(entry: Record<string, string>): string {
  const name = entry['image-ref'] ?? entry.file ?? entry.image ?? entry.file_name ?? '';
  return name.slice(name.lastIndexOf('/') + 1);
}
