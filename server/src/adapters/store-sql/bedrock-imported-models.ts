import type { Kysely, Selectable } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { BedrockScope } from '../../ports/bedrock-lists.ts';
import type { ImportedModelRow, ImportedModelRows } from '../../ports/store-imported-models.ts';
import { keysetPage } from './keyset.ts';

export interface ImportedModelsSchema {
  bedrock_imported_models: ImportedModelsTable;
}

/** One imported model; what no query looks at is in `definition` (JSON). */
interface ImportedModelsTable {
  model_id: string;
  account_id: string;
  region: string;
  model_name: string;
  definition: string;
  tags: string;
  created_at: number;
}

export const importedModelMigrations: Record<string, Migration> = {
  'bedrock-imported-models-0001-table': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_imported_models')
        .addColumn('model_id', 'text', column => column.primaryKey())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('model_name', 'text', column => column.notNull())
        .addColumn('definition', 'text', column => column.notNull())
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute();
      await database.schema
        .createIndex('bedrock_imported_models_name')
        .on('bedrock_imported_models')
        .columns(['account_id', 'region', 'model_name'])
        .unique()
        .execute();
      await database.schema
        .createIndex('bedrock_imported_models_page')
        .on('bedrock_imported_models')
        .columns(['account_id', 'region', 'created_at', 'model_id'])
        .execute();
    },
  },
};

export function importedModelRows(database: Kysely<ImportedModelsSchema>): ImportedModelRows {
  const models = () => database.selectFrom('bedrock_imported_models').selectAll();
  const inScope = (scope: BedrockScope) =>
    models().where('account_id', '=', scope.accountId).where('region', '=', scope.region);
  return {
    async insertImportedModel({ modelId, accountId, region, modelName, tags, createdAt, ...definition }) {
      await database
        .insertInto('bedrock_imported_models')
        .values({
          model_id: modelId,
          account_id: accountId,
          region,
          model_name: modelName,
          definition: JSON.stringify(definition),
          tags: JSON.stringify(tags),
          created_at: createdAt,
        })
        .execute();
    },
    async importedModelById(scope, modelId) {
      const found = await inScope(scope).where('model_id', '=', modelId).executeTakeFirst();
      return found && toModel(found);
    },
    async importedModelByName(scope, modelName) {
      const found = await inScope(scope).where('model_name', '=', modelName).executeTakeFirst();
      return found && toModel(found);
    },
    listImportedModels: (scope, options) =>
      keysetPage(models(), { name: 'model_name', id: 'model_id' }, scope, options, toModel),
    async countImportedModels(scope) {
      const { count } = await database
        .selectFrom('bedrock_imported_models')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    async deleteImportedModel(modelId) {
      await database.deleteFrom('bedrock_imported_models').where('model_id', '=', modelId).execute();
    },
  };
}

function toModel(row: Selectable<ImportedModelsTable>): ImportedModelRow {
  return {
    ...(JSON.parse(row.definition) as ImportedModelRow),
    modelId: row.model_id,
    accountId: row.account_id,
    region: row.region,
    modelName: row.model_name,
    tags: JSON.parse(row.tags),
    createdAt: Number(row.created_at),
  };
}
