import type { Quotas } from '../../domain/quotas.ts';
import type { RequestClass } from '../../domain/request-rate.ts';
import type { Accounts } from '../../ports/accounts.ts';
import type { BaseModels } from '../../ports/base-models.ts';
import type { Journal } from '../../ports/journal.ts';
import type { Machine } from '../../ports/machine.ts';
import type { RegisteredModels } from '../../ports/registered-models.ts';
import type { ServiceRoles } from '../../ports/service-roles.ts';
import type { SignIn, SignInLinks } from '../../ports/sign-in.ts';
import type { Store } from '../../ports/store.ts';
import type { Time } from '../../ports/time.ts';
import type { TrainingRecords } from '../../ports/training-records.ts';

export interface LikenessDependencies {
  version: string;
  status(): 'starting' | 'ready' | 'stopping';
  baseModels: BaseModels;
  registeredModels: RegisteredModels;
  machine: Machine;
  accounts: Accounts;
  signIn: SignIn;
  signInLinks: SignInLinks;
  serviceRoles: ServiceRoles;
  store: Store;
  time: Time;
  trainingRecords: TrainingRecords;
  quotas: Quotas;
  requestsPerSecond: Readonly<Partial<Record<RequestClass, number>>>;
  trailJournal: Journal;
}
