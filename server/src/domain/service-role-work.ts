/** What a service role is for: the kinds of jobs that read and write S3 with one, by the word of their ARNs. */
export type ServiceRoleJobType = keyof typeof SERVICE_ROLE_WORK;

interface ServiceRoleWork {
  description: string;
  policyName: string;
  /** Resources of Bedrock that may assume it, in aws:SourceArn. */
  sources: readonly string[];
  /** The member of the request that says what is read. */
  reads: string;
  /** What it does in the output place; empty where there is none. */
  writeActions: readonly string[];
}

export const SERVICE_ROLE_WORK = {
  'model-customization-job': {
    description: 'Reads the data of fine-tuning jobs and writes their metrics',
    policyName: 'fine-tuning-data',
    sources: ['model-customization-job/*'],
    reads: 'trainingData',
    // A job first writes an object and takes it away again, so that it does not fail after hours.
    writeActions: ['s3:PutObject', 's3:DeleteObject'],
  },
  'model-invocation-job': {
    description: 'Reads the records of batch inference jobs and writes their images',
    policyName: 'batch-inference-data',
    sources: ['model-invocation-job/*'],
    reads: 'inputData',
    // Outputs go up in parts.
    writeActions: ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
  },
  'model-import-job': {
    description: 'Reads the files of models that are imported',
    policyName: 'model-import-data',
    // CreateCustomModel has no job that a trust policy could name: its model stands for it.
    sources: ['model-import-job/*', 'custom-model/*'],
    reads: 'modelData',
    writeActions: [],
  },
} as const satisfies Record<string, ServiceRoleWork>;
