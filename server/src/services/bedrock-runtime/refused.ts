// Gaps: all of these, until their issue.
// By design: an operation that AWS has and an image model has not is refused by name, in a modelled error.
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { BedrockRuntimeDependencies } from './invoke-model.ts';
import { authorizedArn, resolveTarget } from './model-target.ts';

interface ModelInput {
  modelId?: string | undefined;
}

type Dependencies = Pick<BedrockRuntimeDependencies, 'store' | 'baseModels'>;

/**
 * An operation that answers a ValidationException with this text, to callers who may invoke the model. Of a model that is not
 * there it says that first, as InvokeModel does.
 */
function refused(message: string, deps?: Dependencies): Operation<ModelInput, never> {
  return {
    // AWS: both streaming and Converse are authorised as InvokeModel or its streaming form.
    authorize: (input: ModelInput, ctx: RequestContext): AccessRequest[] => [
      {
        action: `bedrock:${ctx.operation.includes('Stream') ? 'InvokeModelWithResponseStream' : 'InvokeModel'}`,
        resource: input.modelId === undefined ? '*' : authorizedArn(input.modelId, ctx.region),
      },
    ],
    async handle(input, ctx) {
      const { modelId } = input;
      if (deps && modelId !== undefined)
        await deps.store.read(rows => resolveTarget(modelId, ctx, rows, deps.baseModels));
      throw new Fault('unsupported', message);
    },
  };
}

const invokeInstead = 'Image models answer InvokeModel only.';

/** What AWS's runtime has and this server has not, each in the modelled error that says why. */
export function refusedOperations(deps: Dependencies) {
  return {
    InvokeModelWithResponseStream: refused(`The model is unsupported for streaming. ${invokeInstead}`, deps),
    Converse: refused(`The model does not support Converse. ${invokeInstead}`, deps),
    ConverseStream: refused(`The model does not support ConverseStream. ${invokeInstead}`, deps),
    CountTokens: refused(`The model does not support CountTokens. ${invokeInstead}`, deps),
    StartAsyncInvoke: refused(`The model does not support StartAsyncInvoke. ${invokeInstead}`, deps),
    GetAsyncInvoke: refused(`GetAsyncInvoke is not supported: image models have no asynchronous invocation.`),
    ListAsyncInvokes: refused(`ListAsyncInvokes is not supported: image models have no asynchronous invocation.`),
    ApplyGuardrail: refused(`ApplyGuardrail is not supported by this server.`),
    InvokeGuardrailChecks: refused(`InvokeGuardrailChecks is not supported by this server.`),
  };
}
