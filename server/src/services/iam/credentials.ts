import { federatedPrincipal, rootPrincipal, sessionPrincipal, userPrincipal } from '../../domain/access/identity.ts';
import { openSession, type Session } from '../../domain/access/session.ts';
import type { Principal } from '../../domain/operation.ts';
import type { Vault } from '../../ports/keys.ts';
import type { Store } from '../../ports/store.ts';
import type { IamRows, IdentityRow } from '../../ports/store-iam.ts';
import type { Ids, Time } from '../../ports/time.ts';

export interface CredentialDependencies {
  store: Store;
  vault: Vault;
  ids: Ids;
  time: Time;
}

export type CredentialAnswer =
  | { found: true; secretAccessKey: string; principal: Principal }
  /**
   * `unknown`: no such key (or a temporary one without its token). `inactive`: switched off. `invalidToken`: a session
   * token that this server did not make, or one for another key. `expired`: the session is over.
   */
  | { found: false; reason: 'unknown' | 'inactive' | 'invalidToken' | 'expired' };

/** Looks up who signs with an access key, and the secret to check the signature with. */
export type ResolveCredential = (
  accessKeyId: string,
  sessionToken: string | undefined,
  used?: { service: string; region: string },
) => Promise<CredentialAnswer>;

/** How often at most a key's last use is written down. */
const LAST_USE_INTERVAL_MILLISECONDS = 15 * 60 * 1000;

export function createCredentialResolver(deps: CredentialDependencies): ResolveCredential {
  const noted = new Map<string, number>();

  async function longTerm(accessKeyId: string): Promise<CredentialAnswer> {
    const key = await deps.store.read(async rows => {
      const row = await rows.iam.accessKey(accessKeyId);
      if (row === undefined) return undefined;
      const user = row.userId === null ? null : await rows.iam.identityById(row.userId);
      return { row, user, disabled: await isDisabled(rows.iam, row.accountId) };
    });
    if (key === undefined || key.user === undefined) return { found: false, reason: 'unknown' };
    if (!key.row.active || key.disabled) return { found: false, reason: 'inactive' };
    const principal = key.user === null ? rootPrincipal(key.row.accountId) : userPrincipal(key.user);
    const secretAccessKey = openSecret(deps.vault, key.row.sealedSecret, accessKeyId);
    return { found: true, secretAccessKey, principal: { ...principal, accessKeyId } };
  }

  async function temporary(accessKeyId: string, sessionToken: string): Promise<CredentialAnswer> {
    const session = openSession(deps.vault, sessionToken);
    if (session === undefined || session.accessKeyId !== accessKeyId) return { found: false, reason: 'invalidToken' };
    if (session.expiresAt <= deps.time.now().getTime()) return { found: false, reason: 'expired' };
    const principal = await deps.store.read(async ({ iam }) =>
      (await isDisabled(iam, session.accountId)) ? undefined : principalOf(session, id => iam.identityById(id)),
    );
    // The user or role is gone or its account disabled, and with it what its sessions could do.
    if (principal === undefined) return { found: false, reason: 'invalidToken' };
    return { found: true, secretAccessKey: session.secretAccessKey, principal: { ...principal, accessKeyId } };
  }

  function noteUse(accessKeyId: string, used: { service: string; region: string }): void {
    const now = deps.time.now();
    if (now.getTime() - (noted.get(accessKeyId) ?? Number.NEGATIVE_INFINITY) < LAST_USE_INTERVAL_MILLISECONDS) return;
    noted.set(accessKeyId, now.getTime());
    const change = { lastUsedAt: now.toISOString(), lastUsedService: used.service, lastUsedRegion: used.region };
    // Nobody waits for it, and a lost note is no loss: the next use writes it again.
    deps.store
      .transaction(rows => rows.iam.updateAccessKey(accessKeyId, change))
      .catch(() => noted.delete(accessKeyId));
  }

  return async (accessKeyId, sessionToken, used) => {
    if (sessionToken !== undefined && sessionToken !== '') return await temporary(accessKeyId, sessionToken);
    const answer = await longTerm(accessKeyId);
    if (answer.found && used !== undefined) noteUse(accessKeyId, used);
    return answer;
  };
}

/** Seals the secret of an access key; the key's id is bound to it. */
export function sealSecret(vault: Vault, secretAccessKey: string, accessKeyId: string): string {
  return vault.seal(Buffer.from(secretAccessKey), `access-key:${accessKeyId}`);
}

/** @throws Error when the master key is not the one that sealed it */
export function openSecret(vault: Vault, sealedSecret: string, accessKeyId: string): string {
  try {
    return Buffer.from(vault.open(sealedSecret, `access-key:${accessKeyId}`)).toString();
  } catch (cause) {
    throw new Error(
      `The secret of access key ${accessKeyId} cannot be read: the master key (LIKENESS_MASTER_KEY, or master.key in the data folder) is not the one that it was stored with. Put that one back.`,
      { cause },
    );
  }
}

async function isDisabled(rows: IamRows, accountId: string): Promise<boolean> {
  return ((await rows.account(accountId))?.disabledAt ?? null) !== null;
}

async function principalOf(
  session: Session,
  identityById: (id: string) => Promise<IdentityRow | undefined>,
): Promise<Principal | undefined> {
  const issued = { tokenIssuedAt: new Date(session.issuedAt) };
  const identity = session.identityId === null ? null : await identityById(session.identityId);
  if (identity === undefined) return undefined;
  const { accountId, sessionName, sessionPolicies, tags } = session;
  if (session.federated)
    return { ...federatedPrincipal(accountId, sessionName ?? '', identity), ...issued, sessionPolicies, tags };
  if (identity === null) return { ...rootPrincipal(accountId), ...issued };
  if (identity.kind === 'user') return { ...userPrincipal(identity), ...issued };
  return {
    ...sessionPrincipal(identity, sessionName ?? '', tags),
    ...issued,
    ...(sessionPolicies.length > 0 ? { sessionPolicies } : {}),
    ...passedOn(session),
    ...(session.sourceIdentity === null ? {} : { sourceIdentity: session.sourceIdentity }),
  };
}

function passedOn({ tags, transitiveTagKeys = [] }: Session): Pick<Principal, 'transitiveTags'> {
  if (transitiveTagKeys.length === 0) return {};
  return { transitiveTags: Object.fromEntries(transitiveTagKeys.map(key => [key, tags[key] ?? ''])) };
}
