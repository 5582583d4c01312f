/** A copy of a custom model: its weights encrypted anew under the target's key, then the model Active and the job ended. */
import { Fault } from '../domain/fault.ts';
import type { Keyring } from '../ports/keys.ts';
import type { ModelStore } from '../ports/model-store.ts';
import type { Store } from '../ports/store.ts';
import type { CopyJobRow } from '../ports/store-model-jobs.ts';
import type { Time } from '../ports/time.ts';
import { JobFailure } from './job-failure.ts';
import { noteStoredModel } from './model-storage.ts';

export interface CopyDependencies {
  store: Store;
  modelStore: ModelStore;
  keyring: Keyring;
  time: Time;
}

/** May be taken again after a crash at any moment. @throws JobFailure for the user; else worth another try */
export async function copyModel(job: CopyJobRow, { store, modelStore, time }: CopyDependencies): Promise<void> {
  const source = await store.read(rows => rows.bedrock.modelByArn(job.source.modelArn));
  if (!source) throw new JobFailure(`The custom model ${job.source.modelArn} was deleted before it was copied.`);
  const { accountId, region, modelId, modelArn, keyArn } = job;
  const from = { accountId: source.accountId, region: source.region, keyArn: source.keyArn };
  const { sizeBytes } = await modelStore
    .copy(
      { modelId: source.modelId, owner: { ...from, resourceArn: source.modelArn } },
      { modelId, owner: { accountId, region, keyArn, resourceArn: modelArn } },
    )
    .catch((error: unknown) => {
      const isRefusal = error instanceof Fault && ['denied', 'conflict', 'invalid', 'notFound'].includes(error.kind);
      throw isRefusal ? new JobFailure(`The model could not be copied: ${error.message}`, { cause: error }) : error;
    });
  await store.transaction(async rows => {
    const { bedrock } = rows;
    const endedAt = time.now().getTime();
    if (!(await bedrock.endModelJob(job.jobId, { status: 'Completed', failureMessage: null, endedAt }))) return;
    // Of one that was deleted meanwhile there is nothing to tell.
    if (await bedrock.endModelCreation(modelArn, { status: 'Active', failureMessage: null, sizeBytes }))
      await noteStoredModel(rows, job, endedAt);
  });
}
