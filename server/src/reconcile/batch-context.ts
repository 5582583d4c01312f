import type { RoomWaits } from '../domain/disk-room.ts';
import type { VpcNetwork } from '../domain/vpc-networks.ts';
import type { BaseModels } from '../ports/base-models.ts';
import type { ContentCredentials } from '../ports/content-credentials.ts';
import type { CustomerData, RoleSession, RoleSessions } from '../ports/customer-data.ts';
import type { ImageRequest } from '../ports/inference.ts';
import type { Machine } from '../ports/machine.ts';
import type { Store } from '../ports/store.ts';
import type { BatchJobRow } from '../ports/store-batch.ts';
import type { BatchFolder } from './batch-files.ts';
import type { UnitStarter } from './unit-start.ts';

export interface BatchSettings {
  pollSeconds: number;
  /** A job stays Submitted so long: clients that look right after its create expect it. */
  submittedSeconds: number;
  /** AWS's least number of records in a job is 100; here it is a setting. */
  minimumRecords: number;
  /** Jobs that draw at once: each has a unit of its own. */
  units: number;
  /** A record waits so long at most for on-demand requests to be done. */
  yieldSeconds: number;
  retrySeconds: number;
  /** Unexpected faults in a row after which a job is Failed. */
  retries: number;
}

export interface BatchDependencies extends UnitStarter {
  store: Store;
  machine: Machine;
  roomWaits: RoomWaits;
  customerData: CustomerData;
  roleSessions: RoleSessions;
  vpcNetworks: readonly VpcNetwork[];
  baseModels: BaseModels;
  contentCredentials: ContentCredentials;
  /** `DATA/batch`. */
  batchPath: string;
  /** Reads a record's modelInput as InvokeModel reads its body. @throws Fault invalid or unsupported */
  readRequest(body: Uint8Array, tasks: 'v1' | 'all'): ImageRequest;
  /** Whether on-demand or provisioned requests are being drawn now: they go first. */
  isServing(): boolean;
  settings: BatchSettings;
}

export interface BatchContext extends BatchDependencies {
  job: BatchJobRow;
  folder: BatchFolder;
  role: () => Promise<RoleSession>;
  /** Aborted when the server ends: the job goes on at the next start. */
  pausing: AbortSignal;
}
