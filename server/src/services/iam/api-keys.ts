import { timingSafeEqual } from 'node:crypto';
import { userPrincipal } from '../../domain/access/identity.ts';
import type { Principal } from '../../domain/operation.ts';
import type { CredentialDependencies } from './credentials.ts';
import { openServiceSecret } from './service-credentials.ts';

/** Looks up whose a long-term Bedrock API key is; its whole text is compared, in constant time. */
export function createApiKeyResolver(deps: CredentialDependencies) {
  return async (
    token: string,
  ): Promise<{ found: true; principal: Principal } | { found: false; reason: 'unknown' | 'inactive' | 'expired' }> => {
    const decoded = Buffer.from(token.slice('ABSK'.length), 'base64').toString('utf8');
    const alias = decoded.slice(0, decoded.indexOf(':'));
    const found = await deps.store.read(async ({ iam }) => {
      const row = await iam.serviceCredentialByAlias(alias);
      if (row === undefined) return undefined;
      const account = await iam.account(row.accountId);
      return { row, user: await iam.identityById(row.userId), active: account?.disabledAt === null };
    });
    if (found?.user === undefined) return { found: false, reason: 'unknown' };
    const [sent, kept] = [Buffer.from(token), openServiceSecret(deps.vault, found.row)];
    if (sent.length !== kept.length || !timingSafeEqual(sent, kept)) return { found: false, reason: 'unknown' };
    if (!found.active || !found.row.active) return { found: false, reason: 'inactive' };
    if (found.row.expiresAt !== null && new Date(found.row.expiresAt) <= deps.time.now())
      return { found: false, reason: 'expired' };
    return { found: true, principal: userPrincipal(found.user) };
  };
}
