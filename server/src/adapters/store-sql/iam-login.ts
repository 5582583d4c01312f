import type { Kysely, Selectable, Updateable } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { LoginRows, ServiceCredentialRow } from '../../ports/store-iam-login.ts';
import { type BrowserSessionSchema, browserSessionMigrations, browserSessionRows } from './iam-browser-sessions.ts';

interface ServiceCredentialTable {
  id: string;
  account_id: string;
  user_id: string;
  service_name: string;
  alias: string;
  sealed_secret: string;
  active: number;
  created_at: string;
  expires_at: string | null;
}

/** What users sign in with beside access keys. */
export interface IamLoginSchema extends BrowserSessionSchema {
  iam_login_profiles: {
    user_id: string;
    password_hash: string;
    earlier_hashes: string;
    reset_required: number;
    created_at: string;
    changed_at: string;
  };
  iam_password_policies: { account_id: string; policy: string };
  iam_service_credentials: ServiceCredentialTable;
  iam_sign_in_links: { token_hash: string; account_id: string; expires_at: string };
}

export const iamLoginMigrations: Record<string, Migration> = {
  ...browserSessionMigrations,
  '0011-iam-login': {
    async up({ schema }) {
      await schema
        .createTable('iam_login_profiles')
        .addColumn('user_id', 'text', column => column.primaryKey())
        .addColumn('password_hash', 'text', column => column.notNull())
        .addColumn('earlier_hashes', 'text', column => column.notNull())
        .addColumn('reset_required', 'integer', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('changed_at', 'text', column => column.notNull())
        .execute();
      await schema
        .createTable('iam_password_policies')
        .addColumn('account_id', 'text', column => column.primaryKey())
        .addColumn('policy', 'text', column => column.notNull())
        .execute();
      await schema
        .createTable('iam_service_credentials')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('service_name', 'text', column => column.notNull())
        .addColumn('alias', 'text', column => column.notNull().unique())
        .addColumn('sealed_secret', 'text', column => column.notNull())
        .addColumn('active', 'integer', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('expires_at', 'text')
        .execute();
      const index = schema.createIndex('iam_service_credentials_user').on('iam_service_credentials');
      await index.columns(['user_id', 'id']).execute();
    },
  },
  '0013-iam-sign-in-links': {
    async up({ schema }) {
      await schema
        .createTable('iam_sign_in_links')
        .addColumn('token_hash', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('expires_at', 'text', column => column.notNull())
        .execute();
    },
  },
};

export function loginRows(database: Kysely<IamLoginSchema>): LoginRows {
  return {
    ...browserSessionRows(database as unknown as Kysely<BrowserSessionSchema>),
    async loginProfile(userId) {
      const query = database.selectFrom('iam_login_profiles').selectAll().where('user_id', '=', userId);
      const row = await query.executeTakeFirst();
      return (
        row && {
          userId,
          passwordHash: row.password_hash,
          earlierHashes: JSON.parse(row.earlier_hashes),
          resetRequired: row.reset_required === 1,
          createdAt: row.created_at,
          changedAt: row.changed_at,
        }
      );
    },
    async putLoginProfile(row) {
      const values = {
        password_hash: row.passwordHash,
        earlier_hashes: JSON.stringify(row.earlierHashes),
        reset_required: row.resetRequired ? 1 : 0,
        created_at: row.createdAt,
        changed_at: row.changedAt,
      };
      await database
        .insertInto('iam_login_profiles')
        .values({ user_id: row.userId, ...values })
        .onConflict(conflict => conflict.column('user_id').doUpdateSet(values))
        .execute();
    },
    async deleteLoginProfile(userId) {
      const query = database.deleteFrom('iam_login_profiles').where('user_id', '=', userId);
      return (await query.executeTakeFirst()).numDeletedRows > 0n;
    },
    async insertSignInLink({ tokenHash, accountId, expiresAt }) {
      const values = { token_hash: tokenHash, account_id: accountId, expires_at: expiresAt };
      await database.insertInto('iam_sign_in_links').values(values).execute();
    },
    async signInLink(tokenHash) {
      const query = database.selectFrom('iam_sign_in_links').selectAll().where('token_hash', '=', tokenHash);
      const row = await query.executeTakeFirst();
      return row && { tokenHash, accountId: row.account_id, expiresAt: row.expires_at };
    },
    async deleteSignInLink(tokenHash) {
      const query = database.deleteFrom('iam_sign_in_links').where('token_hash', '=', tokenHash);
      return (await query.executeTakeFirst()).numDeletedRows > 0n;
    },
    async deleteSignInLinksUntil(time) {
      await database.deleteFrom('iam_sign_in_links').where('expires_at', '<=', time).execute();
    },
    async passwordPolicy(accountId) {
      const query = database.selectFrom('iam_password_policies').select('policy').where('account_id', '=', accountId);
      const row = await query.executeTakeFirst();
      return row && JSON.parse(row.policy);
    },
    async putPasswordPolicy(accountId, row) {
      const policy = JSON.stringify(row);
      await database
        .insertInto('iam_password_policies')
        .values({ account_id: accountId, policy })
        .onConflict(conflict => conflict.column('account_id').doUpdateSet({ policy }))
        .execute();
    },
    async deletePasswordPolicy(accountId) {
      const query = database.deleteFrom('iam_password_policies').where('account_id', '=', accountId);
      return (await query.executeTakeFirst()).numDeletedRows > 0n;
    },
    async serviceCredential(id) {
      const query = database.selectFrom('iam_service_credentials').selectAll().where('id', '=', id);
      const row = await query.executeTakeFirst();
      return row && toServiceCredential(row);
    },
    async serviceCredentialByAlias(alias) {
      const query = database.selectFrom('iam_service_credentials').selectAll().where('alias', '=', alias);
      const row = await query.executeTakeFirst();
      return row && toServiceCredential(row);
    },
    async serviceCredentials(userId) {
      const query = database.selectFrom('iam_service_credentials').selectAll().where('user_id', '=', userId);
      return (await query.orderBy('id').execute()).map(toServiceCredential);
    },
    async accountServiceCredentials(accountId, after, limit) {
      let query = database.selectFrom('iam_service_credentials').selectAll().where('account_id', '=', accountId);
      if (after !== undefined) query = query.where('id', '>', after);
      return (await query.orderBy('id').limit(limit).execute()).map(toServiceCredential);
    },
    async insertServiceCredential(row) {
      await database
        .insertInto('iam_service_credentials')
        .values({
          id: row.id,
          account_id: row.accountId,
          user_id: row.userId,
          service_name: row.serviceName,
          alias: row.alias,
          sealed_secret: row.sealedSecret,
          active: row.active ? 1 : 0,
          created_at: row.createdAt,
          expires_at: row.expiresAt,
        })
        .execute();
    },
    async updateServiceCredential(id, change) {
      const set: Updateable<ServiceCredentialTable> = {};
      if (change.alias !== undefined) set.alias = change.alias;
      if (change.sealedSecret !== undefined) set.sealed_secret = change.sealedSecret;
      if (change.active !== undefined) set.active = change.active ? 1 : 0;
      await database.updateTable('iam_service_credentials').set(set).where('id', '=', id).execute();
    },
    async deleteServiceCredential(id) {
      await database.deleteFrom('iam_service_credentials').where('id', '=', id).execute();
    },
  };
}

function toServiceCredential(row: Selectable<ServiceCredentialTable>): ServiceCredentialRow {
  return {
    id: row.id,
    accountId: row.account_id,
    userId: row.user_id,
    serviceName: row.service_name,
    alias: row.alias,
    sealedSecret: row.sealed_secret,
    active: row.active === 1,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
