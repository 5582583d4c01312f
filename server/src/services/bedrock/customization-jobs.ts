// Gaps: more than one validator, distillation and the other customization types (refused by name),
//   DeleteModelCustomizationJob (AWS has none).
// By design: the row is the queue; a job that waits for its training is InProgress, its validation Completed and its data
//   processing NotStarted. The tag likeness:priority among jobTags (0 to 9) orders the queue. vpcConfig
//   names a network of LIKENESS_VPC_NETWORKS. A custom model as base makes another version of it: same method, rank and
//   alpha, baseModelArn the parent's, everything else as of its foundation model (decision 0047). hyperParameters echo the defaults, and for stepCount auto the number chosen, as soon as it is known.
// Client quirks: Airflow matches the duplicate-name text, Terraform the role text and status Stopping right after a stop;
//   conflict and quota are HTTP 400; validationDataConfig is always there, outputModelArn only when Completed.
import type {
  CreateModelCustomizationJobRequest,
  CreateModelCustomizationJobResponse,
  GetModelCustomizationJobRequest,
  GetModelCustomizationJobResponse,
  ListModelCustomizationJobsRequest,
  ListModelCustomizationJobsResponse,
  ModelCustomizationJobSummary,
  StatusDetails,
  StopModelCustomizationJobRequest,
  StopModelCustomizationJobResponse,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn } from '../../domain/foundation-model.ts';
import { readPriority } from '../../domain/job-queue.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { keepQuota } from '../../domain/quotas.ts';
import { parseHyperparameters } from '../../domain/training/hyperparameters.ts';
import { assertStoppable, newStatusDetails, type PhaseState, stopPhases } from '../../domain/training/job-state.ts';
import { appliedLearningRate, readTrainingOptions } from '../../domain/training/training-options.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope, CustomizationJobRow, NewCustomizationJob } from '../../ports/store-bedrock.ts';
import { baseModelArn, refuseTakenModelName, validationMetrics } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { absentArn, findByIdentifier, notFound, resourceArn, resourceTagConditions, scopeOf } from './identifiers.ts';
import { jobBaseQuestions, readJobBase } from './job-base.ts';
import {
  INVALID_MODEL,
  notAssumable,
  readS3Uri,
  readValidator,
  readVpcConfig,
  refuseForeignRole,
  refuseOtherKinds,
  refuseOtherRegion,
} from './job-request.ts';
import { listOptions, nextToken } from './paging.ts';
import { earlierAnswer, rememberedRequest } from './request-token.ts';
import { readTags, requestTagConditions, taggingQuestions } from './tag-list.ts';

