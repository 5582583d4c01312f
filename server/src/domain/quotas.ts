import { Fault } from './fault.ts';

/** A quota of AWS's, and what it is here. */
interface Quota {
  /** What is counted, as it reads after a number. */
  counts: string;
  /** Of what there is one allowance each. */
  scope: 'account and Region' | 'account, Region and model' | 'job' | 'Provisioned Throughput';
  /** Code of AWS's Service Quotas, where there is one, and AWS's own value (bedrock-facts.md §12). */
  awsCode: string | null;
  awsValue: number | null;
  /** The variable that sets it. */
  setting: string;
  /** Null: no limit but the machine's. */
  default: number | null;
  maximum: number;
  /** What to do when it is reached, before raising it. */
  mend: string;
}

/**
 * Quotas of Bedrock. Where AWS's value would leave a machine of one's own idle (no model units at all, two of four training
 * slots), there is none unless it is set.
 */
export const QUOTAS = {
  scheduledJobs: {
    counts: 'model customization jobs scheduled at once',
    scope: 'account and Region',
    ...{ awsCode: 'L-0406044C', awsValue: 10, setting: 'LIKENESS_SCHEDULED_JOBS', default: 10, maximum: 10_000 },
    mend: 'Wait for one to end, or stop one',
  },
  customModels: {
    counts: 'custom models, unfinished jobs among them',
    scope: 'account and Region',
    ...{ awsCode: 'L-CB5B847D', awsValue: 100, setting: 'LIKENESS_CUSTOM_MODELS', default: 100, maximum: 100_000 },
    mend: 'Delete one',
  },
  concurrentTrainings: {
    counts: 'trainings at once; further jobs wait',
    scope: 'account and Region',
    ...{ awsCode: null, awsValue: 2, setting: 'LIKENESS_CONCURRENT_TRAININGS', default: null, maximum: 64 },
    mend: 'Wait for one to end',
  },
  trainingRecords: {
    counts: 'training and validation records together',
    scope: 'job',
    ...{ awsCode: 'L-73BBA086', awsValue: 10_000, setting: 'LIKENESS_TRAINING_RECORDS', default: 10_000 },
    maximum: 1_000_000,
    mend: 'Leave some out',
  },
  batchJobs: {
    counts: 'batch inference jobs unfinished at once',
    scope: 'account and Region',
    ...{ awsCode: null, awsValue: 20, setting: 'LIKENESS_BATCH_JOBS', default: 20, maximum: 10_000 },
    mend: 'Wait for one to end, or stop one',
  },
  deploymentsInProgress: {
    counts: 'custom model deployments Creating or Updating at once',
    scope: 'account and Region',
    ...{ awsCode: null, awsValue: 2, setting: 'LIKENESS_DEPLOYMENTS_IN_PROGRESS', default: null },
    maximum: 10_000,
    mend: 'Wait until one is Active',
  },
  noCommitmentModelUnits: {
    counts: 'model units without a commitment across custom models',
    scope: 'account and Region',
    ...{ awsCode: 'L-BE77399C', awsValue: 0, setting: 'LIKENESS_NO_COMMITMENT_UNITS', default: null, maximum: 1024 },
    mend: 'Delete a Provisioned Throughput, or buy with a commitmentDuration',
  },
  modelUnitsEach: {
    counts: 'model units',
    scope: 'Provisioned Throughput',
    ...{ awsCode: 'L-F424A1E3', awsValue: 0, setting: 'LIKENESS_UNITS_EACH', default: null, maximum: 1024 },
    mend: 'Ask for fewer modelUnits',
  },
  invocationsPerMinute: {
    counts: 'invocations on demand a minute',
    scope: 'account, Region and model',
    ...{ awsCode: 'L-7DBB06FD', awsValue: 60, setting: 'LIKENESS_INVOCATIONS_PER_MINUTE', default: null },
    maximum: 1_000_000,
    mend: 'Retry after a while',
  },
} as const satisfies Record<string, Quota>;

export type QuotaName = keyof typeof QUOTAS;

/** Null: no limit. */
export type Quotas = Readonly<Record<QuotaName, number | null>>;

export const quotaNames = Object.keys(QUOTAS) as QuotaName[];

/** @param read the value of one, from wherever settings are kept */
export function quotasFrom(read: (quota: Quota) => number | null): Quotas {
  return Object.fromEntries(quotaNames.map(name => [name, read(QUOTAS[name])])) as Quotas;
}

/** What to say when a quota is reached. @param used absent where nothing is counted over time */
export function quotaText(name: QuotaName, limit: number, used?: number): string {
  const { counts, scope, setting, mend } = QUOTAS[name];
  const found = used === undefined ? '' : `; there are ${used}`;
  return `The quota is ${limit} ${counts}, by ${scope}${found}. ${mend}, or raise the quota (${setting}).`;
}

/**
 * @param used what is there already
 * @param wanted what shall come to it
 * @throws Fault quota
 */
export function keepQuota(quotas: Quotas, name: QuotaName, used: number, wanted = 1): void {
  const limit = quotas[name];
  if (limit !== null && used + wanted > limit) throw new Fault('quota', quotaText(name, limit, used));
}
