import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import type { Route, RouteAnswer, RouteInput } from '../../domain/route.ts';
import type { SignedIn } from '../../ports/sign-in.ts';
import { BROWSER_SESSION_PATH, cookieToken, ownPage, sessionCookie } from './browser-session.ts';
import type { LikenessDependencies } from './dependencies.ts';

const SHORTEST_SECONDS = 3600;
const LONGEST_SECONDS = 43_200;
const LONGEST_TEXT = 4096;

/** Unsigned but for making a link: whoever signs in has no key yet. */
export function signInRoutes({
  signIn,
  signInLinks,
  browserSessions,
}: Pick<LikenessDependencies, 'signIn' | 'signInLinks' | 'browserSessions'>): Route[] {
  /** The answer to a browser: what renews the credentials lies in its cookie, and in the key beside it. */
  async function kept(signedIn: Pick<SignedIn, 'principal' | 'accountId' | 'credentials'>, ctx: RequestContext) {
    const { token, key } = await browserSessions.begin(signedIn.principal);
    const answer = describe(signedIn);
    return {
      ...answer,
      headers: sessionCookie(ownPage(ctx), token),
      json: { ...answer.json, sessionKey: key },
    };
  }

  return [
    {
      method: 'POST',
      path: '/sign-in',
      action: null,
      signIn: 'ConsoleLogin',
      shownMembers: ['account'],
      async handle(input, ctx) {
        const newPassword = input.body.newPassword === undefined ? null : text(input, 'newPassword');
        const [account, userName, password] = [
          text(input, 'account'),
          text(input, 'userName'),
          text(input, 'password'),
        ];
        const isKept = keepsInBrowser(input, ctx);
        const request = { account, userName, password, newPassword, sourceIp: ctx.sourceIp };
        const signedIn = await signIn.signIn({ ...request, durationSeconds: duration(input) });
        return isKept ? await kept(signedIn, ctx) : describeRefreshable(signedIn);
      },
    },
    {
      method: 'POST',
      path: '/sign-in/refresh',
      action: null,
      signIn: 'RefreshConsoleLogin',
      async handle(input) {
        const request = { refreshToken: text(input, 'refreshToken'), durationSeconds: duration(input) };
        return describeRefreshable(await signIn.refresh(request));
      },
    },
    {
      method: 'POST',
      path: '/sign-in-link',
      action: null,
      signIn: 'ConsoleLogin',
      async handle(input, ctx) {
        const request = { token: text(input, 'token'), durationSeconds: duration(input) };
        const isKept = keepsInBrowser(input, ctx);
        const signedIn = await signInLinks.exchange(request);
        return isKept ? await kept(signedIn, ctx) : describe(signedIn);
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
    {
      method: 'POST',
      path: BROWSER_SESSION_PATH,
      action: null,
      signIn: 'RefreshConsoleLogin',
      async handle(input, ctx) {
        const page = ownPage(ctx);
        const request = { key: text(input, 'sessionKey'), token: cookieToken(page, ctx) };
        const resumed = await browserSessions.resume({ ...request, durationSeconds: duration(input) });
        return { ...describe(resumed), headers: sessionCookie(page, resumed.token) };
      },
    },
    {
      method: 'POST',
      path: `${BROWSER_SESSION_PATH}/end`,
      action: null,
      signIn: 'ConsoleLogout',
      async handle(input, ctx) {
        const page = ownPage(ctx);
        const isCookies = await browserSessions.end({ key: text(input, 'sessionKey'), token: cookieToken(page, ctx) });
        // The cookie may be another sign-in's by now.
        return isCookies ? { json: {}, headers: sessionCookie(page, null) } : { json: {} };
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

/** Asked before the password or the link is: neither is to be used up for an answer that is refused. */
function keepsInBrowser({ body }: RouteInput, ctx: RequestContext): boolean {
  const { keepInBrowser = false } = body;
  if (typeof keepInBrowser !== 'boolean')
    throw new Fault('invalid', `keepInBrowser must be true or false; you sent ${JSON.stringify(keepInBrowser)}.`);
  if (keepInBrowser) ownPage(ctx);
  return keepInBrowser;
}

function describe({ principal, accountId, credentials }: Pick<SignedIn, 'principal' | 'accountId' | 'credentials'>) {
  const { userName } = principal;
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = credentials;
  const described = { accessKeyId, secretAccessKey, sessionToken, expiration: expiresAt.toISOString() };
  // The root user has no name.
  return { json: { accountId, ...(userName && { userName }), credentials: described }, signedIn: principal };
}

function describeRefreshable(signedIn: SignedIn): RouteAnswer {
  const { refreshToken, refreshableUntil } = signedIn;
  const answer = describe(signedIn);
  return { ...answer, json: { ...answer.json, refreshToken, refreshableUntil: refreshableUntil.toISOString() } };
}
