/** Rows of KMS: keys of an account in a Region, their aliases and grants. */

export interface KeyRow {
  /** UUID; the last part of the ARN. */
  keyId: string;
  accountId: string;
  region: string;
  /** AWS's KeySpec: SYMMETRIC_DEFAULT, RSA_2048, … */
  spec: string;
  usage: 'ENCRYPT_DECRYPT' | 'SIGN_VERIFY' | 'GENERATE_VERIFY_MAC';
  state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  description: string;
  /** Whose it is to change: the account's, or AWS's. */
  manager: 'CUSTOMER' | 'AWS';
  createdAt: string;
  /** Milliseconds since 1970; only while PendingDeletion. From then on the key is gone. */
  deleteAt: number | null;
  /** What encrypts or signs now (services/kms/key-kinds.ts), sealed under the master key (ports/keys.ts, Vault); those before are in rotations. */
  sealedMaterial: string;
  /** How often the material was replaced. */
  materialVersion: number;
  /** null: no automatic rotation. */
  rotationPeriodDays: number | null;
  /** Milliseconds since 1970. */
  nextRotationAt: number | null;
  policy: string;
  tags: Record<string, string>;
}

/** A rotation, with the material that it retired. */
export interface RotationRow {
  keyId: string;
  retiredVersion: number;
  sealedMaterial: string;
  rotatedAt: string;
  type: 'AUTOMATIC' | 'ON_DEMAND';
}

export interface AliasRow {
  accountId: string;
  region: string;
  /** With `alias/` before it. */
  name: string;
  keyId: string;
  createdAt: string;
  updatedAt: string;
}

export interface GrantRow {
  grantId: string;
  keyId: string;
  /** Account that made it. */
  issuingAccountId: string;
  /** ARN of a user, role or session, or a service's name. */
  granteePrincipal: string;
  retiringPrincipal: string | null;
  operations: string[];
  /** Encryption context that a use must have: all of these pairs (subset), or these and no others (equals). */
  constraints: { equals?: Record<string, string>; subset?: Record<string, string> };
  name: string;
  createdAt: string;
}

/** A page of a list in the order of its keys, which an index holds: it costs the same wherever it begins. */
export interface SeekPage {
  /** The last key of the page before. */
  after: string | undefined;
  limit: number;
}

export interface KmsRows {
  key(keyId: string): Promise<KeyRow | undefined>;
  /** Keys whose day has not come, in the order of their ids. @param page.now milliseconds since 1970 */
  keys(accountId: string, region: string, page: SeekPage & { now: number }): Promise<KeyRow[]>;
  insertKey(row: KeyRow): Promise<void>;
  updateKey(keyId: string, change: Partial<Omit<KeyRow, 'keyId' | 'accountId' | 'region'>>): Promise<void>;
  /** Removes keys whose day has come, with their rotations, aliases and grants. @param now milliseconds since 1970 */
  deleteKeysDue(now: number): Promise<void>;

  alias(accountId: string, region: string, name: string): Promise<AliasRow | undefined>;
  /** In the order of their names. @param page.keyId only those of a key */
  aliases(accountId: string, region: string, page: SeekPage & { keyId?: string | undefined }): Promise<AliasRow[]>;
  aliasesOf(key: Pick<KeyRow, 'accountId' | 'region' | 'keyId'>): Promise<AliasRow[]>;
  insertAlias(row: AliasRow): Promise<void>;
  updateAlias(row: AliasRow): Promise<void>;
  deleteAlias(accountId: string, region: string, name: string): Promise<void>;

  rotation(keyId: string, retiredVersion: number): Promise<RotationRow | undefined>;
  /** The oldest first. */
  rotations(keyId: string): Promise<RotationRow[]>;
  insertRotation(row: RotationRow): Promise<void>;

  grant(grantId: string): Promise<GrantRow | undefined>;
  /** In the order of their ids. */
  grants(
    keyId: string,
    page: SeekPage & { grantId?: string | undefined; granteePrincipal?: string | undefined },
  ): Promise<GrantRow[]>;
  /** Those that have one of some grantees, in the order of these: of all of a key's there may be many. */
  grantsTo(keyId: string, granteePrincipals: readonly string[]): Promise<GrantRow[]>;
  grantsNamed(keyId: string, name: string): Promise<GrantRow[]>;
  /** Grants on the keys of an account in a Region, in the order of their ids. */
  grantsRetirableBy(principal: string, accountId: string, region: string, page: SeekPage): Promise<GrantRow[]>;
  insertGrant(row: GrantRow): Promise<void>;
  deleteGrant(grantId: string): Promise<void>;
}
