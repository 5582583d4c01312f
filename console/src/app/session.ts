import { useSyncExternalStore } from 'react';
import { type Credentials, callUnsigned } from '../aws/likeness.ts';

/**
 * Who is signed in. Credentials stay in this module's memory: objects of S3 are served on the same origin, and a page
 * among them could read whatever lies in the browser's storage.
 */
export interface Session {
  accountId: string;
  /** A user's name, or the last part of the ARN behind an access key. */
  userName: string;
  credentials: Credentials;
  /** Milliseconds since the epoch; null: they do not end. */
  expiresAt: number | null;
  refreshToken: string | null;
}

/** The root user, whom a one-time link signs in, has no name and no refresh. */
interface SignInAnswer {
  accountId: string;
  userName?: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiration: string };
  refreshToken?: string;
}

/** Credentials are renewed this long before they end. */
const REFRESH_MILLISECONDS = 5 * 60_000;

/** A link's session cannot be renewed: it gets the longest time there is. */
const LONGEST_SECONDS = 43_200;

let session: Session | undefined;
/** Counts sign-ins: what was made for one person is not used for the next. */
let signIns = 0;
let refreshing: Promise<void> | undefined;
const listeners = new Set<() => void>();

function set(next: Session | undefined): void {
  session = next;
  for (const listener of listeners) listener();
}

export function useSession(): Session | undefined {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => session,
  );
}

/** @throws ServiceError; `PasswordResetRequiredException` asks for `newPassword` */
export async function signInWithPassword(input: {
  account: string;
  userName: string;
  password: string;
  newPassword?: string;
}): Promise<void> {
  begin(sessionOf(await callUnsigned<SignInAnswer>('POST', '/sign-in', input)));
}

/** @param token of a one-time link */
export async function signInWithLink(token: string): Promise<void> {
  begin(
    sessionOf(await callUnsigned<SignInAnswer>('POST', '/sign-in-link', { token, durationSeconds: LONGEST_SECONDS })),
  );
}

/** Asks STS who the key belongs to, so that a wrong one is told at once. */
export async function signInWithAccessKey(credentials: Credentials, region: string): Promise<void> {
  const { callerOf } = await import('../aws/caller.ts');
  const { accountId, arn } = await callerOf(credentials, region);
  const userName = arn.endsWith(':root') ? 'root' : arn.slice(arn.lastIndexOf('/') + 1);
  begin({ accountId, userName, credentials, expiresAt: null, refreshToken: null });
}

function begin(next: Session): void {
  signIns += 1;
  set(next);
}

export function signInCount(): number {
  return signIns;
}

export function signOut(): void {
  set(undefined);
}

/** Current credentials, renewed where they are about to end. @throws Error when nobody is signed in */
export async function currentCredentials(): Promise<Credentials & { expiration?: Date }> {
  if (session?.expiresAt && session.expiresAt < Date.now() && !session.refreshToken) signOut();
  if (session?.expiresAt && session.refreshToken && session.expiresAt - Date.now() < REFRESH_MILLISECONDS) {
    refreshing ??= refresh(session.refreshToken).finally(() => {
      refreshing = undefined;
    });
    await refreshing;
  }
  if (!session) throw new Error('You are signed out.');
  const { credentials, expiresAt } = session;
  // The SDK keeps what it is given until it ends.
  return expiresAt === null ? credentials : { ...credentials, expiration: new Date(expiresAt) };
}

async function refresh(refreshToken: string): Promise<void> {
  try {
    set(sessionOf(await callUnsigned<SignInAnswer>('POST', '/sign-in/refresh', { refreshToken })));
  } catch (error) {
    // A server that is away for a moment does not end a session that still holds.
    if (session?.expiresAt && session.expiresAt > Date.now()) return;
    signOut();
    throw error;
  }
}

function sessionOf({ accountId, userName = 'root', credentials, refreshToken }: SignInAnswer): Session {
  const { expiration, ...keys } = credentials;
  return {
    accountId,
    userName,
    credentials: keys,
    expiresAt: Date.parse(expiration),
    refreshToken: refreshToken ?? null,
  };
}

/** Whose things are kept in this browser: the account and the name. */
export function currentOwner(): string {
  return session ? `${session.accountId}/${session.userName}` : '';
}
