/**
 * The training loop: takes job rows, and makes reality match them. The row is the queue; validation waits for nothing, and
 * training for a slot. One job's fault never ends the loop, and the loop's own end pauses its jobs.
 */
import { readdir } from 'node:fs/promises';
import { DEFAULT_ATTEMPT_POLICY } from '../domain/training/attempt-policy.ts';
import type { ComputeLease } from '../ports/compute.ts';
import type { CustomizationJobRow } from '../ports/store-bedrock.ts';
import { disabledAccounts } from './disabled-accounts.ts';
import { type HeldJob, heldJob, LeaseLost } from './held-job.ts';
import { explainDiskFault, isDiskFull, JobFailure, ROOM_WAITS, UNEXPECTED_ERROR } from './job-failure.ts';
import { runFolder } from './run-folder.ts';
import { endGently } from './training-attempt.ts';
import type { TrainingDependencies, TrainingSettings } from './training-context.ts';
import { runJob } from './training-job.ts';

export const DEFAULT_TRAINING_SETTINGS: TrainingSettings = {
  pollSeconds: 0.5,
  leaseSeconds: 60,
  silenceSeconds: 3600,
  stopGraceSeconds: 30,
  retrySeconds: 2,
  retries: 6,
  attempts: DEFAULT_ATTEMPT_POLICY,
};

export interface TrainingLoop {
  /** A row changed: look now. */
  wake(): void;
  /** Each training writes a checkpoint and ends; its job stays InProgress. Resolves when no process is left. */
  stop(): Promise<void>;
}

/** The idle loop looks this often by itself: for leases that ran out. */
const IDLE_SECONDS = 5;
const RENEWALS_A_LEASE = 3;
/** Data sets fetched and checked at once, beside the trainings. */
const PARALLEL_VALIDATIONS = 4;
/** Unexpected faults of one job, in a row and in this process, after which it is Failed. */
const MAXIMUM_FAULTS = 3;

/**
 * Starts the loop.
 * @param dependencies.owner names this process as a holder of leases
 */
