// Gaps: inference profiles; what headers ask for: invocation-options.ts.
// By design: a base model is registered here once, whatever id asks for it; nothing of a request's body reaches a log.
// Client quirks: boto3 sends neither Accept nor Content-Type where the caller gives none: both mean application/json.
//   The JavaScript SDK sends application/octet-stream then: JSON all the same. Clients test `error` of the answer
//   against null, so it is there.
import type { InvokeModelRequest, InvokeModelResponse } from '@aws-sdk/client-bedrock-runtime';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn } from '../../domain/foundation-model.ts';
import { imageAnswer } from '../../domain/image-answer.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { AdmitInvocation } from '../../domain/request-rate.ts';
import { imageVariant } from '../../domain/usage.ts';
import type { BaseModels } from '../../ports/base-models.ts';
import type { ContentCredentials } from '../../ports/content-credentials.ts';
import type { Capacity, DrawnAnswer, ImageTask, InvokeRequest } from '../../ports/inference.ts';
import type { InvocationLog } from '../../ports/invocation-logs.ts';
import type { Keyring } from '../../ports/keys.ts';
import type { Store } from '../../ports/store.ts';
import { invocationConditions, readRequestMetadata, refuseOptions } from './invocation-options.ts';
import {
  authorizedArn,
  deploymentOf,
  importedOf,
  type ModelTarget,
  resolveTarget,
  tasksOfTarget,
} from './model-target.ts';
import { memberOf, parseTitanImageBody } from './titan-image.ts';

/** In milliseconds; AWS sends it, and the SDK's schema has no member for it. */
export const LATENCY_HEADER = 'x-amzn-bedrock-invocation-latency';

interface WithHeaders {
  $metadata: { httpHeaders: Record<string, string> };
}

export interface BedrockRuntimeDependencies {
  store: Store;
  baseModels: BaseModels;
  keyring: Pick<Keyring, 'resolve' | 'decryptRequests'>;
  capacity: Pick<Capacity, 'invokeBase' | 'invokeProvisioned' | 'invokeOnDemand' | 'detectWatermark'>;
  contentCredentials: ContentCredentials;
  invocationLog: InvocationLog;
  admitInvocation: AdmitInvocation;
}

