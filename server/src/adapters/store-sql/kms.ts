import { type Kysely, type Selectable, sql, type Updateable } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { AliasRow, GrantRow, KeyRow, KmsRows } from '../../ports/store-kms.ts';
import { type KmsRotationSchema, kmsRotationMigrations, rotationRows } from './kms-rotations.ts';

interface KeyTable {
  key_id: string;
  account_id: string;
  region: string;
  state: string;
  description: string;
  manager: string;
  created_at: string;
  delete_at: number | null;
  sealed_material: string;
  policy: string;
  tags: string;
  material_version: number;
  rotation_period_days: number | null;
  next_rotation_at: number | null;
  spec: string;
  usage: string;
}

interface AliasTable {
  account_id: string;
  region: string;
  name: string;
  key_id: string;
  created_at: string;
  updated_at: string;
}

interface GrantTable {
  grant_id: string;
  key_id: string;
  issuing_account_id: string;
  grantee_principal: string;
  retiring_principal: string | null;
  operations: string;
  constraints: string;
  name: string;
  created_at: string;
}

/** Tables of the kms service; names begin with kms_. */
export interface KmsSchema extends KmsRotationSchema {
  kms_keys: KeyTable;
  kms_aliases: AliasTable;
  kms_grants: GrantTable;
}