export function customizationJobs(deps: BedrockDependencies) {
  const { store, ids, roleSessions, keyring, quotas, vpcNetworks } = deps;

  async function question(input: { jobIdentifier: string | undefined }, ctx: RequestContext) {
    const identifier = input.jobIdentifier ?? '';
    const scope = scopeOf(ctx);
    const job = await store.read(rows => findJob(rows, identifier, scope));
    if (!job) return [{ resource: absentArn('model-customization-job', identifier, scope) }];
    return [{ resource: job.jobArn, conditions: resourceTagConditions(job.jobTags) }];
  }

  /** Everything that can be refused without asking another service, and the row that comes of it. */
  async function prepare(input: CreateModelCustomizationJobRequest, ctx: RequestContext): Promise<NewCustomizationJob> {
    const scope = scopeOf(ctx);
    const { jobName = '', customModelName = '', roleArn = '', baseModelIdentifier = '' } = input;
    refuseOtherKinds(input);
    const trainingData = readS3Uri(input.trainingDataConfig?.s3Uri, 'trainingDataConfig.s3Uri', true);
    const validator = readValidator(input);
    const outputData = readS3Uri(input.outputDataConfig?.s3Uri, 'outputDataConfig.s3Uri', false);
    refuseForeignRole(roleArn, scope);
    const { entry, base, parentModel, start } = await readJobBase(baseModelIdentifier, scope, deps);
    await store.read(async rows => {
      await refuseOtherRegion(trainingData.bucket, 'trainingDataConfig.s3Uri', rows, scope);
      if (validator) await refuseOtherRegion(validator.bucket, 'validationDataConfig.validators[0].s3Uri', rows, scope);
      await refuseOtherRegion(outputData.bucket, 'outputDataConfig.s3Uri', rows, scope);
    });
    const { hyperparameters, echoed } = parseHyperparameters(input.hyperParameters);
    const { options, seed = Buffer.from(ids.bytes(4)).readUInt32BE() } = readTrainingOptions(
      input.hyperParameters,
      base,
      start,
    );
    const jobId = ids.resource();
    const customModelId = ids.resource();
    const [jobArn, customModelArn] = [
      resourceArn(scope, 'model-customization-job', `${entry.modelId}/${jobId}`),
      resourceArn(scope, 'custom-model', `${entry.modelId}/${customModelId}`),
    ];
    const { stepCount, batchSize, learningRate } = hyperparameters;
    const jobTags = readTags(input.jobTags, 'jobTags', jobArn);
    return {
      ...scope,
      jobId,
      jobArn,
      jobName,
      customModelName,
      customModelId,
      customModelArn,
      roleArn,
      foundationModelId: entry.modelId,
      foundationModelArn: foundationModelArn(scope.region, entry.modelId),
      baseModelId: base.id,
      parentModel,
      customizationType: 'FINE_TUNING',
      hyperParameters: echoed,
      resolved: {
        stepCount: stepCount === 'auto' ? null : stepCount,
        batchSize,
        requestedLearningRate: learningRate,
        learningRate: appliedLearningRate(learningRate, base.learningRateFactor, options.method),
        options,
        isAutomatic: stepCount === 'auto',
        usualSteps: parentModel || options.method === 'full' ? null : base.training.usualSteps,
      },
      trainingDataS3Uri: trainingData.uri,
      validationDataS3Uri: validator?.uri ?? null,
      outputDataS3Uri: outputData.uri,
      vpcConfig: readVpcConfig(input.vpcConfig, vpcNetworks),
      keyArn: input.customModelKmsKeyId
        ? await keyring.resolve(input.customModelKmsKeyId, scope.accountId, scope.region)
        : null,
      clientRequestToken: input.clientRequestToken ?? null,
      priority: readPriority(jobTags),
      jobTags,
      customModelTags: readTags(input.customModelTags, 'customModelTags', customModelArn),
      seed,
      createdAt: ctx.now.getTime(),
    };
  }

  async function refuseTaken(rows: Rows, job: NewCustomizationJob): Promise<void> {
    if (await rows.bedrock.jobByName(job, job.jobName))
      throw new Fault('invalid', 'The provided job name is currently in use.', { resource: job.jobName });
    await refuseTakenModelName(rows, job, job.customModelName, quotas);
    const unfinished = await rows.bedrock.countUnfinishedJobs(job);
    keepQuota(quotas, 'scheduledJobs', unfinished);
  }

  return {
    CreateModelCustomizationJob: {
      async authorize(input, ctx) {
        const [base, ...parentKey] = await jobBaseQuestions(input.baseModelIdentifier ?? '', ctx, deps);
        const scope = scopeOf(ctx);
        // AWS: on what it is made from, and on what is made.
        const creating = (tags: typeof input.jobTags) => [
          { ...base, conditions: { ...base.conditions, ...requestTagConditions(tags) } },
          { resource: resourceArn(scope, 'custom-model', '*'), conditions: requestTagConditions(tags) },
        ];
        const keyId = input.customModelKmsKeyId;
        return [
          ...creating(input.jobTags),
          // A second list, asked again: a policy on aws:RequestTag decides on the model's tags as on the job's.
          ...(input.customModelTags?.length ? creating(input.customModelTags) : []),
          ...taggingQuestions(scope, 'model-customization-job', input.jobTags),
          ...taggingQuestions(scope, 'custom-model', input.customModelTags),
          ...parentKey,
          {
            action: 'iam:PassRole',
            resource: input.roleArn ?? '',
            conditions: { 'iam:PassedToService': 'bedrock.amazonaws.com' },
          },
          ...(keyId === undefined ? [] : await keyring.accessRequests(keyId, ctx)),
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
          if (job.parentModel && !(await rows.bedrock.modelByArn(job.parentModel.modelArn)))
            throw new Fault('invalid', INVALID_MODEL);
          await rows.bedrock.insertJob(job, newStatusDetails());
          await request.remember(rows, job.jobArn);
          return job.jobArn;
        });
        deps.wakeTraining();
        return { jobArn };
      },
    } satisfies Operation<CreateModelCustomizationJobRequest, CreateModelCustomizationJobResponse>,

    GetModelCustomizationJob: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.jobIdentifier ?? '';
        const scope = scopeOf(ctx);
        const job = await store.read(rows => findJob(rows, identifier, scope));
        if (!job) throw notFound('model-customization-job', identifier, scope);
        return details(job);
      },
    } satisfies Operation<GetModelCustomizationJobRequest, GetModelCustomizationJobResponse>,

    ListModelCustomizationJobs: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const options = { ...listOptions(input, ctx), status: input.statusEquals };
        const page = await store.read(rows => rows.bedrock.listJobs(scopeOf(ctx), options));
        return { modelCustomizationJobSummaries: page.rows.map(summary), ...nextToken(page.next, input, ctx) };
      },
    } satisfies Operation<ListModelCustomizationJobsRequest, ListModelCustomizationJobsResponse>,

    StopModelCustomizationJob: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.jobIdentifier ?? '';
        const scope = scopeOf(ctx);
        const now = ctx.now.getTime();
        await store.transaction(async rows => {
          const job = await findJob(rows, identifier, scope);
          if (!job) throw notFound('model-customization-job', identifier, scope);
          assertStoppable(job.status, job.jobName);
          await rows.bedrock.requestStop(job.jobId, stopPhases(job.statusDetails, now), now);
        });
        deps.wakeTraining();
        return {};
      },
    } satisfies Operation<StopModelCustomizationJobRequest, StopModelCustomizationJobResponse>,
  };
}

