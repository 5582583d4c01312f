/** The checkpoints that stay selectable after a training: encrypted beside the model, under its ARN and key. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type EvaluationEvent, evaluationsOf } from '../domain/training/events.ts';
import type { KeyOwner } from '../ports/keys.ts';
import type { CheckpointRow } from '../ports/store-checkpoints.ts';
import type { TrainSpec } from './run-folder.ts';
import type { JobContext } from './training-context.ts';

export const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * Keeps the weights of each evaluation that still has some, but for the step that became the model. Their rows come first:
 * what a crash leaves half-saved is saved again by the next try, or goes when the rows' time is over.
 * @param stepsDone of the whole training
 */
export async function keepCheckpoints(
  attempt: number,
  spec: TrainSpec,
  stepsDone: number,
  { job, folder, store, modelStore, time, checkpointDays }: JobContext,
): Promise<void> {
  if (checkpointDays === 0) return;
  const events = evaluationsOf(await folder.allEvents());
  const chosen = stepOfModel(events, spec, stepsDone);
  const expiresAt = time.now().getTime() + checkpointDays * DAY_MILLISECONDS;
  const kept: { row: CheckpointRow; path: string }[] = [];
  for (const { step, path } of events) {
    const weights = join(folder.path(attempt), `${path}-weights`);
    if (step === chosen || !(await isFolder(weights))) continue;
    const weightsId = `${job.customModelId}-step-${step}`;
    const row = { weightsId, modelId: job.customModelId, kind: 'checkpoint' as const, step, expiresAt };
    kept.push({ row, path: weights });
  }
  await store.transaction(rows => rows.bedrock.insertCheckpoints(kept.map(({ row }) => row)));
  for (const { row, path } of kept) await modelStore.save(row.weightsId, path, ownerOf(job));
}

/** Nothing stays of a training that was stopped at its very end. */
export async function forgetCheckpoints({ job, store, modelStore }: JobContext): Promise<void> {
  const ids = await store.transaction(rows => rows.bedrock.deleteCheckpointsOf(job.customModelId));
  for (const weightsId of ids) await modelStore.delete(weightsId);
}

/** `auto` makes its best evaluation the model; a number of steps of one's own, the last. */
function stepOfModel(events: readonly EvaluationEvent[], spec: TrainSpec, stepsDone: number): number {
  if (typeof spec.evaluation?.patience !== 'number') return stepsDone;
  return events.findLast(event => event.isBest)?.step ?? stepsDone;
}

/** Under which the model and its checkpoints are encrypted. */
export function ownerOf(job: JobContext['job']): KeyOwner {
  const { accountId, region, keyArn, customModelArn: resourceArn } = job;
  return { accountId, region, keyArn, resourceArn };
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
