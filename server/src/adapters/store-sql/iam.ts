import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { IamRows } from '../../ports/store-iam.ts';
import { accessKeyRows, accountRows, identityRows } from './iam-identities.ts';
import { type IamLoginSchema, iamLoginMigrations, loginRows } from './iam-login.ts';
import { attachmentRows, policyRows } from './iam-policies.ts';
import { type IamProfileSchema, iamProfileMigrations, profileRows } from './iam-profiles.ts';
import type { IamSchema } from './iam-schema.ts';

export type { IamSchema };

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const iamMigrations: Record<string, Migration> = {
  '0001-iam': {
    async up(database) {
      const { schema } = database;
      await schema
        .createTable('iam_accounts')
        .addColumn('account_id', 'text', column => column.primaryKey())
        .addColumn('created_at', 'text', column => column.notNull())
        .execute();
      await schema
        .createTable('iam_identities')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('kind', 'text', column => column.notNull())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('name_key', 'text', column => column.notNull())
        .addColumn('path', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('boundary_arn', 'text')
        .addColumn('trust_policy', 'text')
        .addColumn('description', 'text')
        .addColumn('maximum_session_seconds', 'integer')
        .addUniqueConstraint('iam_identities_name', ['account_id', 'kind', 'name_key'])
        .execute();
      await schema
        .createTable('iam_members')
        .addColumn('group_id', 'text', column => column.notNull())
        .addColumn('user_id', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('iam_members_key', ['user_id', 'group_id'])
        .execute();
      await schema
        .createTable('iam_access_keys')
        .addColumn('access_key_id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('user_id', 'text')
        .addColumn('sealed_secret', 'text', column => column.notNull())
        .addColumn('active', 'integer', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('bootstrap', 'integer', column => column.notNull())
        .addColumn('last_used_at', 'text')
        .addColumn('last_used_service', 'text')
        .addColumn('last_used_region', 'text')
        .execute();
      await schema
        .createTable('iam_policies')
        .addColumn('arn', 'text', column => column.primaryKey())
        .addColumn('id', 'text', column => column.notNull())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('path', 'text', column => column.notNull())
        .addColumn('description', 'text')
        .addColumn('default_version', 'integer', column => column.notNull())
        .addColumn('latest_version', 'integer', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('updated_at', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .execute();
      await schema
        .createTable('iam_policy_versions')
        .addColumn('policy_arn', 'text', column => column.notNull())
        .addColumn('version', 'integer', column => column.notNull())
        .addColumn('document', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('iam_policy_versions_key', ['policy_arn', 'version'])
        .execute();
      await schema
        .createTable('iam_attachments')
        .addColumn('identity_id', 'text', column => column.notNull())
        .addColumn('policy_arn', 'text', column => column.notNull())
        .addColumn('attached_at', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('iam_attachments_key', ['identity_id', 'policy_arn'])
        .execute();
      await schema.createIndex('iam_attachments_policy').on('iam_attachments').column('policy_arn').execute();
      await schema
        .createTable('iam_inline_policies')
        .addColumn('identity_id', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('document', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('iam_inline_policies_key', ['identity_id', 'name'])
        .execute();
    },
  },
  ...iamLoginMigrations,
  ...iamProfileMigrations,
  '0010-iam-several-accounts': {
    async up({ schema }) {
      await schema.alterTable('iam_accounts').addColumn('name', 'text').execute();
      await schema.alterTable('iam_accounts').addColumn('disabled_at', 'text').execute();
    },
  },
  // Each holds the order of a list, so that a page is a seek.
  '0014-iam-pages': {
    async up(database) {
      const { schema } = database;
      await schema.createIndex('iam_policies_page').on('iam_policies').columns(['account_id', 'arn']).execute();
      await sql`create index iam_policies_name on iam_policies (account_id, lower(name))`.execute(database);
      await schema.createIndex('iam_members_page').on('iam_members').columns(['group_id', 'user_id']).execute();
      await schema.createIndex('iam_identities_boundary').on('iam_identities').column('boundary_arn').execute();
      await schema.createIndex('iam_instance_profiles_role').on('iam_instance_profiles').column('role_id').execute();
      await schema.dropIndex('iam_attachments_policy').execute();
      const attachments = schema.createIndex('iam_attachments_page').on('iam_attachments');
      await attachments.columns(['policy_arn', 'identity_id']).execute();
    },
  },
};

export function iamRows(database: Kysely<IamSchema>): IamRows {
  return {
    ...accountRows(database),
    ...identityRows(database),
    ...accessKeyRows(database),
    ...policyRows(database),
    ...attachmentRows(database),
    ...loginRows(database as unknown as Kysely<IamLoginSchema>),
    ...profileRows(database as unknown as Kysely<IamProfileSchema>),
  };
}
