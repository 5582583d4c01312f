import { userPrincipal } from '../../domain/access/identity.ts';
import { issueSession } from '../../domain/access/session.ts';
import { attemptLimit } from '../../domain/attempt-limit.ts';
import { SealBroken } from '../../domain/encryption/sealing.ts';
import { Fault } from '../../domain/fault.ts';
import type { SignedIn, SignIn } from '../../ports/sign-in.ts';
import type { IdentityRow } from '../../ports/store-iam.ts';
import type { LoginProfileRow } from '../../ports/store-iam-login.ts';
import type { CredentialDependencies } from './credentials.ts';
import { renewedProfile, replace } from './login-profiles.ts';
import { passwordMatches } from './passwords.ts';

const MINUTE_MILLISECONDS = 60_000;
const DAY_MILLISECONDS = 24 * 60 * MINUTE_MILLISECONDS;
/** Of one sign-in, with all its refreshes. */
export const LONGEST_SIGN_IN_MILLISECONDS = 12 * 60 * MINUTE_MILLISECONDS;

/** What a refresh token holds, sealed under the master key. */
interface Refreshable {
  accountId: string;
  identityId: string;
  userName: string;
  signedInAt: number;
}

export function createSignIn(deps: CredentialDependencies): SignIn {
  const perUser = attemptLimit({ attempts: 5, windowMilliseconds: 5 * MINUTE_MILLISECONDS });
  const perAddress = attemptLimit({ attempts: 50, windowMilliseconds: 5 * MINUTE_MILLISECONDS });
  const now = () => deps.time.now().getTime();

  function count(limit: ReturnType<typeof attemptLimit>, key: string): void {
    const waitSeconds = limit.begin(key, now());
    if (waitSeconds === 0) return;
    throw new Fault('throttled', `Too many attempts to sign in. Try again in ${waitSeconds} seconds.`, {
      headers: { 'retry-after': String(waitSeconds) },
    });
  }

  async function lookUp(account: string, userName: string) {
    return await deps.store.read(async ({ iam }) => {
      const accountId = /^\d{12}$/.test(account) ? account : await iam.accountWithAlias(account);
      if (accountId === undefined || (await iam.account(accountId))?.disabledAt !== null) return undefined;
      const user = await iam.identity('user', accountId, userName);
      const profile = user && (await iam.loginProfile(user.id));
      return profile && { user, profile, policy: await iam.passwordPolicy(accountId) };
    });
  }

  function issue(user: IdentityRow, signedInAt: number, durationSeconds: number): SignedIn {
    const signedIn: Refreshable = { accountId: user.accountId, identityId: user.id, userName: user.name, signedInAt };
    const until = signedIn.signedInAt + LONGEST_SIGN_IN_MILLISECONDS;
    const session = issueSession(deps, {
      accountId: signedIn.accountId,
      identityId: signedIn.identityId,
      ...{ sessionName: null, sessionPolicies: [], tags: {}, sourceIdentity: null },
      issuedAt: now(),
      expiresAt: Math.min(now() + durationSeconds * 1000, until),
    });
    return {
      principal: userPrincipal(user),
      accountId: signedIn.accountId,
      credentials: session,
      refreshToken: deps.vault.seal(Buffer.from(JSON.stringify(signedIn)), 'sign-in-refresh'),
      refreshableUntil: new Date(until),
    };
  }

  /** @throws Fault denied where the password has to be changed and no new one came along */
  async function withNewPassword(
    user: IdentityRow,
    profile: LoginProfileRow,
    newPassword: string | null,
    policy: { maximumAgeDays: number; hardExpiry: boolean } | undefined,
  ): Promise<void> {
    const ageMilliseconds = now() - Date.parse(profile.changedAt);
    const expired =
      policy !== undefined && policy.maximumAgeDays > 0 && ageMilliseconds > policy.maximumAgeDays * DAY_MILLISECONDS;
    if (expired && policy.hardExpiry)
      throw new Fault('denied', 'The password has expired, and only an administrator can renew it.', {
        code: 'PasswordExpiredException',
      });
    if (!profile.resetRequired && !expired) return;
    if (newPassword === null)
      throw new Fault('denied', 'The password must be changed: send newPassword beside the old one.', {
        code: 'PasswordResetRequiredException',
      });
    // Of AWS's own operations only a password policy refuses this; here it is the one thing that is asked for.
    if (await passwordMatches(newPassword, profile.passwordHash))
      throw new Fault('invalid', 'newPassword is the password that must be changed: choose another one.', {
        code: 'PasswordPolicyViolation',
      });
    await replace(deps, profile, await renewedProfile(deps, user, profile, newPassword));
  }

  return {
    async signIn({ account, userName, password, newPassword, durationSeconds, sourceIp }) {
      const who = `${account}/${userName}`;
      count(perAddress, sourceIp);
      count(perUser, who);
      const found = await lookUp(account, userName);
      // Hashed whoever it is: the time tells nothing.
      if (!(await passwordMatches(password, found?.profile.passwordHash)) || found?.user === undefined)
        throw new Fault('denied', 'The account, the user name or the password is not right.');
      perUser.forget(who);
      perAddress.forgive(sourceIp);
      const { user, profile, policy } = found;
      await withNewPassword(user, profile, newPassword, policy);
      return issue(user, now(), durationSeconds);
    },

    async refresh({ refreshToken, durationSeconds }) {
      const signedIn = opened(deps, refreshToken);
      const over = new Fault('denied', 'The sign-in is over: sign in again.', { code: 'ExpiredTokenException' });
      if (signedIn === undefined || signedIn.signedInAt + LONGEST_SIGN_IN_MILLISECONDS <= now()) throw over;
      const user = await deps.store.read(async ({ iam }) => {
        if ((await iam.account(signedIn.accountId))?.disabledAt !== null) return undefined;
        const profile = await iam.loginProfile(signedIn.identityId);
        // A password changed since ends what the old one began.
        if (profile === undefined || Date.parse(profile.changedAt) > signedIn.signedInAt) return undefined;
        return await iam.identityById(signedIn.identityId);
      });
      if (user === undefined) throw over;
      return issue(user, signedIn.signedInAt, durationSeconds);
    },
  };
}

function opened(deps: CredentialDependencies, token: string): Refreshable | undefined {
  try {
    return JSON.parse(Buffer.from(deps.vault.open(token, 'sign-in-refresh')).toString());
  } catch (error) {
    if (error instanceof SealBroken) return undefined;
    throw error;
  }
}
