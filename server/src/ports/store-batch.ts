import type { BatchStatus, EndedBatchStatus } from '../domain/batch/batch-status.ts';
import type { RecordCounts } from '../domain/batch/records.ts';
import type { VpcConfig } from '../domain/vpc-networks.ts';
import type { BedrockScope, ListOptions, Page, Tag } from './store-bedrock.ts';

/** Everything that CreateModelInvocationJob decides; never changed afterwards. */
export interface NewBatchJob extends BedrockScope {
  /** 12 of [a-z0-9], the last segment of the ARN. */
  jobId: string;
  jobArn: string;
  jobName: string;
  roleArn: string;
  /** As sent, for the answers; a custom model's name as its ARN. */
  modelId: string;
  /** The registered base model that draws. */
  baseModelId: string;
  /** The custom model on it; null: the base alone. */
  customModelArn: string | null;
  /** Which task types the model knows. */
  tasks: 'v1' | 'all';
  input: { s3Uri: string; format: 'JSONL' | null; bucketOwner: string | null };
  output: { s3Uri: string; encryptionKeyId: string | null; bucketOwner: string | null };
  vpcConfig: VpcConfig | null;
  timeoutHours: number;
  invocationType: 'InvokeModel' | null;
  clientRequestToken: string | null;
  /** 0 to 9 (domain/job-queue.ts). */
  priority: number;
  tags: Tag[];
  createdAt: number;
}

/** Where the job goes on: which file, and the bytes of its input and output that are done. */
export interface BatchPosition {
  /** Index in `files`. */
  file: number;
  inputOffsetBytes: number;
  outputOffsetBytes: number;
}

export interface BatchJobRow extends NewBatchJob {
  status: BatchStatus;
  message: string | null;
  lastModifiedAt: number;
  endedAt: number | null;
  /** Null before validation has counted. */
  counts: RecordCounts | null;
  /** Keys of the input below its folder, in the order of their drawing; null before validation. */
  files: string[] | null;
  position: BatchPosition;
}

/** What the batch loop may change. */
export interface BatchPatch {
  status?: BatchStatus;
  message?: string | null;
  counts?: RecordCounts;
  files?: string[];
  position?: BatchPosition;
  lastModifiedAt: number;
}

/** Rows of batch inference jobs. The row is the queue; the data folder's lock says that one server works on it. */
export interface BatchRows {
  /** @throws (unique index) when the account has a job of that name in the Region: look first, in the same transaction. */
  insert(job: NewBatchJob): Promise<void>;
  byId(scope: BedrockScope, jobId: string): Promise<BatchJobRow | undefined>;
  byName(scope: BedrockScope, jobName: string): Promise<BatchJobRow | undefined>;
  list(scope: BedrockScope, options: ListOptions & { status?: BatchStatus | undefined }): Promise<Page<BatchJobRow>>;
  countUnfinished(scope: BedrockScope): Promise<number>;
  /** Whether an unfinished job draws with that custom model. */
  usesModel(customModelArn: string): Promise<boolean>;
  /** To Stopping; false when the job has ended, or is Stopping. */
  requestStop(jobId: string, now: number): Promise<boolean>;
  /** Every account and Region, oldest first. */
  listUnfinished(): Promise<BatchJobRow[]>;
  /** False, and nothing changed: the job is Stopping or has ended. */
  advance(jobId: string, patch: BatchPatch): Promise<boolean>;
  /** The counts and the position, whatever its status; false when it has ended. */
  recordProgress(jobId: string, progress: { counts: RecordCounts; position: BatchPosition }): Promise<boolean>;
  /** False when it has ended before. A job that is Stopping ends as Stopped, whatever else was meant. */
  end(jobId: string, end: { status: EndedBatchStatus; message: string | null; endedAt: number }): Promise<boolean>;
}
