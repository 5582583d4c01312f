import type { CommitmentDuration } from '../domain/commitment.ts';
import type {
  CustomizationJobStatus,
  EndedJobStatus,
  TrainingPhase,
  TrainingStatusDetails,
} from '../domain/training/job-state.ts';
import type { TrainingOptions } from '../domain/training/training-options.ts';
import type { VpcConfig } from '../domain/vpc-networks.ts';
import type { BedrockScope, ListOptions, Page, Tag } from './bedrock-lists.ts';
import type { InvocationLoggingRows } from './invocation-logs.ts';
import type { CheckpointRows } from './store-checkpoints.ts';
import type { DeploymentRows } from './store-deployments.ts';
import type { ImportedModelRows } from './store-imported-models.ts';
import type { ModelAccessRows } from './store-model-access.ts';
import type { ModelJobRows } from './store-model-jobs.ts';
import type { ResourcePolicyRows } from './store-resource-policies.ts';

export type { BedrockScope, ListOptions, Page, Tag };

/** What the training loop tells of a running job; lost steps of a dead attempt never show. */
export interface JobProgress {
  phase: TrainingPhase | 'loading' | 'caching' | 'evaluating' | 'saving';
  /** Finished steps, of `stepCount`; within the other phases, done of total. */
  step: number;
  stepCount: number;
  loss: number | null;
  imagesPerSecond: number | null;
  secondsLeft: number | null;
  /** Of the last evaluation; absent before the first. */
  validationLoss?: number;
}

/** Hyperparameters as numbers. */
export interface ResolvedHyperparameters {
  /** Null while `auto` waits for the number of images. */
  stepCount: number | null;
  batchSize: number;
  /** As the request gave it, on the seed system's scale. */
  requestedLearningRate: number;
  /** The rate applied: the request's times the base model's factor. */
  learningRate: number;
  /** Absent in rows that are older than these options. */
  options?: TrainingOptions;
  /** Whether stepCount was `auto`: then the best checkpoint becomes the model, and the training may end early. */
  isAutomatic?: boolean;
  /** What the base model usually takes; null where it says nothing, and for what begins at a model that has learnt. */
  usualSteps?: number | null;
}

/** A custom model that another was trained from. It may be deleted afterwards: this is what was. */
export interface ParentModel {
  modelArn: string;
  modelName: string;
}

/** Everything that CreateModelCustomizationJob decides; never changed afterwards. */
export interface NewCustomizationJob extends BedrockScope {
  /** 12 of [a-z0-9], the last segment of the ARN. */
  jobId: string;
  jobArn: string;
  jobName: string;
  customModelName: string;
  /** Reserved at once, so that weights are encrypted under the final ARN; clients see it when the job is Completed. */
  customModelId: string;
  customModelArn: string;
  roleArn: string;
  /** Catalogue id as AWS shows it, versioned: `amazon.titan-image-generator-v1:0`. */
  foundationModelId: string;
  foundationModelArn: string;
  /** The registered base model that is trained: `likeness.art-v1`. */
  baseModelId: string;
  /** The custom model whose weights the training starts from; null, and absent in rows that are older than it: none. */
  parentModel?: ParentModel | null;
  customizationType: 'FINE_TUNING';
  /** Echoed as strings, defaults filled in; `auto` is replaced by the number chosen. */
  hyperParameters: Record<string, string>;
  resolved: ResolvedHyperparameters;
  trainingDataS3Uri: string;
  /** Manifest of the validation pictures; absent in rows that are older than it. */
  validationDataS3Uri?: string | null;
  outputDataS3Uri: string;
  vpcConfig: VpcConfig | null;
  /** Full ARN of the customer's key; null: the service-owned one. */
  keyArn: string | null;
  clientRequestToken: string | null;
  /** 0 to 9 (domain/job-queue.ts); absent in rows that are older than it. */
  priority?: number;
  jobTags: Tag[];
  customModelTags: Tag[];
  /** Of the training's random numbers, 0..4294967295. */
  seed: number;
  /** Milliseconds since the epoch, here and in every …At of a row. */
  createdAt: number;
}

