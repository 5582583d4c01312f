import { useSyncExternalStore } from 'react';
import { type Credentials, callUnsigned, ServiceError } from '../aws/likeness.ts';

/**
 * Who is signed in. Credentials stay in this module's memory: objects of S3 are served on the same origin, and a page
 * among them could read whatever lies in the browser's storage. What a reload needs lies in a cookie that no script reads, and
 * in a key that is worth nothing without it.
 */
export interface Session {
  accountId: string;
  /** A user's name, or the last part of the ARN behind an access key. */
  userName: string;
  credentials: Credentials;
  /** Milliseconds since the epoch; null: they do not end. */
  expiresAt: number | null;
  /** Renews the credentials, with the cookie; null for an access key, which lives as long as the page. */
  sessionKey: string | null;
}

/** The root user, whom a one-time link signs in, has no name. */
interface SignInAnswer {
  accountId: string;
  userName?: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiration: string };
  sessionKey?: string;
}

/** Credentials are renewed this long before they end. */
const REFRESH_MILLISECONDS = 5 * 60_000;

/** In the browser's storage, for every tab of this origin. */
const SESSION_KEY = 'likeness-session-key';

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
  beginKept(await callUnsigned<SignInAnswer>('POST', '/sign-in', { ...input, keepInBrowser: true }));
}

/** @param token of a one-time link */
export async function signInWithLink(token: string): Promise<void> {
  beginKept(await callUnsigned<SignInAnswer>('POST', '/sign-in-link', { token, keepInBrowser: true }));
}

/** Asks STS who the key belongs to, so that a wrong one is told at once. */
export async function signInWithAccessKey(credentials: Credentials, region: string): Promise<void> {
  const { callerOf } = await import('../aws/caller.ts');
  const { accountId, arn } = await callerOf(credentials, region);
  const userName = arn.endsWith(':root') ? 'root' : arn.slice(arn.lastIndexOf('/') + 1);
  begin({ accountId, userName, credentials, expiresAt: null, sessionKey: null });
}

/** Whether somebody signed in before the page was loaded, and may still be: `resumeSession` finds out. */
export function isSessionKept(): boolean {
  return keptKey() !== null;
}

/** @returns whether whoever signed in before the page was loaded is signed in again */
export async function resumeSession(): Promise<boolean> {
  const sessionKey = keptKey();
  if (sessionKey === null) return false;
  try {
    const next = await resumed(sessionKey);
    // Another tab's sign-in as the same person changes nothing that is shown.
    if (ownerOf(next) === currentOwner()) set(next);
    else begin(next);
    return true;
  } catch (error) {
    // A server that is away for a moment does not end what it keeps.
    if (error instanceof ServiceError && keptKey() === sessionKey) keepKey(null);
    return false;
  }
}

function begin(next: Session): void {
  signIns += 1;
  set(next);
}

function beginKept(answer: SignInAnswer): void {
  const next = sessionOf(answer, answer.sessionKey ?? null);
  keepKey(next.sessionKey);
  begin(next);
}

export function signInCount(): number {
  return signIns;
}

export function signOut(): void {
  const sessionKey = session?.sessionKey ?? null;
  set(undefined);
  if (sessionKey === null) return;
  if (keptKey() === sessionKey) keepKey(null);
  // Whoever is signed out has nothing to read here; a server that is away forgets the session by itself, hours later.
  callUnsigned('POST', '/sign-in/session/end', { sessionKey }).catch(() => undefined);
}

/** Current credentials, renewed where they are about to end. @throws Error when nobody is signed in */
export async function currentCredentials(): Promise<Credentials & { expiration?: Date }> {
  if (session?.expiresAt && session.sessionKey && session.expiresAt - Date.now() < REFRESH_MILLISECONDS) {
    refreshing ??= refresh(session.sessionKey).finally(() => {
      refreshing = undefined;
    });
    await refreshing;
  }
  if (!session) throw new Error('You are signed out.');
  const { credentials, expiresAt } = session;
  // The SDK keeps what it is given until it ends.
  return expiresAt === null ? credentials : { ...credentials, expiration: new Date(expiresAt) };
}

async function refresh(sessionKey: string): Promise<void> {
  try {
    set(await resumed(sessionKey));
  } catch (error) {
    // A server that is away for a moment does not end a session that still holds.
    if (session?.expiresAt && session.expiresAt > Date.now()) return;
    signOut();
    throw error;
  }
}

async function resumed(sessionKey: string): Promise<Session> {
  return sessionOf(await callUnsigned<SignInAnswer>('POST', '/sign-in/session', { sessionKey }), sessionKey);
}

function sessionOf({ accountId, userName = 'root', credentials }: SignInAnswer, sessionKey: string | null): Session {
  const { expiration, ...keys } = credentials;
  return { accountId, userName, credentials: keys, expiresAt: Date.parse(expiration), sessionKey };
}

function keptKey(): string | null {
  try {
    return window.localStorage.getItem(SESSION_KEY);
  } catch {
    // Without storage a reload asks to sign in again.
    return null;
  }
}

function keepKey(sessionKey: string | null): void {
  try {
    if (sessionKey === null) window.localStorage.removeItem(SESSION_KEY);
    else window.localStorage.setItem(SESSION_KEY, sessionKey);
  } catch {
    // As above.
  }
}

// Another tab signed in or out: the browser's one cookie went with it.
window.addEventListener('storage', ({ key, newValue }) => {
  if (key !== SESSION_KEY || !session?.sessionKey || newValue === session.sessionKey) return;
  if (newValue === null) set(undefined);
  else resumeSession().then(isSignedIn => isSignedIn || set(undefined));
});

/** Whose things are kept in this browser: the account and the name. */
export function currentOwner(): string {
  return session ? ownerOf(session) : '';
}

function ownerOf({ accountId, userName }: Session): string {
  return `${accountId}/${userName}`;
}
