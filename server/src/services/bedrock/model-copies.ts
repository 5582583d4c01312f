// Gaps: none known.
// By design: the source may lie in any Region and in any account of the installation; a foreign one is found only where it
//   has a resource policy, which decides. What is copied is encrypted under the target's own key. A copy across accounts
//   carries neither the S3 places of the training nor its job.
// Client quirks: the target's ARN is told at once, as AWS does; the filter is targetModelNameContains, on the wire
//   outputModelNameContains.
import type {
  CreateModelCopyJobRequest,
  CreateModelCopyJobResponse,
  GetModelCopyJobRequest,
  GetModelCopyJobResponse,
  ListModelCopyJobsRequest,
  ListModelCopyJobsResponse,
  ModelCopyJobSummary,
} from '@aws-sdk/client-bedrock';
import { parseArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn } from '../../domain/foundation-model.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope, CustomModelRow } from '../../ports/store-bedrock.ts';
import type { CopyJobRow } from '../../ports/store-model-jobs.ts';
import { modelQuestion, refuseTakenModelName } from './custom-models.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { idOfArn, notFound, resourceArn, scopeOf } from './identifiers.ts';
import { listOptions, nextToken } from './paging.ts';
import { earlierAnswer, rememberedRequest } from './request-token.ts';
import { readTags, requestTagConditions, taggingQuestions } from './tag-list.ts';

const KIND = 'model-copy-job';

type Dependencies = Pick<BedrockDependencies, 'store' | 'ids' | 'keyring' | 'quotas' | 'wakeModelJobs'>;

export function modelCopies({ store, ids, keyring, quotas, wakeModelJobs }: Dependencies) {
  /** The source with its own policy's say, Decrypt with its key, and what the target's key needs. */
  async function questions(input: CreateModelCopyJobRequest, ctx: RequestContext): Promise<AccessRequest[]> {
    const tagged = requestTagConditions(input.targetModelTags);
    const found = await store.read(async rows => {
      const source = await findSource(rows, input.sourceModelArn ?? '', ctx.accountId);
      return source && { source, question: await modelQuestion(rows, source) };
    });
    const { source, question = { resource: input.sourceModelArn ?? '' } } = found ?? {};
    const sourceKey = source ? await keyring.decryptRequests(source.keyArn, { ...ctx, region: source.region }) : [];
    const { modelKmsKeyId: keyId } = input;
    return [
      { ...question, conditions: { ...('conditions' in question ? question.conditions : {}), ...tagged } },
      ...taggingQuestions(scopeOf(ctx), 'custom-model', input.targetModelTags),
      ...sourceKey,
      ...(keyId === undefined ? [] : await keyring.accessRequests(keyId, ctx)),
    ];
  }

  async function question(input: { jobArn: string | undefined }): Promise<AccessRequest[]> {
    return [{ resource: input.jobArn ?? '' }];
  }

  return {
    CreateModelCopyJob: {
      authorize: questions,
      async handle(input, ctx) {
        const request = rememberedRequest(input, ctx, 'invalid');
        const earlier = await earlierAnswer(store, request);
        if (earlier !== undefined) return { jobArn: earlier };
        const scope = scopeOf(ctx);
        const { sourceModelArn = '', targetModelName: modelName = '', modelKmsKeyId } = input;
        const keyArn = modelKmsKeyId ? await keyring.resolve(modelKmsKeyId, scope.accountId, scope.region) : null;
        const jobId = ids.resource();
        const modelId = ids.resource();
        const newArn = resourceArn(scope, KIND, jobId);
        const modelTags = readTags(input.targetModelTags, 'targetModelTags', newArn);
        const createdAt = ctx.now.getTime();
        const jobArn = await store.transaction(async rows => {
          const meanwhile = await request.earlierAnswer(rows);
          if (meanwhile !== undefined) return meanwhile;
          const source = await findSource(rows, sourceModelArn, ctx.accountId);
          if (!source) throw noSource(sourceModelArn);
          await refuseTakenModelName(rows, scope, modelName, quotas);
          const target = copyOf(source, scope, modelId);
          const { modelArn } = target;
          await rows.bedrock.insertModel({ ...target, modelName, keyArn, tags: modelTags, createdAt });
          await rows.bedrock.insertModelJob({
            ...{ ...scope, kind: 'copy', jobId, jobArn: newArn, jobName: jobId, modelId, modelArn, modelName },
            source: { modelArn: source.modelArn, modelName: source.modelName, accountId: source.accountId },
            ...{ modelTags, keyArn, tags: [], createdAt },
          });
          await request.remember(rows, newArn);
          return newArn;
        });
        wakeModelJobs();
        return { jobArn };
      },
    } satisfies Operation<CreateModelCopyJobRequest, CreateModelCopyJobResponse>,

    GetModelCopyJob: {
      authorize: question,
      async handle({ jobArn = '' }, ctx) {
        const scope = scopeOf(ctx);
        const id = idOfArn(jobArn, KIND, scope) ?? '';
        const job = await store.read(rows => rows.bedrock.copyJobById(scope, id));
        if (!job) throw notFound(KIND, jobArn, scope);
        return details(job);
      },
    } satisfies Operation<GetModelCopyJobRequest, GetModelCopyJobResponse>,

    ListModelCopyJobs: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const list = { ...input, nameContains: input.targetModelNameContains };
        const options = {
          ...listOptions(list, ctx),
          status: input.statusEquals,
          sourceAccountId: input.sourceAccountEquals,
          sourceModelArn: input.sourceModelArnEquals,
        };
        const page = await store.read(rows => rows.bedrock.listCopyJobs(scopeOf(ctx), options));
        return { modelCopyJobSummaries: page.rows.map(details), ...nextToken(page.next, list, ctx) };
      },
    } satisfies Operation<ListModelCopyJobsRequest, ListModelCopyJobsResponse>,
  };
}

