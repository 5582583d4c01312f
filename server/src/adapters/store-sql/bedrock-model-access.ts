import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ModelAccessRows } from '../../ports/store-model-access.ts';

export interface ModelAccessSchema {
  /** One form an account; base64. */
  bedrock_use_cases: { account_id: string; form: string };
}

export const modelAccessMigrations: Record<string, Migration> = {
  'bedrock-model-access-0001-table': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('bedrock_use_cases')
        .addColumn('account_id', 'text', column => column.primaryKey())
        .addColumn('form', 'text', column => column.notNull())
        .execute();
    },
  },
};

export function modelAccessRows(database: Kysely<ModelAccessSchema>): ModelAccessRows {
  return {
    async useCaseOf(accountId) {
      const found = await database
        .selectFrom('bedrock_use_cases')
        .select('form')
        .where('account_id', '=', accountId)
        .executeTakeFirst();
      return found?.form;
    },
    async setUseCase(accountId, form) {
      await database
        .insertInto('bedrock_use_cases')
        .values({ account_id: accountId, form })
        .onConflict(conflict => conflict.column('account_id').doUpdateSet({ form }))
        .execute();
    },
  };
}
