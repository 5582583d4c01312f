import type { Rows } from '../ports/store.ts';

/** Accounts whose keys are refused: their jobs and units rest, and go on where they are enabled again. */
export async function disabledAccounts(rows: Pick<Rows, 'iam'>): Promise<string[]> {
  return (await rows.iam.accounts()).filter(row => row.disabledAt !== null).map(row => row.accountId);
}
