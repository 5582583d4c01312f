import { type Kysely, type Selectable, sql, type UpdateObject } from 'kysely';
import type { Migration } from 'kysely/migration';
import { runningStatuses, unfinishedStatuses } from '../../domain/batch/batch-status.ts';
import type { BatchJobRow, BatchPatch, BatchPosition, BatchRows, NewBatchJob } from '../../ports/store-batch.ts';
import { keysetPage } from './keyset.ts';

/** One batch inference job; what no query looks at is in `definition` (JSON). */
interface BatchJobsTable {
  job_id: string;
  account_id: string;
  region: string;
  job_name: string;
  custom_model_arn: string | null;
  definition: string;
  tags: string;
  created_at: number;
  status: string;
  message: string | null;
  last_modified_at: number;
  ended_at: number | null;
  counts: string | null;
  files: string | null;
  position: string;
}

export interface BatchSchema {
  bedrock_batch_jobs: BatchJobsTable;
}

type Columned = 'jobId' | 'accountId' | 'region' | 'jobName' | 'customModelArn' | 'tags' | 'createdAt';
type Definition = Omit<NewBatchJob, Columned>;

const START: BatchPosition = { file: 0, inputOffsetBytes: 0, outputOffsetBytes: 0 };

export const batchMigrations: Record<string, Migration> = {
  'batch-0001-jobs': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_batch_jobs')
        .addColumn('job_id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('job_name', 'text', column => column.notNull())
        .addColumn('custom_model_arn', 'text')
        .addColumn('definition', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('message', 'text')
        .addColumn('last_modified_at', 'bigint', column => column.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('counts', 'text')
        .addColumn('files', 'text')
        .addColumn('position', 'text', column => column.notNull())
        .execute();
      await database.schema
        .createIndex('bedrock_batch_jobs_name')
        .on('bedrock_batch_jobs')
        .columns(['account_id', 'region', 'job_name'])
        .unique()
        .execute();
      await database.schema
        .createIndex('bedrock_batch_jobs_page')
        .on('bedrock_batch_jobs')
        .columns(['account_id', 'region', 'created_at', 'job_id'])
        .execute();
      await database.schema
        .createIndex('bedrock_batch_jobs_queue')
        .on('bedrock_batch_jobs')
        .columns(['status', 'created_at', 'job_id'])
        .execute();
    },
  },
};

export function batchRows(database: Kysely<BatchSchema>): BatchRows {
  const jobs = () => database.selectFrom('bedrock_batch_jobs').selectAll();

  async function update(
    jobId: string,
    statuses: readonly string[],
    values: UpdateObject<BatchSchema, 'bedrock_batch_jobs'>,
  ): Promise<boolean> {
    const result = await database
      .updateTable('bedrock_batch_jobs')
      .set(values)
      .where('job_id', '=', jobId)
      .where('status', 'in', statuses)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  return {
    async insert(job) {
      const { jobId, accountId, region, jobName, customModelArn, tags, createdAt, ...definition } = job;
      await database
        .insertInto('bedrock_batch_jobs')
        .values({
          job_id: jobId,
          account_id: accountId,
          region,
          job_name: jobName,
          custom_model_arn: customModelArn,
          definition: JSON.stringify(definition satisfies Definition),
          tags: JSON.stringify(tags),
          created_at: createdAt,
          status: 'Submitted',
          last_modified_at: createdAt,
          position: JSON.stringify(START),
        })
        .execute();
    },
    async byId(scope, jobId) {
      const found = await jobs()
        .where('job_id', '=', jobId)
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return found && toRow(found);
    },
    async byName(scope, jobName) {
      const found = await jobs()
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('job_name', '=', jobName)
        .executeTakeFirst();
      return found && toRow(found);
    },
    list(scope, options) {
      const { status } = options;
      const query = status === undefined ? jobs() : jobs().where('status', '=', status);
      return keysetPage(query, { name: 'job_name', id: 'job_id' }, scope, options, toRow);
    },
    async countUnfinished(scope) {
      const { count } = await database
        .selectFrom('bedrock_batch_jobs')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('status', 'in', unfinishedStatuses)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    async usesModel(customModelArn) {
      const found = await database
        .selectFrom('bedrock_batch_jobs')
        .select('job_id')
        .where('custom_model_arn', '=', customModelArn)
        .where('status', 'in', unfinishedStatuses)
        .limit(1)
        .executeTakeFirst();
      return found !== undefined;
    },
    requestStop: (jobId, now) => update(jobId, runningStatuses, { status: 'Stopping', last_modified_at: now }),
    async listUnfinished() {
      const found = await jobs()
        .where('status', 'in', unfinishedStatuses)
        .orderBy('created_at')
        .orderBy('job_id')
        .execute();
      return found.map(toRow);
    },
    advance: (jobId, patch) => update(jobId, runningStatuses, patchValues(patch)),
    recordProgress: (jobId, { counts, position }) =>
      update(jobId, unfinishedStatuses, { counts: JSON.stringify(counts), position: JSON.stringify(position) }),
    end: (jobId, { status, message, endedAt }) =>
      update(jobId, unfinishedStatuses, {
        status: sql<string>`case when status = 'Stopping' then 'Stopped' else ${status} end`,
        message: sql<string | null>`case when status = 'Stopping' then null else ${message} end`,
        ended_at: endedAt,
        last_modified_at: endedAt,
      }),
  };
}

function patchValues(patch: BatchPatch): UpdateObject<BatchSchema, 'bedrock_batch_jobs'> {
  const values: UpdateObject<BatchSchema, 'bedrock_batch_jobs'> = { last_modified_at: patch.lastModifiedAt };
  if (patch.status !== undefined) values.status = patch.status;
  if (patch.message !== undefined) values.message = patch.message;
  if (patch.counts !== undefined) values.counts = JSON.stringify(patch.counts);
  if (patch.files !== undefined) values.files = JSON.stringify(patch.files);
  if (patch.position !== undefined) values.position = JSON.stringify(patch.position);
  return values;
}

function toRow(row: Selectable<BatchJobsTable>): BatchJobRow {
  return {
    ...(JSON.parse(row.definition) as Definition),
    jobId: row.job_id,
    accountId: row.account_id,
    region: row.region,
    jobName: row.job_name,
    customModelArn: row.custom_model_arn,
    tags: JSON.parse(row.tags),
    // PostgreSQL's client gives a bigint as text.
    createdAt: Number(row.created_at),
    status: row.status as BatchJobRow['status'],
    message: row.message,
    lastModifiedAt: Number(row.last_modified_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
    counts: row.counts === null ? null : JSON.parse(row.counts),
    files: row.files === null ? null : JSON.parse(row.files),
    position: JSON.parse(row.position),
  };
}
