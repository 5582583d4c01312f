import { type Kysely, type Selectable, sql, type UpdateObject } from 'kysely';
import { DEFAULT_PRIORITY, nextInQueue } from '../../domain/job-queue.ts';
import type {
  BedrockRows,
  BedrockScope,
  CustomizationJobRow,
  JobPatch,
  NewCustomizationJob,
} from '../../ports/store-bedrock.ts';
import { insertModel } from './bedrock-models.ts';
import type { BedrockSchema, JobsTable } from './bedrock-schema.ts';
import { keysetPage } from './keyset.ts';

/** Members of NewCustomizationJob with a column of their own. */
type Columned =
  | 'jobId'
  | 'accountId'
  | 'region'
  | 'jobName'
  | 'customModelName'
  | 'customModelId'
  | 'jobTags'
  | 'hyperParameters'
  | 'resolved'
  | 'createdAt';
type Definition = Omit<NewCustomizationJob, Columned>;

const UNFINISHED = ['InProgress', 'Stopping'];

type JobMethods =
  | 'insertJob'
  | 'jobById'
  | 'jobByName'
  | 'listJobs'
  | 'countUnfinishedJobs'
  | 'requestStop'
  | 'claimNextJob'
  | 'renewLease'
  | 'releaseLease'
  | 'releaseAllLeases'
  | 'heldJob'
  | 'advanceJob'
  | 'completeJob'
  | 'endJob'
  | 'listCompletedJobs'
  | 'jobOfModel'
  | 'listUnfinishedJobs';

