import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { BrowserSessionRows } from '../../ports/store-iam-login.ts';

/** Sign-ins that a browser keeps over a reload. */
export interface BrowserSessionSchema {
  iam_browser_sessions: {
    key_hash: string;
    token_hash: string;
    sealed_token: string;
    earlier_token_hash: string | null;
    renewed_at: string;
    account_id: string;
    identity_id: string | null;
    signed_in_at: string;
    ends_at: string;
  };
}

export const browserSessionMigrations: Record<string, Migration> = {
  '0028-iam-browser-sessions': {
    async up({ schema }) {
      await schema
        .createTable('iam_browser_sessions')
        .addColumn('key_hash', 'text', column => column.primaryKey())
        .addColumn('token_hash', 'text', column => column.notNull())
        .addColumn('sealed_token', 'text', column => column.notNull())
        .addColumn('earlier_token_hash', 'text')
        .addColumn('renewed_at', 'text', column => column.notNull())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('identity_id', 'text')
        .addColumn('signed_in_at', 'text', column => column.notNull())
        .addColumn('ends_at', 'text', column => column.notNull())
        .execute();
    },
  },
};

export function browserSessionRows(database: Kysely<BrowserSessionSchema>): BrowserSessionRows {
  return {
    async browserSession(keyHash) {
      const query = database.selectFrom('iam_browser_sessions').selectAll().where('key_hash', '=', keyHash);
      const row = await query.executeTakeFirst();
      return (
        row && {
          keyHash,
          tokenHash: row.token_hash,
          sealedToken: row.sealed_token,
          earlierTokenHash: row.earlier_token_hash,
          renewedAt: row.renewed_at,
          accountId: row.account_id,
          identityId: row.identity_id,
          signedInAt: row.signed_in_at,
          endsAt: row.ends_at,
        }
      );
    },
    async putBrowserSession(row) {
      const values = {
        token_hash: row.tokenHash,
        sealed_token: row.sealedToken,
        earlier_token_hash: row.earlierTokenHash,
        renewed_at: row.renewedAt,
        account_id: row.accountId,
        identity_id: row.identityId,
        signed_in_at: row.signedInAt,
        ends_at: row.endsAt,
      };
      await database
        .insertInto('iam_browser_sessions')
        .values({ key_hash: row.keyHash, ...values })
        .onConflict(conflict => conflict.column('key_hash').doUpdateSet(values))
        .execute();
    },
    async deleteBrowserSession(keyHash) {
      await database.deleteFrom('iam_browser_sessions').where('key_hash', '=', keyHash).execute();
    },
    async deleteBrowserSessionsOf(accountId) {
      await database.deleteFrom('iam_browser_sessions').where('account_id', '=', accountId).execute();
    },
    async deleteBrowserSessionsUntil(time) {
      await database.deleteFrom('iam_browser_sessions').where('ends_at', '<=', time).execute();
    },
  };
}