/** A model that is ready: of the account in any Region, or another's that has a policy. */
async function findSource(rows: Rows, arn: string, accountId: string): Promise<CustomModelRow | undefined> {
  const model = await rows.bedrock.modelByArn(arn);
  if (model?.status !== 'Active') return undefined;
  if (model.accountId === accountId || (await rows.bedrock.resourcePolicyOf(arn)) !== undefined) return model;
  return undefined;
}

function noSource(arn: string): Fault {
  if (arn.includes(':foundation-model/'))
    return new Fault('invalid', `sourceModelArn must name a custom model; ${arn} is a foundation model.`);
  return new Fault('notFound', `There is no custom model ${arn} that this account may copy.`, { resource: arn });
}

/** The row of the copy while its weights are on their way. */
function copyOf(source: CustomModelRow, scope: BedrockScope, modelId: string): CustomModelRow {
  const { foundationModelId, modelArn } = source;
  const [, base] = parseArn(modelArn)?.resource.split('/') ?? [];
  const isOwn = source.accountId === scope.accountId;
  return {
    ...source,
    ...scope,
    modelId,
    modelArn: resourceArn(scope, 'custom-model', `${base}/${modelId}`),
    foundationModelArn: source.foundationModelArn && foundationModelArn(scope.region, foundationModelId),
    ...(isOwn
      ? {}
      : { jobArn: null, jobName: null, trainingDataS3Uri: null, outputDataS3Uri: null, parentModel: null }),
    validationDataS3Uri: isOwn ? (source.validationDataS3Uri ?? null) : null,
    status: 'Creating',
    failureMessage: null,
  };
}

function details(job: CopyJobRow): GetModelCopyJobResponse & ModelCopyJobSummary {
  return {
    jobArn: job.jobArn,
    status: job.status,
    creationTime: new Date(job.createdAt),
    targetModelArn: job.modelArn,
    targetModelName: job.modelName,
    sourceAccountId: job.source.accountId,
    sourceModelArn: job.source.modelArn,
    sourceModelName: job.source.modelName,
    targetModelKmsKeyArn: job.keyArn ?? undefined,
    targetModelTags: job.modelTags,
    failureMessage: job.failureMessage ?? undefined,
  };
}
