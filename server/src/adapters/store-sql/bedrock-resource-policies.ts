import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ResourcePolicyRows } from '../../ports/store-resource-policies.ts';

export interface ResourcePoliciesSchema {
  bedrock_resource_policies: { resource_arn: string; policy: string };
}

export const resourcePolicyMigrations: Record<string, Migration> = {
  'bedrock-resource-policies-0001-table': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_resource_policies')
        .addColumn('resource_arn', 'text', column => column.primaryKey())
        .addColumn('policy', 'text', column => column.notNull())
        .execute();
    },
  },
};

export function resourcePolicyRows(database: Kysely<ResourcePoliciesSchema>): ResourcePolicyRows {
  return {
    async resourcePolicyOf(resourceArn) {
      const found = await database
        .selectFrom('bedrock_resource_policies')
        .select('policy')
        .where('resource_arn', '=', resourceArn)
        .executeTakeFirst();
      return found?.policy;
    },
    async setResourcePolicy(resourceArn, policy) {
      if (policy === undefined) {
        const result = await database
          .deleteFrom('bedrock_resource_policies')
          .where('resource_arn', '=', resourceArn)
          .executeTakeFirst();
        return result.numDeletedRows === 1n;
      }
      await database
        .insertInto('bedrock_resource_policies')
        .values({ resource_arn: resourceArn, policy })
        .onConflict(conflict => conflict.column('resource_arn').doUpdateSet({ policy }))
        .execute();
      return true;
    },
  };
}
