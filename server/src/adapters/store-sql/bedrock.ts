import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { BedrockRows } from '../../ports/store-bedrock.ts';
import { type CheckpointsSchema, checkpointMigrations, checkpointRows } from './bedrock-checkpoints.ts';
import { type DeploymentsSchema, deploymentMigrations, deploymentRows } from './bedrock-deployments.ts';
import { type ImportedModelsSchema, importedModelMigrations, importedModelRows } from './bedrock-imported-models.ts';
import {
  type InvocationLoggingSchema,
  invocationLoggingMigrations,
  invocationLoggingRows,
} from './bedrock-invocation-logging.ts';
import { jobRows } from './bedrock-jobs.ts';
import { type ModelAccessSchema, modelAccessMigrations, modelAccessRows } from './bedrock-model-access.ts';
import { type ModelJobsSchema, modelJobMigrations, modelJobRows } from './bedrock-model-jobs.ts';
import { modelRows } from './bedrock-models.ts';
import { requestTokenRows } from './bedrock-requests.ts';
import {
  type ResourcePoliciesSchema,
  resourcePolicyMigrations,
  resourcePolicyRows,
} from './bedrock-resource-policies.ts';
import type { BedrockSchema } from './bedrock-schema.ts';
import { tagRows } from './bedrock-tags.ts';
import { throughputRows } from './bedrock-throughputs.ts';

