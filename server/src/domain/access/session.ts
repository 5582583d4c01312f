import { newAccessKeyId } from '../access-key-id.ts';
import { SealBroken, type Sealer } from '../encryption/sealing.ts';

/** Where ids and secrets come from. */
interface Randomness {
  bytes(length: number): Uint8Array;
}

/** What a session token holds; sealed under the master key, so that sessions survive a restart without a row. */
export interface Session {
  accessKeyId: string;
  secretAccessKey: string;
  accountId: string;
  /** Id of the role or user; null for the root user. */
  identityId: string | null;
  /** Of a role's session, and of a federated user. */
  sessionName: string | null;
  /** Made by GetFederationToken; absent in tokens that are older than it. */
  federated?: boolean;
  /** Policy documents, and ARNs of managed policies, that bound the session. */
  sessionPolicies: string[];
  tags: Record<string, string>;
  /** Keys of the tags that go on into sessions which this one makes; absent in tokens that are older than they. */
  transitiveTagKeys?: string[];
  sourceIdentity: string | null;
  /** Milliseconds since 1970. */
  issuedAt: number;
  expiresAt: number;
}

/** Makes the credentials of a new session (ASIA…). */
export function issueSession(
  deps: { vault: Sealer; ids: Randomness },
  session: Omit<Session, 'accessKeyId' | 'secretAccessKey'>,
): { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiresAt: Date } {
  const accessKeyId = newAccessKeyId('ASIA', session.accountId, deps.ids);
  const secretAccessKey = newSecret(deps.ids);
  const whole: Session = { ...session, accessKeyId, secretAccessKey };
  const sessionToken = deps.vault.seal(Buffer.from(JSON.stringify(whole)), 'session-token');
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt: new Date(session.expiresAt) };
}

/** 40 characters, as AWS's secrets have. */
export function newSecret(ids: Pick<Randomness, 'bytes'>): string {
  return Buffer.from(ids.bytes(30)).toString('base64');
}

/** @returns undefined for a token that this installation did not make */
export function openSession(vault: Sealer, sessionToken: string): Session | undefined {
  try {
    return JSON.parse(Buffer.from(vault.open(sessionToken, 'session-token')).toString());
  } catch (error) {
    if (error instanceof SealBroken) return undefined;
    throw error;
  }
}
