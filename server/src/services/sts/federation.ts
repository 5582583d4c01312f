import type { GetFederationTokenRequest, GetFederationTokenResponse } from '@aws-sdk/client-sts';
import { federatedPrincipal, identityIdOf } from '../../domain/access/identity.ts';
import { issueSession } from '../../domain/access/session.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation } from '../../domain/operation.ts';
import {
  checkSessionPolicies,
  describeCredentials,
  packedPercent,
  sessionConditions,
  sessionTags,
} from './assume-role.ts';
import type { StsDependencies } from './dependencies.ts';

const HALF_A_DAY_SECONDS = 43_200;
const LONGEST_SECONDS = 129_600;
const LONGEST_OF_ROOT_SECONDS = 3600;

export function federationOperations(deps: StsDependencies) {
  return {
    // AWS: only long-term keys may ask. What the session may do is what both its user and the policies given here allow.
    GetFederationToken: {
      authorize(input: GetFederationTokenRequest, { principal }) {
        if (principal.accessKeyId?.startsWith('ASIA'))
          throw new Fault('denied', 'Cannot call GetFederationToken with session credentials');
        const { arn } = federatedPrincipal(principal.accountId, input.Name ?? '', null);
        const question: AccessRequest = { resource: arn, conditions: sessionConditions({ Tags: input.Tags }) };
        return input.Tags?.length ? [question, { ...question, action: 'sts:TagSession' }] : [question];
      },

      async handle(input: GetFederationTokenRequest, ctx): Promise<GetFederationTokenResponse> {
        const { principal } = ctx;
        const { Name: name = '' } = input;
        const longest = principal.type === 'root' ? LONGEST_OF_ROOT_SECONDS : LONGEST_SECONDS;
        const seconds = Math.min(input.DurationSeconds ?? HALF_A_DAY_SECONDS, longest);
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
          ...(sessionPolicies.length === 0 ? {} : { PackedPolicySize: packedPercent(sessionPolicies) }),
        };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}
