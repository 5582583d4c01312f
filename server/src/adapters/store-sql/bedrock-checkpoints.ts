import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { CheckpointRow, CheckpointRows } from '../../ports/store-checkpoints.ts';

export interface CheckpointsSchema {
  bedrock_checkpoints: {
    weights_id: string;
    model_id: string;
    kind: CheckpointRow['kind'];
    step: number | null;
    expires_at: number;
  };
}

export const checkpointMigrations: Record<string, Migration> = {
  'bedrock-checkpoints-0001-table': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_checkpoints')
        .addColumn('weights_id', 'text', column => column.primaryKey())
        .addColumn('model_id', 'text', column => column.notNull())
        .addColumn('step', 'integer')
        .addColumn('expires_at', 'bigint', column => column.notNull())
        .execute();
      await database.schema
        .createIndex('bedrock_checkpoints_model')
        .on('bedrock_checkpoints')
        .column('model_id')
        .execute();
    },
  },
  'bedrock-checkpoints-0002-kind': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .alterTable('bedrock_checkpoints')
        .addColumn('kind', 'text', column => column.notNull().defaultTo('checkpoint'))
        .execute();
      const rows = database as Kysely<CheckpointsSchema>;
      await rows.updateTable('bedrock_checkpoints').set({ kind: 'copy' }).where('step', 'is', null).execute();
    },
  },
};

export function checkpointRows(database: Kysely<CheckpointsSchema>): CheckpointRows {
  return {
    async insertCheckpoints(checkpoints) {
      for (const { weightsId, modelId, kind, step, expiresAt } of checkpoints)
        await database
          .insertInto('bedrock_checkpoints')
          .values({ weights_id: weightsId, model_id: modelId, kind, step, expires_at: expiresAt })
          .onConflict(conflict => conflict.column('weights_id').doUpdateSet({ expires_at: expiresAt }))
          .execute();
    },
    async checkpointsOf(modelId, now) {
      const found = await database
        .selectFrom('bedrock_checkpoints')
        .selectAll()
        .where('model_id', '=', modelId)
        .where('kind', '=', 'checkpoint')
        .where('expires_at', '>', now)
        .orderBy('step')
        .execute();
      return found.map(row => ({ ...checkpointRow(row), step: Number(row.step) }));
    },
    async samplesOf(modelId, now) {
      const found = await database
        .selectFrom('bedrock_checkpoints')
        .selectAll()
        .where('model_id', '=', modelId)
        .where('kind', '=', 'samples')
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return found && checkpointRow(found);
    },
    async deleteCheckpointsOf(modelId) {
      const found = await database
        .deleteFrom('bedrock_checkpoints')
        .where('model_id', '=', modelId)
        .where('kind', '!=', 'copy')
        .returning('weights_id as id')
        .execute();
      return found.map(({ id }) => id);
    },
    async deleteCheckpoint(weightsId) {
      await database.deleteFrom('bedrock_checkpoints').where('weights_id', '=', weightsId).execute();
    },
    async deleteCheckpointsDue(now) {
      const found = await database
        .deleteFrom('bedrock_checkpoints')
        .where('expires_at', '<=', now)
        .returning('model_id as id')
        .execute();
      return [...new Set(found.map(({ id }) => id))];
    },
  };
}

function checkpointRow(row: CheckpointsSchema['bedrock_checkpoints']): CheckpointRow {
  const { weights_id: weightsId, model_id: modelId, kind, step, expires_at: expiresAt } = row;
  return { weightsId, modelId, kind, step: step === null ? null : Number(step), expiresAt: Number(expiresAt) };
}
