import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import type { AccessKeyRow, AccountRow, IamRows, IdentityKind, IdentityRow } from '../../ports/store-iam.ts';
import type { AccessKeyTable, IamSchema, IdentityTable } from './iam-schema.ts';

type Part<Names extends keyof IamRows> = Pick<IamRows, Names>;

export function accountRows(
  database: Kysely<IamSchema>,
): Part<'firstAccount' | 'account' | 'accounts' | 'insertAccount' | 'setAccountDisabled'> {
  const oldestFirst = () => database.selectFrom('iam_accounts').selectAll().orderBy('created_at').orderBy('account_id');
  return {
    async firstAccount() {
      const row = await oldestFirst().limit(1).executeTakeFirst();
      return row && toAccount(row);
    },
    async account(accountId) {
      const query = database.selectFrom('iam_accounts').selectAll().where('account_id', '=', accountId);
      const row = await query.executeTakeFirst();
      return row && toAccount(row);
    },
    async accounts() {
      return (await oldestFirst().execute()).map(toAccount);
    },
    async insertAccount(row) {
      await database
        .insertInto('iam_accounts')
        .values({
          account_id: row.accountId,
          created_at: row.createdAt,
          name: row.name,
          disabled_at: row.disabledAt,
        })
        .execute();
    },
    async setAccountDisabled(accountId, disabledAt) {
      await database
        .updateTable('iam_accounts')
        .set({ disabled_at: disabledAt })
        .where('account_id', '=', accountId)
        .execute();
    },
  };
}

export function identityRows(
  database: Kysely<IamSchema>,
): Part<
  | 'identity'
  | 'identityById'
  | 'identityNamed'
  | 'countIdentities'
  | 'identitiesBelow'
  | 'insertIdentity'
  | 'updateIdentity'
  | 'deleteIdentity'
  | 'groupIdsOf'
  | 'groupNamesOf'
  | 'membersOf'
  | 'addMember'
  | 'removeMember'
> {
  const named = (kind: IdentityKind, accountId: string, name: string) =>
    database
      .selectFrom('iam_identities')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('kind', '=', kind)
      .where('name_key', '=', name.toLowerCase());
  return {
    async identity(kind, accountId, name) {
      const row = await named(kind, accountId, name).where('name', '=', name).executeTakeFirst();
      return row && toIdentity(row);
    },
    async identityById(id) {
      const row = await database.selectFrom('iam_identities').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toIdentity(row);
    },
    async identityNamed(kind, accountId, name) {
      const row = await named(kind, accountId, name).executeTakeFirst();
      return row && toIdentity(row);
    },
    async countIdentities(kind, accountId) {
      const query = database
        .selectFrom('iam_identities')
        .select(({ fn }) => fn.countAll<number | string>().as('count'))
        .where('account_id', '=', accountId)
        .where('kind', '=', kind);
      return Number((await query.executeTakeFirst())?.count ?? 0);
    },
    async identitiesBelow(kind, accountId, { pathPrefix, after = '', limit }) {
      const query = database
        .selectFrom('iam_identities')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('kind', '=', kind)
        .where('name_key', '>', after)
        .where(sql<boolean>`substr(path, 1, ${pathPrefix.length}) = ${pathPrefix}`);
      return (await query.orderBy('name_key').limit(limit).execute()).map(toIdentity);
    },
    async insertIdentity(row) {
      await database
        .insertInto('iam_identities')
        .values({
          ...fromIdentity(row),
          id: row.id,
          kind: row.kind,
          account_id: row.accountId,
          name: row.name,
          name_key: row.name.toLowerCase(),
          path: row.path,
          created_at: row.createdAt,
          tags: JSON.stringify(row.tags),
        })
        .execute();
    },
    async updateIdentity(id, change) {
      await database.updateTable('iam_identities').set(fromIdentity(change)).where('id', '=', id).execute();
    },
    async deleteIdentity(id) {
      await database.deleteFrom('iam_identities').where('id', '=', id).execute();
    },
    async groupIdsOf(userId) {
      const query = database.selectFrom('iam_members').select('group_id').where('user_id', '=', userId);
      return (await query.orderBy('group_id').execute()).map(row => row.group_id);
    },
    async groupNamesOf(userIds) {
      return await database
        .selectFrom('iam_members as member')
        .innerJoin('iam_identities as team', 'team.id', 'member.group_id')
        .select(['member.user_id as userId', 'team.name as name'])
        .where('member.user_id', 'in', [...userIds])
        .orderBy('member.group_id')
        .execute();
    },
    async membersOf(groupId, { after = '', limit }) {
      const query = database
        .selectFrom('iam_members as member')
        .innerJoin('iam_identities as user', 'user.id', 'member.user_id')
        .selectAll('user')
        .where('group_id', '=', groupId)
        .where('user_id', '>', after);
      return (await query.orderBy('user_id').limit(limit).execute()).map(toIdentity);
    },
    async addMember(groupId, userId) {
      await database
        .insertInto('iam_members')
        .values({ group_id: groupId, user_id: userId })
        .onConflict(conflict => conflict.doNothing())
        .execute();
    },
    async removeMember(groupId, userId) {
      const query = database.deleteFrom('iam_members').where('group_id', '=', groupId).where('user_id', '=', userId);
      return (await query.executeTakeFirst()).numDeletedRows > 0n;
    },
  };
}

