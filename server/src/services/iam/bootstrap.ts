import { newSecret } from '../../domain/access/session.ts';
import { newAccessKeyId } from '../../domain/access-key-id.ts';
import type { AccessKeyRow } from '../../ports/store-iam.ts';
import { type CredentialDependencies, openSecret, sealSecret } from './credentials.ts';

export interface AccountIdentity {
  accountId: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** LIKENESS_ACCOUNT_ID, LIKENESS_ROOT_ACCESS_KEY_ID, LIKENESS_ROOT_SECRET_ACCESS_KEY. */
export interface ConfiguredAccount {
  accountId: string | undefined;
  rootAccessKeyId: string | undefined;
  rootSecretAccessKey: string | undefined;
}

/**
 * Makes the account of this installation at the first start, and answers its root key at every start. What the
 * configuration fixes wins: a key in the environment replaces the root key that the bootstrap kept.
 *
 * @throws Error with one clear line for settings out of form, another account's data folder, or another master key
 */
export async function bootstrapAccount(
  deps: CredentialDependencies,
  configured: ConfiguredAccount,
): Promise<AccountIdentity> {
  check(configured);
  return await deps.store.transaction(async rows => {
    const now = deps.time.now().toISOString();
    const existing = await rows.iam.firstAccount();
    if (existing !== undefined && configured.accountId !== undefined && existing.accountId !== configured.accountId)
      throw new Error(
        `LIKENESS_ACCOUNT_ID is ${configured.accountId}, but this data folder belongs to account ${existing.accountId}: ` +
          'unset it, or choose another folder.',
      );
    const accountId = existing?.accountId ?? configured.accountId ?? randomAccountId(deps);
    if (existing === undefined)
      await rows.iam.insertAccount({ accountId, createdAt: now, name: null, disabledAt: null });

    const kept = (await rows.iam.accessKeys(accountId, null)).find(key => key.bootstrap);
    const keptSecret = kept && openSecret(deps.vault, kept.sealedSecret, kept.accessKeyId);
    if (kept !== undefined && keptSecret !== undefined) {
      const same = kept.accessKeyId === configured.rootAccessKeyId && keptSecret === configured.rootSecretAccessKey;
      if (configured.rootAccessKeyId === undefined || same)
        return { accountId, accessKeyId: kept.accessKeyId, secretAccessKey: keptSecret };
      await rows.iam.deleteAccessKey(kept.accessKeyId);
    }
    const accessKeyId = configured.rootAccessKeyId ?? newAccessKeyId('AKIA', accountId, deps.ids);
    const taken = await rows.iam.accessKey(accessKeyId);
    if (taken !== undefined)
      throw new Error(`LIKENESS_ROOT_ACCESS_KEY_ID is ${accessKeyId}, which belongs to an IAM user: choose another.`);
    const secretAccessKey = configured.rootSecretAccessKey ?? newSecret(deps.ids);
    await rows.iam.insertAccessKey(rootKey(deps, accountId, accessKeyId, secretAccessKey, now));
    return { accountId, accessKeyId, secretAccessKey };
  });
}

/** The row of a root key. */
export function rootKey(
  deps: CredentialDependencies,
  accountId: string,
  accessKeyId: string,
  secretAccessKey: string,
  createdAt: string,
): AccessKeyRow {
  return {
    accessKeyId,
    accountId,
    userId: null,
    sealedSecret: sealSecret(deps.vault, secretAccessKey, accessKeyId),
    active: true,
    createdAt,
    bootstrap: true,
    lastUsedAt: null,
    lastUsedService: null,
    lastUsedRegion: null,
  };
}

function check({ accountId, rootAccessKeyId, rootSecretAccessKey }: ConfiguredAccount): void {
  if (accountId !== undefined && !/^\d{12}$/.test(accountId))
    throw new Error(`LIKENESS_ACCOUNT_ID must be 12 digits; it is "${accountId}".`);
  if ((rootAccessKeyId === undefined) !== (rootSecretAccessKey === undefined))
    throw new Error('Set both LIKENESS_ROOT_ACCESS_KEY_ID and LIKENESS_ROOT_SECRET_ACCESS_KEY, or neither.');
  if (rootAccessKeyId !== undefined && !/^\w{3,128}$/.test(rootAccessKeyId))
    throw new Error(
      `LIKENESS_ROOT_ACCESS_KEY_ID must be 3 to 128 letters, digits or underscores; it is "${rootAccessKeyId}".`,
    );
  if (rootSecretAccessKey !== undefined && !/^[\x21-\x7e]{8,128}$/.test(rootSecretAccessKey))
    throw new Error(
      `LIKENESS_ROOT_SECRET_ACCESS_KEY must be 8 to 128 visible ASCII characters; it has ${rootSecretAccessKey.length}.`,
    );
}

/** 12 digits that do not begin with 0, which spreadsheets and some tools drop. */
function randomAccountId({ ids }: CredentialDependencies): string {
  const random = Buffer.from(ids.bytes(8)).readBigUInt64BE();
  return String(100_000_000_000n + (random % 900_000_000_000n));
}