/** The row is the queue: status, lease and fencing token live here and nowhere else. */
export interface CustomizationJobRow extends NewCustomizationJob {
  status: CustomizationJobStatus;
  statusDetails: TrainingStatusDetails;
  failureMessage: string | null;
  lastModifiedAt: number;
  endedAt: number | null;
  trainingLoss: number | null;
  leaseOwner: string | null;
  leaseUntil: number | null;
  /** Grows by one with each claim: a write with an older token changes nothing. */
  fencingToken: number;
  /** When its data was found good; from then on it waits for a training slot. Null before. */
  queuedAt: number | null;
  /** Training attempts begun; 0 before the first. */
  attempt: number;
  /** Bytes of the attempt's events.jsonl that this row already reflects. */
  eventsOffsetBytes: number;
  progress: JobProgress | null;
  imageCount: number | null;
  imagesSeen: number | null;
  trainingSeconds: number | null;
  /** Null before its end, and in rows that are older than it. */
  measured: MeasuredTraining | null;
}

export interface JobClaim {
  owner: string;
  now: number;
  leaseSeconds: number;
  /** Trainings at once. */
  slots: number;
  /** Of an account in a Region; null: as many as there are. */
  slotsEach: number | null;
  /** Validations at once, beside the trainings. */
  validations: number;
  /** Their jobs stay where they are, but for those that are Stopping. */
  disabledAccounts: readonly string[];
  /** When a job of an account was last taken for training. */
  lastTakenAt: ReadonlyMap<string, number>;
}

/** What a completed training tells those to come (domain/training/estimate.ts). */
export interface MeasuredTraining {
  peakMemoryBytes: number | null;
  /** Of the evaluations; null where nothing was scored. */
  bestScore: number | null;
  /** What scored it: scores of different encoders say nothing of each other. */
  encoder: string | null;
}

/** What the holder of the lease may change while the job runs. Absent members stay as they are. */
export interface JobPatch {
  statusDetails?: TrainingStatusDetails;
  hyperParameters?: Record<string, string>;
  resolved?: ResolvedHyperparameters;
  queuedAt?: number;
  attempt?: number;
  eventsOffsetBytes?: number;
  progress?: JobProgress | null;
  imageCount?: number;
  trainingLoss?: number | null;
  imagesSeen?: number;
  trainingSeconds?: number;
  /** Clients see it; set it when something that they see changed. */
  lastModifiedAt?: number;
}

export interface CustomModelRow extends BedrockScope {
  modelId: string;
  modelArn: string;
  modelName: string;
  /** Of the customization job and its data; null for what was copied from another account. */
  jobArn: string | null;
  jobName: string | null;
  foundationModelId: string;
  /** '' where no foundation model is under it, and while an import does not know it yet. */
  foundationModelArn: string;
  baseModelId: string;
  /** Absent in rows that are older than it. */
  parentModel?: ParentModel | null;
  customizationType: 'FINE_TUNING' | 'IMPORTED';
  hyperParameters: Record<string, string>;
  trainingDataS3Uri: string | null;
  outputDataS3Uri: string | null;
  trainingLoss: number | null;
  validationDataS3Uri?: string | null;
  validationLoss?: number | null;
  keyArn: string | null;
  /** `whole`: all parts of a base of its own, whose baseModelId no one registered. */
  method: 'lora' | 'full' | 'whole';
  /** Of the base model's weights that it was trained on; absent in rows that are older than it: unknown. */
  baseWeightsSha256?: string | null;
  /** Of the encrypted weights. */
  sizeBytes: number;
  tags: Tag[];
  /** AWS: the job's creation time, not its end. */
  createdAt: number;
  /** Creating: its weights are still on their way; Failed: they will not come. */
  status: 'Active' | 'Creating' | 'Failed';
  failureMessage: string | null;
}

export type ThroughputStatus = 'Creating' | 'InService' | 'Updating' | 'Failed';

export interface NewThroughput extends BedrockScope {
  provisionedModelId: string;
  provisionedModelArn: string;
  provisionedModelName: string;
  modelUnits: number;
  /** A custom model's ARN or a foundation model's. */
  modelArn: string;
  foundationModelId: string;
  foundationModelArn: string;
  /** The registered base model that its units hold, whichever custom model rides on it. */
  baseModelId: string;
  /** Only what was bought for a custom model may change its model. */
  purchasedFor: 'customModel' | 'foundationModel';
  commitmentDuration: CommitmentDuration | null;
  commitmentExpiresAt: number | null;
  tags: Tag[];
  createdAt: number;
}

