// Gaps: lists of what other accounts share, storage prices.
// By design: a model outlives its role, its buckets and its job; its weights never leave service-owned storage.
// Client quirks: creationTime is the job's (recorded on AWS); baseModelName is the id without its version, and clients
//   compare baseModelArn with the versioned ARN. Of a model that was trained from another one it is that other's.
import type {
  CustomModelSummary,
  DeleteCustomModelRequest,
  DeleteCustomModelResponse,
  GetCustomModelRequest,
  GetCustomModelResponse,
  ListCustomModelsRequest,
  ListCustomModelsResponse,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn } from '../../domain/foundation-model.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import { keepQuota, type Quotas } from '../../domain/quotas.ts';
import type { Rows } from '../../ports/store.ts';
import type { BedrockScope, CustomModelRow } from '../../ports/store-bedrock.ts';
import type { BedrockDependencies } from './dependencies.ts';
import { absentArn, findByIdentifier, notFound, resourceTagConditions, scopeOf } from './identifiers.ts';
import { listOptions, nextToken } from './paging.ts';

type Dependencies = Pick<BedrockDependencies, 'store' | 'modelStore' | 'keyring'>;

export function customModels({ store, modelStore, keyring }: Dependencies) {
  async function question(input: { modelIdentifier: string | undefined }, ctx: RequestContext) {
    const identifier = input.modelIdentifier ?? '';
    const scope = scopeOf(ctx);
    return store.read(async rows => {
      const model = (await findAnyModel(rows, identifier, scope)) ?? (await findForeignModel(rows, identifier, scope));
      if (model) return [await modelQuestion(rows, model)];
      return [{ resource: absentArn('custom-model', identifier, scope) }];
    });
  }

  return {
    GetCustomModel: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.modelIdentifier ?? '';
        const scope = scopeOf(ctx);
        const model = await store.read(
          async rows => (await findAnyModel(rows, identifier, scope)) ?? findForeignModel(rows, identifier, scope),
        );
        if (!model) throw notFound('custom-model', identifier, scope);
        return {
          modelArn: model.modelArn,
          modelName: model.modelName,
          jobName: model.jobName ?? undefined,
          jobArn: model.jobArn ?? undefined,
          baseModelArn: baseModelArn(model) || undefined,
          customizationType: model.customizationType,
          modelKmsKeyArn: model.keyArn ?? undefined,
          hyperParameters: model.hyperParameters,
          trainingDataConfig: model.trainingDataS3Uri ? { s3Uri: model.trainingDataS3Uri } : undefined,
          validationDataConfig: {
            validators: model.validationDataS3Uri ? [{ s3Uri: model.validationDataS3Uri }] : [],
          },
          outputDataConfig: model.outputDataS3Uri ? { s3Uri: model.outputDataS3Uri } : undefined,
          trainingMetrics: model.trainingLoss === null ? undefined : { trainingLoss: model.trainingLoss },
          validationMetrics: model.validationDataS3Uri ? validationMetrics(model.validationLoss) : [],
          creationTime: new Date(model.createdAt),
          modelStatus: model.status,
          failureMessage: model.failureMessage ?? undefined,
        };
      },
    } satisfies Operation<GetCustomModelRequest, GetCustomModelResponse>,

    ListCustomModels: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const options = {
          ...listOptions(input, ctx),
          baseModelArn: input.baseModelArnEquals,
          foundationModelArn: input.foundationModelArnEquals,
          status: input.modelStatus,
        };
        // What others share is not listed.
        if (input.isOwned === false) return { modelSummaries: [] };
        const page = await store.read(rows => rows.bedrock.listModels(scopeOf(ctx), options));
        return { modelSummaries: page.rows.map(summary), ...nextToken(page.next, input, ctx) };
      },
    } satisfies Operation<ListCustomModelsRequest, ListCustomModelsResponse>,

    DeleteCustomModel: {
      authorize: question,
      async handle(input, ctx) {
        const identifier = input.modelIdentifier ?? '';
        const scope = scopeOf(ctx);
        const model = await store.transaction(async rows => {
          const found = await findAnyModel(rows, identifier, scope);
          if (!found) throw notFound('custom-model', identifier, scope);
          if (found.status === 'Creating')
            throw new Fault(
              'conflict',
              `The custom model ${found.modelName} is Creating; delete it when that has ended.`,
            );
          if (await rows.bedrock.throughputUsesModel(found.modelArn))
            throw new Fault(
              'conflict',
              `The custom model ${found.modelName} is used by a Provisioned Throughput; delete that first.`,
            );
          if (await rows.bedrock.deploymentUsesModel(found.modelArn))
            throw new Fault(
              'conflict',
              `The custom model ${found.modelName} is used by a custom model deployment; delete that first.`,
            );
          if (await rows.batch.usesModel(found.modelArn))
            throw new Fault(
              'conflict',
              `The custom model ${found.modelName} is used by a batch inference job; wait for its end, or stop it first.`,
            );
          const child = (await rows.bedrock.listUnfinishedJobs()).find(
            job => job.parentModel?.modelArn === found.modelArn,
          );
          if (child)
            throw new Fault(
              'conflict',
              `The custom model ${found.modelName} is the base of the model customization job ${child.jobName}; wait for its end, or stop it first.`,
            );
          await rows.bedrock.deleteModel(found.modelArn);
          const stored = { resourceArn: found.modelArn, dimension: 'modelStorageMonths' } as const;
          await rows.usage.endSpan(stored, ctx.now.getTime());
          await rows.bedrock.setResourcePolicy(found.modelArn, undefined);
          return { ...found, checkpointIds: await rows.bedrock.deleteCheckpointsOf(found.modelId) };
        });
        // The row is gone, and with it every use of the weights: what a failure leaves here, the sweep deletes.
        await Promise.allSettled([
          ...[model.modelId, ...model.checkpointIds].map(id => modelStore.delete(id)),
          keyring.release({ ...scope, keyArn: model.keyArn, resourceArn: model.modelArn }),
        ]);
        return {};
      },
    } satisfies Operation<DeleteCustomModelRequest, DeleteCustomModelResponse>,
  };
}

