import type {
  GetAccessKeyInfoRequest,
  GetAccessKeyInfoResponse,
  GetCallerIdentityResponse,
  GetSessionTokenRequest,
  GetSessionTokenResponse,
} from '@aws-sdk/client-sts';
import { identityIdOf } from '../../domain/access/identity.ts';
import { issueSession } from '../../domain/access/session.ts';
import { accountOfAccessKeyId } from '../../domain/access-key-id.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation } from '../../domain/operation.ts';
import { describeCredentials } from './assume-role.ts';
import type { StsDependencies } from './dependencies.ts';

const HALF_A_DAY_SECONDS = 43_200;
const HOUR_SECONDS = 3600;

export function callerOperations(deps: StsDependencies) {
  return {
    GetCallerIdentity: {
      authorize: (_input: object) => [],
      async handle(_input: object, { principal }): Promise<GetCallerIdentityResponse> {
        return { UserId: principal.userId, Account: principal.accountId, Arn: principal.arn };
      },
    },

    // AWS: no permission is needed, but only long-term keys may ask.
    GetSessionToken: {
      authorize: (_input: GetSessionTokenRequest) => [],
      async handle(input: GetSessionTokenRequest, ctx): Promise<GetSessionTokenResponse> {
        const { principal } = ctx;
        if (principal.accessKeyId?.startsWith('ASIA'))
          throw new Fault('denied', 'Cannot call GetSessionToken with session credentials');
        if (input.SerialNumber !== undefined || input.TokenCode !== undefined)
          throw new Fault('denied', 'MultiFactorAuthentication failed: this server has no MFA devices.');
        const longest = principal.type === 'root' ? HOUR_SECONDS : 129_600;
        const seconds = Math.min(input.DurationSeconds ?? HALF_A_DAY_SECONDS, longest);
        if (seconds < 900)
          throw new Fault(
            'invalid',
            `DurationSeconds must be from 900 to ${longest}; you sent ${input.DurationSeconds}.`,
          );
        const issuedAt = deps.time.now().getTime();
        const session = issueSession(deps, {
          accountId: principal.accountId,
          identityId: identityIdOf(principal) ?? null,
          sessionName: null,
          sessionPolicies: [],
          tags: {},
          sourceIdentity: null,
          issuedAt,
          expiresAt: issuedAt + seconds * 1000,
        });
        return { Credentials: describeCredentials(session) };
      },
    },

    GetAccessKeyInfo: {
      authorize: (_input: GetAccessKeyInfoRequest) => [{ resource: '*' }],
      async handle(input: GetAccessKeyInfoRequest): Promise<GetAccessKeyInfoResponse> {
        const { AccessKeyId: id = '' } = input;
        const key = await deps.store.read(({ iam }) => iam.accessKey(id));
        if (key !== undefined) return { Account: key.accountId };
        // A session's key is in no row, but says its account.
        const account = accountOfAccessKeyId(id);
        if (id.startsWith('ASIA') && account !== undefined) return { Account: account };
        throw new Fault('invalid', `Invalid access key id: "${id}".`);
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}
