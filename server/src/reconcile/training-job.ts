/**
 * One customization job from its claim to its end: data, attempts, result. Every step can be taken again after a crash at
 * any moment; what the run directory and the row say decides where to go on.
 */
import limits from '../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../domain/fault.ts';
import { type AttemptExit, nextAttempt } from '../domain/training/attempt-policy.ts';
import type { Concept } from '../domain/training/concept.ts';
import { automaticStepCount } from '../domain/training/hyperparameters.ts';
import { completePhase } from '../domain/training/job-state.ts';
import { defaultOptions, validationInterval } from '../domain/training/training-options.ts';
import type { BaseModel } from '../ports/base-models.ts';
import type { CustomizationJobRow, CustomModelRow, ResolvedHyperparameters } from '../ports/store-bedrock.ts';
import { refuseOtherWeights } from './base-weights.ts';
import { type HeldJob, LeaseLost } from './held-job.ts';
import { explainDiskFault, isDiskFull, isTransient, JobFailure } from './job-failure.ts';
import { jobNetwork, serviceRole } from './role-session.ts';
import { type RunFolder, runFolder, type TrainSpec } from './run-folder.ts';
import { followAttempt } from './training-attempt.ts';
import { keepCache, openCache } from './training-cache.ts';
import type { JobContext, TrainingDependencies } from './training-context.ts';
import { blamedRecords, fetchTrainingData, VALIDATION_MANIFEST, withImageRefs } from './training-data.ts';
import { keepResult } from './training-result.ts';
import { keepSamples } from './training-samples.ts';
import { ownerOf } from './unit-start.ts';

/** The custom model that the training starts from, in the run directory. */
const PARENT = 'parent';

/** How long this server's part in a job went: to its end, to a pause, or to the queue of trainings. */
export type JobOutcome = 'Completed' | 'Failed' | 'Stopped' | 'paused' | 'queued';

/** @throws LeaseLost when another holds the job; anything unexpected: the loop tries again later */
export async function runJob(
  job: CustomizationJobRow,
  held: HeldJob,
  dependencies: TrainingDependencies,
  pausing: AbortSignal,
): Promise<JobOutcome> {
  const folder = runFolder(`${dependencies.runsPath}/${job.jobId}`);
  const context: JobContext = {
    ...dependencies,
    job,
    held,
    folder,
    role: serviceRole(job, 'BedrockModelCustomizationJob', dependencies),
    pausing,
  };
  try {
    const outcome = await runAttempts(context);
    if (outcome !== 'paused' && outcome !== 'queued') await leave(context);
    return outcome;
  } catch (caught) {
    const { attempt } = await held.read();
    // What was only fetched makes room by going; a training that has begun is worth waiting for, as the loop sees to it.
    const error = attempt > 0 ? caught : explainDiskFault(caught);
    if (!(error instanceof JobFailure)) throw error;
    if (error.dataErrors) await folder.writeDataErrors(Math.max(1, attempt), error.dataErrors);
    const outcome = await end('Failed', error.message, context);
    await leave(context);
    return outcome;
  }
}

/** What it drew is kept first: the end is what nobody takes up again. */
async function end(status: 'Failed' | 'Stopped', message: string | null, context: JobContext) {
  await keepSamples(context);
  return context.held.end(status, message, await stepsDone(context));
}

async function leave(context: JobContext): Promise<void> {
  await keepCache(context);
  await context.folder.clean();
}

