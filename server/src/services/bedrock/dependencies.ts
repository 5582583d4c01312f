import type { BaseModels } from '../../ports/base-models.ts';
import type { RoleSessions } from '../../ports/customer-data.ts';
import type { Capacity } from '../../ports/inference.ts';
import type { LogBuckets } from '../../ports/invocation-logs.ts';
import type { Keyring } from '../../ports/keys.ts';
import type { ModelStore } from '../../ports/model-store.ts';
import type { Store } from '../../ports/store.ts';
import type { Ids } from '../../ports/time.ts';

export interface BedrockDependencies {
  store: Store;
  ids: Ids;
  baseModels: BaseModels;
  roleSessions: RoleSessions;
  keyring: Keyring;
  modelStore: Pick<ModelStore, 'delete'>;
  capacity: Pick<Capacity, 'wake' | 'loadingModels'>;
  logBuckets: LogBuckets;
  /** Wakes the training loop: a job was made, or is to stop. */
  wakeTraining(): void;
  /** The same for the batch loop. */
  wakeBatch(): void;
  /** The same for the loop that copies and imports models. */
  wakeModelJobs(): void;
  quotas: BedrockQuotas;
  /** Whether Provisioned Throughput under commitment is kept until its term ends (LIKENESS_COMMITMENTS). */
  keepsCommitments: boolean;
}

/** By account and Region, where not said otherwise. */
export interface BedrockQuotas {
  scheduledJobs: number;
  customModels: number;
  /** Batch inference jobs that have not ended. */
  batchJobs: number;
  /** Of the whole installation: what its machine holds at once. */
  modelUnits: number;
}
