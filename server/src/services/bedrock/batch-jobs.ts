// Gaps: modelInvocationType Converse (image models answer InvokeModel only), inference profiles as modelId.
// By design: any model of the catalogue and any custom model may run in batch; the jobs have units of their own. vpcConfig
//   names a network of LIKENESS_VPC_NETWORKS for the job's requests to S3; its units see none. What is wrong with the input shows in the job's message, as on AWS, not at the create.
// Client quirks: the create answers 200, not 201; a job is found by its ARN or bare id, never by its name; duplicate names
//   are a ValidationException; a list filters by submitTime, where other lists of Bedrock say creationTime.
import type {
  CreateModelInvocationJobRequest,
  CreateModelInvocationJobResponse,
  GetModelInvocationJobRequest,
  GetModelInvocationJobResponse,
  ListModelInvocationJobsRequest,
  ListModelInvocationJobsResponse,
  StopModelInvocationJobRequest,
  StopModelInvocationJobResponse,
} from '@aws-sdk/client-bedrock';
import { assertBatchStoppable } from '../../domain/batch/batch-status.ts';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn, foundationModelId } from '../../domain/foundation-model.ts';
import { readPriority } from '../../domain/job-queue.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import { keepQuota } from '../../domain/quotas.ts';
import type { Rows } from '../../ports/store.ts';
import type { BatchJobRow, NewBatchJob } from '../../ports/store-batch.ts';
import type { BedrockScope } from '../../ports/store-bedrock.ts';
import { findModel } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { absentArn, idOfArn, notFound, resourceArn, resourceTagConditions, scopeOf } from './identifiers.ts';
import {
  INVALID_MODEL,
  notAssumable,
  readS3Uri,
  readVpcConfig,
  refuseForeignRole,
  refuseOtherRegion,
} from './job-request.ts';
import { listOptions, nextToken } from './paging.ts';
import { earlierAnswer, rememberedRequest } from './request-token.ts';
import { readTags, requestTagConditions, taggingQuestions } from './tag-list.ts';

const KIND = 'model-invocation-job';
/** AWS: where the request does not say. */
const DEFAULT_TIMEOUT_HOURS = 24;
const HOUR_MILLISECONDS = 60 * 60 * 1000;

type Target = Pick<NewBatchJob, 'modelId' | 'baseModelId' | 'customModelArn' | 'tasks'> & { keyArn: string | null };
type Dependencies = Pick<
  BedrockDependencies,
  'store' | 'ids' | 'baseModels' | 'roleSessions' | 'keyring' | 'wakeBatch' | 'quotas' | 'vpcNetworks'
>;

