/** The pictures that a training drew on its way: encrypted beside its model, for as long as its checkpoints. */
import { DAY_MILLISECONDS, ownerOf } from './training-checkpoints.ts';
import type { JobContext } from './training-context.ts';

/**
 * Keeps the samples of a training that ends, however it ends; again where it was tried before. They are for looking at: what
 * goes wrong with them is logged and ends no training.
 */
export async function keepSamples(context: JobContext): Promise<void> {
  const { job, folder, store, modelStore, time, checkpointDays, log } = context;
  if (checkpointDays === 0) return;
  const weightsId = `${job.customModelId}-samples`;
  const expiresAt = time.now().getTime() + checkpointDays * DAY_MILLISECONDS;
  try {
    const files = await folder.sampleFiles();
    if (files.length === 0) return;
    const row = { weightsId, modelId: job.customModelId, kind: 'samples' as const, step: null, expiresAt };
    await store.transaction(rows => rows.bedrock.insertCheckpoints([row]));
    await modelStore.saveFiles(weightsId, files, ownerOf(job));
  } catch (error) {
    log.warn({ jobId: job.jobId, error }, 'the samples of a training could not be kept');
  }
}
