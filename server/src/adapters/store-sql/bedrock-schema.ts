import type { BatchSchema } from './batch-jobs.ts';
import type { CheckpointsSchema } from './bedrock-checkpoints.ts';
import type { DeploymentsSchema } from './bedrock-deployments.ts';
import type { ImportedModelsSchema } from './bedrock-imported-models.ts';
import type { InvocationLoggingSchema } from './bedrock-invocation-logging.ts';
import type { ModelAccessSchema } from './bedrock-model-access.ts';
import type { ModelJobsSchema } from './bedrock-model-jobs.ts';
import type { ResourcePoliciesSchema } from './bedrock-resource-policies.ts';

/** Tables of the bedrock service; names begin with bedrock_. Times are milliseconds since the epoch. */
export interface BedrockSchema
  extends BatchSchema,
    CheckpointsSchema,
    DeploymentsSchema,
    ImportedModelsSchema,
    InvocationLoggingSchema,
    ModelAccessSchema,
    ModelJobsSchema,
    ResourcePoliciesSchema {
  bedrock_jobs: JobsTable;
  bedrock_custom_models: CustomModelsTable;
  bedrock_throughputs: ThroughputsTable;
  bedrock_request_tokens: RequestTokensTable;
}

/** One customization job. What queries look at has a column; the rest of what never changes is in `definition` (JSON). */
export interface JobsTable {
  job_id: string;
  account_id: string;
  region: string;
  job_name: string;
  custom_model_name: string;
  custom_model_id: string;
  definition: string;
  tags: string;
  hyper_parameters: string;
  resolved: string;
  created_at: number;
  status: string;
  status_details: string;
  failure_message: string | null;
  last_modified_at: number;
  ended_at: number | null;
  training_loss: number | null;
  lease_owner: string | null;
  lease_until: number | null;
  fencing_token: number;
  queued_at: number | null;
  attempt: number;
  events_offset_bytes: number;
  progress: string | null;
  image_count: number | null;
  images_seen: number | null;
  training_seconds: number | null;
  measured: string | null;
}

/** One custom model; what no query looks at is in `definition` (JSON). */
export interface CustomModelsTable {
  model_id: string;
  model_arn: string;
  account_id: string;
  region: string;
  model_name: string;
  foundation_model_arn: string;
  /** The model that it was trained from, for the lists' filter. */
  base_model_arn: string;
  definition: string;
  tags: string;
  created_at: number;
  status: string;
  failure_message: string | null;
}

/** One Provisioned Throughput; what no query looks at is in `definition` (JSON). */
export interface ThroughputsTable {
  provisioned_model_id: string;
  provisioned_model_arn: string;
  account_id: string;
  region: string;
  provisioned_model_name: string;
  definition: string;
  tags: string;
  created_at: number;
  model_arn: string;
  desired_model_arn: string;
  model_units: number;
  desired_model_units: number;
  status: string;
  failure_message: string | null;
  last_modified_at: number;
  generation: number;
}

/** Remembered clientRequestTokens. */
export interface RequestTokensTable {
  account_id: string;
  region: string;
  operation: string;
  token: string;
  parameters_sha256: string;
  resource_arn: string;
  created_at: number;
}