export function batchJobs(deps: Dependencies) {
  const { store, ids, baseModels, roleSessions, keyring, quotas, vpcNetworks } = deps;

  /** @throws Fault invalid for an unknown foundation model, notFound for a custom model that is not there */
  async function findTarget(rows: Rows, identifier: string, scope: BedrockScope): Promise<Target> {
    const model = await findModel(rows, identifier, scope);
    if (model) {
      const { modelArn, baseModelId, keyArn } = model;
      return { modelId: modelArn, baseModelId, customModelArn: modelArn, tasks: 'all', keyArn };
    }
    const modelId = foundationModelId(identifier, scope.region);
    const entry = baseModels.catalogue().find(row => row.modelId === modelId);
    if (entry) {
      const { baseModelId, tasks } = entry;
      return { modelId: identifier, baseModelId, customModelArn: null, tasks, keyArn: null };
    }
    // A model id has a dot and a custom model's name has none.
    if (modelId?.includes('.') || identifier.includes(':foundation-model/')) throw new Fault('invalid', INVALID_MODEL);
    throw notFound('custom-model', identifier, scope);
  }

  async function modelQuestions(input: CreateModelInvocationJobRequest, ctx: RequestContext): Promise<AccessRequest[]> {
    const scope = scopeOf(ctx);
    const identifier = input.modelId ?? '';
    const conditions = requestTagConditions(input.tags);
    const model = await store.read(rows => findModel(rows, identifier, scope));
    if (!model) {
      const modelId = foundationModelId(identifier, ctx.region);
      const resource = modelId === undefined ? identifier : foundationModelArn(ctx.region, modelId);
      return [{ resource, conditions }];
    }
    return [{ resource: model.modelArn, conditions }, ...(await keyring.decryptRequests(model.keyArn, ctx))];
  }

  async function question(input: { jobIdentifier: string | undefined }, ctx: RequestContext) {
    const identifier = input.jobIdentifier ?? '';
    const scope = scopeOf(ctx);
    const job = await store.read(rows => findJob(rows, identifier, scope));
    if (!job) return [{ resource: absentArn(KIND, identifier, scope) }];
    return [{ resource: job.jobArn, conditions: resourceTagConditions(job.tags) }];
  }

  async function prepare(input: CreateModelInvocationJobRequest, ctx: RequestContext): Promise<NewBatchJob> {
    const scope = scopeOf(ctx);
    const { jobName = '', roleArn = '', modelId = '' } = input;
    if (input.modelInvocationType === 'Converse')
      throw new Fault('invalid', 'modelInvocationType Converse is not supported for image models; use InvokeModel.');
    const sentInput = input.inputDataConfig?.s3InputDataConfig;
    const sentOutput = input.outputDataConfig?.s3OutputDataConfig;
    const source = readS3Uri(sentInput?.s3Uri, 'inputDataConfig.s3InputDataConfig.s3Uri', false);
    const result = readS3Uri(sentOutput?.s3Uri, 'outputDataConfig.s3OutputDataConfig.s3Uri', false);
    refuseForeignRole(roleArn, scope);
    const { keyArn, ...target } = await store.read(async rows => {
      await refuseOtherRegion(source.bucket, 'inputDataConfig.s3InputDataConfig.s3Uri', rows, scope);
      await refuseOtherRegion(result.bucket, 'outputDataConfig.s3OutputDataConfig.s3Uri', rows, scope);
      return findTarget(rows, modelId, scope);
    });
    // A key that is disabled makes the model unusable: said now rather than by a Failed job.
    if (keyArn !== null) await keyring.resolve(keyArn, scope.accountId, scope.region);
    const encryptionKeyId = sentOutput?.s3EncryptionKeyId ?? null;
    if (encryptionKeyId !== null) await keyring.resolve(encryptionKeyId, scope.accountId, scope.region);
    const jobId = ids.resource();
    const jobArn = resourceArn(scope, KIND, jobId);
    const tags = readTags(input.tags, 'tags', jobArn);
    return {
      ...scope,
      ...target,
      jobId,
      jobArn,
      jobName,
      roleArn,
      input: {
        s3Uri: source.uri,
        format: sentInput?.s3InputFormat ?? null,
        bucketOwner: sentInput?.s3BucketOwner ?? null,
      },
      output: { s3Uri: result.uri, encryptionKeyId, bucketOwner: sentOutput?.s3BucketOwner ?? null },
      vpcConfig: readVpcConfig(input.vpcConfig, vpcNetworks),
      timeoutHours: input.timeoutDurationInHours ?? DEFAULT_TIMEOUT_HOURS,
      invocationType: input.modelInvocationType ?? null,
      clientRequestToken: input.clientRequestToken ?? null,
      priority: readPriority(tags),
      tags,
      createdAt: ctx.now.getTime(),
    };
  }

  async function refuseTaken(rows: Rows, job: NewBatchJob): Promise<void> {
    if (await rows.batch.byName(job, job.jobName))
      throw new Fault('invalid', 'The provided job name is currently in use.', { resource: job.jobName });
    keepQuota(quotas, 'batchJobs', await rows.batch.countUnfinished(job));
  }

  return {
    CreateModelInvocationJob: {
      async authorize(input, ctx) {
        const scope = scopeOf(ctx);
        const conditions = { 'iam:PassedToService': 'bedrock.amazonaws.com' };
        return [
          ...(await modelQuestions(input, ctx)),
          { resource: resourceArn(scope, KIND, '*'), conditions: requestTagConditions(input.tags) },
          ...taggingQuestions(scope, KIND, input.tags),
          { action: 'iam:PassRole', resource: input.roleArn ?? '', conditions },
        ];
      },
      async handle(input, ctx) {
        const request = rememberedRequest(input, ctx);
        const earlier = await earlierAnswer(store, request);
        if (earlier !== undefined) return { jobArn: earlier };
        const job = await prepare(input, ctx);
        await store.read(rows => refuseTaken(rows, job));
        await roleSessions
          .assumeForService({
            roleArn: job.roleArn,
            servicePrincipal: 'bedrock.amazonaws.com',
            sourceAccountId: job.accountId,
            sourceArn: job.jobArn,
            region: job.region,
            sessionName: `bedrock-${job.jobId}`,
          })
          .catch((error: unknown) => {
            throw error instanceof Fault ? notAssumable(job.roleArn, error) : error;
          });
        const jobArn = await store.transaction(async rows => {
          // Looked at again: another request may have come while the role was tried.
          const meanwhile = await request.earlierAnswer(rows);
          if (meanwhile !== undefined) return meanwhile;
          await refuseTaken(rows, job);
          await rows.batch.insert(job);
          await request.remember(rows, job.jobArn);
          return job.jobArn;
        });
        deps.wakeBatch();
        return { jobArn };
      },
    } satisfies Operation<CreateModelInvocationJobRequest, CreateModelInvocationJobResponse>,

    GetModelInvocationJob: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.jobIdentifier ?? '';
        const scope = scopeOf(ctx);
        const job = await store.read(rows => findJob(rows, identifier, scope));
        if (!job) throw notFound(KIND, identifier, scope);
        return details(job);
      },
    } satisfies Operation<GetModelInvocationJobRequest, GetModelInvocationJobResponse>,

    ListModelInvocationJobs: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const { submitTimeAfter, submitTimeBefore, ...others } = input;
        const list = { ...others, creationTimeAfter: submitTimeAfter, creationTimeBefore: submitTimeBefore };
        const options = { ...listOptions(list, ctx), status: input.statusEquals };
        const page = await store.read(rows => rows.batch.list(scopeOf(ctx), options));
        return { invocationJobSummaries: page.rows.map(details), ...nextToken(page.next, list, ctx) };
      },
    } satisfies Operation<ListModelInvocationJobsRequest, ListModelInvocationJobsResponse>,

    StopModelInvocationJob: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.jobIdentifier ?? '';
        const scope = scopeOf(ctx);
        await store.transaction(async rows => {
          const job = await findJob(rows, identifier, scope);
          if (!job) throw notFound(KIND, identifier, scope);
          assertBatchStoppable(job.status, job.jobName);
          await rows.batch.requestStop(job.jobId, ctx.now.getTime());
        });
        deps.wakeBatch();
        return {};
      },
    } satisfies Operation<StopModelInvocationJobRequest, StopModelInvocationJobResponse>,
  };
}

