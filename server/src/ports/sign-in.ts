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

export interface SignedIn {
  accountId: string;
  userName: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string; expiresAt: Date };
  refreshToken: string;
  refreshableUntil: Date;
}
