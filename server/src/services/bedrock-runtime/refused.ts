// Gaps: all of these, until their issue.
// By design: an operation that AWS has and an image model has not is refused by name, in a modelled error.
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import { authorizedArn } from './model-target.ts';

interface ModelInput {
  modelId?: string | undefined;
}

/** An operation that answers a ValidationException with this text, to callers who may invoke the model. */
function refused(message: string): Operation<ModelInput, never> {
  return {
    // AWS: both streaming and Converse are authorised as InvokeModel or its streaming form.
    authorize: (input: ModelInput, ctx: RequestContext): AccessRequest[] => [
      {
        action: `bedrock:${ctx.operation.includes('Stream') ? 'InvokeModelWithResponseStream' : 'InvokeModel'}`,
        resource: input.modelId === undefined ? '*' : authorizedArn(input.modelId, ctx.region),
      },
    ],
    async handle() {
      throw new Fault('unsupported', message);
    },
  };
}

const invokeInstead = 'Image models answer InvokeModel only.';

export const refusedOperations = {
  InvokeModelWithResponseStream: refused(`The model is unsupported for streaming. ${invokeInstead}`),
  Converse: refused(`The model does not support Converse. ${invokeInstead}`),
  ConverseStream: refused(`The model does not support ConverseStream. ${invokeInstead}`),
  CountTokens: refused(`The model does not support CountTokens. ${invokeInstead}`),
  StartAsyncInvoke: refused(`The model does not support StartAsyncInvoke. ${invokeInstead}`),
  GetAsyncInvoke: refused(`GetAsyncInvoke is not supported: image models have no asynchronous invocation.`),
  ListAsyncInvokes: refused(`ListAsyncInvokes is not supported: image models have no asynchronous invocation.`),
  ApplyGuardrail: refused(`ApplyGuardrail is not supported by this server.`),
  InvokeGuardrailChecks: refused(`InvokeGuardrailChecks is not supported by this server.`),
};