async function runAttempts(context: JobContext): Promise<JobOutcome> {
  const { job, held, folder } = context;
  let attempt = Math.max(1, job.attempt);
  let failuresWithoutProgress = (await folder.readRecord(attempt)).failuresWithoutProgress;
  for (;;) {
    const row = await held.read();
    if (row.status === 'Stopping' && !(await context.compute.find(folder.path(attempt)))) {
      return end('Stopped', null, context);
    }
    if (row.queuedAt === null) {
      const outcome = await validate(context);
      return outcome === 'stopping' ? end('Stopped', null, context) : outcome;
    }
    const isBegun = (await folder.readResult(attempt)) || (await context.compute.find(folder.path(attempt)));
    if (!isBegun) {
      const outcome = await begin(attempt, failuresWithoutProgress, context);
      if (outcome === 'paused') return 'paused';
      if (outcome === 'stopping') return end('Stopped', null, context);
    }
    const exit = await followAttempt(attempt, context);
    if (exit === 'paused') return 'paused';
    const decision = await decide(attempt, exit, context);
    context.log.info({ jobId: job.jobId, attempt, exit: exit.kind, next: decision.kind }, 'training attempt ended');
    switch (decision.kind) {
      case 'finish': {
        const outcome = await keepResult(attempt, context);
        return outcome === 'stopping' ? end('Stopped', null, context) : outcome;
      }
      case 'stopped':
        return end('Stopped', null, context);
      case 'fail': {
        const message = await withImageRefs(decision.message, folder.path(attempt));
        const errors = blamedRecords(message);
        throw new JobFailure(message, {
          ...(errors.length > 0 && { dataErrors: { manifestUri: job.trainingDataS3Uri, errors } }),
        });
      }
      case 'resume':
        ({ attempt, failuresWithoutProgress } = decision);
    }
  }
}

/** Finished steps of a training that goes no further: as its last attempt tells, or its newest checkpoint. */
async function stepsDone({ held, folder }: JobContext): Promise<number> {
  const { attempt } = await held.read();
  const result = attempt > 0 ? await folder.readResult(attempt) : undefined;
  return result?.stepsDone ?? (await folder.newestCheckpoint())?.step ?? 0;
}

/** Without a slot: what is wrong with the data shows while other jobs train. */
async function validate(context: JobContext): Promise<'queued' | 'paused' | 'stopping'> {
  const { folder, held } = context;
  await folder.prepare(1);
  requiredBase(context);
  await requiredParent(context);
  const outcome = await fetchData(1, context);
  if (outcome !== 'fetched') return outcome;
  const row = await held.change(({ status, statusDetails }, now) =>
    status === 'InProgress'
      ? { queuedAt: now, statusDetails: completePhase(statusDetails, 'validation', now), lastModifiedAt: now }
      : {},
  );
  return row.status === 'InProgress' ? 'queued' : 'stopping';
}

function requiredBase({ job, baseModels }: JobContext): BaseModel {
  const base = baseModels.get(job.baseModelId);
  if (!base) throw new JobFailure(`The base model ${job.baseModelId} is not registered (any more).`);
  return base;
}

/**
 * The custom model that the job starts from; null where it starts from its base as it is.
 * @throws JobFailure where it was trained on other weights of the base than those that are installed
 */
async function requiredParent({ job, store, baseModels, log }: JobContext): Promise<CustomModelRow | null> {
  const { parentModel } = job;
  if (!parentModel) return null;
  const parent = await store.read(rows => rows.bedrock.modelByArn(parentModel.modelArn));
  if (!parent) throw new JobFailure(`The custom model ${parentModel.modelArn} to start from is deleted.`);
  await asJobFailure('started from', () => refuseOtherWeights(parent, { baseModels, log }));
  return parent;
}

async function asJobFailure(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Fault) || isTransient(error) || error.kind === 'internal') throw error;
    throw new JobFailure(`The custom model cannot be ${what}: ${error.message}`, { cause: error });
  }
}

