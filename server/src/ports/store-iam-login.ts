/** What a user signs in with beside access keys: passwords, and keys of single services. */

export interface LoginProfileRow {
  userId: string;
  /** Salted scrypt, with its parameters. */
  passwordHash: string;
  /** Hashes of earlier passwords, the newest first, for PasswordReusePrevention. */
  earlierHashes: string[];
  resetRequired: boolean;
  createdAt: string;
  changedAt: string;
}

/** What an account demands of its passwords; the names are AWS's, in this house's spelling. */
export interface PasswordPolicyRow {
  minimumLength: number;
  requireSymbols: boolean;
  requireNumbers: boolean;
  requireUppercase: boolean;
  requireLowercase: boolean;
  usersMayChange: boolean;
  /** Days; 0: passwords do not expire. */
  maximumAgeDays: number;
  /** Earlier passwords that may not be used again. */
  reusePrevention: number;
  /** Whether only an administrator can renew an expired password. */
  hardExpiry: boolean;
}

/** A long-term key of one service (a Bedrock API key). */
export interface ServiceCredentialRow {
  /** ACCA… */
  id: string;
  accountId: string;
  userId: string;
  serviceName: string;
  /** The public half, by which it is found. */
  alias: string;
  sealedSecret: string;
  active: boolean;
  createdAt: string;
  expiresAt: string | null;
}

/** A link that signs in the root user of an account once. */
export interface SignInLinkRow {
  /** SHA-256 of its token, in hexadecimal. */
  tokenHash: string;
  accountId: string;
  expiresAt: string;
}

/** A sign-in that a browser keeps over a reload. */
export interface BrowserSessionRow {
  /** SHA-256 of the key that the page keeps, in hexadecimal; the same of the cookie's token, and of the one before. */
  keyHash: string;
  tokenHash: string;
  earlierTokenHash: string | null;
  /** The token, sealed under the master key, for who has just shown the one before. */
  sealedToken: string;
  /** When the token became the newest. */
  renewedAt: string;
  accountId: string;
  /** Id of the user; null for the root user. */
  identityId: string | null;
  signedInAt: string;
  endsAt: string;
}

export interface BrowserSessionRows {
  browserSession(keyHash: string): Promise<BrowserSessionRow | undefined>;
  /** Makes or replaces it. */
  putBrowserSession(row: BrowserSessionRow): Promise<void>;
  deleteBrowserSession(keyHash: string): Promise<void>;
  deleteBrowserSessionsOf(accountId: string): Promise<void>;
  /** Those that end at that time or before. */
  deleteBrowserSessionsUntil(time: string): Promise<void>;
}

export interface LoginRows extends BrowserSessionRows {
  loginProfile(userId: string): Promise<LoginProfileRow | undefined>;
  /** Makes or replaces it. */
  putLoginProfile(row: LoginProfileRow): Promise<void>;
  /** @returns whether it was there */
  deleteLoginProfile(userId: string): Promise<boolean>;

  insertSignInLink(row: SignInLinkRow): Promise<void>;
  signInLink(tokenHash: string): Promise<SignInLinkRow | undefined>;
  /** @returns whether it was there */
  deleteSignInLink(tokenHash: string): Promise<boolean>;
  /** Those that expire at that time or before. */
  deleteSignInLinksUntil(time: string): Promise<void>;

  passwordPolicy(accountId: string): Promise<PasswordPolicyRow | undefined>;
  putPasswordPolicy(accountId: string, row: PasswordPolicyRow): Promise<void>;
  /** @returns whether it was there */
  deletePasswordPolicy(accountId: string): Promise<boolean>;

  serviceCredential(id: string): Promise<ServiceCredentialRow | undefined>;
  serviceCredentialByAlias(alias: string): Promise<ServiceCredentialRow | undefined>;
  /** In the order of their ids. */
  serviceCredentials(userId: string): Promise<ServiceCredentialRow[]>;
  /** Of every user of an account: at most `limit` whose id comes after `after`, in the order of their ids. */
  accountServiceCredentials(
    accountId: string,
    after: string | undefined,
    limit: number,
  ): Promise<ServiceCredentialRow[]>;
  insertServiceCredential(row: ServiceCredentialRow): Promise<void>;
  updateServiceCredential(
    id: string,
    change: Partial<Pick<ServiceCredentialRow, 'alias' | 'sealedSecret' | 'active'>>,
  ): Promise<void>;
  deleteServiceCredential(id: string): Promise<void>;
}