/** By ARN, which must be the job's own to the letter, or by bare id. */
async function findJob(rows: Rows, identifier: string, scope: BedrockScope): Promise<BatchJobRow | undefined> {
  const id = identifier.startsWith('arn:') ? idOfArn(identifier, KIND, scope) : identifier;
  const job = id === undefined ? undefined : await rows.batch.byId(scope, id);
  return job && (id === identifier || job.jobArn === identifier) ? job : undefined;
}

/** AWS: what a list tells of a job and what Get tells of it are the same members. */
function details(job: BatchJobRow) {
  return {
    jobArn: job.jobArn,
    jobName: job.jobName,
    modelId: job.modelId,
    clientRequestToken: job.clientRequestToken ?? undefined,
    roleArn: job.roleArn,
    status: job.status,
    message: job.message ?? undefined,
    submitTime: new Date(job.createdAt),
    lastModifiedTime: new Date(job.lastModifiedAt),
    endTime: job.endedAt === null ? undefined : new Date(job.endedAt),
    inputDataConfig: {
      s3InputDataConfig: {
        s3Uri: job.input.s3Uri,
        s3InputFormat: job.input.format ?? undefined,
        s3BucketOwner: job.input.bucketOwner ?? undefined,
      },
    },
    outputDataConfig: {
      s3OutputDataConfig: {
        s3Uri: job.output.s3Uri,
        s3EncryptionKeyId: job.output.encryptionKeyId ?? undefined,
        s3BucketOwner: job.output.bucketOwner ?? undefined,
      },
    },
    vpcConfig: job.vpcConfig ?? undefined,
    timeoutDurationInHours: job.timeoutHours,
    jobExpirationTime: new Date(job.createdAt + job.timeoutHours * HOUR_MILLISECONDS),
    modelInvocationType: job.invocationType ?? undefined,
    ...job.counts,
  };
}
