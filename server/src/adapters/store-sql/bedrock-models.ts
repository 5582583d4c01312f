import type { Kysely, Selectable } from 'kysely';
import type { BedrockRows, CustomModelRow } from '../../ports/store-bedrock.ts';
import type { BedrockSchema, CustomModelsTable } from './bedrock-schema.ts';
import { keysetPage } from './keyset.ts';

type Columned =
  | 'modelId'
  | 'modelArn'
  | 'accountId'
  | 'region'
  | 'modelName'
  | 'foundationModelArn'
  | 'tags'
  | 'createdAt'
  | 'status'
  | 'failureMessage';
type Definition = Omit<CustomModelRow, Columned>;

type ModelMethods =
  | 'modelById'
  | 'modelByName'
  | 'modelByArn'
  | 'insertModel'
  | 'endModelCreation'
  | 'modelNameInUse'
  | 'listModels'
  | 'countModels'
  | 'deleteModel'
  | 'listStoredModelIds';

export function modelRows(database: Kysely<BedrockSchema>): Pick<BedrockRows, ModelMethods> {
  const models = () => database.selectFrom('bedrock_custom_models').selectAll();
  return {
    async modelById(scope, modelId) {
      const found = await models()
        .where('model_id', '=', modelId)
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return found && toModel(found);
    },
    async modelByName(scope, modelName) {
      const found = await models()
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('model_name', '=', modelName)
        .executeTakeFirst();
      return found && toModel(found);
    },
    async modelByArn(modelArn) {
      const found = await models().where('model_arn', '=', modelArn).executeTakeFirst();
      return found && toModel(found);
    },
    insertModel: model => insertModel(database, model),
    async endModelCreation(modelArn, end) {
      const found = await models()
        .where('model_arn', '=', modelArn)
        .where('status', '=', 'Creating')
        .executeTakeFirst();
      if (!found) return false;
      const values = valuesOf({ ...toModel(found), ...end });
      await database.updateTable('bedrock_custom_models').set(values).where('model_arn', '=', modelArn).execute();
      return true;
    },
    async modelNameInUse(scope, modelName) {
      const model = await database
        .selectFrom('bedrock_custom_models')
        .select('model_id')
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('model_name', '=', modelName)
        .executeTakeFirst();
      if (model) return true;
      const job = await database
        .selectFrom('bedrock_jobs')
        .select('job_id')
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('custom_model_name', '=', modelName)
        .where('status', 'in', ['InProgress', 'Stopping'])
        .executeTakeFirst();
      return job !== undefined;
    },
    listModels(scope, options) {
      const { baseModelArn, foundationModelArn, status } = options;
      let query = models();
      if (baseModelArn !== undefined) query = query.where('base_model_arn', '=', baseModelArn);
      if (foundationModelArn !== undefined) query = query.where('foundation_model_arn', '=', foundationModelArn);
      if (status !== undefined) query = query.where('status', '=', status);
      return keysetPage(query, { name: 'model_name', id: 'model_id' }, scope, options, toModel);
    },
    async countModels(scope) {
      const { count } = await database
        .selectFrom('bedrock_custom_models')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    async deleteModel(modelArn) {
      const result = await database
        .deleteFrom('bedrock_custom_models')
        .where('model_arn', '=', modelArn)
        .executeTakeFirst();
      return result.numDeletedRows === 1n;
    },
    async listStoredModelIds() {
      const models = await database.selectFrom('bedrock_custom_models').select('model_id as id').execute();
      const jobs = await database
        .selectFrom('bedrock_jobs')
        .select('custom_model_id as id')
        .where('status', 'in', ['InProgress', 'Stopping'])
        .execute();
      const others = await database
        .selectFrom('bedrock_model_jobs')
        .select('model_id as id')
        .where('status', '=', 'InProgress')
        .execute();
      const imported = await database.selectFrom('bedrock_imported_models').select('model_id as id').execute();
      const checkpoints = await database.selectFrom('bedrock_checkpoints').select('weights_id as id').execute();
      return [...models, ...jobs, ...others, ...imported, ...checkpoints].map(({ id }) => id);
    },
  };
}

export async function insertModel(database: Kysely<BedrockSchema>, model: CustomModelRow): Promise<void> {
  await database.insertInto('bedrock_custom_models').values(valuesOf(model)).execute();
}

function valuesOf(model: CustomModelRow): Selectable<CustomModelsTable> {
  const { modelId, modelArn, accountId, region, modelName, foundationModelArn, tags, createdAt, ...others } = model;
  const { status, failureMessage, ...definition } = others;
  return {
    model_id: modelId,
    model_arn: modelArn,
    account_id: accountId,
    region,
    model_name: modelName,
    foundation_model_arn: foundationModelArn,
    base_model_arn: model.parentModel?.modelArn ?? foundationModelArn,
    definition: JSON.stringify(definition satisfies Definition),
    tags: JSON.stringify(tags),
    created_at: createdAt,
    status,
    failure_message: failureMessage,
  };
}

function toModel(row: Selectable<CustomModelsTable>): CustomModelRow {
  return {
    ...(JSON.parse(row.definition) as Definition),
    modelId: row.model_id,
    modelArn: row.model_arn,
    accountId: row.account_id,
    region: row.region,
    modelName: row.model_name,
    foundationModelArn: row.foundation_model_arn,
    tags: JSON.parse(row.tags),
    createdAt: Number(row.created_at),
    status: row.status as CustomModelRow['status'],
    failureMessage: row.failure_message,
  };
}
