import type { Principal } from '../domain/operation.ts';

/** Signing in with a password, for a console and for people without access keys. */
export interface SignIn {
  /**
   * @throws Fault denied, the same whether the account, the user or the password is wrong; throttled after too many tries;
   *   denied PasswordResetRequiredException where a new password must come along
   */
  signIn(request: {
    /** 12 digits, or the account's alias. */
    account: string;
    userName: string;
    password: string;
    newPassword: string | null;
    durationSeconds: number;
    sourceIp: string;
  }): Promise<SignedIn>;
  /** New credentials without the password, until twelve hours after it was given. @throws Fault denied */
  refresh(request: { refreshToken: string; durationSeconds: number }): Promise<SignedIn>;
}

/** Signing in without a password, once, by a link that whoever starts the service is shown. */
export interface SignInLinks {
  /** @returns the token of a link for the account's root user */
  create(accountId: string): Promise<string>;
  /** @throws Fault denied ExpiredTokenException, the same for a token that never was, was used, or is too old */
  exchange(request: {
    token: string;
    durationSeconds: number;
  }): Promise<Pick<SignedIn, 'accountId' | 'credentials' | 'principal'>>;
}

/** Signing in that outlives a reload of the page: a cookie's token, and a key without which it is worth nothing. */
export interface BrowserSessions {
  /** @param principal the root user or a user, who has just signed in */
  begin(principal: Principal): Promise<{ token: string; key: string }>;
  /**
   * New credentials and the cookie's next token, until twelve hours after signing in.
   * @throws Fault denied ExpiredTokenException: it ended, or its account, its user or the password that began it is gone
   */
  resume(request: {
    token: string;
    key: string;
    durationSeconds: number;
  }): Promise<Pick<SignedIn, 'principal' | 'accountId' | 'credentials'> & { token: string }>;
  /** @returns whether the token was of this session */
  end(request: { token: string; key: string }): Promise<boolean>;
}

export interface SignedIn {
  principal: Principal;
  accountId: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiresAt: Date };
  refreshToken: string;
  refreshableUntil: Date;
}
