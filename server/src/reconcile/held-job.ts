/**
 * A job whose lease this server holds. Every change is read, made and written in one transaction under the fencing token,
 * so that a stop that comes in between is never overwritten.
 */
import {
  endPhases,
  enterPhase,
  type PhaseStatus,
  type TrainingPhase,
  trainingPhases,
} from '../domain/training/job-state.ts';
import type { Store } from '../ports/store.ts';
import type { CustomizationJobRow, JobPatch, JobProgress } from '../ports/store-bedrock.ts';
import type { Time } from '../ports/time.ts';
import { failureText } from './job-failure.ts';

/** The lease went to another holder, or the job has ended: touch nothing more. */
export class LeaseLost extends Error {}

export type HeldJob = ReturnType<typeof heldJob>;

export function heldJob(job: CustomizationJobRow, dependencies: { store: Store; time: Time; leaseSeconds: number }) {
  const { store, time, leaseSeconds } = dependencies;
  const { jobId, fencingToken } = job;

  async function change(patchOf: (row: CustomizationJobRow, now: number) => JobPatch): Promise<CustomizationJobRow> {
    return store.transaction(async rows => {
      const row = await rows.bedrock.heldJob(jobId, fencingToken);
      if (!row) throw new LeaseLost();
      await rows.bedrock.advanceJob(jobId, fencingToken, patchOf(row, time.now().getTime()));
      return row;
    });
  }

  return {
    change,

    /** @returns the row as it is now, its lease renewed. @throws LeaseLost */
    async renew(): Promise<CustomizationJobRow> {
      return store.transaction(async rows => {
        const row = await rows.bedrock.heldJob(jobId, fencingToken);
        if (!row) throw new LeaseLost();
        await rows.bedrock.renewLease(jobId, fencingToken, time.now().getTime() + leaseSeconds * 1000);
        return row;
      });
    },

    /** @returns the row as it is now. @throws LeaseLost */
    async read(): Promise<CustomizationJobRow> {
      const row = await store.read(rows => rows.bedrock.heldJob(jobId, fencingToken));
      if (!row) throw new LeaseLost();
      return row;
    },

    enter: (phase: TrainingPhase) => change((row, now) => phasePatch(row, phase, now)),

    progress: (progress: JobProgress) => change(() => ({ progress })),

    /** Failed, or Stopped where a stop was asked for meanwhile. @returns the status it ended in. @throws LeaseLost */
    async end(status: 'Failed' | 'Stopped', message: string | null): Promise<'Failed' | 'Stopped'> {
      return store.transaction(async rows => {
        const row = await rows.bedrock.heldJob(jobId, fencingToken);
        if (!row) throw new LeaseLost();
        const now = time.now().getTime();
        const final = row.status === 'Stopping' ? 'Stopped' : status;
        await rows.bedrock.endJob(jobId, fencingToken, {
          status: final,
          statusDetails: endPhases(row.statusDetails, final, now),
          failureMessage: final === 'Failed' && message !== null ? failureText(message) : null,
          endedAt: now,
        });
        return final;
      });
    },

    /** Job Completed and model visible at once. @throws LeaseLost */
    async complete(result: {
      trainingLoss: number | null;
      method: 'lora' | 'full';
      baseWeightsSha256: string;
      sizeBytes: number;
      imagesSeen: number;
      trainingSeconds: number;
    }): Promise<'completed' | 'stopping'> {
      return store.transaction(async rows => {
        const row = await rows.bedrock.heldJob(jobId, fencingToken);
        if (!row) throw new LeaseLost();
        const now = time.now().getTime();
        const statusDetails = endPhases(row.statusDetails, 'Completed', now);
        const answer = await rows.bedrock.completeJob(jobId, fencingToken, { ...result, statusDetails, endedAt: now });
        if (answer === 'fenced') throw new LeaseLost();
        return answer;
      });
    },

    async release(): Promise<void> {
      await store.transaction(rows => rows.bedrock.releaseLease(jobId, fencingToken));
    },
  };
}

/** A phase is entered once: a new attempt that loads and caches again does not turn a training back into processing. */
export function phasePatch(row: CustomizationJobRow, phase: TrainingPhase, now: number): JobPatch {
  const started: PhaseStatus[] = ['InProgress', 'Completed', 'Stopping'];
  const reached = trainingPhases.findLastIndex(name => started.includes(row.statusDetails[name].status));
  if (row.status !== 'InProgress' || reached >= trainingPhases.indexOf(phase)) return {};
  return { statusDetails: enterPhase(row.statusDetails, phase, now), lastModifiedAt: now };
}
