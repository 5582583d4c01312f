import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { InvocationLoggingRows } from '../../ports/invocation-logs.ts';

export interface InvocationLoggingSchema {
  /** One an account and Region; the configuration is JSON. */
  bedrock_invocation_logging: { account_id: string; region: string; configuration: string };
}

export const invocationLoggingMigrations: Record<string, Migration> = {
  'bedrock-invocation-logging-0001-table': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_invocation_logging')
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('configuration', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('bedrock_invocation_logging_key', ['account_id', 'region'])
        .execute();
    },
  },
};

export function invocationLoggingRows(database: Kysely<InvocationLoggingSchema>): InvocationLoggingRows {
  return {
    async loggingConfigurationOf({ accountId, region }) {
      const found = await database
        .selectFrom('bedrock_invocation_logging')
        .select('configuration')
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .executeTakeFirst();
      return found && JSON.parse(found.configuration);
    },
    async setLoggingConfiguration({ accountId, region }, configuration) {
      await database
        .deleteFrom('bedrock_invocation_logging')
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .execute();
      if (configuration === undefined) return;
      await database
        .insertInto('bedrock_invocation_logging')
        .values({ account_id: accountId, region, configuration: JSON.stringify(configuration) })
        .execute();
    },
  };
}