function findJob(rows: Rows, identifier: string, scope: BedrockScope): Promise<CustomizationJobRow | undefined> {
  return findByIdentifier(identifier, 'model-customization-job', scope, {
    byId: id => rows.bedrock.jobById(scope, id),
    byName: name => rows.bedrock.jobByName(scope, name),
    arnOf: job => job.jobArn,
  });
}

function details(job: CustomizationJobRow): GetModelCustomizationJobResponse {
  const completed = job.status === 'Completed';
  return {
    jobArn: job.jobArn,
    jobName: job.jobName,
    outputModelName: job.customModelName,
    outputModelArn: completed ? job.customModelArn : undefined,
    clientRequestToken: job.clientRequestToken ?? undefined,
    roleArn: job.roleArn,
    status: job.status,
    statusDetails: statusDetails(job),
    failureMessage: job.failureMessage ?? undefined,
    creationTime: new Date(job.createdAt),
    lastModifiedTime: new Date(job.lastModifiedAt),
    endTime: job.endedAt === null ? undefined : new Date(job.endedAt),
    baseModelArn: baseModelArn(job),
    hyperParameters: job.hyperParameters,
    trainingDataConfig: { s3Uri: job.trainingDataS3Uri },
    validationDataConfig: { validators: job.validationDataS3Uri ? [{ s3Uri: job.validationDataS3Uri }] : [] },
    outputDataConfig: { s3Uri: job.outputDataS3Uri },
    customizationType: job.customizationType,
    outputModelKmsKeyArn: job.keyArn ?? undefined,
    trainingMetrics: completed && job.trainingLoss !== null ? { trainingLoss: job.trainingLoss } : undefined,
    validationMetrics: completed && job.validationDataS3Uri ? validationMetrics(job.progress?.validationLoss) : [],
    vpcConfig: job.vpcConfig ?? undefined,
  };
}

function summary(job: CustomizationJobRow): ModelCustomizationJobSummary {
  return {
    jobArn: job.jobArn,
    baseModelArn: baseModelArn(job),
    jobName: job.jobName,
    status: job.status,
    statusDetails: statusDetails(job),
    lastModifiedTime: new Date(job.lastModifiedAt),
    creationTime: new Date(job.createdAt),
    endTime: job.endedAt === null ? undefined : new Date(job.endedAt),
    customModelArn: job.status === 'Completed' ? job.customModelArn : undefined,
    customModelName: job.customModelName,
    customizationType: job.customizationType,
  };
}

function statusDetails({
  statusDetails: { validation, dataProcessing, training },
}: CustomizationJobRow): StatusDetails {
  return {
    validationDetails: phase(validation),
    dataProcessingDetails: phase(dataProcessing),
    trainingDetails: phase(training),
  };
}

function phase(state: PhaseState) {
  return {
    status: state.status,
    creationTime: state.startedAt === null ? undefined : new Date(state.startedAt),
    lastModifiedTime: state.lastModifiedAt === null ? undefined : new Date(state.lastModifiedAt),
  };
}