export function accessKeyRows(
  database: Kysely<IamSchema>,
): Part<'accessKey' | 'accessKeys' | 'insertAccessKey' | 'updateAccessKey' | 'deleteAccessKey'> {
  return {
    async accessKey(accessKeyId) {
      const query = database.selectFrom('iam_access_keys').selectAll().where('access_key_id', '=', accessKeyId);
      const row = await query.executeTakeFirst();
      return row && toAccessKey(row);
    },
    async accessKeys(accountId, userId) {
      const query = database
        .selectFrom('iam_access_keys')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('user_id', userId === null ? 'is' : '=', userId);
      return (await query.orderBy('created_at').orderBy('access_key_id').execute()).map(toAccessKey);
    },
    async insertAccessKey(row) {
      await database
        .insertInto('iam_access_keys')
        .values({
          access_key_id: row.accessKeyId,
          account_id: row.accountId,
          user_id: row.userId,
          sealed_secret: row.sealedSecret,
          active: row.active ? 1 : 0,
          created_at: row.createdAt,
          bootstrap: row.bootstrap ? 1 : 0,
          last_used_at: row.lastUsedAt,
          last_used_service: row.lastUsedService,
          last_used_region: row.lastUsedRegion,
        })
        .execute();
    },
    async updateAccessKey(accessKeyId, change) {
      const set: Updateable<AccessKeyTable> = {};
      if (change.active !== undefined) set.active = change.active ? 1 : 0;
      if (change.sealedSecret !== undefined) set.sealed_secret = change.sealedSecret;
      if (change.lastUsedAt !== undefined) set.last_used_at = change.lastUsedAt;
      if (change.lastUsedService !== undefined) set.last_used_service = change.lastUsedService;
      if (change.lastUsedRegion !== undefined) set.last_used_region = change.lastUsedRegion;
      await database.updateTable('iam_access_keys').set(set).where('access_key_id', '=', accessKeyId).execute();
    },
    async deleteAccessKey(accessKeyId) {
      await database.deleteFrom('iam_access_keys').where('access_key_id', '=', accessKeyId).execute();
    },
  };
}

function toAccount(row: Selectable<IamSchema['iam_accounts']>): AccountRow {
  return { accountId: row.account_id, createdAt: row.created_at, name: row.name, disabledAt: row.disabled_at };
}

export function toIdentity(row: Selectable<IdentityTable>): IdentityRow {
  return {
    id: row.id,
    kind: row.kind as IdentityKind,
    accountId: row.account_id,
    name: row.name,
    path: row.path,
    createdAt: row.created_at,
    tags: JSON.parse(row.tags),
    boundaryArn: row.boundary_arn,
    trustPolicy: row.trust_policy,
    description: row.description,
    maximumSessionSeconds: row.maximum_session_seconds,
  };
}

function fromIdentity(change: Partial<IdentityRow>): Updateable<IdentityTable> {
  const set: Updateable<IdentityTable> = {};
  if (change.name !== undefined) {
    set.name = change.name;
    set.name_key = change.name.toLowerCase();
  }
  if (change.path !== undefined) set.path = change.path;
  if (change.tags !== undefined) set.tags = JSON.stringify(change.tags);
  if (change.boundaryArn !== undefined) set.boundary_arn = change.boundaryArn;
  if (change.trustPolicy !== undefined) set.trust_policy = change.trustPolicy;
  if (change.description !== undefined) set.description = change.description;
  if (change.maximumSessionSeconds !== undefined) set.maximum_session_seconds = change.maximumSessionSeconds;
  return set;
}

function toAccessKey(row: Selectable<AccessKeyTable>): AccessKeyRow {
  return {
    accessKeyId: row.access_key_id,
    accountId: row.account_id,
    userId: row.user_id,
    sealedSecret: row.sealed_secret,
    active: row.active === 1,
    createdAt: row.created_at,
    bootstrap: row.bootstrap === 1,
    lastUsedAt: row.last_used_at,
    lastUsedService: row.last_used_service,
    lastUsedRegion: row.last_used_region,
  };
}
