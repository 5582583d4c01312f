// Gaps: guardrails, evaluation jobs, prompt routers, marketplace endpoints, automated reasoning, prompt optimization.
// By design: there are none, so their lists are empty, for clients that list everything at their start; what makes one is
//   refused by its name. AWS's default prompt routers route between models of text.
// Client quirks: a list about one resource (guardrailIdentifier, policyArn) says that this one does not exist.
import type {
  ListAdvancedPromptOptimizationJobsRequest,
  ListAdvancedPromptOptimizationJobsResponse,
  ListAutomatedReasoningPoliciesRequest,
  ListAutomatedReasoningPoliciesResponse,
  ListEnforcedGuardrailsConfigurationRequest,
  ListEnforcedGuardrailsConfigurationResponse,
  ListEvaluationJobsRequest,
  ListEvaluationJobsResponse,
  ListGuardrailsRequest,
  ListGuardrailsResponse,
  ListMarketplaceModelEndpointsRequest,
  ListMarketplaceModelEndpointsResponse,
  ListPromptRoutersRequest,
  ListPromptRoutersResponse,
} from '@aws-sdk/client-bedrock';
import { formatArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { listOptions } from './paging.ts';

interface AnyList {
  nextToken?: string | undefined;
}

/** @param subject the one resource that the list is about, where its input names one */
export function emptyList<Input extends AnyList, Output>(
  output: Output,
  subject: (input: Input, ctx: RequestContext) => { arn: string; noun: string } | undefined = () => undefined,
): Operation<Input, Output> {
  return {
    authorize: (input, ctx) => [{ resource: subject(input, ctx)?.arn ?? '*' }],
    async handle(input, ctx) {
      // For its refusal of a token that was never given out.
      listOptions(input, ctx);
      const named = subject(input, ctx);
      if (named)
        throw new Fault('notFound', `There is no ${named.noun} ${named.arn} in ${ctx.region} of this account.`, {
          resource: named.arn,
        });
      return output;
    },
  };
}

function guardrail({ guardrailIdentifier: identifier }: ListGuardrailsRequest, { region, accountId }: RequestContext) {
  if (identifier === undefined) return undefined;
  const own = formatArn({ service: 'bedrock', region, accountId, resource: `guardrail/${identifier}` });
  return { arn: identifier.startsWith('arn:') ? identifier : own, noun: 'guardrail' };
}

function policy({ policyArn: arn }: ListAutomatedReasoningPoliciesRequest) {
  return arn === undefined ? undefined : { arn, noun: 'automated reasoning policy' };
}

export const absentThings = {
  ListGuardrails: emptyList<ListGuardrailsRequest, ListGuardrailsResponse>({ guardrails: [] }, guardrail),

  ListEnforcedGuardrailsConfiguration: emptyList<
    ListEnforcedGuardrailsConfigurationRequest,
    ListEnforcedGuardrailsConfigurationResponse
  >({ guardrailsConfig: [] }),

  ListEvaluationJobs: emptyList<ListEvaluationJobsRequest, ListEvaluationJobsResponse>({ jobSummaries: [] }),

  ListPromptRouters: emptyList<ListPromptRoutersRequest, ListPromptRoutersResponse>({ promptRouterSummaries: [] }),

  ListMarketplaceModelEndpoints: emptyList<ListMarketplaceModelEndpointsRequest, ListMarketplaceModelEndpointsResponse>(
    { marketplaceModelEndpoints: [] },
  ),

  ListAutomatedReasoningPolicies: emptyList<
    ListAutomatedReasoningPoliciesRequest,
    ListAutomatedReasoningPoliciesResponse
  >({ automatedReasoningPolicySummaries: [] }, policy),

  ListAdvancedPromptOptimizationJobs: emptyList<
    ListAdvancedPromptOptimizationJobsRequest,
    ListAdvancedPromptOptimizationJobsResponse
  >({ jobSummaries: [] }),
};
