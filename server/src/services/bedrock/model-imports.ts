// Gaps: modelPackageArnDataSource (there is no SageMaker here), custom model units of imported models.
// By design: LoRA files (PEFT, diffusers, kohya) and whole diffusers folders, safetensors alone. The base of a LoRA is named by
//   the tag likeness:base-model of the model, else by the file (decision 0038). An imported model is invoked by its own ARN; a
//   model of CreateCustomModel is deployed or provisioned as any custom model. What is wrong with the files shows later, in the
//   job's failureMessage or the model's. vpcConfig names a network of LIKENESS_VPC_NETWORKS.
// Client quirks: CreateCustomModel answers 202, and its model is there at once, Creating; an imported model is there when its job
//   is Completed.
import type {
  CreateCustomModelRequest,
  CreateCustomModelResponse,
  CreateModelImportJobRequest,
  CreateModelImportJobResponse,
  GetModelImportJobRequest,
  GetModelImportJobResponse,
  ListModelImportJobsRequest,
  ListModelImportJobsResponse,
  Tag as SdkTag,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import { keepQuota } from '../../domain/quotas.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope } from '../../ports/store-bedrock.ts';
import type { ImportJobRow } from '../../ports/store-model-jobs.ts';
import { refuseTakenModelName } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import {
  absentArn,
  findByIdentifier,
  notFound,
  type ResourceKind,
  resourceArn,
  resourceTagConditions,
  scopeOf,
} from './identifiers.ts';
import { notAssumable, readS3Uri, readVpcConfig, refuseForeignRole, refuseOtherRegion } from './job-request.ts';
import { listOptions, nextToken } from './paging.ts';
import { earlierAnswer, rememberedRequest } from './request-token.ts';
import { readTags, requestTagConditions, taggingQuestions } from './tag-list.ts';

const KIND = 'model-import-job';

type Dependencies = Pick<
  BedrockDependencies,
  'store' | 'ids' | 'keyring' | 'roleSessions' | 'quotas' | 'vpcNetworks' | 'wakeModelJobs'
>;

export function modelImports({ store, ids, keyring, roleSessions, quotas, vpcNetworks, wakeModelJobs }: Dependencies) {
  async function creation(
    input: { roleArn?: string | undefined; keyId: string | undefined; tags: [ResourceKind, SdkTag[] | undefined][] },
    ctx: RequestContext,
  ): Promise<AccessRequest[]> {
    const lists = input.tags.map(([, tags]) => tags).filter(tags => tags?.length);
    return [
      ...(lists.length === 0 ? [undefined] : lists).map(tags => ({
        resource: '*',
        conditions: requestTagConditions(tags),
      })),
      ...input.tags.flatMap(([kind, tags]) => taggingQuestions(scopeOf(ctx), kind, tags)),
      {
        action: 'iam:PassRole',
        resource: input.roleArn ?? '',
        conditions: { 'iam:PassedToService': 'bedrock.amazonaws.com' },
      },
      ...(input.keyId === undefined ? [] : await keyring.accessRequests(input.keyId, ctx)),
    ];
  }

  async function question(input: { jobIdentifier: string | undefined }, ctx: RequestContext): Promise<AccessRequest[]> {
    const identifier = input.jobIdentifier ?? '';
    const scope = scopeOf(ctx);
    const job = await store.read(rows => findJob(rows, identifier, scope));
    if (!job) return [{ resource: absentArn(KIND, identifier, scope) }];
    return [{ resource: job.jobArn, conditions: resourceTagConditions(job.tags) }];
  }

  /** What both kinds of import check before anything is made. @returns the URI and the key's full ARN */
  async function checked(
    input: { s3Uri: string | undefined; member: string; roleArn: string | undefined; keyId: string | undefined },
    sourceArn: string,
    scope: BedrockScope,
  ): Promise<{ s3Uri: string; roleArn: string; keyArn: string | null }> {
    const { member, roleArn, keyId } = input;
    const source = readS3Uri(input.s3Uri, member, false);
    if (roleArn === undefined) throw new Fault('invalid', 'roleArn is required: the files are read with it.');
    refuseForeignRole(roleArn, scope);
    await store.read(rows => refuseOtherRegion(source.bucket, member, rows, scope));
    const keyArn = keyId === undefined ? null : await keyring.resolve(keyId, scope.accountId, scope.region);
    await roleSessions
      .assumeForService({
        ...{ roleArn, servicePrincipal: 'bedrock.amazonaws.com', region: scope.region },
        ...{ sourceAccountId: scope.accountId, sourceArn, sessionName: `bedrock-${sourceArn.slice(-12)}` },
      })
      .catch((error: unknown) => {
        throw error instanceof Fault ? notAssumable(roleArn, error) : error;
      });
    return { s3Uri: source.uri, roleArn, keyArn };
  }

  return {
    CreateCustomModel: {
      authorize: (input, ctx) =>
        creation(
          { roleArn: input.roleArn, keyId: input.modelKmsKeyArn, tags: [['custom-model', input.modelTags]] },
          ctx,
        ),
      async handle(input, ctx) {
        const request = rememberedRequest(input, ctx);
        const earlier = await earlierAnswer(store, request);
        if (earlier !== undefined) return { modelArn: earlier };
        const scope = scopeOf(ctx);
        if (input.customModelDataSource !== undefined)
          throw new Fault(
            'unsupported',
            'customModelDataSource is not supported: there is no SageMaker here; give modelSourceConfig.s3DataSource.',
          );
        const { modelName = '' } = input;
        const [jobId, modelId] = [ids.resource(), ids.resource()];
        const newArn = resourceArn(scope, 'custom-model', `imported/${modelId}`);
        const modelTags = readTags(input.modelTags, 'modelTags', newArn);
        const { s3Uri, roleArn, keyArn } = await checked(
          {
            ...{ s3Uri: input.modelSourceConfig?.s3DataSource?.s3Uri, member: 'modelSourceConfig.s3DataSource.s3Uri' },
            ...{ roleArn: input.roleArn, keyId: input.modelKmsKeyArn },
          },
          newArn,
          scope,
        );
        const createdAt = ctx.now.getTime();
        const modelArn = await store.transaction(async rows => {
          const meanwhile = await request.earlierAnswer(rows);
          if (meanwhile !== undefined) return meanwhile;
          await refuseTakenModelName(rows, scope, modelName, quotas);
          const identity = { ...scope, modelId, modelArn: newArn, modelName, keyArn, createdAt };
          await rows.bedrock.insertModel({
            ...identity,
            ...{ jobArn: null, jobName: null, trainingDataS3Uri: null, outputDataS3Uri: null, trainingLoss: null },
            ...{ foundationModelId: 'imported', foundationModelArn: '', baseModelId: '', method: 'lora' },
            ...{ customizationType: 'IMPORTED', hyperParameters: {}, sizeBytes: 0, tags: modelTags },
            ...{ status: 'Creating', failureMessage: null },
          });
          await rows.bedrock.insertModelJob({
            ...{ ...identity, kind: 'create', jobId, jobArn: newArn, jobName: jobId, source: { s3Uri } },
            ...{ roleArn, vpcConfig: null, modelTags, tags: [] },
          });
          await request.remember(rows, newArn);
          return newArn;
        });
        wakeModelJobs();
        return { modelArn };
      },
    } satisfies Operation<CreateCustomModelRequest, CreateCustomModelResponse>,

    CreateModelImportJob: {
      authorize: (input, ctx) =>
        creation(
          {
            ...{ roleArn: input.roleArn, keyId: input.importedModelKmsKeyId },
            tags: [
              [KIND, input.jobTags],
              ['imported-model', input.importedModelTags],
            ],
          },
          ctx,
        ),
      async handle(input, ctx) {
        const request = rememberedRequest(input, ctx);
        const earlier = await earlierAnswer(store, request);
        if (earlier !== undefined) return { jobArn: earlier };
        const scope = scopeOf(ctx);
        const { jobName = '', importedModelName: modelName = '' } = input;
        const vpcConfig = readVpcConfig(input.vpcConfig, vpcNetworks);
        const [jobId, modelId] = [ids.resource(), ids.resource()];
        const newArn = resourceArn(scope, KIND, jobId);
        const modelArn = resourceArn(scope, 'imported-model', modelId);
        const tags = readTags(input.jobTags, 'jobTags', newArn);
        const modelTags = readTags(input.importedModelTags, 'importedModelTags', modelArn);
        const { s3Uri, roleArn, keyArn } = await checked(
          {
            ...{ s3Uri: input.modelDataSource?.s3DataSource?.s3Uri, member: 'modelDataSource.s3DataSource.s3Uri' },
            ...{ roleArn: input.roleArn, keyId: input.importedModelKmsKeyId },
          },
          newArn,
          scope,
        );
        const createdAt = ctx.now.getTime();
        const jobArn = await store.transaction(async rows => {
          const meanwhile = await request.earlierAnswer(rows);
          if (meanwhile !== undefined) return meanwhile;
          await refuseTaken(rows, scope, jobName, modelName);
          await rows.bedrock.insertModelJob({
            ...{ ...scope, kind: 'import', jobId, jobArn: newArn, jobName, modelId, modelArn, modelName },
            ...{ source: { s3Uri }, roleArn, keyArn, modelTags, tags, createdAt },
            vpcConfig,
          });
          await request.remember(rows, newArn);
          return newArn;
        });
        wakeModelJobs();
        return { jobArn };
      },
    } satisfies Operation<CreateModelImportJobRequest, CreateModelImportJobResponse>,

    GetModelImportJob: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.jobIdentifier ?? '';
        const scope = scopeOf(ctx);
        const job = await store.read(rows => findJob(rows, identifier, scope));
        if (!job) throw notFound(KIND, identifier, scope);
        return {
          ...summary(job),
          roleArn: job.roleArn,
          modelDataSource: { s3DataSource: { s3Uri: job.source.s3Uri } },
          failureMessage: job.failureMessage ?? undefined,
          vpcConfig: job.vpcConfig ?? undefined,
          importedModelKmsKeyArn: job.keyArn ?? undefined,
        };
      },
    } satisfies Operation<GetModelImportJobRequest, GetModelImportJobResponse>,

    ListModelImportJobs: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const options = { ...listOptions(input, ctx), status: input.statusEquals };
        const page = await store.read(rows => rows.bedrock.listImportJobs(scopeOf(ctx), options));
        return { modelImportJobSummaries: page.rows.map(summary), ...nextToken(page.next, input, ctx) };
      },
    } satisfies Operation<ListModelImportJobsRequest, ListModelImportJobsResponse>,
  };

  async function refuseTaken(rows: Rows, scope: BedrockScope, jobName: string, modelName: string): Promise<void> {
    if (await rows.bedrock.importJobByName(scope, jobName))
      throw new Fault('invalid', 'The provided job name is currently in use.', { resource: jobName });
    const isTaken =
      (await rows.bedrock.importedModelByName(scope, modelName)) ??
      (await rows.bedrock.importHoldsName(scope, modelName));
    if (isTaken)
      throw new Fault('invalid', 'The provided imported model name is currently in use.', { resource: modelName });
    const made = (await rows.bedrock.countImportedModels(scope)) + (await rows.bedrock.countUnfinishedImports(scope));
    keepQuota(quotas, 'customModels', made);
  }
}

function findJob(rows: Rows, identifier: string, scope: BedrockScope): Promise<ImportJobRow | undefined> {
  return findByIdentifier(identifier, KIND, scope, {
    byId: id => rows.bedrock.importJobById(scope, id),
    byName: name => rows.bedrock.importJobByName(scope, name),
    arnOf: job => job.jobArn,
  });
}

function summary(job: ImportJobRow) {
  return {
    jobArn: job.jobArn,
    jobName: job.jobName,
    status: job.status,
    creationTime: new Date(job.createdAt),
    lastModifiedTime: new Date(job.lastModifiedAt),
    endTime: job.endedAt === null ? undefined : new Date(job.endedAt),
    importedModelArn: job.status === 'Completed' ? job.modelArn : undefined,
    importedModelName: job.modelName,
  };
}
