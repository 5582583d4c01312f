import type { LoginRows } from './store-iam-login.ts';
import type { ProfileRows } from './store-iam-profiles.ts';

/** Rows of IAM: the accounts, and each one's identities, their policies and access keys. */

export interface AccountRow {
  accountId: string;
  createdAt: string;
  name: string | null;
  /** Since when its keys and sessions are refused; null: it is active. */
  disabledAt: string | null;
}

/** A user, a role or a group: what they have in common, and what only roles have. */
export interface IdentityRow {
  /** AIDA…, AROA…, AGPA…: never used again, so that a new user of an old name inherits nothing. */
  id: string;
  kind: IdentityKind;
  accountId: string;
  name: string;
  path: string;
  createdAt: string;
  tags: Record<string, string>;
  /** ARN of the managed policy that bounds it. */
  boundaryArn: string | null;
  /** Roles only. */
  trustPolicy: string | null;
  description: string | null;
  maximumSessionSeconds: number | null;
}

export type IdentityKind = 'user' | 'role' | 'group';

/** What a managed policy is to those that have it. */
export type PolicyUse = 'attached' | 'boundary';

export interface AccessKeyRow {
  accessKeyId: string;
  accountId: string;
  /** Id of the user; null for the root user. */
  userId: string | null;
  /** The secret, sealed under the master key (ports/keys.ts, Vault). */
  sealedSecret: string;
  active: boolean;
  createdAt: string;
  /** The root key that the bootstrap made or took from the environment. */
  bootstrap: boolean;
  lastUsedAt: string | null;
  lastUsedService: string | null;
  lastUsedRegion: string | null;
}

/** A customer-managed policy. */
export interface PolicyRow {
  arn: string;
  id: string;
  accountId: string;
  name: string;
  path: string;
  description: string | null;
  defaultVersion: number;
  /** Number of the newest version ever made: numbers are not used again. */
  latestVersion: number;
  createdAt: string;
  updatedAt: string;
  tags: Record<string, string>;
}

export interface PolicyVersionRow {
  policyArn: string;
  version: number;
  document: string;
  createdAt: string;
}

/** A page of a list in the order of its keys, which an index holds: it costs the same wherever it begins. */
export interface SeekPage {
  /** The last key of the page before. */
  after: string | undefined;
  limit: number;
}

export interface IamRows extends LoginRows, ProfileRows {
  /** The account that administers this installation, if it has been set up. */
  firstAccount(): Promise<AccountRow | undefined>;
  account(accountId: string): Promise<AccountRow | undefined>;
  /** The oldest first. */
  accounts(): Promise<AccountRow[]>;
  insertAccount(row: AccountRow): Promise<void>;
  setAccountDisabled(accountId: string, disabledAt: string | null): Promise<void>;

  identity(kind: IdentityKind, accountId: string, name: string): Promise<IdentityRow | undefined>;
  identityById(id: string): Promise<IdentityRow | undefined>;
  /** Names are unique whatever their case. */
  identityNamed(kind: IdentityKind, accountId: string, nameInAnyCase: string): Promise<IdentityRow | undefined>;
  countIdentities(kind: IdentityKind, accountId: string): Promise<number>;
  /** In the order of their names in lower case, which are the keys. */
  identitiesBelow(
    kind: IdentityKind,
    accountId: string,
    page: SeekPage & { pathPrefix: string },
  ): Promise<IdentityRow[]>;
  insertIdentity(row: IdentityRow): Promise<void>;
  updateIdentity(id: string, change: Partial<Omit<IdentityRow, 'id' | 'kind' | 'accountId'>>): Promise<void>;
  deleteIdentity(id: string): Promise<void>;

  groupIdsOf(userId: string): Promise<string[]>;
  /** Names of the groups of each of these users, in the order of the groups' ids. */
  groupNamesOf(userIds: readonly string[]): Promise<{ userId: string; name: string }[]>;
  /** Users, in the order of their ids. */
  membersOf(groupId: string, page: SeekPage): Promise<IdentityRow[]>;
  addMember(groupId: string, userId: string): Promise<void>;
  removeMember(groupId: string, userId: string): Promise<boolean>;

  accessKey(accessKeyId: string): Promise<AccessKeyRow | undefined>;
  /** @param userId null: the root user's */
  accessKeys(accountId: string, userId: string | null): Promise<AccessKeyRow[]>;
  insertAccessKey(row: AccessKeyRow): Promise<void>;
  updateAccessKey(accessKeyId: string, change: Partial<Omit<AccessKeyRow, 'accessKeyId'>>): Promise<void>;
  deleteAccessKey(accessKeyId: string): Promise<void>;

  policy(arn: string): Promise<PolicyRow | undefined>;
  /** Names are unique whatever their case, and wherever their paths. */
  policyNamed(accountId: string, nameInAnyCase: string): Promise<PolicyRow | undefined>;
  countPolicies(accountId: string): Promise<number>;
  /** In the order of their ARNs. */
  policiesBelow(
    accountId: string,
    page: SeekPage & { pathPrefix: string; usedAs: PolicyUse | undefined },
  ): Promise<PolicyRow[]>;
  insertPolicy(row: PolicyRow): Promise<void>;
  updatePolicy(arn: string, change: Partial<Omit<PolicyRow, 'arn'>>): Promise<void>;
  deletePolicy(arn: string): Promise<void>;

  policyVersion(policyArn: string, version: number): Promise<PolicyVersionRow | undefined>;
  /** Newest first. */
  policyVersions(policyArn: string): Promise<PolicyVersionRow[]>;
  insertPolicyVersion(row: PolicyVersionRow): Promise<void>;
  deletePolicyVersion(policyArn: string, version: number): Promise<void>;

  /** ARNs of the managed policies on a user, role or group, in their order of attachment. */
  attachedPolicyArns(identityId: string): Promise<string[]>;
  /** Identities of an account that a managed policy is attached to or bounds, in the order of their ids. */
  identitiesWith(
    policyArn: string,
    accountId: string,
    page: SeekPage & { pathPrefix: string; kind: IdentityKind | undefined; usedAs: PolicyUse | undefined },
  ): Promise<IdentityRow[]>;
  countAttachedTo(policyArn: string, accountId: string): Promise<number>;
  /** Identities of an account that are bounded by a policy. */
  countBoundedBy(policyArn: string, accountId: string): Promise<number>;
  attach(identityId: string, policyArn: string, at: string): Promise<void>;
  /** @returns whether it was attached */
  detach(identityId: string, policyArn: string): Promise<boolean>;

  /** What is on each of these identities, for an answer that shows many: both in the order that one's own list has. */
  policyNamesOn(identityIds: readonly string[]): Promise<{
    attached: { identityId: string; policyArn: string }[];
    inline: { identityId: string; name: string; document: string }[];
  }>;
  /**
   * Every policy on these identities: the text of the inline ones and of the default versions of managed ones; only the ARN
   * (of one that belongs to AWS) where no row has the text. Asked for with every request.
   */
  policiesOn(identityIds: readonly string[]): Promise<{ arn: string | null; document: string | null }[]>;

  inlinePolicy(identityId: string, name: string): Promise<string | undefined>;
  /** In the order of their names. */
  inlinePolicies(identityId: string): Promise<{ name: string; document: string }[]>;
  putInlinePolicy(identityId: string, name: string, document: string): Promise<void>;
  /** @returns whether it was there */
  deleteInlinePolicy(identityId: string, name: string): Promise<boolean>;
}
