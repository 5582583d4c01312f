import type { Kysely, Selectable } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { KmsRows, RotationRow } from '../../ports/store-kms.ts';

interface RotationTable {
  key_id: string;
  retired_version: number;
  sealed_material: string;
  rotated_at: string;
  type: string;
}

/** Rotations of keys, each with the material that it retired. */
export interface KmsRotationSchema {
  kms_rotations: RotationTable;
}

export const kmsRotationMigrations: Record<string, Migration> = {
  '0025-kms-rotations': {
    async up({ schema }) {
      await schema
        .alterTable('kms_keys')
        .addColumn('material_version', 'integer', column => column.notNull().defaultTo(0))
        .execute();
      await schema.alterTable('kms_keys').addColumn('rotation_period_days', 'integer').execute();
      await schema.alterTable('kms_keys').addColumn('next_rotation_at', 'bigint').execute();
      await schema
        .createTable('kms_rotations')
        .addColumn('key_id', 'text', column => column.notNull())
        .addColumn('retired_version', 'integer', column => column.notNull())
        .addColumn('sealed_material', 'text', column => column.notNull())
        .addColumn('rotated_at', 'text', column => column.notNull())
        .addColumn('type', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('kms_rotations_key', ['key_id', 'retired_version'])
        .execute();
      await schema.createIndex('kms_aliases_of_key').on('kms_aliases').column('key_id').execute();
    },
  },
  '0025-kms-specs': {
    async up({ schema }) {
      await schema
        .alterTable('kms_keys')
        .addColumn('spec', 'text', column => column.notNull().defaultTo('SYMMETRIC_DEFAULT'))
        .execute();
      await schema
        .alterTable('kms_keys')
        .addColumn('usage', 'text', column => column.notNull().defaultTo('ENCRYPT_DECRYPT'))
        .execute();
    },
  },
};

export function rotationRows(
  database: Kysely<KmsRotationSchema>,
): Pick<KmsRows, 'rotation' | 'rotations' | 'insertRotation'> {
  const ofKey = (keyId: string) => database.selectFrom('kms_rotations').selectAll().where('key_id', '=', keyId);
  return {
    async rotation(keyId, retiredVersion) {
      const row = await ofKey(keyId).where('retired_version', '=', retiredVersion).executeTakeFirst();
      return row && toRotation(row);
    },
    async rotations(keyId) {
      return (await ofKey(keyId).orderBy('retired_version').execute()).map(toRotation);
    },
    async insertRotation(row) {
      await database
        .insertInto('kms_rotations')
        .values({
          key_id: row.keyId,
          retired_version: row.retiredVersion,
          sealed_material: row.sealedMaterial,
          rotated_at: row.rotatedAt,
          type: row.type,
        })
        .execute();
    },
  };
}

function toRotation(row: Selectable<RotationTable>): RotationRow {
  return {
    keyId: row.key_id,
    retiredVersion: row.retired_version,
    sealedMaterial: row.sealed_material,
    rotatedAt: row.rotated_at,
    type: row.type as RotationRow['type'],
  };
}