/** What is asked about a custom model: its tags and its own policy have their say. */
export async function modelQuestion(rows: Rows, model: CustomModelRow): Promise<AccessRequest> {
  const resourcePolicy = await rows.bedrock.resourcePolicyOf(model.modelArn);
  return {
    resource: model.modelArn,
    resourceAccountId: model.accountId,
    conditions: resourceTagConditions(model.tags),
    ...(resourcePolicy === undefined ? {} : { resourcePolicy }),
  };
}

/** Another account's, by its ARN, in the same Region: one with a policy, which decides who may read it. */
async function findForeignModel(
  rows: Rows,
  identifier: string,
  scope: BedrockScope,
): Promise<CustomModelRow | undefined> {
  const model = identifier.startsWith('arn:') ? await rows.bedrock.modelByArn(identifier) : undefined;
  if (model?.status !== 'Active' || model.region !== scope.region || model.accountId === scope.accountId)
    return undefined;
  return (await rows.bedrock.resourcePolicyOf(model.modelArn)) === undefined ? undefined : model;
}

/** By name or ARN, in the scope: one that can be used. */
export async function findModel(
  rows: Rows,
  identifier: string,
  scope: BedrockScope,
): Promise<CustomModelRow | undefined> {
  const model = await findAnyModel(rows, identifier, scope);
  return model?.status === 'Active' ? model : undefined;
}

/** The same, also one that is Creating or Failed. */
function findAnyModel(rows: Rows, identifier: string, scope: BedrockScope): Promise<CustomModelRow | undefined> {
  return findByIdentifier(identifier, 'custom-model', scope, {
    byId: id => rows.bedrock.modelById(scope, id),
    byName: name => rows.bedrock.modelByName(scope, name),
    arnOf: model => model.modelArn,
  });
}

/** The custom model that it was trained from, else its foundation model; '' where neither is known. */
export function baseModelArn(of: Pick<CustomModelRow, 'parentModel' | 'foundationModelArn'>): string {
  return of.parentModel?.modelArn ?? of.foundationModelArn;
}

/** AWS requires both members of a summary and gives them patterns: for a base that is unknown yet, or came with the model. */
const UNKNOWN_BASE = 'likeness.imported';

function summary(model: CustomModelRow): CustomModelSummary {
  return {
    modelArn: model.modelArn,
    modelName: model.modelName,
    creationTime: new Date(model.createdAt),
    baseModelArn: baseModelArn(model) || foundationModelArn(model.region, UNKNOWN_BASE),
    baseModelName:
      model.parentModel?.modelName ??
      (model.foundationModelArn === '' ? UNKNOWN_BASE : model.foundationModelId.replace(/:.*$/, '')),
    customizationType: model.customizationType,
    ownerAccountId: model.accountId,
    modelStatus: model.status,
  };
}

/** One entry, as there is one validator; none where the training was too short to be measured. */
export function validationMetrics(validationLoss: number | null | undefined): { validationLoss: number }[] {
  return validationLoss === null || validationLoss === undefined ? [] : [{ validationLoss }];
}

/**
 * Before a model of that name is made.
 * @throws Fault invalid where the name is taken, quota where the account has as many models as it may
 */
export async function refuseTakenModelName(
  rows: Rows,
  scope: BedrockScope,
  modelName: string,
  quotas: Quotas,
): Promise<void> {
  if (await rows.bedrock.modelNameInUse(scope, modelName))
    throw new Fault('invalid', 'The provided custom model name is currently in use.', { resource: modelName });
  const made = (await rows.bedrock.countModels(scope)) + (await rows.bedrock.countUnfinishedJobs(scope));
  keepQuota(quotas, 'customModels', made);
}
