import { type Kysely, type Selectable, sql, type UpdateObject } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { DeploymentRow, DeploymentRows } from '../../ports/store-deployments.ts';
import { keysetPage } from './keyset.ts';

export interface DeploymentsSchema {
  bedrock_deployments: DeploymentsTable;
}

/** One deployment of a custom model; the columns `update_…` are null until its first update. */
interface DeploymentsTable {
  deployment_id: string;
  deployment_arn: string;
  account_id: string;
  region: string;
  deployment_name: string;
  description: string | null;
  tags: string;
  created_at: number;
  model_arn: string;
  status: string;
  failure_message: string | null;
  update_model_arn: string | null;
  update_status: string | null;
  last_updated_at: number;
  generation: number;
}

export const deploymentMigrations: Record<string, Migration> = {
  'bedrock-deployments-0001-table': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_deployments')
        .addColumn('deployment_id', 'text', column => column.primaryKey())
        .addColumn('deployment_arn', 'text', column => column.notNull().unique())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('deployment_name', 'text', column => column.notNull())
        .addColumn('description', 'text')
        .addColumn('tags', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('model_arn', 'text', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('failure_message', 'text')
        .addColumn('update_model_arn', 'text')
        .addColumn('update_status', 'text')
        .addColumn('last_updated_at', 'bigint', column => column.notNull())
        .addColumn('generation', 'integer', column => column.notNull())
        .execute();
      await database.schema
        .createIndex('bedrock_deployments_name')
        .on('bedrock_deployments')
        .columns(['account_id', 'region', 'deployment_name'])
        .unique()
        .execute();
      await database.schema
        .createIndex('bedrock_deployments_page')
        .on('bedrock_deployments')
        .columns(['account_id', 'region', 'created_at', 'deployment_id'])
        .execute();
    },
  },
};

export function deploymentRows(database: Kysely<DeploymentsSchema>): DeploymentRows {
  const deployments = () => database.selectFrom('bedrock_deployments').selectAll();
  return {
    async insertDeployment(deployment) {
      await database
        .insertInto('bedrock_deployments')
        .values({
          deployment_id: deployment.deploymentId,
          deployment_arn: deployment.deploymentArn,
          account_id: deployment.accountId,
          region: deployment.region,
          deployment_name: deployment.deploymentName,
          description: deployment.description,
          tags: JSON.stringify(deployment.tags),
          created_at: deployment.createdAt,
          model_arn: deployment.modelArn,
          status: 'Creating',
          last_updated_at: deployment.createdAt,
          generation: 1,
        })
        .execute();
    },
    async deploymentById(scope, deploymentId) {
      const found = await deployments()
        .where('deployment_id', '=', deploymentId)
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .executeTakeFirst();
      return found && toDeployment(found);
    },
    async deploymentByName(scope, deploymentName) {
      const found = await deployments()
        .where('account_id', '=', scope.accountId)
        .where('region', '=', scope.region)
        .where('deployment_name', '=', deploymentName)
        .executeTakeFirst();
      return found && toDeployment(found);
    },
    listDeployments(scope, options) {
      const { status, modelArn } = options;
      let query = deployments();
      if (status !== undefined) query = query.where('status', '=', status);
      if (modelArn !== undefined) query = query.where('model_arn', '=', modelArn);
      return keysetPage(query, { name: 'deployment_name', id: 'deployment_id' }, scope, options, toDeployment);
    },
    async countDeploymentsInProgress({ accountId, region }) {
      const { count } = await database
        .selectFrom('bedrock_deployments')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where(({ or, eb }) => or([eb('status', '=', 'Creating'), eb('update_status', '=', 'Updating')]))
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    async listAllDeployments() {
      const found = await deployments().orderBy('created_at').orderBy('deployment_id').execute();
      return found.map(toDeployment);
    },
    async deploymentUsesModel(modelArn) {
      const found = await database
        .selectFrom('bedrock_deployments')
        .select('deployment_id')
        .where(({ or, and, eb }) =>
          or([
            eb('model_arn', '=', modelArn),
            and([eb('update_model_arn', '=', modelArn), eb('update_status', '=', 'Updating')]),
          ]),
        )
        .limit(1)
        .executeTakeFirst();
      return found !== undefined;
    },
    async requestDeploymentUpdate(deploymentId, modelArn, now) {
      const result = await database
        .updateTable('bedrock_deployments')
        .set({
          update_model_arn: modelArn,
          update_status: 'Updating',
          failure_message: null,
          last_updated_at: now,
          generation: sql<number>`generation + 1`,
        })
        .where('deployment_id', '=', deploymentId)
        .where('status', '=', 'Active')
        .where(({ or, eb }) => or([eb('update_status', 'is', null), eb('update_status', '<>', 'Updating')]))
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async advanceDeployment(deploymentId, generation, patch) {
      const values: UpdateObject<DeploymentsSchema, 'bedrock_deployments'> = { last_updated_at: patch.lastUpdatedAt };
      if (patch.status !== undefined) values.status = patch.status;
      if (patch.failureMessage !== undefined) values.failure_message = patch.failureMessage;
      if (patch.modelArn !== undefined) values.model_arn = patch.modelArn;
      if (patch.update) {
        values.update_model_arn = patch.update.modelArn;
        values.update_status = patch.update.status;
      }
      const result = await database
        .updateTable('bedrock_deployments')
        .set(values)
        .where('deployment_id', '=', deploymentId)
        .where('generation', '=', generation)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async deleteDeployment(deploymentId) {
      const result = await database
        .deleteFrom('bedrock_deployments')
        .where('deployment_id', '=', deploymentId)
        .executeTakeFirst();
      return result.numDeletedRows === 1n;
    },
  };
}

function toDeployment(row: Selectable<DeploymentsTable>): DeploymentRow {
  const { update_model_arn: updateModelArn, update_status: updateStatus } = row;
  return {
    deploymentId: row.deployment_id,
    deploymentArn: row.deployment_arn,
    accountId: row.account_id,
    region: row.region,
    deploymentName: row.deployment_name,
    description: row.description,
    tags: JSON.parse(row.tags),
    createdAt: Number(row.created_at),
    modelArn: row.model_arn,
    status: row.status as DeploymentRow['status'],
    failureMessage: row.failure_message,
    update:
      updateModelArn === null
        ? null
        : { modelArn: updateModelArn, status: updateStatus as NonNullable<DeploymentRow['update']>['status'] },
    lastUpdatedAt: Number(row.last_updated_at),
    generation: row.generation,
  };
}