/** `modelArn`, `modelUnits`: what serves now; `desired…`: what shall. They differ only while Creating or Updating. */
export interface ThroughputRow extends NewThroughput {
  desiredModelUnits: number;
  desiredModelArn: string;
  status: ThroughputStatus;
  failureMessage: string | null;
  lastModifiedAt: number;
  /** Grows with each UpdateProvisionedModelThroughput that changes the model. */
  generation: number;
}

/** What the throughput loop may change. */
export interface ThroughputPatch {
  status?: ThroughputStatus;
  modelArn?: string;
  modelUnits?: number;
  /** Back to `modelArn` when a rollout fails. */
  desiredModelArn?: string;
  failureMessage?: string | null;
  lastModifiedAt: number;
}

/** A remembered clientRequestToken: same token and parameters give the same answer, other parameters a conflict. */
export interface RequestTokenRow extends BedrockScope {
  operation: string;
  token: string;
  parametersSha256: string;
  resourceArn: string;
  createdAt: number;
}

export interface BedrockRows
  extends CheckpointRows,
    DeploymentRows,
    ImportedModelRows,
    InvocationLoggingRows,
    ModelAccessRows,
    ModelJobRows,
    ResourcePolicyRows {
  /** @throws (unique index) when the account has a job of that name in the Region: look first, in the same transaction. */
  insertJob(job: NewCustomizationJob, statusDetails: TrainingStatusDetails): Promise<void>;
  jobById(scope: BedrockScope, jobId: string): Promise<CustomizationJobRow | undefined>;
  jobByName(scope: BedrockScope, jobName: string): Promise<CustomizationJobRow | undefined>;
  listJobs(
    scope: BedrockScope,
    options: ListOptions & { status?: CustomizationJobStatus | undefined },
  ): Promise<Page<CustomizationJobRow>>;
  /** Jobs that are InProgress or Stopping. */
  countUnfinishedJobs(scope: BedrockScope): Promise<number>;
  /** InProgress -> Stopping; false when the job is in another status. */
  requestStop(jobId: string, statusDetails: TrainingStatusDetails, now: number): Promise<boolean>;

  /**
   * Takes an unfinished job whose lease is free or over: fencingToken + 1, leaseUntil = now + leaseSeconds. Jobs under way
   * (attempt > 0) and Stopping ones come first; then, while `owner` holds fewer than `slots` jobs past their validation,
   * the next one that waits for its training; then, while it holds fewer than `validations` others, the next one to
   * validate: both in the order of domain/job-queue.ts. Call inside a transaction.
   */
  claimNextJob(claim: JobClaim): Promise<CustomizationJobRow | undefined>;
  /** False: the lease went to another; stop touching the job. */
  renewLease(jobId: string, fencingToken: number, leaseUntil: number): Promise<boolean>;
  /** Gives it back at once, for the next claim (a clean stop of the server). */
  releaseLease(jobId: string, fencingToken: number): Promise<boolean>;
  /** Frees every lease: for the start of the embedded server, whose data lock says that no other holder lives. */
  releaseAllLeases(): Promise<void>;
  /** The holder's view of a running job, status as it is now (Stopping tells of a stop); undefined when fenced off. */
  heldJob(jobId: string, fencingToken: number): Promise<CustomizationJobRow | undefined>;
  /** False: fenced off, or the job has ended. */
  advanceJob(jobId: string, fencingToken: number, patch: JobPatch): Promise<boolean>;
  /**
   * Job Completed and custom model visible, together; the lease ends. `stopping`: nothing changed, a stop came first
   * (end the job as Stopped, delete the weights). `fenced`: nothing changed.
   */
  completeJob(
    jobId: string,
    fencingToken: number,
    result: {
      statusDetails: TrainingStatusDetails;
      trainingLoss: number | null;
      method: 'lora' | 'full';
      baseWeightsSha256: string;
      sizeBytes: number;
      imagesSeen: number;
      trainingSeconds: number;
      measured: MeasuredTraining;
      endedAt: number;
    },
  ): Promise<'completed' | 'stopping' | 'fenced'>;
  /** Failed or Stopped; the lease ends. False: fenced off, or ended before. */
  endJob(
    jobId: string,
    fencingToken: number,
    end: {
      status: EndedJobStatus;
      statusDetails: TrainingStatusDetails;
      failureMessage: string | null;
      endedAt: number;
    },
  ): Promise<boolean>;
  /** The job that made a model, or was to make it; any account and Region. */
  jobOfModel(modelId: string): Promise<CustomizationJobRow | undefined>;
  /** Every account and Region, newest first: at most so many of the Completed ones. */
  listCompletedJobs(limit: number): Promise<CustomizationJobRow[]>;
  /** Every account and Region, oldest first. */
  listUnfinishedJobs(): Promise<CustomizationJobRow[]>;

  modelById(scope: BedrockScope, modelId: string): Promise<CustomModelRow | undefined>;
  modelByName(scope: BedrockScope, modelName: string): Promise<CustomModelRow | undefined>;
  /** Any account and Region, for the loops. */
  modelByArn(modelArn: string): Promise<CustomModelRow | undefined>;
  /** @throws (unique index) when the name is taken: look first, in the same transaction. */
  insertModel(model: CustomModelRow): Promise<void>;
  /** Creating -> Active, with what became known meanwhile, or Failed. False when there is no such model any more. */
  endModelCreation(
    modelArn: string,
    end: Pick<CustomModelRow, 'status' | 'failureMessage'> & Partial<CustomModelRow>,
  ): Promise<boolean>;
  /** By a custom model, or by an unfinished job that will make it. */
  modelNameInUse(scope: BedrockScope, modelName: string): Promise<boolean>;
  listModels(
    scope: BedrockScope,
    options: ListOptions & {
      /** What it was trained from: a custom model's ARN, or its foundation model's. */
      baseModelArn?: string | undefined;
      foundationModelArn?: string | undefined;
      status?: CustomModelRow['status'] | undefined;
    },
  ): Promise<Page<CustomModelRow>>;
  countModels(scope: BedrockScope): Promise<number>;
  deleteModel(modelArn: string): Promise<boolean>;
  /** Ids whose weights are in use or about to be: custom models, unfinished jobs of any kind, checkpoints. The sweep keeps these. */
  listStoredModelIds(): Promise<string[]>;

  /** @throws (unique index) when the name is taken: look first, in the same transaction. */
  insertThroughput(throughput: NewThroughput): Promise<void>;
  throughputById(scope: BedrockScope, provisionedModelId: string): Promise<ThroughputRow | undefined>;
  throughputByName(scope: BedrockScope, provisionedModelName: string): Promise<ThroughputRow | undefined>;
  /** Any account and Region, for the loops. */
  throughputByArn(provisionedModelArn: string): Promise<ThroughputRow | undefined>;
  listThroughputs(
    scope: BedrockScope,
    options: ListOptions & {
      status?: ThroughputStatus | undefined;
      /** Of these, InService counts as Creating: their units are loading anew. */
      loading?: readonly string[];
      modelArn?: string | undefined;
    },
  ): Promise<Page<ThroughputRow>>;
  /** Model units bought in all accounts and Regions, Failed ones left out. */
  countModelUnits(): Promise<number>;
  /** Of those, an account's for custom models in a Region, bought without a commitment. */
  countNoCommitmentUnits(scope: BedrockScope): Promise<number>;
  /** Serves or shall serve that model. */
  throughputUsesModel(modelArn: string): Promise<boolean>;
  renameThroughput(provisionedModelId: string, name: string, now: number): Promise<void>;
  /** InService -> Updating with a new desired model; generation + 1. False when the status is another. */
  requestModelChange(provisionedModelId: string, desiredModelArn: string, now: number): Promise<boolean>;
  deleteThroughput(provisionedModelId: string): Promise<boolean>;
  /** Every account and Region, Failed ones left out; units of a row that is gone are drained and ended by the loop. */
  listThroughputsToReconcile(): Promise<ThroughputRow[]>;
  /** False: deleted, or its desired model changed since `generation`. */
  advanceThroughput(provisionedModelId: string, generation: number, patch: ThroughputPatch): Promise<boolean>;

  findRequestToken(
    scope: BedrockScope,
    operation: string,
    token: string,
  ): Promise<Pick<RequestTokenRow, 'parametersSha256' | 'resourceArn'> | undefined>;
  insertRequestToken(row: RequestTokenRow): Promise<void>;
  /** Tokens are kept for at least 24 hours. */
  deleteRequestTokensBefore(createdBefore: number): Promise<void>;

  /** Of a taggable resource of the scope, by its own ARN to the letter; undefined when there is no such resource. */
  tagsOf(scope: BedrockScope, resourceArn: string): Promise<Tag[] | undefined>;
  replaceTags(scope: BedrockScope, resourceArn: string, tags: Tag[]): Promise<boolean>;
}
