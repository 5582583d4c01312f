import { newSecret } from '../../domain/access/session.ts';
import { newAccessKeyId } from '../../domain/access-key-id.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccountSummary, Accounts } from '../../ports/accounts.ts';
import type { AccountRow } from '../../ports/store-iam.ts';
import { rootKey } from './bootstrap.ts';
import type { CredentialDependencies } from './credentials.ts';

/** Makes, lists and disables accounts, on the rows alone: the running server and the CLI on a stopped one share it. */
export function createAccounts(deps: CredentialDependencies): Accounts {
  return {
    async create({ accountId, name }) {
      if (!/^\d{12}$/.test(accountId))
        throw new Fault('invalid', `accountId must be 12 digits; you sent ${JSON.stringify(accountId)}.`);
      if (name !== null && !/^[\u0020-\u007e]{1,50}$/.test(name))
        throw new Fault('invalid', `name must be 1 to 50 characters of printable ASCII; you sent ${name.length}.`);
      const accessKeyId = newAccessKeyId('AKIA', accountId, deps.ids);
      const secretAccessKey = newSecret(deps.ids);
      const createdAt = deps.time.now().toISOString();
      return await deps.store.transaction(async ({ iam }) => {
        if ((await iam.account(accountId)) !== undefined)
          throw new Fault('conflict', `Account ${accountId} already exists.`, { code: 'EntityAlreadyExists' });
        await iam.insertAccount({ accountId, createdAt, name, disabledAt: null });
        const key = rootKey(deps, accountId, accessKeyId, secretAccessKey, createdAt);
        await iam.insertAccessKey({ ...key, bootstrap: false });
        return { accountId, accessKeyId, secretAccessKey };
      });
    },

    list: async () => (await deps.store.read(({ iam }) => iam.accounts())).map(summary),

    async setDisabled(accountId, disabled) {
      return await deps.store.transaction(async ({ iam }) => {
        const account = await iam.account(accountId);
        if (account === undefined) throw new Fault('notFound', `There is no account ${accountId}.`);
        if (disabled && (await iam.firstAccount())?.accountId === accountId)
          throw new Fault('conflict', `Account ${accountId} administers this installation: it cannot be disabled.`);
        const disabledAt = disabled ? (account.disabledAt ?? deps.time.now().toISOString()) : null;
        await iam.setAccountDisabled(accountId, disabledAt);
        // Keys work again when it is enabled; who was signed in signs in anew.
        if (disabled) await iam.deleteBrowserSessionsOf(accountId);
        return summary({ ...account, disabledAt });
      });
    },

    isFirst: async accountId => (await deps.store.read(({ iam }) => iam.firstAccount()))?.accountId === accountId,
  };
}

function summary({ accountId, name, createdAt, disabledAt }: AccountRow): AccountSummary {
  return { accountId, name, status: disabledAt === null ? 'ACTIVE' : 'DISABLED', createdAt, disabledAt };
}
