/** Names that tools make beside roles and accounts: instance profiles and account aliases. */

export interface InstanceProfileRow {
  /** AIPA… */
  id: string;
  accountId: string;
  name: string;
  path: string;
  createdAt: string;
  tags: Record<string, string>;
  /** An instance profile holds one role at most. */
  roleId: string | null;
}

export interface ProfileRows {
  instanceProfile(accountId: string, name: string): Promise<InstanceProfileRow | undefined>;
  /** Names are unique whatever their case. */
  instanceProfileNamed(accountId: string, nameInAnyCase: string): Promise<InstanceProfileRow | undefined>;
  countInstanceProfiles(accountId: string): Promise<number>;
  /** In the order of their names in lower case, `after` which a page begins. */
  instanceProfilesBelow(
    accountId: string,
    page: { pathPrefix: string; after: string | undefined; limit: number },
  ): Promise<InstanceProfileRow[]>;
  /** Those that hold one of these roles, in the order of their names. */
  instanceProfilesOf(roleIds: readonly string[]): Promise<InstanceProfileRow[]>;
  insertInstanceProfile(row: InstanceProfileRow): Promise<void>;
  updateInstanceProfile(id: string, change: Partial<Pick<InstanceProfileRow, 'tags' | 'roleId'>>): Promise<void>;
  deleteInstanceProfile(id: string): Promise<void>;

  /** An account has one alias at most, and no two accounts the same. */
  accountAlias(accountId: string): Promise<string | undefined>;
  accountWithAlias(alias: string): Promise<string | undefined>;
  putAccountAlias(accountId: string, alias: string): Promise<void>;
  deleteAccountAlias(accountId: string): Promise<void>;
}
