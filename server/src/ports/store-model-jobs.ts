import type { VpcConfig } from '../domain/vpc-networks.ts';
import type { BedrockScope, ListOptions, Page, Tag } from './bedrock-lists.ts';

export type ModelJobStatus = 'InProgress' | 'Completed' | 'Failed';

/** What a job decides that makes a model without training it; never changed afterwards. */
interface NewModelJob extends BedrockScope {
  /** 12 of [a-z0-9], the last segment of the ARN. */
  jobId: string;
  jobArn: string;
  /** The job's id where clients give no name. */
  jobName: string;
  /** Of the model that it makes; id and ARN are reserved at once. */
  modelId: string;
  modelArn: string;
  modelName: string;
  modelTags: Tag[];
  /** Full ARN of the customer's key; null: the service-owned one. */
  keyArn: string | null;
  tags: Tag[];
  createdAt: number;
}

export interface NewCopyJob extends NewModelJob {
  kind: 'copy';
  source: { modelArn: string; modelName: string; accountId: string };
}

/** `import` makes an imported model (CreateModelImportJob), `create` a custom model (CreateCustomModel). */
export interface NewImportJob extends NewModelJob {
  kind: 'import' | 'create';
  source: { s3Uri: string };
  roleArn: string;
  vpcConfig: VpcConfig | null;
}

export interface ModelJobProgress {
  status: ModelJobStatus;
  failureMessage: string | null;
  lastModifiedAt: number;
  endedAt: number | null;
}

export type CopyJobRow = NewCopyJob & ModelJobProgress;
export type ImportJobRow = NewImportJob & ModelJobProgress;
export type ModelJobRow = CopyJobRow | ImportJobRow;

/** The row is the queue; the data folder's lock says that one server works on it. */
export interface ModelJobRows {
  /** @throws (unique index) when the account has a job of that kind and name: look first, in the same transaction. */
  insertModelJob(job: NewCopyJob | NewImportJob): Promise<void>;
  copyJobById(scope: BedrockScope, jobId: string): Promise<CopyJobRow | undefined>;
  listCopyJobs(
    scope: BedrockScope,
    /** `nameContains`: of the model that is made. */
    options: ListOptions & {
      status?: ModelJobStatus | undefined;
      sourceModelArn?: string | undefined;
      sourceAccountId?: string | undefined;
    },
  ): Promise<Page<CopyJobRow>>;
  importJobById(scope: BedrockScope, jobId: string): Promise<ImportJobRow | undefined>;
  importJobByName(scope: BedrockScope, jobName: string): Promise<ImportJobRow | undefined>;
  /** Those of `kind` import: the others show as models alone. */
  listImportJobs(
    scope: BedrockScope,
    options: ListOptions & { status?: ModelJobStatus | undefined },
  ): Promise<Page<ImportJobRow>>;
  /** Whether an unfinished import will make an imported model of that name. */
  importHoldsName(scope: BedrockScope, modelName: string): Promise<boolean>;
  countUnfinishedImports(scope: BedrockScope): Promise<number>;
  /** Every account and Region, oldest first. */
  listUnfinishedModelJobs(): Promise<ModelJobRow[]>;
  /** False: it has ended before. */
  endModelJob(
    jobId: string,
    end: { status: 'Completed' | 'Failed'; failureMessage: string | null; endedAt: number },
  ): Promise<boolean>;
}