/** Everything up to the started process. `stopping`: a stop was asked for meanwhile. */
async function begin(
  attempt: number,
  failuresWithoutProgress: number,
  context: JobContext,
): Promise<'begun' | 'paused' | 'stopping'> {
  const { job, held, folder, compute } = context;
  await folder.prepare(attempt);
  const base = requiredBase(context);
  // The row is written after the data: a kill between the two leaves it without what the data said.
  if ((await held.read()).imageCount === null || !(await folder.hasData(attempt))) {
    const outcome = await fetchData(attempt, context);
    if (outcome !== 'fetched') return outcome;
  }
  await held.enter('dataProcessing');
  await folder.copyModel(attempt, 'base', base.path);
  const parent = await requiredParent(context);
  if (parent)
    await asJobFailure('opened', () =>
      folder.makeFolder(attempt, PARENT, path => context.modelStore.open(parent.modelId, path, ownerOf(parent))),
    );
  const { resolution } = job.resolved.options ?? defaultOptions(base);
  const { keptCachePath, cacheSha256 } = await openCache(attempt, base.path, resolution, context);
  const encoder = context.scoreEncoderPaths[base.id];
  if (encoder !== undefined) await copyEncoder(attempt, base.id, encoder, folder);
  const row = await held.read();
  if (row.status === 'Stopping') return 'stopping';
  if (context.pausing.aborted) return 'paused';
  const checkpoint = await folder.newestCheckpoint();
  const resumeFromPath = checkpoint ? await folder.takeOver(attempt, checkpoint) : null;
  await folder.writeSpec(trainSpec(row, base, { attempt, resumeFromPath, keptCachePath }, context), {
    startedFromStep: checkpoint?.step ?? 0,
    failuresWithoutProgress,
    cacheSha256,
  });
  // Before the start: from here on a process may be there, and the next server looks for it.
  await held.change(() => ({ attempt, eventsOffsetBytes: 0 }));
  const { sharesHostNetwork = false } = jobNetwork(job, context.vpcNetworks) ?? {};
  await compute.start({ runDirectory: folder.path(attempt), jobId: job.jobId, sharesHostNetwork });
  context.roomWaits.delete(job.jobArn);
  return 'begun';
}

async function copyEncoder(attempt: number, baseModelId: string, path: string, folder: RunFolder): Promise<void> {
  await folder.copyModel(attempt, 'encoder', path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'EACCES') throw cause;
    throw new JobFailure(
      `The encoder that LIKENESS_SCORE_ENCODERS names for ${baseModelId} cannot be read (${cause.code}): have its folder mended, or the setting.`,
      { cause },
    );
  });
}

async function fetchData(attempt: number, context: JobContext): Promise<'fetched' | 'paused' | 'stopping'> {
  const { job, held, folder, settings, time } = context;
  await held.enter('validation');
  const interrupted = new AbortController();
  const signal = AbortSignal.any([interrupted.signal, context.pausing]);
  const watching = watchForStop(context, interrupted);
  let toldAt = 0;
  let telling: Promise<unknown> = Promise.resolve();
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        const data = await fetchTrainingData(folder.path(attempt), {
          ...context,
          signal,
          onProgress(done, total) {
            const now = time.now().getTime();
            if (now - toldAt < 1000 && done < total) return;
            toldAt = now;
            telling = telling.then(() => held.progress(countProgress(done, total))).catch(() => undefined);
          },
        });
        await telling;
        await held.change((row, now) => ({
          imageCount: data.imageCount,
          ...resolveByData(row, data),
          lastModifiedAt: now,
        }));
        return 'fetched';
      } catch (error) {
        if (context.pausing.aborted) return 'paused';
        if (interrupted.signal.aborted) return 'stopping';
        if (!isTransient(error) || tries >= settings.retries) throw error;
        context.log.warn({ jobId: job.jobId, error }, 'fetching training data failed; trying again');
        await time.sleep(settings.retrySeconds * 1000 * 2 ** (tries - 1), signal);
      }
    }
  } finally {
    interrupted.abort();
    await watching;
  }
}

/** Aborts the controller once the job is Stopping or no longer ours; ends when the controller is aborted by others. */
async function watchForStop(context: JobContext, interrupted: AbortController): Promise<void> {
  while (!interrupted.signal.aborted) {
    const row = await context.held.read().catch((error: unknown) => {
      if (error instanceof LeaseLost) return undefined;
      throw error;
    });
    if (row?.status !== 'InProgress') interrupted.abort();
    await context.time.sleep(context.settings.pollSeconds * 1000, interrupted.signal);
  }
}

async function decide(attempt: number, exit: AttemptExit, context: JobContext) {
  const { folder, held, settings } = context;
  const record = await folder.readRecord(attempt);
  const newest = await folder.newestCheckpoint();
  const row = await held.read();
  // Whatever it died of, the next one would die of this, and two more of them end the job.
  const isFaulty = exit.kind === 'gone' || (exit.kind === 'failed' && !exit.userError);
  if (isFaulty && row.status !== 'Stopping' && (await isDiskFull(context.machine)))
    throw new Fault('unavailable', 'An attempt at the training failed, and the disk is full.');
  return nextAttempt(
    { ...record, attempt, newestCheckpointStep: newest?.step ?? null, stopping: row.status === 'Stopping' },
    exit,
    settings.attempts,
  );
}

