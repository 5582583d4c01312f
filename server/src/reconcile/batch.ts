/**
 * The batch loop: takes the rows of batch inference jobs and makes reality match them. Validation waits for nothing; the
 * drawing waits for a unit, by priority and fairly between accounts. Rows and files say where a job goes on after a crash.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nextInQueue } from '../domain/job-queue.ts';
import type { BatchJobRow } from '../ports/store-batch.ts';
import type { BatchContext, BatchDependencies, BatchSettings } from './batch-context.ts';
import { drawBatch, finishBatch, isOverdue } from './batch-drawing.ts';
import { batchFolder } from './batch-files.ts';
import { validateBatch } from './batch-validation.ts';
import { disabledAccounts } from './disabled-accounts.ts';
import { explainDiskFault, failureText, isDiskFull, JobFailure, ROOM_WAITS, UNEXPECTED_ERROR } from './job-failure.ts';
import { serviceRole } from './role-session.ts';

export const DEFAULT_BATCH_SETTINGS: Omit<BatchSettings, 'minimumRecords' | 'units'> = {
  pollSeconds: 2,
  submittedSeconds: 1,
  yieldSeconds: 30,
  retrySeconds: 2,
  retries: 5,
};

export interface BatchLoop {
  /** A row changed: look now. */
  wake(): void;
  /** Jobs stay as they are, and go on at the next start. */
  stop(): Promise<void>;
}

/** Inputs fetched and counted at once. */
const PARALLEL_VALIDATIONS = 4;

type Stage = 'validating' | 'drawing' | 'ending';

