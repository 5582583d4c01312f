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

export interface SignedIn {
  principal: Principal;
  accountId: string;
  userName: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiresAt: Date };
  refreshToken: string;
  refreshableUntil: Date;
}
