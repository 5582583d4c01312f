import { identityIdOf, rootPrincipal, userPrincipal } from '../../domain/access/identity.ts';
import { issueSession } from '../../domain/access/session.ts';
import { Fault } from '../../domain/fault.ts';
import type { Principal } from '../../domain/operation.ts';
import type { BrowserSessions } from '../../ports/sign-in.ts';
import type { IamRows } from '../../ports/store-iam.ts';
import type { BrowserSessionRow } from '../../ports/store-iam-login.ts';
import type { CredentialDependencies } from './credentials.ts';
import { LONGEST_SIGN_IN_MILLISECONDS } from './sign-in.ts';
import { hashOf, newSignInToken } from './sign-in-tokens.ts';

/** Two tabs may ask at once, and an answer may be lost with the page that it was for. */
const EARLIER_TOKEN_MILLISECONDS = 60_000;

/**
 * Signing in that outlives a reload. Two secrets that are kept apart: a token in a cookie that no script reads, new with each
 * use, and a key that the page keeps, which is worth nothing alone.
 */
export function createBrowserSessions(deps: CredentialDependencies): BrowserSessions {
  const now = () => deps.time.now();
  const over = () => new Fault('denied', 'The sign-in is over: sign in again.', { code: 'ExpiredTokenException' });
  const sealed = (token: string, keyHash: string) => deps.vault.seal(Buffer.from(token), `browser-session:${keyHash}`);

  /** Guesses cost a look, not a write. */
  const isThere = (keyHash: string) =>
    deps.store.read(async ({ iam }) => (await iam.browserSession(keyHash)) !== undefined);

  /** @returns undefined where the session is over, which ends it for good */
  async function renewed(rows: IamRows, token: string, keyHash: string) {
    const row = await rows.browserSession(keyHash);
    const principal = row && (await principalOf(rows, row, now()));
    const held = row && heldToken(row, hashOf(token), now());
    if (row === undefined || principal === undefined || held === undefined) {
      // A token that is neither the last nor, for a moment, the one before was copied, or is another session's.
      await rows.deleteBrowserSession(keyHash);
      return undefined;
    }
    if (held === 'earlier') {
      const current = Buffer.from(deps.vault.open(row.sealedToken, `browser-session:${keyHash}`)).toString();
      return { row, principal, token: current };
    }
    const next = newSignInToken(deps.ids);
    await rows.putBrowserSession({
      ...row,
      ...{ tokenHash: hashOf(next), sealedToken: sealed(next, keyHash), earlierTokenHash: row.tokenHash },
      renewedAt: now().toISOString(),
    });
    return { row, principal, token: next };
  }

  return {
    async begin(principal) {
      const [token, key] = [newSignInToken(deps.ids), newSignInToken(deps.ids)];
      const keyHash = hashOf(key);
      const signedInAt = now().toISOString();
      const row: BrowserSessionRow = {
        ...{ keyHash, tokenHash: hashOf(token), sealedToken: sealed(token, keyHash), earlierTokenHash: null },
        ...{ accountId: principal.accountId, identityId: identityIdOf(principal) ?? null },
        ...{ signedInAt, renewedAt: signedInAt },
        endsAt: new Date(now().getTime() + LONGEST_SIGN_IN_MILLISECONDS).toISOString(),
      };
      await deps.store.transaction(async ({ iam }) => {
        await iam.deleteBrowserSessionsUntil(signedInAt);
        await iam.putBrowserSession(row);
      });
      return { token, key };
    },

    async resume({ token, key, durationSeconds }) {
      const keyHash = hashOf(key);
      const found = (await isThere(keyHash))
        ? await deps.store.transaction(({ iam }) => renewed(iam, token, keyHash))
        : undefined;
      if (found === undefined) throw over();
      const { row, principal } = found;
      const credentials = issueSession(deps, {
        ...{ accountId: row.accountId, identityId: row.identityId },
        ...{ sessionName: null, sessionPolicies: [], tags: {}, sourceIdentity: null },
        issuedAt: now().getTime(),
        expiresAt: Math.min(now().getTime() + durationSeconds * 1000, Date.parse(row.endsAt)),
      });
      return { principal, accountId: row.accountId, credentials, token: found.token };
    },

    async end({ token, key }) {
      const keyHash = hashOf(key);
      if (!(await isThere(keyHash))) return false;
      return await deps.store.transaction(async ({ iam }) => {
        const row = await iam.browserSession(keyHash);
        await iam.deleteBrowserSession(keyHash);
        return row !== undefined && [row.tokenHash, row.earlierTokenHash].includes(hashOf(token));
      });
    },
  };
}

function heldToken(row: BrowserSessionRow, tokenHash: string, now: Date): 'current' | 'earlier' | undefined {
  if (tokenHash === row.tokenHash) return 'current';
  const isRecent = now.getTime() - Date.parse(row.renewedAt) <= EARLIER_TOKEN_MILLISECONDS;
  return tokenHash === row.earlierTokenHash && isRecent ? 'earlier' : undefined;
}

/** @returns undefined where the session's time is over, or its account, its user or the password it began with is gone */
async function principalOf(rows: IamRows, row: BrowserSessionRow, now: Date): Promise<Principal | undefined> {
  const { accountId, identityId, signedInAt, endsAt } = row;
  if (Date.parse(endsAt) <= now.getTime() || (await rows.account(accountId))?.disabledAt !== null) return undefined;
  if (identityId === null) return rootPrincipal(accountId);
  const profile = await rows.loginProfile(identityId);
  if (profile === undefined || Date.parse(profile.changedAt) > Date.parse(signedInAt)) return undefined;
  const user = await rows.identityById(identityId);
  return user && userPrincipal(user);
}