export function startTrainingLoop(dependencies: TrainingDependencies & { owner: string }): TrainingLoop {
  const { store, time, log, compute, settings, owner, roomWaits } = dependencies;
  const pausing = new AbortController();
  const running = new Map<string, { accountId: string; pause(): void; done: Promise<void> }>();
  const lastTakenAt = new Map<string, number>();
  const faults = new Map<string, number>();
  let wakeUp = new AbortController();

  async function loop(): Promise<void> {
    await forgetOldHolders();
    await cleanEndedJobs(dependencies);
    while (!pausing.signal.aborted) {
      const wakeSignal = AbortSignal.any([wakeUp.signal, pausing.signal]);
      try {
        const disabled = await store.read(disabledAccounts);
        for (const entry of running.values()) if (disabled.includes(entry.accountId)) entry.pause();
        await restOrphans(disabled);
        for (let job = await claim(); job; job = await claim()) take(job);
      } catch (error) {
        log.error({ error }, 'the training loop could not look for jobs');
      }
      await time.sleep(IDLE_SECONDS * 1000, wakeSignal);
      if (wakeUp.signal.aborted) wakeUp = new AbortController();
    }
  }

  // The data folder's lock says that no other server lives: what an earlier one held is free.
  async function forgetOldHolders(): Promise<void> {
    await store.transaction(rows => rows.bedrock.releaseAllLeases());
  }

  function claim(): Promise<CustomizationJobRow | undefined> {
    if (pausing.signal.aborted) return Promise.resolve(undefined);
    return store.transaction(async rows =>
      rows.bedrock.claimNextJob({
        owner,
        now: time.now().getTime(),
        leaseSeconds: settings.leaseSeconds,
        slots: compute.slots(),
        slotsEach: dependencies.quotas.concurrentTrainings,
        validations: PARALLEL_VALIDATIONS,
        disabledAccounts: await disabledAccounts(rows),
        lastTakenAt,
      }),
    );
  }

  /** What a crash left running of accounts that are disabled: nobody takes those jobs, so nobody else would end it. */
  async function restOrphans(disabled: readonly string[]): Promise<void> {
    if (disabled.length === 0) return;
    const unfinished = await store.read(rows => rows.bedrock.listUnfinishedJobs());
    for (const job of unfinished) {
      if (job.attempt === 0 || job.status === 'Stopping' || running.has(job.jobId)) continue;
      if (!disabled.includes(job.accountId)) continue;
      const lease = await compute.find(runFolder(`${dependencies.runsPath}/${job.jobId}`).path(job.attempt));
      if (lease && (await compute.probe(lease)) === 'alive') rest(job, lease);
    }
  }

  function rest({ jobId, accountId, attempt }: CustomizationJobRow, lease: ComputeLease): void {
    const folder = runFolder(`${dependencies.runsPath}/${jobId}`);
    log.info({ jobId, attempt }, 'ending the training of an account that is disabled; it goes on when that is enabled');
    const done = endGently(attempt, lease, 'pause', { compute, folder, settings, time })
      .catch((error: unknown) => log.error({ jobId, error }, 'a training of a disabled account could not be ended'))
      .finally(() => {
        if (running.get(jobId)?.done === done) running.delete(jobId);
      });
    running.set(jobId, { accountId, pause: () => undefined, done });
  }

  function take(job: CustomizationJobRow): void {
    const resting = new AbortController();
    if (job.queuedAt !== null) lastTakenAt.set(job.accountId, time.now().getTime());
    const done = work(job, AbortSignal.any([pausing.signal, resting.signal])).finally(() => {
      if (running.get(job.jobId)?.done === done) running.delete(job.jobId);
      wakeUp.abort();
    });
    running.set(job.jobId, { accountId: job.accountId, pause: () => resting.abort(), done });
  }

  async function work(job: CustomizationJobRow, pause: AbortSignal): Promise<void> {
    const { jobId } = job;
    const held = heldJob(job, { store, time, leaseSeconds: settings.leaseSeconds });
    const done = new AbortController();
    const renewing = keepLease(held, done.signal);
    try {
      const outcome = await runJob(job, held, dependencies, pause);
      faults.delete(jobId);
      roomWaits.delete(job.jobArn);
      log.info({ jobId, outcome }, 'customization job');
      if (outcome === 'paused' || outcome === 'queued') await held.release();
    } catch (error) {
      if (error instanceof LeaseLost) log.warn({ jobId }, 'another holder has the job');
      else await recover(job, held, error);
    } finally {
      done.abort();
      await renewing;
    }
  }

  /** Nothing that was foreseen: try again later, and give up after a few times. */
  async function recover({ jobId, jobArn }: CustomizationJobRow, held: HeldJob, error: unknown): Promise<void> {
    if (await isDiskFull(dependencies.machine)) {
      roomWaits.add(jobArn);
      return waitForRoom(jobId, held, error);
    }
    roomWaits.delete(jobArn);
    const count = (faults.get(jobId) ?? 0) + 1;
    faults.set(jobId, count);
    log.error({ jobId, error, count }, 'a customization job met an unexpected fault');
    try {
      if (count < MAXIMUM_FAULTS) {
        await time.sleep(settings.retrySeconds * 1000 * 2 ** count, pausing.signal);
        await held.release();
        return;
      }
      const folder = runFolder(`${dependencies.runsPath}/${jobId}`);
      const { attempt } = await held.read();
      const lease = attempt > 0 ? await compute.find(folder.path(attempt)) : undefined;
      if (lease) await compute.end(lease, settings.stopGraceSeconds);
      const explained = explainDiskFault(error);
      await held.end('Failed', explained instanceof JobFailure ? explained.message : UNEXPECTED_ERROR, 0);
      await folder.clean();
    } catch (second) {
      log.error({ jobId, error: second }, 'a faulty job could not be given back; its lease will run out');
    }
  }

  /** Its checkpoints and weights are there: it goes on once somebody has made room. */
  async function waitForRoom(jobId: string, held: HeldJob, error: unknown): Promise<void> {
    log.warn({ jobId, error }, 'the disk is full: a customization job waits for room');
    await time.sleep(settings.retrySeconds * ROOM_WAITS * 1000, pausing.signal);
    await held.release().catch((second: unknown) => log.warn({ jobId, error: second }, 'a lease is left to run out'));
  }

  async function keepLease(held: HeldJob, done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      await time.sleep((settings.leaseSeconds * 1000) / RENEWALS_A_LEASE, done);
      if (done.aborted) return;
      // A lost lease shows itself at the job's next step.
      await held.renew().catch((error: unknown) => log.warn({ error }, 'a lease could not be renewed'));
    }
  }

  const looping = loop().catch((error: unknown) => log.error({ error }, 'the training loop ended'));
  return {
    wake: () => wakeUp.abort(),
    async stop() {
      pausing.abort();
      await looping;
      await Promise.all([...running.values()].map(entry => entry.done));
    },
  };
}

/** A crash between a job's end and the removal of its images: finish that. */
async function cleanEndedJobs({ store, runsPath, log }: TrainingDependencies): Promise<void> {
  const unfinished = await store.read(rows => rows.bedrock.listUnfinishedJobs());
  const kept = new Set(unfinished.map(job => job.jobId));
  for (const name of await readdir(runsPath).catch(() => []))
    if (!kept.has(name))
      await runFolder(`${runsPath}/${name}`)
        .clean()
        .catch((error: unknown) => log.warn({ error, jobId: name }, 'a run directory could not be cleaned'));
}
