import { Fault } from '../../domain/fault.ts';
import type { Route, RouteAnswer, RouteInput } from '../../domain/route.ts';
import type { SignedIn } from '../../ports/sign-in.ts';
import type { LikenessDependencies } from './dependencies.ts';

const SHORTEST_SECONDS = 3600;
const LONGEST_SECONDS = 43_200;
const LONGEST_TEXT = 4096;

/** Unsigned but for making a link: whoever signs in has no key yet. */
export function signInRoutes({ signIn, signInLinks }: Pick<LikenessDependencies, 'signIn' | 'signInLinks'>): Route[] {
  return [
    {
      method: 'POST',
      path: '/sign-in',
      action: null,
      signIn: 'ConsoleLogin',
      shownMembers: ['account'],
      async handle(input, { sourceIp }) {
        const newPassword = input.body.newPassword === undefined ? null : text(input, 'newPassword');
        const [account, userName, password] = [
          text(input, 'account'),
          text(input, 'userName'),
          text(input, 'password'),
        ];
        const request = { account, userName, password, newPassword, sourceIp };
        return describe(await signIn.signIn({ ...request, durationSeconds: duration(input) }));
      },
    },
    {
      method: 'POST',
      path: '/sign-in/refresh',
      action: null,
      signIn: 'RefreshConsoleLogin',
      async handle(input) {
        const request = { refreshToken: text(input, 'refreshToken'), durationSeconds: duration(input) };
        return describe(await signIn.refresh(request));
      },
    },
    {
      method: 'POST',
      path: '/sign-in-link',
      action: null,
      signIn: 'ConsoleLogin',
      async handle(input) {
        const request = { token: text(input, 'token'), durationSeconds: duration(input) };
        const { accountId, credentials, principal } = await signInLinks.exchange(request);
        return { json: { accountId, credentials: describeCredentials(credentials) }, signedIn: principal };
      },
    },
    {
      method: 'POST',
      path: '/sign-in-links',
      action: 'CreateSignInLink',
      // The link is the root user's: no policy can hand that on, and a session may not outlive itself by it.
      authorize(_input, { principal }) {
        if (principal.type === 'root' && principal.tokenIssuedAt === undefined) return [];
        throw new Fault('denied', `Only an access key of the root user makes sign-in links; you are ${principal.arn}.`);
      },
      async handle(_input, { accountId }) {
        return { status: 201, json: { token: await signInLinks.create(accountId) } };
      },
    },
  ];
}

function text({ body }: RouteInput, name: string): string {
  const value = body[name];
  // The value may be a password: it is not said again.
  if (typeof value !== 'string' || value === '' || value.length > LONGEST_TEXT)
    throw new Fault('invalid', `${name} must be a string of 1 to ${LONGEST_TEXT} characters.`);
  return value;
}

function duration({ body }: RouteInput): number {
  const { durationSeconds = SHORTEST_SECONDS } = body;
  if (
    !Number.isInteger(durationSeconds) ||
    Number(durationSeconds) < SHORTEST_SECONDS ||
    Number(durationSeconds) > LONGEST_SECONDS
  )
    throw new Fault(
      'invalid',
      `durationSeconds must be a whole number from ${SHORTEST_SECONDS} to ${LONGEST_SECONDS}; you sent ${JSON.stringify(durationSeconds)}.`,
    );
  return Number(durationSeconds);
}

function describe({ principal, credentials, refreshableUntil, ...signedIn }: SignedIn): RouteAnswer {
  const { accountId, userName, refreshToken } = signedIn;
  return {
    json: {
      accountId,
      userName,
      credentials: describeCredentials(credentials),
      refreshToken,
      refreshableUntil: refreshableUntil.toISOString(),
    },
    signedIn: principal,
  };
}

function describeCredentials({ expiresAt, ...credentials }: SignedIn['credentials']) {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return { accessKeyId, secretAccessKey, sessionToken, expiration: expiresAt.toISOString() };
}
