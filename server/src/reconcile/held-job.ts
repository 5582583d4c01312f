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
import { imagesSeen } from '../domain/usage.ts';
import type { Rows, Store } from '../ports/store.ts';
import type { CustomizationJobRow, JobPatch, JobProgress, MeasuredTraining } from '../ports/store-bedrock.ts';
import type { Time } from '../ports/time.ts';
import { failureText } from './job-failure.ts';
import { noteStoredModel } from './model-storage.ts';

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

    /**
     * Failed, or Stopped where a stop was asked for meanwhile.
     * @param stepsDone which a stopped job has to answer for, and a failed one has not
     * @returns the status it ended in. @throws LeaseLost
     */
    async end(status: 'Failed' | 'Stopped', message: string | null, stepsDone: number): Promise<'Failed' | 'Stopped'> {
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
        if (final === 'Stopped') await noteImagesSeen(rows, row, stepsDone, now);
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
      stepsDone: number;
      trainingSeconds: number;
      measured: MeasuredTraining;
    }): Promise<'completed' | 'stopping'> {
      return store.transaction(async rows => {
        const row = await rows.bedrock.heldJob(jobId, fencingToken);
        if (!row) throw new LeaseLost();
        const now = time.now().getTime();
        const statusDetails = endPhases(row.statusDetails, 'Completed', now);
        const answer = await rows.bedrock.completeJob(jobId, fencingToken, { ...result, statusDetails, endedAt: now });
        if (answer === 'fenced') throw new LeaseLost();
        if (answer === 'completed') {
          await noteImagesSeen(rows, row, result.stepsDone, now);
          await noteStoredModel(rows, { ...row, modelArn: row.customModelArn }, now);
        }
        return answer;
      });
    },

    async release(): Promise<void> {
      await store.transaction(rows => rows.bedrock.releaseLease(jobId, fencingToken));
    },
  };
}

function noteImagesSeen(rows: Rows, row: CustomizationJobRow, stepsDone: number, now: number): Promise<void> {
  const { accountId, region, jobArn: resourceArn, imageCount, resolved } = row;
  const key = { accountId, region, resourceArn, dimension: 'imagesSeen', variant: '' } as const;
  return rows.usage.count(key, imagesSeen(imageCount, resolved.batchSize, stepsDone), now);
}

/** A phase is entered once: a new attempt that loads and caches again does not turn a training back into processing. */
export function phasePatch(row: CustomizationJobRow, phase: TrainingPhase, now: number): JobPatch {
  const started: PhaseStatus[] = ['InProgress', 'Completed', 'Stopping'];
  const reached = trainingPhases.findLastIndex(name => started.includes(row.statusDetails[name].status));
  if (row.status !== 'InProgress' || reached >= trainingPhases.indexOf(phase)) return {};
  return { statusDetails: enterPhase(row.statusDetails, phase, now), lastModifiedAt: now };
}
