import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { InstanceProfileRow, ProfileRows } from '../../ports/store-iam-profiles.ts';

interface InstanceProfileTable {
  id: string;
  account_id: string;
  name: string;
  /** Lower case: names are unique whatever their case. */
  name_key: string;
  path: string;
  created_at: string;
  tags: string;
  role_id: string | null;
}

export interface IamProfileSchema {
  iam_instance_profiles: InstanceProfileTable;
  iam_account_aliases: { alias: string; account_id: string };
}

export const iamProfileMigrations: Record<string, Migration> = {
  '0012-iam-profiles': {
    async up({ schema }) {
      await schema
        .createTable('iam_instance_profiles')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('name_key', 'text', column => column.notNull())
        .addColumn('path', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('role_id', 'text')
        .addUniqueConstraint('iam_instance_profiles_name', ['account_id', 'name_key'])
        .execute();
      await schema
        .createTable('iam_account_aliases')
        .addColumn('alias', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull().unique())
        .execute();
    },
  },
};

export function profileRows(database: Kysely<IamProfileSchema>): ProfileRows {
  const profiles = (accountId: string) =>
    database.selectFrom('iam_instance_profiles').selectAll().where('account_id', '=', accountId);
  return {
    async instanceProfile(accountId, name) {
      const query = profiles(accountId).where('name_key', '=', name.toLowerCase()).where('name', '=', name);
      const row = await query.executeTakeFirst();
      return row && toInstanceProfile(row);
    },
    async instanceProfileNamed(accountId, name) {
      const row = await profiles(accountId).where('name_key', '=', name.toLowerCase()).executeTakeFirst();
      return row && toInstanceProfile(row);
    },
    async countInstanceProfiles(accountId) {
      const query = database
        .selectFrom('iam_instance_profiles')
        .select(({ fn }) => fn.countAll<number | string>().as('count'))
        .where('account_id', '=', accountId);
      return Number((await query.executeTakeFirst())?.count ?? 0);
    },
    async instanceProfilesBelow(accountId, { pathPrefix, after = '', limit }) {
      const query = profiles(accountId)
        .where('name_key', '>', after)
        .where(sql<boolean>`substr(path, 1, ${pathPrefix.length}) = ${pathPrefix}`);
      return (await query.orderBy('name_key').limit(limit).execute()).map(toInstanceProfile);
    },
    async instanceProfilesOf(roleIds) {
      const query = database
        .selectFrom('iam_instance_profiles')
        .selectAll()
        .where('role_id', 'in', [...roleIds]);
      return (await query.orderBy('name').execute()).map(toInstanceProfile);
    },
    async insertInstanceProfile(row) {
      await database
        .insertInto('iam_instance_profiles')
        .values({
          id: row.id,
          account_id: row.accountId,
          name: row.name,
          name_key: row.name.toLowerCase(),
          path: row.path,
          created_at: row.createdAt,
          tags: JSON.stringify(row.tags),
          role_id: row.roleId,
        })
        .execute();
    },
    async updateInstanceProfile(id, change) {
      const set: Updateable<InstanceProfileTable> = {};
      if (change.tags !== undefined) set.tags = JSON.stringify(change.tags);
      if (change.roleId !== undefined) set.role_id = change.roleId;
      await database.updateTable('iam_instance_profiles').set(set).where('id', '=', id).execute();
    },
    async deleteInstanceProfile(id) {
      await database.deleteFrom('iam_instance_profiles').where('id', '=', id).execute();
    },
    async accountAlias(accountId) {
      const query = database.selectFrom('iam_account_aliases').select('alias').where('account_id', '=', accountId);
      return (await query.executeTakeFirst())?.alias;
    },
    async accountWithAlias(alias) {
      const query = database.selectFrom('iam_account_aliases').select('account_id').where('alias', '=', alias);
      return (await query.executeTakeFirst())?.account_id;
    },
    async putAccountAlias(accountId, alias) {
      await database.deleteFrom('iam_account_aliases').where('account_id', '=', accountId).execute();
      await database.insertInto('iam_account_aliases').values({ alias, account_id: accountId }).execute();
    },
    async deleteAccountAlias(accountId) {
      await database.deleteFrom('iam_account_aliases').where('account_id', '=', accountId).execute();
    },
  };
}

function toInstanceProfile(row: Selectable<InstanceProfileTable>): InstanceProfileRow {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    path: row.path,
    createdAt: row.created_at,
    tags: JSON.parse(row.tags),
    roleId: row.role_id,
  };
}
