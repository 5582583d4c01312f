/**
 * The loop of the jobs that make models without training them. The row is the queue: a job that a crash interrupted is
 * taken again from its beginning, and every step replaces what an earlier try of it left.
 */
import { rm } from 'node:fs/promises';
import type { Log } from '../ports/log.ts';
import type { ModelJobRow } from '../ports/store-model-jobs.ts';
import { explainDiskFault, failureText, isTransient, JobFailure, UNEXPECTED_ERROR } from './job-failure.ts';
import { copyModel } from './model-copy.ts';
import { type ImportDependencies, importModel } from './model-import.ts';

export interface ModelJobDependencies extends ImportDependencies {
  log: Log;
}

export interface ModelJobLoop {
  /** A row changed: look now. */
  wake(): void;
  /** Lets the steps in hand finish; jobs stay as they are, and go on at the next start. */
  stop(): Promise<void>;
}

const POLL_SECONDS = 5;
const PARALLEL_JOBS = 2;
const RETRY_SECONDS = 2;
/** Unexpected faults of a job in a row, after which it is Failed; S3's moments of trouble included. */
const MAXIMUM_FAULTS = 5;

export function startModelJobLoop(dependencies: ModelJobDependencies): ModelJobLoop {
  const { store, time, log, modelStore, keyring } = dependencies;
  const stopping = new AbortController();
  const working = new Map<string, Promise<void>>();
  const faults = new Map<string, { count: number; retryAt: number }>();
  let wakeUp = new AbortController();

  async function loop(): Promise<void> {
    // What a crash left of imports under way: they begin anew.
    await rm(dependencies.importsPath, { recursive: true, force: true }).catch((error: unknown) =>
      log.warn({ error }, 'files of earlier imports could not be deleted'),
    );
    while (!stopping.signal.aborted) {
      // Taken before the rows are read: a wake in between is not lost.
      wakeUp = new AbortController();
      try {
        await look();
      } catch (error) {
        log.error({ error }, 'the loop of copies and imports could not read its rows');
      }
      await time.sleep(POLL_SECONDS * 1000, AbortSignal.any([wakeUp.signal, stopping.signal]));
    }
  }

  async function look(): Promise<void> {
    const now = time.now().getTime();
    for (const job of await store.read(rows => rows.bedrock.listUnfinishedModelJobs())) {
      if (working.size >= PARALLEL_JOBS) return;
      if (working.has(job.jobId) || (faults.get(job.jobId)?.retryAt ?? 0) > now) continue;
      const done = work(job).finally(() => {
        working.delete(job.jobId);
        wakeUp.abort();
      });
      working.set(job.jobId, done);
    }
  }

  async function work(job: ModelJobRow): Promise<void> {
    try {
      await (job.kind === 'copy' ? copyModel(job, dependencies) : importModel(job, dependencies));
      faults.delete(job.jobId);
    } catch (error) {
      if (!stopping.signal.aborted) await recover(job, explainDiskFault(error));
    }
  }

  async function recover(job: ModelJobRow, error: unknown): Promise<void> {
    const { jobArn } = job;
    const count = (faults.get(job.jobId)?.count ?? 0) + 1;
    if (!(error instanceof JobFailure)) log.error({ jobArn, error, count }, 'a copy or import met an unexpected fault');
    try {
      if (!(error instanceof JobFailure) && count < MAXIMUM_FAULTS) {
        const delaySeconds = RETRY_SECONDS * 2 ** count;
        faults.set(job.jobId, { count, retryAt: time.now().getTime() + delaySeconds * 1000 });
        return;
      }
      faults.delete(job.jobId);
      await fail(job, reasonOf(error));
    } catch (second) {
      log.error({ jobArn, error: second }, 'a faulty copy or import could not be ended; it is looked at again');
    }
  }

  /** A copy that failed leaves its job alone; CreateCustomModel has none, so the model itself says why. */
  async function fail(job: ModelJobRow, failureMessage: string): Promise<void> {
    await store.transaction(async ({ bedrock }) => {
      const endedAt = time.now().getTime();
      if (!(await bedrock.endModelJob(job.jobId, { status: 'Failed', failureMessage, endedAt }))) return;
      if (job.kind === 'copy') await bedrock.deleteModel(job.modelArn);
      if (job.kind === 'create') await bedrock.endModelCreation(job.modelArn, { status: 'Failed', failureMessage });
    });
    const { accountId, region, keyArn, modelArn: resourceArn } = job;
    await Promise.allSettled([
      modelStore.delete(job.modelId),
      keyring.release({ accountId, region, keyArn, resourceArn }),
    ]);
  }

  const looping = loop();
  return {
    wake: () => wakeUp.abort(),
    async stop() {
      stopping.abort();
      await looping;
      await Promise.all(working.values());
    },
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof JobFailure) return failureText(error.message);
  if (isTransient(error)) return failureText((error as Error).message);
  return UNEXPECTED_ERROR;
}
