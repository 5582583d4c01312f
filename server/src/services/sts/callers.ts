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
import type { Operation, Principal, RequestContext } from '../../domain/operation.ts';
import { describeCredentials, refuseMfa } from './assume-role.ts';
import type { StsDependencies } from './dependencies.ts';

const HALF_A_DAY_SECONDS = 43_200;
const HOUR_SECONDS = 3600;
const LONGEST_SECONDS = 129_600;

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
        refuseSessionCredentials(ctx);
        refuseMfa(input);
        const seconds = sessionSeconds(input, principal);
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

/** AWS: a session makes no further ones of this kind. @throws Fault denied */
export function refuseSessionCredentials({ principal, operation }: RequestContext): void {
  if (principal.accessKeyId?.startsWith('ASIA'))
    throw new Fault('denied', `Cannot call ${operation} with session credentials`);
}

/** How long a session lasts that long-term keys ask for: the root user's an hour at most. @throws Fault invalid */
export function sessionSeconds(input: { DurationSeconds?: number | undefined }, { type }: Principal): number {
  const longest = type === 'root' ? HOUR_SECONDS : LONGEST_SECONDS;
  const seconds = Math.min(input.DurationSeconds ?? HALF_A_DAY_SECONDS, longest);
  if (seconds < 900)
    throw new Fault('invalid', `DurationSeconds must be from 900 to ${longest}; you sent ${input.DurationSeconds}.`);
  return seconds;
}
