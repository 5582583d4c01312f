import type { GetFederationTokenRequest, GetFederationTokenResponse } from '@aws-sdk/client-sts';
import { federatedPrincipal, identityIdOf } from '../../domain/access/identity.ts';
import { issueSession } from '../../domain/access/session.ts';
import type { AccessRequest, Operation } from '../../domain/operation.ts';
import {
  checkSessionPolicies,
  describeCredentials,
  packedPolicySize,
  sessionConditions,
  sessionTags,
} from './assume-role.ts';
import { refuseSessionCredentials, sessionSeconds } from './callers.ts';
import type { StsDependencies } from './dependencies.ts';

export function federationOperations(deps: StsDependencies) {
  return {
    // AWS: only long-term keys may ask. What the session may do is what both its user and the policies given here allow.
    GetFederationToken: {
      authorize(input: GetFederationTokenRequest, ctx) {
        const { principal } = ctx;
        refuseSessionCredentials(ctx);
        const { arn } = federatedPrincipal(principal.accountId, input.Name ?? '', null);
        const question: AccessRequest = { resource: arn, conditions: sessionConditions({ Tags: input.Tags }) };
        return input.Tags?.length ? [question, { ...question, action: 'sts:TagSession' }] : [question];
      },

      async handle(input: GetFederationTokenRequest, ctx): Promise<GetFederationTokenResponse> {
        const { principal } = ctx;
        const { Name: name = '' } = input;
        const seconds = sessionSeconds(input, principal);
        const sessionPolicies = await checkSessionPolicies(deps, input, principal.accountId);
        const issuedAt = ctx.now.getTime();
        const session = issueSession(deps, {
          accountId: principal.accountId,
          identityId: identityIdOf(principal) ?? null,
          sessionName: name,
          federated: true,
          sessionPolicies,
          tags: { ...principal.tags, ...sessionTags(input.Tags) },
          sourceIdentity: null,
          issuedAt,
          expiresAt: issuedAt + seconds * 1000,
        });
        const { arn, userId } = federatedPrincipal(principal.accountId, name, null);
        return {
          Credentials: describeCredentials(session),
          FederatedUser: { FederatedUserId: userId, Arn: arn },
          ...packedPolicySize(sessionPolicies, input.Tags),
        };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}
