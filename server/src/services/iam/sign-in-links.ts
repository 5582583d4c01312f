import { rootPrincipal } from '../../domain/access/identity.ts';
import { issueSession } from '../../domain/access/session.ts';
import { Fault } from '../../domain/fault.ts';
import type { SignInLinks } from '../../ports/sign-in.ts';
import type { CredentialDependencies } from './credentials.ts';
import { hashOf, newSignInToken } from './sign-in-tokens.ts';

/** From the moment it is printed. */
const LINK_MILLISECONDS = 15 * 60_000;

export function createSignInLinks(deps: CredentialDependencies): SignInLinks {
  return {
    async create(accountId) {
      const token = newSignInToken(deps.ids);
      const now = deps.time.now();
      const expiresAt = new Date(now.getTime() + LINK_MILLISECONDS).toISOString();
      await deps.store.transaction(async ({ iam }) => {
        await iam.deleteSignInLinksUntil(now.toISOString());
        await iam.insertSignInLink({ tokenHash: hashOf(token), accountId, expiresAt });
      });
      return token;
    },

    async exchange({ token, durationSeconds }) {
      const now = deps.time.now();
      const tokenHash = hashOf(token);
      // Guesses cost a look, not a write.
      const link = await deps.store.read(({ iam }) => iam.signInLink(tokenHash));
      const taken = link !== undefined && (await deps.store.transaction(({ iam }) => iam.deleteSignInLink(tokenHash)));
      if (!taken || Date.parse(link.expiresAt) <= now.getTime())
        throw new Fault(
          'denied',
          'This link was used before, or is too old. A fresh one is printed by npx --no-install likeness sign-in, ' +
            'where the service runs.',
          { code: 'ExpiredTokenException' },
        );
      const session = issueSession(deps, {
        accountId: link.accountId,
        ...{ identityId: null, sessionName: null, sessionPolicies: [], tags: {}, sourceIdentity: null },
        issuedAt: now.getTime(),
        expiresAt: now.getTime() + durationSeconds * 1000,
      });
      return { accountId: link.accountId, credentials: session, principal: rootPrincipal(link.accountId) };
    },
  };
}
