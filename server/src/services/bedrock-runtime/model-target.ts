import { parseArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn, foundationModelId } from '../../domain/foundation-model.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { BaseModels, CatalogueEntry } from '../../ports/base-models.ts';
import type { ServableModel } from '../../ports/inference.ts';
import type { Rows } from '../../ports/store.ts';
import type { CustomModelRow, ThroughputRow } from '../../ports/store-bedrock.ts';
import type { DeploymentRow } from '../../ports/store-deployments.ts';
import type { ImportedModelRow } from '../../ports/store-imported-models.ts';

/** What answers a modelId: a base model, the units of a Provisioned Throughput, or a custom model on demand. */
export type ModelTarget = { base: CatalogueEntry } | { provisioned: ThroughputRow } | { custom: ServableModel };

/** `provider.model`, with or without a version: an id that could be one of AWS's. */
const MODEL_ID = /^[a-z0-9-]{1,63}\.[a-z0-9.-]{1,63}(:[a-z0-9.-]{1,63}){0,2}$/;

/** ARN kinds that AWS's runtime takes and this server has nothing behind. */
const otherKinds = [
  'inference-profile',
  'application-inference-profile',
  'default-prompt-router',
  'prompt-router',
  'prompt',
];

/** The ARN that policies decide on: AWS authorises InvokeModel against the ARN in modelId. */
export function authorizedArn(modelId: string, region: string): string {
  return modelId.startsWith('arn:') ? modelId : foundationModelArn(region, modelId);
}

/**
 * @throws Fault in AWS's words (bedrock-facts.md §7.1): invalid for what can be no model here or needs Provisioned
 *   Throughput, notFound for a model that is not there, notReady while its units load
 */
export async function resolveTarget(
  modelId: string,
  ctx: RequestContext,
  rows: Rows,
  baseModels: BaseModels,
): Promise<ModelTarget> {
  const arn = modelId.startsWith('arn:') ? parseArn(modelId) : undefined;
  const kind = arn?.service === 'bedrock' ? arn.resource.split('/')[0] : undefined;
  if (kind === 'provisioned-model') return { provisioned: await findProvisioned(modelId, ctx, rows) };
  if (kind === 'custom-model-deployment') return { custom: await findDeployed(modelId, ctx, rows) };
  if (kind === 'imported-model') return { custom: await findImported(modelId, ctx, rows) };
  if (kind === 'custom-model')
    throw new Fault(
      'invalid',
      'A custom model is not invoked by its own ARN: deploy it, or buy Provisioned Throughput for it, and use the ARN of the deployment or of the provisioned model.',
    );
  if (kind !== undefined && otherKinds.includes(kind))
    throw new Fault('unsupported', `modelId names a ${kind}, which this server does not support.`);
  const id = foundationModelId(modelId, ctx.region);
  const entry = baseModels.catalogue().find(row => row.modelId === id);
  if (entry === undefined) {
    if (kind === 'foundation-model' || (id !== undefined && MODEL_ID.test(id)))
      throw new Fault('notFound', 'Could not resolve the foundation model from the provided model identifier.', {
        resource: modelId,
      });
    throw new Fault('invalid', 'The provided model identifier is invalid.');
  }
  if (!entry.inferenceTypesSupported.includes('ON_DEMAND'))
    // The apostrophe is AWS's own.
    throw new Fault(
      'invalid',
      `Invocation of model ID ${entry.modelId} with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model. On this server: the ARN of a provisioned model, or an ON_DEMAND model ID of ListFoundationModels.`,
    );
  return { base: entry };
}

/** A base model takes the tasks of its id, on demand and on units of its own alike; a custom model takes all. */
export function tasksOfTarget(target: ModelTarget, region: string, baseModels: BaseModels): CatalogueEntry['tasks'] {
  if ('base' in target) return target.base.tasks;
  if ('custom' in target) return 'all';
  const id = foundationModelId(target.provisioned.modelArn, region);
  return baseModels.catalogue().find(row => row.modelId === id)?.tasks ?? 'all';
}

/** The deployment of the caller's account and Region that an ARN names. */
export async function deploymentOf(arn: string, ctx: RequestContext, rows: Rows): Promise<DeploymentRow | undefined> {
  const row = await rows.bedrock.deploymentById(ctx, arn.slice(arn.lastIndexOf('/') + 1));
  return row?.deploymentArn === arn ? row : undefined;
}

/** The imported model of the caller's account and Region that an ARN names. */
export async function importedOf(arn: string, ctx: RequestContext, rows: Rows): Promise<ImportedModelRow | undefined> {
  const row = await rows.bedrock.importedModelById(ctx, arn.slice(arn.lastIndexOf('/') + 1));
  return row?.modelArn === arn ? row : undefined;
}

async function findImported(arn: string, ctx: RequestContext, rows: Rows): Promise<ServableModel> {
  const row = await importedOf(arn, ctx, rows);
  if (row) return row;
  throw new Fault('notFound', `There is no imported model ${arn} in ${ctx.region} of this account.`, { resource: arn });
}

async function findDeployed(arn: string, ctx: RequestContext, rows: Rows): Promise<CustomModelRow> {
  const row = await deploymentOf(arn, ctx, rows);
  const model = row && (await rows.bedrock.modelByArn(row.modelArn));
  if (!row || !model)
    throw new Fault('notFound', `There is no custom model deployment ${arn} in ${ctx.region} of this account.`, {
      resource: arn,
    });
  const { deploymentName, failureMessage } = row;
  if (row.status === 'Creating')
    throw new Fault('notReady', `The deployment ${deploymentName} is Creating; retry when its status is Active.`);
  if (row.status === 'Failed')
    throw new Fault('invalid', `The deployment ${deploymentName} is Failed and cannot be invoked: ${failureMessage}`);
  return model;
}

async function findProvisioned(arn: string, ctx: RequestContext, rows: Rows): Promise<ThroughputRow> {
  const row = await rows.bedrock.throughputByArn(arn);
  if (!row || row.accountId !== ctx.accountId || row.region !== ctx.region)
    throw new Fault('notFound', `There is no provisioned model ${arn} in ${ctx.region} of this account.`, {
      resource: arn,
    });
  if (row.status === 'Creating')
    throw new Fault(
      'notReady',
      `The provisioned model ${row.provisionedModelName} is Creating; retry when its status is InService.`,
    );
  if (row.status === 'Failed')
    throw new Fault(
      'invalid',
      `The provisioned model ${row.provisionedModelName} is Failed and cannot be invoked: ${row.failureMessage ?? 'see its failureMessage'}`,
    );
  return row;
}