/** Once the images are counted, `auto` becomes a number; once the captions are read, the concept is known. */
function resolveByData(
  { resolved, hyperParameters }: CustomizationJobRow,
  { imageCount, concept }: { imageCount: number; concept: Concept },
): { resolved: ResolvedHyperparameters; hyperParameters?: Record<string, string> } {
  const { options } = resolved;
  const read = options ? { ...resolved, options: { ...options, concept: options.concept ?? concept } } : resolved;
  if (resolved.stepCount !== null) return { resolved: read };
  const stepCount = automaticStepCount(imageCount);
  return {
    resolved: { ...read, stepCount },
    hyperParameters: { ...hyperParameters, stepCount: String(stepCount) },
  };
}

function trainSpec(
  row: CustomizationJobRow,
  base: BaseModel,
  own: Pick<TrainSpec, 'attempt' | 'resumeFromPath' | 'keptCachePath'>,
  { workerThreads, scoreEncoderPaths }: Pick<JobContext, 'workerThreads' | 'scoreEncoderPaths'>,
): TrainSpec {
  const { stepCount, batchSize, requestedLearningRate, learningRate, isAutomatic = false, usualSteps } = row.resolved;
  if (stepCount === null) throw new Fault('internal', `job ${row.jobId} has no number of steps`);
  const {
    validationInterval: interval,
    samplePrompts,
    captionWords: _,
    concept,
    captionDropout,
    maskPrompt = null,
    unmaskedWeight = limits.optionalHyperParameters.unmaskedWeight.default,
    ...options
  } = row.resolved.options ?? defaultOptions(base);
  const forConcept = concept === 'style' ? base.training.style : base.training;
  const isDropoutGiven = row.hyperParameters.captionDropout !== undefined;
  const leastSteps = Math.min(stepCount, usualSteps ?? limits.hyperParameters.stepCount.automaticMinimum);
  const intervalSteps = validationInterval(interval, stepCount, {
    hasData: Boolean(row.validationDataS3Uri),
    // A base that says nothing of its own is looked at as a training of so many steps is.
    ...(isAutomatic && usualSteps ? { mayEndAt: leastSteps } : {}),
  });
  return {
    v: 1,
    jobId: row.jobId,
    ...own,
    baseModelPath: 'base',
    startFromPath: row.parentModel ? PARENT : null,
    manifestPath: 'data/manifest.jsonl',
    outputPath: 'output',
    stepCount,
    batchSize,
    requestedLearningRate,
    learningRate,
    learningRateSchedule: base.training.learningRateSchedule,
    warmupSteps: base.training.warmupSteps,
    captionDropout: isDropoutGiven ? captionDropout : forConcept.captionDropout,
    unconditionalPrior: forConcept.unconditionalPrior,
    ...options,
    maskPrompt,
    unmaskedWeight,
    seed: row.seed,
    checkpointIntervalSteps: checkpointInterval(stepCount),
    threads: workerThreads,
    evaluation:
      intervalSteps === null
        ? null
        : {
            intervalSteps,
            validationManifestPath: row.validationDataS3Uri ? VALIDATION_MANIFEST : null,
            encoderPath: base.id in scoreEncoderPaths ? 'encoder' : null,
            samplePrompts,
            patience: isAutomatic ? EVALUATIONS_WITHOUT_GAIN : null,
            leastSteps,
          },
  };
}

/** `auto` ends a training after so many evaluations in a row without a better score. */
const EVALUATIONS_WITHOUT_GAIN = 3;

/** A crash costs at most a twentieth of the training, and never more than 250 steps. */
function checkpointInterval(stepCount: number): number {
  return Math.max(10, Math.min(250, Math.ceil(stepCount / 20)));
}

function countProgress(done: number, total: number) {
  const unknown = { loss: null, imagesPerSecond: null, secondsLeft: null };
  return { phase: 'validation' as const, step: done, stepCount: total, ...unknown };
}