export type { BedrockSchema };

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const bedrockMigrations: Record<string, Migration> = {
  ...checkpointMigrations,
  ...deploymentMigrations,
  ...importedModelMigrations,
  ...invocationLoggingMigrations,
  ...modelAccessMigrations,
  ...modelJobMigrations,
  ...resourcePolicyMigrations,
  'bedrock-0001-tables': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_jobs')
        .addColumn('job_id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('job_name', 'text', column => column.notNull())
        .addColumn('custom_model_name', 'text', column => column.notNull())
        .addColumn('custom_model_id', 'text', column => column.notNull())
        .addColumn('definition', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('hyper_parameters', 'text', column => column.notNull())
        .addColumn('resolved', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('status_details', 'text', column => column.notNull())
        .addColumn('failure_message', 'text')
        .addColumn('last_modified_at', 'bigint', column => column.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('training_loss', 'double precision')
        .addColumn('lease_owner', 'text')
        .addColumn('lease_until', 'bigint')
        .addColumn('fencing_token', 'integer', column => column.notNull())
        .addColumn('attempt', 'integer', column => column.notNull())
        .addColumn('events_offset_bytes', 'bigint', column => column.notNull())
        .addColumn('progress', 'text')
        .addColumn('image_count', 'integer')
        .addColumn('images_seen', 'bigint')
        .addColumn('training_seconds', 'double precision')
        .execute();
      await database.schema
        .createIndex('bedrock_jobs_name')
        .on('bedrock_jobs')
        .columns(['account_id', 'region', 'job_name'])
        .unique()
        .execute();
      await database.schema
        .createIndex('bedrock_jobs_page')
        .on('bedrock_jobs')
        .columns(['account_id', 'region', 'created_at', 'job_id'])
        .execute();
      await database.schema
        .createIndex('bedrock_jobs_queue')
        .on('bedrock_jobs')
        .columns(['status', 'created_at', 'job_id'])
        .execute();

      await database.schema
        .createTable('bedrock_custom_models')
        .addColumn('model_id', 'text', column => column.primaryKey())
        .addColumn('model_arn', 'text', column => column.notNull().unique())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('model_name', 'text', column => column.notNull())
        .addColumn('foundation_model_arn', 'text', column => column.notNull())
        .addColumn('definition', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute();
      await database.schema
        .createIndex('bedrock_custom_models_name')
        .on('bedrock_custom_models')
        .columns(['account_id', 'region', 'model_name'])
        .unique()
        .execute();
      await database.schema
        .createIndex('bedrock_custom_models_page')
        .on('bedrock_custom_models')
        .columns(['account_id', 'region', 'created_at', 'model_id'])
        .execute();

      await database.schema
        .createTable('bedrock_throughputs')
        .addColumn('provisioned_model_id', 'text', column => column.primaryKey())
        .addColumn('provisioned_model_arn', 'text', column => column.notNull().unique())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('provisioned_model_name', 'text', column => column.notNull())
        .addColumn('definition', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('model_arn', 'text', column => column.notNull())
        .addColumn('desired_model_arn', 'text', column => column.notNull())
        .addColumn('model_units', 'integer', column => column.notNull())
        .addColumn('desired_model_units', 'integer', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('failure_message', 'text')
        .addColumn('last_modified_at', 'bigint', column => column.notNull())
        .addColumn('generation', 'integer', column => column.notNull())
        .execute();
      await database.schema
        .createIndex('bedrock_throughputs_name')
        .on('bedrock_throughputs')
        .columns(['account_id', 'region', 'provisioned_model_name'])
        .unique()
        .execute();
      await database.schema
        .createIndex('bedrock_throughputs_page')
        .on('bedrock_throughputs')
        .columns(['account_id', 'region', 'created_at', 'provisioned_model_id'])
        .execute();

      await database.schema
        .createTable('bedrock_request_tokens')
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('operation', 'text', column => column.notNull())
        .addColumn('token', 'text', column => column.notNull())
        .addColumn('parameters_sha256', 'text', column => column.notNull())
        .addColumn('resource_arn', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('bedrock_request_tokens_key', ['account_id', 'region', 'operation', 'token'])
        .execute();
      await database.schema
        .createIndex('bedrock_request_tokens_age')
        .on('bedrock_request_tokens')
        .column('created_at')
        .execute();
    },
  },
  'bedrock-0002-queue': {
    async up(database: Kysely<unknown>) {
      await database.schema.alterTable('bedrock_jobs').addColumn('queued_at', 'bigint').execute();
      // What had begun was validated; a job that had not is validated anew.
      await sql`update bedrock_jobs set queued_at = created_at where attempt > 0`.execute(database);
    },
  },
  'bedrock-0004-measured': {
    async up(database: Kysely<unknown>) {
      await database.schema.alterTable('bedrock_jobs').addColumn('measured', 'text').execute();
    },
  },
  'bedrock-0005-base-model-arn': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .alterTable('bedrock_custom_models')
        .addColumn('base_model_arn', 'text', column => column.notNull().defaultTo(''))
        .execute();
      await sql`update bedrock_custom_models set base_model_arn = foundation_model_arn`.execute(database);
    },
  },
  'bedrock-0003-model-status': {
    async up(database: Kysely<unknown>) {
      const { schema } = database;
      await schema
        .alterTable('bedrock_custom_models')
        .addColumn('status', 'text', column => column.notNull().defaultTo('Active'))
        .execute();
      await schema.alterTable('bedrock_custom_models').addColumn('failure_message', 'text').execute();
    },
  },
};

export function bedrockRows(database: Kysely<BedrockSchema>): BedrockRows {
  return {
    ...checkpointRows(database as unknown as Kysely<CheckpointsSchema>),
    ...deploymentRows(database as unknown as Kysely<DeploymentsSchema>),
    ...importedModelRows(database as unknown as Kysely<ImportedModelsSchema>),
    ...invocationLoggingRows(database as unknown as Kysely<InvocationLoggingSchema>),
    ...modelJobRows(database as unknown as Kysely<ModelJobsSchema>),
    ...modelAccessRows(database as unknown as Kysely<ModelAccessSchema>),
    ...resourcePolicyRows(database as unknown as Kysely<ResourcePoliciesSchema>),
    ...jobRows(database),
    ...modelRows(database),
    ...throughputRows(database),
    ...requestTokenRows(database),
    ...tagRows(database),
  };
}
