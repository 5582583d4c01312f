import type { BaseModels } from '../../ports/base-models.ts';
import type { RoleSessions } from '../../ports/customer-data.ts';
import type { Capacity } from '../../ports/inference.ts';
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
  capacity: Pick<Capacity, 'wake'>;
  /** Wakes the training loop: a job was made, or is to stop. */
  wakeTraining(): void;
  quotas: BedrockQuotas;
}

/** AWS's defaults: 10 scheduled jobs, 100 custom models, by account and Region. */
export interface BedrockQuotas {
  scheduledJobs: number;
  customModels: number;
  /** Of the whole installation: what its machine holds at once. */
  modelUnits: number;
}

export const awsQuotas = { scheduledJobs: 10, customModels: 100 } as const;
