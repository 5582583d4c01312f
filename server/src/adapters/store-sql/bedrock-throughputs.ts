import { type Kysely, type Selectable, sql, type UpdateObject } from 'kysely';
import type { BedrockRows, NewThroughput, ThroughputRow } from '../../ports/store-bedrock.ts';
import type { BedrockSchema, ThroughputsTable } from './bedrock-schema.ts';
import { keysetPage } from './keyset.ts';

type Columned =
  | 'provisionedModelId'
  | 'provisionedModelArn'
  | 'accountId'
  | 'region'
  | 'provisionedModelName'
  | 'tags'
  | 'createdAt'
  | 'modelArn'
  | 'modelUnits';
type Definition = Omit<NewThroughput, Columned>;

type ThroughputMethods =
  | 'insertThroughput'
  | 'throughputById'
  | 'throughputByName'
  | 'throughputByArn'
  | 'listThroughputs'
  | 'countModelUnits'
  | 'countNoCommitmentUnits'
  | 'throughputUsesModel'
  | 'renameThroughput'
  | 'requestModelChange'
  | 'deleteThroughput'
  | 'listThroughputsToReconcile'
  | 'advanceThroughput';

export function throughputRows(database: Kysely<BedrockSchema>): Pick<BedrockRows, ThroughputMethods> {
  const throughputs = () => database.selectFrom('bedrock_throughputs').selectAll();
  return {
    async insertThroughput(throughput) {
      const {
        provisionedModelId,
        provisionedModelArn,
        accountId,
        region,
        provisionedModelName,
        tags,
        createdAt,
        modelArn,
        modelUnits,
        ...definition
      } = throughput;
      await database
        .insertInto('bedrock_throughputs')
        .values({
          provisioned_model_id: provisionedModelId,
          provisioned_model_arn: provisionedModelArn,
          account_id: accountId,
          region,
          provisioned_model_name: provisionedModelName,
          definition: JSON.stringify(definition satisfies Definition),
          tags: JSON.stringify(tags),
          created_at: createdAt,
          model_arn: modelArn,
          desired_model_arn: modelArn,
          model_units: modelUnits,
          desired_model_units: modelUnits,
          status: 'Creating',
          last_modified_at: createdAt,
          generation: 1,
        })
        .execute();
    },
    async throughputById(scope, provisionedModelId) {
      const found = await throughputs()
        .where('provisioned_model_id', '=', provisionedModelId)
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return found && toThroughput(found);
    },
    async throughputByName(scope, provisionedModelName) {
      const found = await throughputs()
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('provisioned_model_name', '=', provisionedModelName)
        .executeTakeFirst();
      return found && toThroughput(found);
    },
    async throughputByArn(provisionedModelArn) {
      const found = await throughputs().where('provisioned_model_arn', '=', provisionedModelArn).executeTakeFirst();
      return found && toThroughput(found);
    },
    listThroughputs(scope, options) {
      const { status, modelArn, loading = [] } = options;
      let query = throughputs();
      if (status === 'InService' && loading.length > 0)
        query = query.where('status', '=', status).where('provisioned_model_arn', 'not in', loading);
      else if (status === 'Creating' && loading.length > 0)
        query = query.where(({ or, and, eb }) =>
          or([
            eb('status', '=', status),
            and([eb('status', '=', 'InService'), eb('provisioned_model_arn', 'in', loading)]),
          ]),
        );
      else if (status !== undefined) query = query.where('status', '=', status);
      if (modelArn !== undefined) query = query.where('model_arn', '=', modelArn);
      const columns = { name: 'provisioned_model_name', id: 'provisioned_model_id' } as const;
      return keysetPage(query, columns, scope, options, toThroughput);
    },
    async countModelUnits() {
      const { units } = await database
        .selectFrom('bedrock_throughputs')
        .select(({ fn }) => fn.sum<number | null>('desired_model_units').as('units'))
        .where('status', '<>', 'Failed')
        .executeTakeFirstOrThrow();
      return Number(units ?? 0);
    },
    async countNoCommitmentUnits({ accountId, region }) {
      const bought = await throughputs()
        .where('status', '<>', 'Failed')
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .execute();
      return bought
        .map(toThroughput)
        .filter(row => row.purchasedFor === 'customModel' && row.commitmentDuration === null)
        .reduce((units, row) => units + row.desiredModelUnits, 0);
    },
    async throughputUsesModel(modelArn) {
      const found = await database
        .selectFrom('bedrock_throughputs')
        .select('provisioned_model_id')
        .where(({ or, eb }) => or([eb('model_arn', '=', modelArn), eb('desired_model_arn', '=', modelArn)]))
        .limit(1)
        .executeTakeFirst();
      return found !== undefined;
    },
    async renameThroughput(provisionedModelId, name, now) {
      await database
        .updateTable('bedrock_throughputs')
        .set({ provisioned_model_name: name, last_modified_at: now })
        .where('provisioned_model_id', '=', provisionedModelId)
        .execute();
    },
    async requestModelChange(provisionedModelId, desiredModelArn, now) {
      const result = await database
        .updateTable('bedrock_throughputs')
        .set({
          status: 'Updating',
          desired_model_arn: desiredModelArn,
          failure_message: null,
          last_modified_at: now,
          generation: sql<number>`generation + 1`,
        })
        .where('provisioned_model_id', '=', provisionedModelId)
        .where('status', '=', 'InService')
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async deleteThroughput(provisionedModelId) {
      const result = await database
        .deleteFrom('bedrock_throughputs')
        .where('provisioned_model_id', '=', provisionedModelId)
        .executeTakeFirst();
      return result.numDeletedRows === 1n;
    },
    async listThroughputsToReconcile() {
      const found = await throughputs()
        .where('status', '<>', 'Failed')
        .orderBy('created_at')
        .orderBy('provisioned_model_id')
        .execute();
      return found.map(toThroughput);
    },
    async advanceThroughput(provisionedModelId, generation, patch) {
      const values: UpdateObject<BedrockSchema, 'bedrock_throughputs'> = { last_modified_at: patch.lastModifiedAt };
      if (patch.status !== undefined) values.status = patch.status;
      if (patch.modelArn !== undefined) values.model_arn = patch.modelArn;
      if (patch.modelUnits !== undefined) values.model_units = patch.modelUnits;
      if (patch.desiredModelArn !== undefined) values.desired_model_arn = patch.desiredModelArn;
      if (patch.failureMessage !== undefined) values.failure_message = patch.failureMessage;
      const result = await database
        .updateTable('bedrock_throughputs')
        .set(values)
        .where('provisioned_model_id', '=', provisionedModelId)
        .where('generation', '=', generation)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
  };
}

function toThroughput(row: Selectable<ThroughputsTable>): ThroughputRow {
  return {
    ...(JSON.parse(row.definition) as Definition),
    provisionedModelId: row.provisioned_model_id,
    provisionedModelArn: row.provisioned_model_arn,
    accountId: row.account_id,
    region: row.region,
    provisionedModelName: row.provisioned_model_name,
    tags: JSON.parse(row.tags),
    createdAt: Number(row.created_at),
    modelArn: row.model_arn,
    desiredModelArn: row.desired_model_arn,
    modelUnits: row.model_units,
    desiredModelUnits: row.desired_model_units,
    status: row.status as ThroughputRow['status'],
    failureMessage: row.failure_message,
    lastModifiedAt: Number(row.last_modified_at),
    generation: row.generation,
  };
}
