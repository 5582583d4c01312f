import type { Kysely, Selectable } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { BedrockScope } from '../../ports/bedrock-lists.ts';
import type {
  CopyJobRow,
  ImportJobRow,
  ModelJobRow,
  ModelJobRows,
  NewCopyJob,
  NewImportJob,
} from '../../ports/store-model-jobs.ts';
import { keysetPage } from './keyset.ts';

export interface ModelJobsSchema {
  bedrock_model_jobs: ModelJobsTable;
}

/** One job that copies or imports a model; what no query looks at is in `definition` (JSON). */
interface ModelJobsTable {
  job_id: string;
  account_id: string;
  region: string;
  kind: string;
  job_name: string;
  model_id: string;
  model_name: string;
  source_model_arn: string | null;
  source_account_id: string | null;
  definition: string;
  tags: string;
  created_at: number;
  status: string;
  failure_message: string | null;
  last_modified_at: number;
  ended_at: number | null;
}

export const modelJobMigrations: Record<string, Migration> = {
  'bedrock-model-jobs-0001-table': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_model_jobs')
        .addColumn('job_id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('kind', 'text', column => column.notNull())
        .addColumn('job_name', 'text', column => column.notNull())
        .addColumn('model_id', 'text', column => column.notNull())
        .addColumn('model_name', 'text', column => column.notNull())
        .addColumn('source_model_arn', 'text')
        .addColumn('source_account_id', 'text')
        .addColumn('definition', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('failure_message', 'text')
        .addColumn('last_modified_at', 'bigint', column => column.notNull())
        .addColumn('ended_at', 'bigint')
        .execute();
      await database.schema
        .createIndex('bedrock_model_jobs_name')
        .on('bedrock_model_jobs')
        .columns(['account_id', 'region', 'kind', 'job_name'])
        .unique()
        .execute();
      await database.schema
        .createIndex('bedrock_model_jobs_page')
        .on('bedrock_model_jobs')
        .columns(['account_id', 'region', 'kind', 'created_at', 'job_id'])
        .execute();
      await database.schema
        .createIndex('bedrock_model_jobs_queue')
        .on('bedrock_model_jobs')
        .columns(['status', 'created_at', 'job_id'])
        .execute();
    },
  },
};

export function modelJobRows(database: Kysely<ModelJobsSchema>): ModelJobRows {
  const jobs = () => database.selectFrom('bedrock_model_jobs').selectAll();
  const imports = (scope: BedrockScope) =>
    jobs().where('kind', '=', 'import').where('account_id', '=', scope.accountId).where('region', '=', scope.region);
  return {
    async insertModelJob(job) {
      const { jobId, accountId, region, kind, jobName, modelId, modelName, tags, createdAt, ...definition } = job;
      await database
        .insertInto('bedrock_model_jobs')
        .values({
          job_id: jobId,
          account_id: accountId,
          region,
          kind,
          job_name: jobName,
          model_id: modelId,
          model_name: modelName,
          source_model_arn: job.kind === 'copy' ? job.source.modelArn : null,
          source_account_id: job.kind === 'copy' ? job.source.accountId : null,
          definition: JSON.stringify(definition),
          tags: JSON.stringify(tags),
          created_at: createdAt,
          status: 'InProgress',
          last_modified_at: createdAt,
        })
        .execute();
    },
    async copyJobById(scope, jobId) {
      const found = await jobs()
        .where('job_id', '=', jobId)
        .where('kind', '=', 'copy')
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return found && (toJob(found) as CopyJobRow);
    },
    listCopyJobs(scope, options) {
      const { status, sourceModelArn, sourceAccountId } = options;
      let query = jobs().where('kind', '=', 'copy');
      if (status !== undefined) query = query.where('status', '=', status);
      if (sourceModelArn !== undefined) query = query.where('source_model_arn', '=', sourceModelArn);
      if (sourceAccountId !== undefined) query = query.where('source_account_id', '=', sourceAccountId);
      return keysetPage(query, { name: 'model_name', id: 'job_id' }, scope, options, row => toJob(row) as CopyJobRow);
    },
    async importJobById(scope, jobId) {
      const found = await imports(scope).where('job_id', '=', jobId).executeTakeFirst();
      return found && (toJob(found) as ImportJobRow);
    },
    async importJobByName(scope, jobName) {
      const found = await imports(scope).where('job_name', '=', jobName).executeTakeFirst();
      return found && (toJob(found) as ImportJobRow);
    },
    listImportJobs(scope, options) {
      let query = jobs().where('kind', '=', 'import');
      if (options.status !== undefined) query = query.where('status', '=', options.status);
      return keysetPage(query, { name: 'job_name', id: 'job_id' }, scope, options, row => toJob(row) as ImportJobRow);
    },
    async importHoldsName(scope, modelName) {
      const found = await imports(scope)
        .where('model_name', '=', modelName)
        .where('status', '=', 'InProgress')
        .executeTakeFirst();
      return found !== undefined;
    },
    async countUnfinishedImports(scope) {
      return (await imports(scope).where('status', '=', 'InProgress').execute()).length;
    },
    async listUnfinishedModelJobs() {
      const found = await jobs().where('status', '=', 'InProgress').orderBy('created_at').orderBy('job_id').execute();
      return found.map(toJob);
    },
    async endModelJob(jobId, { status, failureMessage, endedAt }) {
      const result = await database
        .updateTable('bedrock_model_jobs')
        .set({ status, failure_message: failureMessage, ended_at: endedAt, last_modified_at: endedAt })
        .where('job_id', '=', jobId)
        .where('status', '=', 'InProgress')
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
  };
}

function toJob(row: Selectable<ModelJobsTable>): ModelJobRow {
  const definition = JSON.parse(row.definition) as NewCopyJob | NewImportJob;
  return {
    ...definition,
    kind: row.kind,
    jobId: row.job_id,
    accountId: row.account_id,
    region: row.region,
    jobName: row.job_name,
    modelId: row.model_id,
    modelName: row.model_name,
    tags: JSON.parse(row.tags),
    createdAt: Number(row.created_at),
    status: row.status,
    failureMessage: row.failure_message,
    lastModifiedAt: Number(row.last_modified_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
  } as CopyJobRow | ImportJobRow;
}
