/**
 * The sweep of what has ended: checkpoints whose time is over, weights that no row names (a crash between the row's deletion
 * and the bytes'), and keys whose waiting time is over.
 */
import type { Keyring } from '../ports/keys.ts';
import type { Log } from '../ports/log.ts';
import type { ModelStore } from '../ports/model-store.ts';
import type { Store } from '../ports/store.ts';
import type { Time } from '../ports/time.ts';
import { type SweepLoop, startLoop } from './sweep-loop.ts';

export interface ModelSweepDependencies {
  store: Store;
  modelStore: Pick<ModelStore, 'list' | 'delete'>;
  keyring: Pick<Keyring, 'release'>;
  time: Time;
  log: Log;
}

/** A key counts as gone at its hour; its material follows within this time. */
const INTERVAL_SECONDS = 60 * 60;

/** Sweeps at the start and then every hour. */
export function startModelSweepLoop(dependencies: ModelSweepDependencies): SweepLoop {
  return startLoop(
    dependencies,
    { intervalSeconds: INTERVAL_SECONDS, failure: 'the sweep of weights and keys failed; it is tried again later' },
    async () => {
      const deleted = await sweepModels(dependencies);
      if (deleted.length > 0) dependencies.log.info({ modelIds: deleted }, 'deleted weights that no model names');
    },
  );
}

/** @returns the ids whose weights were deleted */
export async function sweepModels({
  store,
  modelStore,
  keyring,
  time,
}: Omit<ModelSweepDependencies, 'log'>): Promise<string[]> {
  const now = time.now().getTime();
  const modelIds = await store.transaction(async ({ kms, bedrock }) => {
    await kms.deleteKeysDue(now);
    return bedrock.deleteCheckpointsDue(now);
  });
  // Weights first, rows second: what is saved in between belongs to a job that the rows then name.
  const stored = await modelStore.list();
  const named = new Set(await store.read(({ bedrock }) => bedrock.listStoredModelIds()));
  const orphans = stored.filter(modelId => !named.has(modelId));
  for (const modelId of orphans) await modelStore.delete(modelId);
  for (const modelId of modelIds) await releaseKey(modelId, { store, keyring });
  return orphans;
}

/** Of a training that was stopped or failed, its samples were all that the key was used for. */
async function releaseKey(
  modelId: string,
  { store, keyring }: Pick<ModelSweepDependencies, 'store' | 'keyring'>,
): Promise<void> {
  const job = await store.read(async ({ bedrock }) => {
    const found = await bedrock.jobOfModel(modelId);
    return found && (await bedrock.modelByArn(found.customModelArn)) === undefined ? found : undefined;
  });
  if (!job) return;
  const { accountId, region, keyArn, customModelArn: resourceArn } = job;
  await keyring.release({ accountId, region, keyArn, resourceArn });
}