export function invokeModel(deps: BedrockRuntimeDependencies) {
  const { store, baseModels, keyring, capacity, contentCredentials, invocationLog, admitInvocation } = deps;

  /** The customer's key of the custom model behind a provisioned model, a deployment or an import, if both are the caller's. */
  function keyOf(modelId: string, ctx: RequestContext): Promise<string | null> {
    return store.read(async rows => {
      if (modelId.includes(':custom-model-deployment/')) {
        const deployment = await deploymentOf(modelId, ctx, rows);
        return (deployment && (await rows.bedrock.modelByArn(deployment.modelArn))?.keyArn) ?? null;
      }
      if (modelId.includes(':imported-model/')) return (await importedOf(modelId, ctx, rows))?.keyArn ?? null;
      if (!modelId.includes(':provisioned-model/')) return null;
      const provisioned = await rows.bedrock.throughputByArn(modelId);
      if (provisioned?.accountId !== ctx.accountId || provisioned.region !== ctx.region) return null;
      return (await rows.bedrock.modelByArn(provisioned.modelArn))?.keyArn ?? null;
    });
  }

  function draw(target: ModelTarget, request: Omit<InvokeRequest, 'adapterId'>, signal: AbortSignal) {
    if ('base' in target) return capacity.invokeBase(target.base.baseModelId, request, signal);
    if ('custom' in target) return capacity.invokeOnDemand(target.custom, request, signal);
    return capacity.invokeProvisioned(target.provisioned.provisionedModelArn, request, signal);
  }

  return {
    InvokeModel: {
      async authorize(input, ctx) {
        const modelId = input.modelId ?? '';
        const keyArn = await keyOf(modelId, ctx);
        return [
          { resource: authorizedArn(modelId, ctx.region), conditions: invocationConditions(input, ctx) },
          ...(await keyring.decryptRequests(keyArn, ctx)),
        ];
      },
      async handle(input, ctx) {
        const modelId = input.modelId ?? '';
        const target = await store.read(rows => resolveTarget(modelId, ctx, rows, baseModels));
        refuseOptions(input, modelId, ctx);
        const requestMetadata = readRequestMetadata(input.requestMetadata);
        const tasks = tasksOfTarget(target, ctx.region, baseModels);
        const request = { requestId: ctx.requestId, ...parseTitanImageBody(input.body, tasks) };
        const keyArn = await keyOf(modelId, ctx);
        // A key that is disabled makes the model unusable, also where its units have long been loaded.
        if (keyArn !== null) await keyring.resolve(keyArn, ctx.accountId, ctx.region);
        if (!('provisioned' in target))
          admitInvocation(ctx, 'base' in target ? target.base.modelId : target.custom.modelArn);
        const startedAt = performance.now();
        const drawn = await named(draw(target, request, ctx.signal), request.task);
        const { baseModelId } =
          'base' in target ? target.base : 'custom' in target ? target.custom : target.provisioned;
        const modelArn = drawn.customModelArn ?? foundationModelArn(ctx.region, baseModelId);
        const provenance = { task: request.task, inputImageCount: request.images.length, baseModelId, modelArn };
        const answer = imageAnswer(await contentCredentials.sign(drawn, provenance));
        // Before the answer: what was acknowledged is in the ledger, whatever happens next.
        const usage = { ...usageKey(target, modelId, ctx), variant: imageVariant(request) };
        await store.transaction(rows => rows.usage.count(usage, answer.images.length, ctx.now.getTime()));
        const body = new TextEncoder().encode(JSON.stringify(answer));
        invocationLog.record({
          ...{ accountId: ctx.accountId, region: ctx.region, requestId: ctx.requestId, at: ctx.now, modelId },
          ...{ operation: ctx.operation, callerArn: ctx.principal.arn, requestMetadata },
          isInputWithImages: request.images.length > 0,
          imageCount: answer.images.length,
          ...{ inputBody: input.body ?? new Uint8Array(), outputBody: body },
        });
        return {
          body,
          contentType: 'application/json',
          // AWS: what a request names is said back, and nothing where it names none.
          ...(input.performanceConfigLatency && { performanceConfigLatency: input.performanceConfigLatency }),
          ...(input.serviceTier && { serviceTier: input.serviceTier }),
          $metadata: { httpHeaders: { [LATENCY_HEADER]: String(Math.round(performance.now() - startedAt)) } },
        };
      },
    } satisfies Operation<InvokeModelRequest, InvokeModelResponse & WithHeaders>,
  };
}

/** @param modelId the ARN of a deployment where the model is a custom one on demand */
function usageKey(target: ModelTarget, modelId: string, { accountId, region }: RequestContext) {
  const dimension = 'imagesDrawn' as const;
  if ('base' in target)
    return { accountId, region, dimension, resourceArn: foundationModelArn(region, target.base.modelId) };
  const resourceArn = 'provisioned' in target ? target.provisioned.provisionedModelArn : modelId;
  return { accountId, region, dimension, resourceArn };
}

/** What only decoding shows ("images[0] does not decode") is said of the member that the caller sent. */
async function named(drawing: Promise<DrawnAnswer>, task: ImageTask): Promise<DrawnAnswer> {
  try {
    return await drawing;
  } catch (error) {
    const found =
      error instanceof Fault && error.kind === 'invalid' && /^(images\[\d\]|mask\.image) (.*)$/.exec(error.message);
    if (!found) throw error;
    throw new Fault('invalid', `${memberOf(task, found[1] ?? '')} ${found[2]}.`, { cause: error });
  }
}