export function jobRows(database: Kysely<BedrockSchema>): Pick<BedrockRows, JobMethods> {
  const jobs = () => database.selectFrom('bedrock_jobs').selectAll();

  /** Updates the job while this token holds it; false when fenced off or ended. */
  async function updateHeld(
    jobId: string,
    fencingToken: number,
    values: UpdateObject<BedrockSchema, 'bedrock_jobs'>,
  ): Promise<boolean> {
    const result = await database
      .updateTable('bedrock_jobs')
      .set(values)
      .where('job_id', '=', jobId)
      .where('fencing_token', '=', fencingToken)
      .where('status', 'in', UNFINISHED)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async function held(jobId: string, fencingToken: number): Promise<CustomizationJobRow | undefined> {
    const found = await jobs()
      .where('job_id', '=', jobId)
      .where('fencing_token', '=', fencingToken)
      .where('status', 'in', UNFINISHED)
      .executeTakeFirst();
    return found && toJob(found);
  }

  return {
    async insertJob(job, statusDetails) {
      const {
        jobId,
        accountId,
        region,
        jobName,
        customModelName,
        customModelId,
        jobTags,
        hyperParameters,
        resolved,
        createdAt,
        ...definition
      } = job;
      await database
        .insertInto('bedrock_jobs')
        .values({
          job_id: jobId,
          account_id: accountId,
          region,
          job_name: jobName,
          custom_model_name: customModelName,
          custom_model_id: customModelId,
          definition: JSON.stringify(definition satisfies Definition),
          tags: JSON.stringify(jobTags),
          hyper_parameters: JSON.stringify(hyperParameters),
          resolved: JSON.stringify(resolved),
          created_at: createdAt,
          status: 'InProgress',
          status_details: JSON.stringify(statusDetails),
          last_modified_at: createdAt,
          fencing_token: 0,
          attempt: 0,
          events_offset_bytes: 0,
        })
        .execute();
    },
    async jobById(scope, jobId) {
      const found = await jobs()
        .where('job_id', '=', jobId)
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return found && toJob(found);
    },
    async jobByName(scope, jobName) {
      const found = await jobs()
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('job_name', '=', jobName)
        .executeTakeFirst();
      return found && toJob(found);
    },
    listJobs(scope, options) {
      const { status } = options;
      const query = status === undefined ? jobs() : jobs().where('status', '=', status);
      return keysetPage(query, { name: 'job_name', id: 'job_id' }, scope, options, toJob);
    },
    async countUnfinishedJobs(scope) {
      const { count } = await database
        .selectFrom('bedrock_jobs')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('status', 'in', UNFINISHED)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    async requestStop(jobId, statusDetails, now) {
      const result = await database
        .updateTable('bedrock_jobs')
        .set({ status: 'Stopping', status_details: JSON.stringify(statusDetails), last_modified_at: now })
        .where('job_id', '=', jobId)
        .where('status', '=', 'InProgress')
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },

    async claimNextJob({ owner, now, leaseSeconds, slots, slotsEach, validations, disabledAccounts, lastTakenAt }) {
      const unfinished = (
        await jobs().where('status', 'in', UNFINISHED).orderBy('created_at').orderBy('job_id').execute()
      ).map(toJob);
      const isLeased = (job: CustomizationJobRow) => job.leaseUntil !== null && job.leaseUntil > now;
      const held = unfinished.filter(job => isLeased(job) && job.leaseOwner === owner);
      const free = unfinished.filter(
        job => !isLeased(job) && (job.status === 'Stopping' || !disabledAccounts.includes(job.accountId)),
      );
      const next = (isQueued: boolean) => {
        const running = held.filter(job => (job.queuedAt !== null) === isQueued);
        if (running.length >= (isQueued ? slots : validations)) return undefined;
        const isOver = (job: CustomizationJobRow) =>
          isQueued && slotsEach !== null && running.filter(other => isSameScope(job, other)).length >= slotsEach;
        const waiting = free.filter(job => (job.queuedAt !== null) === isQueued && !isOver(job));
        return nextInQueue(waiting.map(withPriority), running, lastTakenAt);
      };
      // What has begun may have a process still running, and a stop needs no slot: both are taken past `slots`.
      const found = free.find(job => job.attempt > 0 || job.status === 'Stopping') ?? next(true) ?? next(false);
      if (found === undefined) return undefined;
      const leaseUntil = now + leaseSeconds * 1000;
      const fencingToken = found.fencingToken + 1;
      const taken = await database
        .updateTable('bedrock_jobs')
        .set({ lease_owner: owner, lease_until: leaseUntil, fencing_token: fencingToken })
        .where('job_id', '=', found.jobId)
        .where('fencing_token', '=', found.fencingToken)
        .executeTakeFirst();
      if (taken.numUpdatedRows !== 1n) return undefined;
      return { ...found, leaseOwner: owner, leaseUntil, fencingToken };
    },
    renewLease: (jobId, fencingToken, leaseUntil) => updateHeld(jobId, fencingToken, { lease_until: leaseUntil }),
    releaseLease: (jobId, fencingToken) =>
      updateHeld(jobId, fencingToken, { lease_owner: null, lease_until: null, fencing_token: fencingToken + 1 }),
    async releaseAllLeases() {
      await database
        .updateTable('bedrock_jobs')
        .set({ lease_owner: null, lease_until: null, fencing_token: sql<number>`fencing_token + 1` })
        .where('lease_owner', 'is not', null)
        .execute();
    },
    heldJob: held,
    advanceJob: (jobId, fencingToken, patch) => updateHeld(jobId, fencingToken, patchValues(patch)),
    async completeJob(jobId, fencingToken, result) {
      const job = await held(jobId, fencingToken);
      if (job === undefined) return 'fenced';
      if (job.status === 'Stopping') return 'stopping';
      await updateHeld(jobId, fencingToken, {
        status: 'Completed',
        status_details: JSON.stringify(result.statusDetails),
        training_loss: result.trainingLoss,
        images_seen: result.imagesSeen,
        training_seconds: result.trainingSeconds,
        measured: JSON.stringify(result.measured),
        last_modified_at: result.endedAt,
        ended_at: result.endedAt,
        lease_owner: null,
        lease_until: null,
      });
      await insertModel(database, {
        modelId: job.customModelId,
        modelArn: job.customModelArn,
        modelName: job.customModelName,
        accountId: job.accountId,
        region: job.region,
        jobArn: job.jobArn,
        jobName: job.jobName,
        foundationModelId: job.foundationModelId,
        foundationModelArn: job.foundationModelArn,
        baseModelId: job.baseModelId,
        parentModel: job.parentModel ?? null,
        customizationType: job.customizationType,
        hyperParameters: job.hyperParameters,
        trainingDataS3Uri: job.trainingDataS3Uri,
        outputDataS3Uri: job.outputDataS3Uri,
        trainingLoss: result.trainingLoss,
        validationDataS3Uri: job.validationDataS3Uri ?? null,
        validationLoss: job.progress?.validationLoss ?? null,
        keyArn: job.keyArn,
        method: result.method,
        baseWeightsSha256: result.baseWeightsSha256,
        sizeBytes: result.sizeBytes,
        tags: job.customModelTags,
        createdAt: job.createdAt,
        status: 'Active',
        failureMessage: null,
      });
      return 'completed';
    },
    endJob: (jobId, fencingToken, end) =>
      updateHeld(jobId, fencingToken, {
        status: end.status,
        status_details: JSON.stringify(end.statusDetails),
        failure_message: end.failureMessage,
        last_modified_at: end.endedAt,
        ended_at: end.endedAt,
        lease_owner: null,
        lease_until: null,
      }),
    async listCompletedJobs(limit) {
      const found = await jobs()
        .where('status', '=', 'Completed')
        .orderBy('created_at', 'desc')
        .orderBy('job_id', 'desc')
        .limit(limit)
        .execute();
      return found.map(toJob);
    },
    async jobOfModel(modelId) {
      const found = await jobs().where('custom_model_id', '=', modelId).executeTakeFirst();
      return found && toJob(found);
    },
    async listUnfinishedJobs() {
      const found = await jobs().where('status', 'in', UNFINISHED).orderBy('created_at').orderBy('job_id').execute();
      return found.map(toJob);
    },
  };
}

function isSameScope(one: BedrockScope, other: BedrockScope): boolean {
  return one.accountId === other.accountId && one.region === other.region;
}

function withPriority(job: CustomizationJobRow): CustomizationJobRow & { priority: number } {
  return { ...job, priority: job.priority ?? DEFAULT_PRIORITY };
}

function patchValues(patch: JobPatch): UpdateObject<BedrockSchema, 'bedrock_jobs'> {
  const values: UpdateObject<BedrockSchema, 'bedrock_jobs'> = {
    // A patch may be empty; an UPDATE may not.
    ...(patch.attempt === undefined ? { attempt: sql<number>`attempt` } : { attempt: patch.attempt }),
  };
  if (patch.statusDetails) values.status_details = JSON.stringify(patch.statusDetails);
  if (patch.hyperParameters) values.hyper_parameters = JSON.stringify(patch.hyperParameters);
  if (patch.resolved) values.resolved = JSON.stringify(patch.resolved);
  if (patch.queuedAt !== undefined) values.queued_at = patch.queuedAt;
  if (patch.eventsOffsetBytes !== undefined) values.events_offset_bytes = patch.eventsOffsetBytes;
  if (patch.progress !== undefined) values.progress = patch.progress && JSON.stringify(patch.progress);
  if (patch.imageCount !== undefined) values.image_count = patch.imageCount;
  if (patch.trainingLoss !== undefined) values.training_loss = patch.trainingLoss;
  if (patch.imagesSeen !== undefined) values.images_seen = patch.imagesSeen;
  if (patch.trainingSeconds !== undefined) values.training_seconds = patch.trainingSeconds;
  if (patch.lastModifiedAt !== undefined) values.last_modified_at = patch.lastModifiedAt;
  return values;
}

function toJob(row: Selectable<JobsTable>): CustomizationJobRow {
  return {
    ...(JSON.parse(row.definition) as Definition),
    jobId: row.job_id,
    accountId: row.account_id,
    region: row.region,
    jobName: row.job_name,
    customModelName: row.custom_model_name,
    customModelId: row.custom_model_id,
    jobTags: JSON.parse(row.tags),
    hyperParameters: JSON.parse(row.hyper_parameters),
    resolved: JSON.parse(row.resolved),
    // PostgreSQL's client gives a bigint as text.
    createdAt: Number(row.created_at),
    status: row.status as CustomizationJobRow['status'],
    statusDetails: JSON.parse(row.status_details),
    failureMessage: row.failure_message,
    lastModifiedAt: Number(row.last_modified_at),
    endedAt: numberOrNull(row.ended_at),
    trainingLoss: row.training_loss,
    leaseOwner: row.lease_owner,
    leaseUntil: numberOrNull(row.lease_until),
    fencingToken: row.fencing_token,
    queuedAt: numberOrNull(row.queued_at),
    attempt: row.attempt,
    eventsOffsetBytes: Number(row.events_offset_bytes),
    progress: row.progress === null ? null : JSON.parse(row.progress),
    imageCount: row.image_count,
    imagesSeen: numberOrNull(row.images_seen),
    trainingSeconds: row.training_seconds,
    measured: row.measured === null ? null : JSON.parse(row.measured),
  };
}

function numberOrNull(value: number | null): number | null {
  return value === null ? null : Number(value);
}
