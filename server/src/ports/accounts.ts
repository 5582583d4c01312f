/** The accounts of this installation. The first one administers it; each has rows, buckets, models and keys of its own. */
export interface Accounts {
  /** @throws Fault invalid for what is no account id; conflict when there is such an account */
  create(request: { accountId: string; name: string | null }): Promise<NewAccount>;
  /** The oldest first. */
  list(): Promise<AccountSummary[]>;
  /**
   * The keys and sessions of a disabled account are refused at once, and its units stop; its data stays.
   * @throws Fault notFound; conflict for the first account, which could not enable itself again
   */
  setDisabled(accountId: string, disabled: boolean): Promise<AccountSummary>;
  /** Whether an account administers the installation. */
  isFirst(accountId: string): Promise<boolean>;
}

export interface AccountSummary {
  accountId: string;
  name: string | null;
  status: 'ACTIVE' | 'DISABLED';
  createdAt: string;
  disabledAt: string | null;
}

export interface NewAccount {
  accountId: string;
  accessKeyId: string;
  secretAccessKey: string;
}
