/** What a completed training leaves: metrics in the customer's bucket, weights encrypted, job and model visible. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Fault } from '../domain/fault.ts';
import { evaluationsOf, metricsCsv } from '../domain/training/events.ts';
import type { MeasuredTraining } from '../ports/store-bedrock.ts';
import { isTransient, JobFailure } from './job-failure.ts';
import type { TrainResult, TrainSpec } from './run-folder.ts';
import { forgetCheckpoints, keepCheckpoints, ownerOf } from './training-checkpoints.ts';
import type { JobContext } from './training-context.ts';
import { outputLocation, putFailureText } from './training-data.ts';
import { evaluationArtifacts } from './training-evaluations.ts';
import { keepSamples } from './training-samples.ts';

const METRICS_FILE = 'training_artifacts/step_wise_training_metrics.csv';

/**
 * Each step replaces what an earlier, interrupted try of it left; the last one makes all visible at once.
 * @returns `stopping` when a stop came first: no model stays
 * @throws JobFailure, LeaseLost
 */
export async function keepResult(attempt: number, context: JobContext): Promise<'Completed' | 'stopping' | 'paused'> {
  const { job, folder, held, modelStore } = context;
  const result = await folder.readResult(attempt);
  const spec = await folder.readSpec(attempt);
  if (!result || !spec) throw new Fault('internal', `run ${job.jobId}/${attempt} lost its result`);
  const output = await verifiedOutput(folder.path(attempt), result);
  if ((await withRetries(context, () => writeArtifacts(attempt, spec, context))) === 'paused') return 'paused';
  const { customModelId } = job;
  const { trainingLoss, imagesSeen, stepsDone, trainingSeconds } = result;
  const saved = await explained(async () => {
    const model = await modelStore.save(customModelId, output, ownerOf(job));
    await keepCheckpoints(attempt, spec, stepsDone, context);
    return model;
  });
  await keepSamples(context);
  const outcome = await held.complete({
    trainingLoss,
    imagesSeen,
    stepsDone,
    trainingSeconds,
    measured: await measuredBy(result, context),
    method: spec.method,
    // Of the job's own copy: the base itself may have been replaced while it trained.
    baseWeightsSha256: await context.baseModels.weightsDigest(join(folder.path(attempt), spec.baseModelPath)),
    sizeBytes: saved.sizeBytes,
  });
  if (outcome === 'completed') return 'Completed';
  await modelStore.delete(customModelId);
  await forgetCheckpoints(context);
  return 'stopping';
}

async function measuredBy({ peakMemoryBytes = null }: TrainResult, { folder }: JobContext): Promise<MeasuredTraining> {
  const scored = evaluationsOf(await folder.allEvents()).filter(({ step, encoder }) => step > 0 && encoder !== null);
  const best = scored.toSorted((one, other) => other.score - one.score)[0];
  return { peakMemoryBytes, bestScore: best?.score ?? null, encoder: best?.encoder ?? null };
}

async function explained<T>(save: () => Promise<T>): Promise<T> {
  try {
    return await save();
  } catch (error) {
    if (!(error instanceof Fault) || isTransient(error) || error.kind === 'internal') throw error;
    throw new JobFailure(`The custom model could not be encrypted: ${error.message}`, { cause: error });
  }
}

/** @returns the folder of the weights, every byte as the worker wrote it */
async function verifiedOutput(runDirectory: string, result: TrainResult): Promise<string> {
  const [first] = result.weights;
  if (!first) throw new JobFailure('The training ended without weights.');
  for (const file of result.weights) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(runDirectory, file.path)), hash);
    if (hash.digest('hex') !== file.sha256)
      throw new JobFailure(`The weights are damaged on the service's disk: ${file.path}. Create the job again.`);
  }
  return join(runDirectory, dirname(first.path));
}

async function writeArtifacts(attempt: number, spec: TrainSpec, context: JobContext): Promise<void> {
  const attempts = await context.folder.allEvents();
  await writeArtifact(context, METRICS_FILE, metricsCsv(attempts), 'text/csv');
  for await (const { name, body, contentType } of evaluationArtifacts(attempt, spec, attempts, context))
    await writeArtifact(context, name, body, contentType);
}

async function writeArtifact(
  context: JobContext,
  name: string,
  body: string | Uint8Array,
  contentType: string,
): Promise<void> {
  const { bucket, key } = outputLocation(context.job, name);
  try {
    await context.customerData.write(await context.role(), bucket, key, body, contentType);
  } catch (error) {
    if (error instanceof Fault && (error.kind === 'denied' || error.kind === 'notFound'))
      throw new JobFailure(putFailureText(bucket, key, error.kind), { cause: error });
    throw error;
  }
}

/** Tries again what only S3's moment of trouble stopped. */
async function withRetries(context: JobContext, run: () => Promise<void>): Promise<'done' | 'paused'> {
  const { settings, time, pausing, log, job } = context;
  for (let tries = 1; ; tries += 1) {
    if (pausing.aborted) return 'paused';
    try {
      await run();
      return 'done';
    } catch (error) {
      if (pausing.aborted) return 'paused';
      if (!isTransient(error) || tries >= settings.retries) throw error;
      log.warn({ jobId: job.jobId, error }, 'writing metrics failed; trying again');
      await time.sleep(settings.retrySeconds * 1000 * 2 ** (tries - 1), pausing);
    }
  }
}
