import type { RoomWaits } from '../domain/disk-room.ts';
import type { Quotas } from '../domain/quotas.ts';
import type { AttemptPolicy } from '../domain/training/attempt-policy.ts';
import type { VpcNetwork } from '../domain/vpc-networks.ts';
import type { BaseModels } from '../ports/base-models.ts';
import type { Compute } from '../ports/compute.ts';
import type { CustomerData, RoleSession, RoleSessions } from '../ports/customer-data.ts';
import type { Log } from '../ports/log.ts';
import type { Machine } from '../ports/machine.ts';
import type { ModelStore } from '../ports/model-store.ts';
import type { Store } from '../ports/store.ts';
import type { CustomizationJobRow } from '../ports/store-bedrock.ts';
import type { Time } from '../ports/time.ts';
import type { TrainingCaches } from '../ports/training-caches.ts';
import type { HeldJob } from './held-job.ts';
import type { RunFolder } from './run-folder.ts';

export interface TrainingSettings {
  pollSeconds: number;
  leaseSeconds: number;
  /** A training that writes no event for so long is ended and tried again. One step on a slow CPU may take minutes. */
  silenceSeconds: number;
  /** From the stop file to SIGTERM, and from SIGTERM to SIGKILL. */
  stopGraceSeconds: number;
  /** For S3 and the like: waits between tries of the same thing, doubled each time. */
  retrySeconds: number;
  retries: number;
  attempts: AttemptPolicy;
}

export interface TrainingDependencies {
  store: Store;
  time: Time;
  log: Log;
  machine: Machine;
  roomWaits: RoomWaits;
  compute: Compute;
  customerData: CustomerData;
  roleSessions: RoleSessions;
  vpcNetworks: readonly VpcNetwork[];
  baseModels: BaseModels;
  modelStore: ModelStore;
  trainingCaches: TrainingCaches;
  /** `DATA/runs`. */
  runsPath: string;
  workerThreads: number;
  /** How long the checkpoints beside a model stay selectable; 0: none are kept. */
  checkpointDays: number;
  /** Folder of the encoder that scores trainings, by base model; others score with their own, where they have one. */
  scoreEncoderPaths: Readonly<Record<string, string>>;
  quotas: Quotas;
  settings: TrainingSettings;
}

export interface JobContext extends TrainingDependencies {
  job: CustomizationJobRow;
  held: HeldJob;
  folder: RunFolder;
  role: () => Promise<RoleSession>;
  /** Aborted when the server ends cleanly: pause, and leave the job InProgress. */
  pausing: AbortSignal;
}
