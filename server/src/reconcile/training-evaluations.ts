/** What a job's evaluations leave in the customer's bucket: the validation file, the sample pictures, the report. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { advise } from '../domain/training/advice.ts';
import {
  type EvaluationEvent,
  evaluationsOf,
  type TrainingEvent,
  validationCsv,
  warningsOf,
} from '../domain/training/events.ts';
import { reportHtml } from '../domain/training/report.ts';
import type { CustomizationJobRow } from '../ports/store-bedrock.ts';
import type { TrainSpec } from './run-folder.ts';
import type { JobContext } from './training-context.ts';

/** AWS's own place and name (facts §2.9). */
const VALIDATION_FILE = 'validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv';
const SAMPLES = 'validation_artifacts/samples';
const REPORT = 'validation_artifacts/report.html';
/** Columns of the report's grid; every picture is in the samples' folder. */
const MOST_COLUMNS = 8;

interface Samples {
  prompts: string[];
  seeds: number[];
  /** `sample-PP-SS.png` by name. */
  files: Map<string, Buffer>;
}

interface Artifact {
  name: string;
  body: string | Buffer;
  contentType: string;
}

/**
 * Files to write below the job's output prefix; none where nothing was evaluated.
 * @param attempts the events of each attempt, oldest first
 */
export async function* evaluationArtifacts(
  attempt: number,
  spec: TrainSpec,
  attempts: readonly (readonly TrainingEvent[])[],
  { job, folder }: Pick<JobContext, 'job' | 'folder'>,
): AsyncGenerator<Artifact> {
  const evaluations = evaluationsOf(attempts);
  if (evaluations.length === 0) return;
  yield { name: VALIDATION_FILE, body: validationCsv(attempts), contentType: 'text/csv' };
  const columns = new Set(chosenColumns(evaluations));
  const pictures = new Map<number, string[][]>();
  let prompts: string[] = [];
  for (const event of evaluations) {
    const samples = await readSamples(join(folder.path(attempt), event.path));
    if (!samples) continue;
    ({ prompts } = samples);
    const rows: string[][] = samples.prompts.map(() => []);
    for (const [prompt] of samples.prompts.entries())
      for (const [number, seed] of samples.seeds.entries()) {
        const body = samples.files.get(`sample-${twoDigits(prompt)}-${twoDigits(number)}.png`);
        if (!body) continue;
        const name = `${SAMPLES}/step-${String(event.step).padStart(6, '0')}/prompt-${twoDigits(prompt)}-seed-${seed}.png`;
        yield { name, body, contentType: 'image/png' };
        rows[prompt]?.push(body.toString('base64'));
      }
    if (columns.has(event.step)) pictures.set(event.step, rows);
  }
  const losses = new Map<number, number>();
  for (const event of attempts.flat()) if (event.type === 'step') losses.set(event.step, event.loss);
  const html = reportHtml({
    jobName: job.jobName,
    modelName: job.customModelName,
    given: job.hyperParameters,
    applied: appliedHyperparameters(job, spec),
    losses: [...losses].toSorted(([one], [other]) => one - other).map(([step, loss]) => ({ step, loss })),
    evaluations,
    advice: advise(evaluations, job.resolved),
    warnings: warningsOf(attempts),
    prompts,
    pictures,
  });
  yield { name: REPORT, body: html, contentType: 'text/html; charset=utf-8' };
}

/** What the training ran with, the server's own paths left out. */
export function appliedHyperparameters(
  { resolved }: Pick<CustomizationJobRow, 'resolved'>,
  spec: TrainSpec,
): Record<string, unknown> {
  const { method, stepCount, batchSize, learningRate, learningRateSchedule, warmupSteps } = spec;
  const {
    captionDropout,
    unconditionalPrior,
    minSnrGamma,
    priorPreservation,
    maskPrompt = null,
    unmaskedWeight = null,
    resolution,
    seed,
    rank,
    alpha,
    evaluation,
  } = spec;
  return {
    concept: resolved.options?.concept ?? 'subject',
    ...{ method, ...(method === 'lora' ? { rank, alpha } : {}), stepCount, batchSize, learningRate },
    ...{ learningRateSchedule, warmupSteps, captionDropout, unconditionalPrior },
    ...{ minSnrGamma, priorPreservation, maskedLoss: maskPrompt, unmaskedWeight, resolution, seed },
    validationInterval: evaluation?.intervalSteps ?? 0,
  };
}

/** The base, the best, the last, and others evenly between. */
function chosenColumns(evaluations: readonly EvaluationEvent[]): number[] {
  const steps = evaluations.map(event => event.step);
  const best = evaluations.findLast(event => event.isBest)?.step;
  const spread = Array.from({ length: MOST_COLUMNS - 1 }, (_, index) =>
    steps.at(Math.round((index * (steps.length - 1)) / (MOST_COLUMNS - 2))),
  );
  return [...spread, best].filter(step => step !== undefined);
}

async function readSamples(folder: string): Promise<Samples | undefined> {
  const text = await readFile(join(folder, 'metrics.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { prompts, seeds } = JSON.parse(text) as { prompts: string[]; seeds: number[] };
  const files = new Map<string, Buffer>();
  for (const name of await readdir(folder))
    if (name.endsWith('.png')) files.set(name, await readFile(join(folder, name)));
  return { prompts, seeds, files };
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
