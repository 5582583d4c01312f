import type { RoomWaits } from '../../domain/disk-room.ts';
import type { Prices } from '../../domain/prices.ts';
import type { Quotas } from '../../domain/quotas.ts';
import type { RequestClass } from '../../domain/request-rate.ts';
import type { StartingModel } from '../../domain/training/training-options.ts';
import type { Accounts } from '../../ports/accounts.ts';
import type { BaseModel, BaseModels } from '../../ports/base-models.ts';
import type { Capacity } from '../../ports/inference.ts';
import type { Journal } from '../../ports/journal.ts';
import type { Keyring } from '../../ports/keys.ts';
import type { Machine } from '../../ports/machine.ts';
import type { ModelStore } from '../../ports/model-store.ts';
import type { PolicyChecks } from '../../ports/policy-checks.ts';
import type { RegisteredModels } from '../../ports/registered-models.ts';
import type { ServiceRoles } from '../../ports/service-roles.ts';
import type { BrowserSessions, SignIn, SignInLinks } from '../../ports/sign-in.ts';
import type { Rows, Store } from '../../ports/store.ts';
import type { BedrockScope } from '../../ports/store-bedrock.ts';
import type { Ids, Time } from '../../ports/time.ts';
import type { TrainingRecords } from '../../ports/training-records.ts';

export interface LikenessDependencies {
  version: string;
  status(): 'starting' | 'ready' | 'stopping';
  baseModels: BaseModels;
  registeredModels: RegisteredModels;
  capacity: Pick<Capacity, 'invokeBase'>;
  machine: Machine;
  dataDirectory: string;
  accounts: Accounts;
  signIn: SignIn;
  signInLinks: SignInLinks;
  browserSessions: BrowserSessions;
  serviceRoles: ServiceRoles;
  policyChecks: PolicyChecks;
  store: Store;
  time: Time;
  ids: Ids;
  keyring: Pick<Keyring, 'resolve' | 'decryptRequests' | 'release'>;
  /** @throws Fault: the name is in use, or the account has as many custom models as it may */
  refuseTakenModelName(rows: Rows, scope: BedrockScope, modelName: string): Promise<void>;
  /** What a job would start from, and what that gives and bounds of its options. @throws Fault invalid: nothing to train */
  readJobBase(identifier: string, scope: BedrockScope): Promise<{ base: BaseModel; start: StartingModel | null }>;
  modelStore: Pick<ModelStore, 'copy' | 'files' | 'delete'>;
  trainingRecords: TrainingRecords;
  roomWaits: Readonly<RoomWaits>;
  quotas: Quotas;
  /** Null: there are no prices, and usage is told in plain units. */
  prices: Prices | null;
  /** Model units and trainings that the machine holds at once. */
  machineUnits: number;
  trainingSlots: number;
  requestsPerSecond: Readonly<Partial<Record<RequestClass, number>>>;
  trailJournal: Journal;
}
