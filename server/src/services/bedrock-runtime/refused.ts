// Gaps: streaming, Converse, starting an asynchronous invocation, inline guardrail checks.
// By design: an operation that AWS has and an image model has not is refused by name, in a modelled error.
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import { type GovernedInput, invocationConditions } from './invocation-options.ts';
import type { BedrockRuntimeDependencies } from './invoke-model.ts';
import { authorizedArn, resolveTarget } from './model-target.ts';

interface ModelInput extends GovernedInput {
  modelId?: string | undefined;
}

type Dependencies = Pick<BedrockRuntimeDependencies, 'store' | 'baseModels'>;
type ModelAction = 'InvokeModel' | 'InvokeModelWithResponseStream' | 'CountTokens';

const INVOKE_INSTEAD = 'Image models answer InvokeModel only.';

/**
 * What AWS's runtime has and this server has not. Operations on a model answer a ValidationException to callers who may
 * invoke it; of a model that is not there they say that first, as InvokeModel does.
 */
export function refusedOperations({ store, baseModels }: Dependencies) {
  /** @param action what the operation is authorised as. AWS: Converse as InvokeModel, or as its streaming form */
  function refused(message: string, action: ModelAction): Operation<ModelInput, never> {
    return {
      authorize: (input: ModelInput, ctx: RequestContext): AccessRequest[] => [
        {
          action: `bedrock:${action}`,
          resource: input.modelId === undefined ? '*' : authorizedArn(input.modelId, ctx.region),
          conditions: invocationConditions(input, ctx),
        },
      ],
      async handle({ modelId }, ctx) {
        if (modelId !== undefined) await store.read(rows => resolveTarget(modelId, ctx, rows, baseModels));
        throw new Fault('unsupported', `${message} ${INVOKE_INSTEAD}`);
      },
    };
  }

  return {
    InvokeModelWithResponseStream: refused('The model is unsupported for streaming.', 'InvokeModelWithResponseStream'),
    Converse: refused('The model does not support Converse.', 'InvokeModel'),
    ConverseStream: refused('The model does not support ConverseStream.', 'InvokeModelWithResponseStream'),
    CountTokens: refused('The model does not support CountTokens.', 'CountTokens'),
    StartAsyncInvoke: refused('The model does not support StartAsyncInvoke.', 'InvokeModel'),

    InvokeGuardrailChecks: {
      authorize: () => [{ resource: '*' }],
      async handle() {
        throw new Fault('unsupported', 'InvokeGuardrailChecks is not supported: this server has no guardrails.');
      },
    } satisfies Operation<object, never>,
  };
}
