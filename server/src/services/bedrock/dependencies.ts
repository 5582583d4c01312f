import type { Quotas } from '../../domain/quotas.ts';
import type { VpcNetwork } from '../../domain/vpc-networks.ts';
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
  modelStore: Pick<ModelStore, 'delete' | 'files'>;
  capacity: Pick<Capacity, 'wake' | 'loadingModels' | 'loadProblem'>;
  logBuckets: LogBuckets;
  /** Wakes the training loop: a job was made, or is to stop. */
  wakeTraining(): void;
  /** The same for the batch loop. */
  wakeBatch(): void;
  /** The same for the loop that copies and imports models. */
  wakeModelJobs(): void;
  /** Networks that a job's vpcConfig may name. */
  vpcNetworks: readonly VpcNetwork[];
  quotas: Quotas;
  /** What the machine of the installation holds at once. */
  machineUnits: number;
  /** Whether Provisioned Throughput under commitment is kept until its term ends (LIKENESS_COMMITMENTS). */
  keepsCommitments: boolean;
}