export function startBatchLoop(dependencies: BatchDependencies): BatchLoop {
  const { store, time, log, settings, batchPath, roomWaits } = dependencies;
  const pausing = new AbortController();
  const working = new Map<string, { stage: Stage; accountId: string; pause(): void; done: Promise<void> }>();
  const lastTakenAt = new Map<string, number>();
  const faults = new Map<string, { count: number; retryAt: number }>();
  let wakeUp = new AbortController();

  async function loop(): Promise<void> {
    await deleteEndedFolders();
    while (!pausing.signal.aborted) {
      // Taken before the rows are read: a wake in between is not lost.
      wakeUp = new AbortController();
      let pauseMilliseconds = settings.pollSeconds * 1000;
      try {
        pauseMilliseconds = Math.min(pauseMilliseconds, await look());
      } catch (error) {
        log.error({ error }, 'the batch loop could not read its rows');
      }
      await time.sleep(pauseMilliseconds, AbortSignal.any([wakeUp.signal, pausing.signal]));
    }
  }

  /** A crash between a job's end and the removal of its files: finish that. */
  async function deleteEndedFolders(): Promise<void> {
    try {
      const unfinished = await store.read(rows => rows.batch.listUnfinished());
      const kept = new Set(unfinished.map(job => job.jobId));
      for (const name of await readdir(batchPath).catch(() => []))
        if (!kept.has(name)) await batchFolder(join(batchPath, name)).delete();
    } catch (error) {
      log.warn({ error }, 'files of ended batch jobs could not be deleted');
    }
  }

  /** @returns after how many milliseconds a job that was just submitted is to be looked at */
  async function look(): Promise<number> {
    const now = time.now().getTime();
    const { unfinished, disabled } = await store.read(async rows => ({
      unfinished: await rows.batch.listUnfinished(),
      disabled: await disabledAccounts(rows),
    }));
    for (const entry of working.values()) if (disabled.includes(entry.accountId)) entry.pause();
    const isFree = ({ jobId, accountId }: BatchJobRow) =>
      !working.has(jobId) && !disabled.includes(accountId) && (faults.get(jobId)?.retryAt ?? 0) <= now;
    const free = unfinished.filter(isFree);
    const restOf = (job: BatchJobRow) => job.createdAt + settings.submittedSeconds * 1000 - now;
    const held = free.filter(job => job.status === 'Submitted' && restOf(job) > 0);
    const [ending, others] = [free.filter(isToEnd), free.filter(job => !isToEnd(job) && !held.includes(job))];
    for (const job of ending) take(job, 'ending');
    for (const job of others.filter(isUnvalidated))
      if (stages('validating').length < PARALLEL_VALIDATIONS) take(job, 'validating');
    // What has begun goes on first: it holds no unit now only because the server was started anew.
    const queue = others.filter(job => !isUnvalidated(job));
    while (queue.length > 0 && stages('drawing').length < settings.units) {
      const begun = queue.find(job => job.status === 'InProgress');
      const next = begun ?? nextInQueue(queue, stages('drawing'), lastTakenAt);
      if (!next) break;
      queue.splice(queue.indexOf(next), 1);
      lastTakenAt.set(next.accountId, now);
      take(next, 'drawing');
    }
    return Math.min(...held.map(restOf), Number.POSITIVE_INFINITY);

    function isToEnd(job: BatchJobRow): boolean {
      return job.status === 'Stopping' || isOverdue(job, now);
    }
  }

  function stages(stage: Stage) {
    return [...working.values()].filter(entry => entry.stage === stage);
  }

  function take(job: BatchJobRow, stage: Stage): void {
    const resting = new AbortController();
    const done = work(job, stage, AbortSignal.any([pausing.signal, resting.signal])).finally(() => {
      working.delete(job.jobId);
      wakeUp.abort();
    });
    working.set(job.jobId, { stage, accountId: job.accountId, pause: () => resting.abort(), done });
  }

  async function work(job: BatchJobRow, stage: Stage, pause: AbortSignal): Promise<void> {
    const folder = batchFolder(join(batchPath, job.jobId));
    const role = serviceRole(job, 'BedrockBatchInferenceJob', dependencies);
    const context: BatchContext = { ...dependencies, job, folder, role, pausing: pause };
    try {
      if (stage === 'validating') await validateBatch(context);
      else if (stage === 'drawing') await drawBatch(context);
      else await finishBatch(job.status === 'Stopping' ? 'stopping' : 'timedOut', context);
      faults.delete(job.jobId);
      roomWaits.delete(job.jobArn);
    } catch (caught) {
      if (pause.aborted) return;
      if (await isToWait(context, caught)) {
        log.warn({ jobId: job.jobId, error: caught }, 'the disk is full: a batch job waits for room');
        const retryAt = time.now().getTime() + settings.retrySeconds * ROOM_WAITS * 1000;
        faults.set(job.jobId, { count: faults.get(job.jobId)?.count ?? 0, retryAt });
        roomWaits.add(job.jobArn);
      } else {
        roomWaits.delete(job.jobArn);
        await recover(context, explainDiskFault(caught));
      }
    }
  }

  /** What is drawn would be lost with the job; before that, its input makes room by going. */
  async function isToWait({ job, machine }: BatchContext, error: unknown): Promise<boolean> {
    if (error instanceof JobFailure || isUnvalidated(job)) return false;
    const row = await store.read(rows => rows.batch.byId(job, job.jobId));
    return isDiskFull(machine, row?.position.outputOffsetBytes);
  }

  async function recover({ job, folder }: BatchContext, error: unknown): Promise<void> {
    const { jobId } = job;
    const count = (faults.get(jobId)?.count ?? 0) + 1;
    const isFinal = error instanceof JobFailure || count >= settings.retries;
    if (!(error instanceof JobFailure)) log.error({ jobId, error, count }, 'a batch job met an unexpected fault');
    try {
      if (!isFinal) {
        const delaySeconds = settings.retrySeconds * 2 ** count;
        faults.set(jobId, { count, retryAt: time.now().getTime() + delaySeconds * 1000 });
        return;
      }
      faults.delete(jobId);
      const message = error instanceof JobFailure ? failureText(error.message) : UNEXPECTED_ERROR;
      const endedAt = time.now().getTime();
      await store.transaction(rows => rows.batch.end(jobId, { status: 'Failed', message, endedAt }));
      await folder.delete();
    } catch (second) {
      log.error({ jobId, error: second }, 'a faulty batch job could not be ended; it is looked at again');
    }
  }

  const looping = loop();
  return {
    wake: () => wakeUp.abort(),
    async stop() {
      pausing.abort();
      await looping;
      await Promise.all([...working.values()].map(entry => entry.done));
    },
  };
}

function isUnvalidated(job: BatchJobRow): boolean {
  return job.status === 'Submitted' || job.status === 'Validating';
}