/** Append only: a released migration is never edited. Keys sort in the order in which they run. */
export const kmsMigrations: Record<string, Migration> = {
  '0001-kms': {
    async up({ schema }) {
      await schema
        .createTable('kms_keys')
        .addColumn('key_id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('state', 'text', column => column.notNull())
        .addColumn('description', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('delete_at', 'bigint')
        .addColumn('sealed_material', 'text', column => column.notNull())
        .addColumn('policy', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .execute();
      await schema.createIndex('kms_keys_scope').on('kms_keys').columns(['account_id', 'region', 'key_id']).execute();
      await schema
        .createTable('kms_aliases')
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('key_id', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .addColumn('updated_at', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('kms_aliases_key', ['account_id', 'region', 'name'])
        .execute();
      await schema
        .createTable('kms_grants')
        .addColumn('grant_id', 'text', column => column.primaryKey())
        .addColumn('key_id', 'text', column => column.notNull())
        .addColumn('issuing_account_id', 'text', column => column.notNull())
        .addColumn('grantee_principal', 'text', column => column.notNull())
        .addColumn('retiring_principal', 'text')
        .addColumn('operations', 'text', column => column.notNull())
        .addColumn('constraints', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('created_at', 'text', column => column.notNull())
        .execute();
      await schema.createIndex('kms_grants_of_key').on('kms_grants').columns(['key_id', 'grant_id']).execute();
    },
  },
  ...kmsRotationMigrations,
  // Each holds the order of a list, so that a page is a seek.
  '0014-kms-pages': {
    async up({ schema }) {
      const grants = schema.createIndex('kms_grants_retirable').on('kms_grants');
      await grants.columns(['retiring_principal', 'grant_id']).execute();
      const aliases = schema.createIndex('kms_aliases_page').on('kms_aliases');
      await aliases.columns(['account_id', 'region', 'key_id', 'name']).execute();
    },
  },
  // Every use of a key asks for the grants of its caller, every use of an encrypted model for that of its name.
  '0026-kms-grants-of-callers': {
    async up({ schema }) {
      const byGrantee = schema.createIndex('kms_grants_of_grantee').on('kms_grants');
      await byGrantee.columns(['key_id', 'grantee_principal', 'grant_id']).execute();
      const byName = schema.createIndex('kms_grants_of_name').on('kms_grants');
      await byName.columns(['key_id', 'name', 'grant_id']).execute();
    },
  },
  '0027-kms-managers': {
    async up(database) {
      const { schema } = database;
      const manager = schema.alterTable('kms_keys');
      await manager.addColumn('manager', 'text', column => column.notNull().defaultTo('CUSTOMER')).execute();
      await sql`update kms_keys set manager = 'AWS'
        where key_id in (select key_id from kms_aliases where name = 'alias/aws/s3')`.execute(database);
      // The names of the service's own grants held the dots of model ids, which no name of a grant may.
      await sql`update kms_grants set name = replace(name, '.', '_') where name like 'bedrock:%'`.execute(database);
    },
  },
};

export function kmsRows(database: Kysely<KmsSchema>): KmsRows {
  // Kysely is invariant in its schema; rotations name their own table only.
  const rotations = rotationRows(database as unknown as Kysely<KmsRotationSchema>);
  return { ...keyRows(database), ...aliasRows(database), ...grantRows(database), ...rotations };
}

type Part<Names extends keyof KmsRows> = Pick<KmsRows, Names>;

function keyRows(database: Kysely<KmsSchema>): Part<'key' | 'keys' | 'insertKey' | 'updateKey' | 'deleteKeysDue'> {
  return {
    async key(keyId) {
      const row = await database.selectFrom('kms_keys').selectAll().where('key_id', '=', keyId).executeTakeFirst();
      return row && toKey(row);
    },
    async keys(accountId, region, { after = '', limit, now }) {
      const query = database
        .selectFrom('kms_keys')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where('key_id', '>', after)
        .where(({ or, eb }) => or([eb('delete_at', 'is', null), eb('delete_at', '>', now)]));
      return (await query.orderBy('key_id').limit(limit).execute()).map(toKey);
    },
    async insertKey(row) {
      await database
        .insertInto('kms_keys')
        .values({
          key_id: row.keyId,
          account_id: row.accountId,
          region: row.region,
          state: row.state,
          description: row.description,
          manager: row.manager,
          created_at: row.createdAt,
          delete_at: row.deleteAt,
          sealed_material: row.sealedMaterial,
          policy: row.policy,
          tags: JSON.stringify(row.tags),
          material_version: row.materialVersion,
          rotation_period_days: row.rotationPeriodDays,
          next_rotation_at: row.nextRotationAt,
          spec: row.spec,
          usage: row.usage,
        })
        .execute();
    },
    async updateKey(keyId, change) {
      const set: Updateable<KeyTable> = {};
      if (change.state !== undefined) set.state = change.state;
      if (change.description !== undefined) set.description = change.description;
      if (change.deleteAt !== undefined) set.delete_at = change.deleteAt;
      if (change.sealedMaterial !== undefined) set.sealed_material = change.sealedMaterial;
      if (change.materialVersion !== undefined) set.material_version = change.materialVersion;
      if (change.rotationPeriodDays !== undefined) set.rotation_period_days = change.rotationPeriodDays;
      if (change.nextRotationAt !== undefined) set.next_rotation_at = change.nextRotationAt;
      if (change.policy !== undefined) set.policy = change.policy;
      if (change.tags !== undefined) set.tags = JSON.stringify(change.tags);
      await database.updateTable('kms_keys').set(set).where('key_id', '=', keyId).execute();
    },
    async deleteKeysDue(now) {
      const due = database.selectFrom('kms_keys').select('key_id').where('delete_at', '<=', now);
      const ids = (await due.execute()).map(row => row.key_id);
      if (ids.length === 0) return;
      await database.deleteFrom('kms_grants').where('key_id', 'in', ids).execute();
      await database.deleteFrom('kms_rotations').where('key_id', 'in', ids).execute();
      await database.deleteFrom('kms_aliases').where('key_id', 'in', ids).execute();
      await database.deleteFrom('kms_keys').where('key_id', 'in', ids).execute();
    },
  };
}

function aliasRows(
  database: Kysely<KmsSchema>,
): Part<'alias' | 'aliases' | 'aliasesOf' | 'insertAlias' | 'updateAlias' | 'deleteAlias'> {
  return {
    async alias(accountId, region, name) {
      const query = database
        .selectFrom('kms_aliases')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where('name', '=', name);
      const row = await query.executeTakeFirst();
      return row && toAlias(row);
    },
    async aliases(accountId, region, { keyId, after = '', limit }) {
      let query = database
        .selectFrom('kms_aliases')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where('name', '>', after);
      if (keyId !== undefined) query = query.where('key_id', '=', keyId);
      return (await query.orderBy('name').limit(limit).execute()).map(toAlias);
    },
    async aliasesOf({ accountId, region, keyId }) {
      const query = database
        .selectFrom('kms_aliases')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where('key_id', '=', keyId);
      return (await query.orderBy('name').execute()).map(toAlias);
    },
    async insertAlias(row) {
      await database
        .insertInto('kms_aliases')
        .values({
          account_id: row.accountId,
          region: row.region,
          name: row.name,
          key_id: row.keyId,
          created_at: row.createdAt,
          updated_at: row.updatedAt,
        })
        .execute();
    },
    async updateAlias(row) {
      await database
        .updateTable('kms_aliases')
        .set({ key_id: row.keyId, updated_at: row.updatedAt })
        .where('account_id', '=', row.accountId)
        .where('region', '=', row.region)
        .where('name', '=', row.name)
        .execute();
    },
    async deleteAlias(accountId, region, name) {
      await database
        .deleteFrom('kms_aliases')
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where('name', '=', name)
        .execute();
    },
  };
}

function grantRows(
  database: Kysely<KmsSchema>,
): Part<'grant' | 'grants' | 'grantsTo' | 'grantsNamed' | 'grantsRetirableBy' | 'insertGrant' | 'deleteGrant'> {
  return {
    async grant(grantId) {
      const query = database.selectFrom('kms_grants').selectAll().where('grant_id', '=', grantId);
      const row = await query.executeTakeFirst();
      return row && toGrant(row);
    },
    async grants(keyId, { grantId, granteePrincipal, after = '', limit }) {
      let query = database
        .selectFrom('kms_grants')
        .selectAll()
        .where('key_id', '=', keyId)
        .where('grant_id', '>', after);
      if (grantId !== undefined) query = query.where('grant_id', '=', grantId);
      if (granteePrincipal !== undefined) query = query.where('grantee_principal', '=', granteePrincipal);
      return (await query.orderBy('grant_id').limit(limit).execute()).map(toGrant);
    },
    async grantsTo(keyId, granteePrincipals) {
      if (granteePrincipals.length === 0) return [];
      const query = database
        .selectFrom('kms_grants')
        .selectAll()
        .where('key_id', '=', keyId)
        .where('grantee_principal', 'in', granteePrincipals);
      // In the order of the index: for that of their ids alone SQLite reads all grants of the key.
      return (await query.orderBy('grantee_principal').orderBy('grant_id').execute()).map(toGrant);
    },
    async grantsNamed(keyId, name) {
      const query = database.selectFrom('kms_grants').selectAll().where('key_id', '=', keyId).where('name', '=', name);
      return (await query.orderBy('grant_id').execute()).map(toGrant);
    },
    async grantsRetirableBy(principal, accountId, region, { after = '', limit }) {
      const query = database
        .selectFrom('kms_grants as held')
        .innerJoin('kms_keys as key', 'key.key_id', 'held.key_id')
        .selectAll('held')
        .where('retiring_principal', '=', principal)
        .where('grant_id', '>', after)
        .where('account_id', '=', accountId)
        .where('region', '=', region);
      return (await query.orderBy('grant_id').limit(limit).execute()).map(toGrant);
    },
    async insertGrant(row) {
      await database
        .insertInto('kms_grants')
        .values({
          grant_id: row.grantId,
          key_id: row.keyId,
          issuing_account_id: row.issuingAccountId,
          grantee_principal: row.granteePrincipal,
          retiring_principal: row.retiringPrincipal,
          operations: JSON.stringify(row.operations),
          constraints: JSON.stringify(row.constraints),
          name: row.name,
          created_at: row.createdAt,
        })
        .execute();
    },
    async deleteGrant(grantId) {
      await database.deleteFrom('kms_grants').where('grant_id', '=', grantId).execute();
    },
  };
}

function toKey(row: Selectable<KeyTable>): KeyRow {
  return {
    keyId: row.key_id,
    accountId: row.account_id,
    region: row.region,
    spec: row.spec,
    usage: row.usage as KeyRow['usage'],
    state: row.state as KeyRow['state'],
    description: row.description,
    manager: row.manager as KeyRow['manager'],
    createdAt: row.created_at,
    // A PostgreSQL bigint arrives as text.
    deleteAt: row.delete_at === null ? null : Number(row.delete_at),
    sealedMaterial: row.sealed_material,
    policy: row.policy,
    tags: JSON.parse(row.tags),
    materialVersion: row.material_version,
    rotationPeriodDays: row.rotation_period_days,
    nextRotationAt: row.next_rotation_at === null ? null : Number(row.next_rotation_at),
  };
}

function toAlias(row: Selectable<AliasTable>): AliasRow {
  return {
    accountId: row.account_id,
    region: row.region,
    name: row.name,
    keyId: row.key_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toGrant(row: Selectable<GrantTable>): GrantRow {
  return {
    grantId: row.grant_id,
    keyId: row.key_id,
    issuingAccountId: row.issuing_account_id,
    granteePrincipal: row.grantee_principal,
    retiringPrincipal: row.retiring_principal,
    operations: JSON.parse(row.operations),
    constraints: JSON.parse(row.constraints),
    name: row.name,
    createdAt: row.created_at,
  };
}
