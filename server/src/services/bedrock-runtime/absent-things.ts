// Gaps: guardrails, asynchronous invocations.
// By design: there are none, so what asks for one by name hears that it is not there, and a list is empty.
// Client quirks: AWS models no ResourceNotFoundException of GetAsyncInvoke: what is not there is a ValidationException.
import type {
  ApplyGuardrailRequest,
  GetAsyncInvokeRequest,
  ListAsyncInvokesRequest,
  ListAsyncInvokesResponse,
} from '@aws-sdk/client-bedrock-runtime';
import { Fault } from '../../domain/fault.ts';
import type { Operation } from '../../domain/operation.ts';
import { guardrailArn, NO_SUCH_GUARDRAIL } from './invocation-options.ts';

export const absentThings = {
  GetAsyncInvoke: {
    authorize: ({ invocationArn: resource = '*' }) => [{ resource }],
    async handle({ invocationArn }, { region }) {
      throw new Fault(
        'invalid',
        `There is no asynchronous invocation ${invocationArn} in ${region} of this account. Image models answer InvokeModel only.`,
      );
    },
  } satisfies Operation<GetAsyncInvokeRequest, never>,

  ListAsyncInvokes: {
    authorize: () => [{ resource: '*' }],
    async handle({ nextToken }) {
      if (nextToken !== undefined)
        throw new Fault('invalid', 'The provided nextToken is invalid: the list is empty and gives none out.');
      return { asyncInvokeSummaries: [] };
    },
  } satisfies Operation<ListAsyncInvokesRequest, ListAsyncInvokesResponse>,

  ApplyGuardrail: {
    authorize: ({ guardrailIdentifier = '' }, ctx) => [{ resource: guardrailArn(guardrailIdentifier, ctx) }],
    async handle({ guardrailIdentifier }) {
      throw new Fault('notFound', `${NO_SUCH_GUARDRAIL} Guardrails are not supported by this server.`, {
        ...(guardrailIdentifier && { resource: guardrailIdentifier }),
      });
    },
  } satisfies Operation<ApplyGuardrailRequest, never>,
};
