import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { dayOf, type UsageKey } from '../../domain/usage.ts';
import type { UsageRows } from '../../ports/store-usage.ts';

interface UsageColumns {
  account_id: string;
  region: string;
  resource_arn: string;
  dimension: string;
  variant: string;
}

export interface UsageSchema {
  /** One row a resource, variant and day. */
  usage_counts: UsageColumns & { day: number; quantity: number };
  usage_spans: UsageColumns & { quantity: number; started_at: number; ended_at: number | null };
}

export const usageMigrations: Record<string, Migration> = {
  'usage-0001-ledger': {
    async up(database: Kysely<unknown>) {
      const keyed = (name: string) =>
        database.schema
          .createTable(name)
          .addColumn('account_id', 'text', column => column.notNull())
          .addColumn('region', 'text', column => column.notNull())
          .addColumn('resource_arn', 'text', column => column.notNull())
          .addColumn('dimension', 'text', column => column.notNull())
          .addColumn('variant', 'text', column => column.notNull())
          .addColumn('quantity', 'bigint', column => column.notNull());
      await keyed('usage_counts')
        .addColumn('day', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('usage_counts_key', [
          ...['account_id', 'region', 'day', 'resource_arn', 'dimension', 'variant'],
        ] as never[])
        .execute();
      await keyed('usage_spans')
        .addColumn('started_at', 'bigint', column => column.notNull())
        .addColumn('ended_at', 'bigint')
        .addPrimaryKeyConstraint('usage_spans_key', ['resource_arn', 'dimension', 'started_at'] as never[])
        .execute();
      await database.schema
        .createIndex('usage_spans_scope')
        .on('usage_spans')
        .columns(['account_id', 'region', 'started_at'])
        .execute();
      // What was there before the ledger is held from its creation on.
      await sql`insert into usage_spans
        select account_id, region, model_arn, 'modelStorageMonths', '', 1, created_at, null
        from bedrock_custom_models`.execute(database);
      const bought = await sql<{ arn: string; definition: string }>`select
        provisioned_model_arn as arn, definition from bedrock_throughputs
        where status in ('InService', 'Updating')`.execute(database);
      for (const { arn, definition } of bought.rows) {
        const { commitmentDuration } = JSON.parse(definition) as { commitmentDuration: string | null };
        await sql`insert into usage_spans
          select account_id, region, provisioned_model_arn, 'modelUnitHours', ${commitmentDuration ?? 'none'},
            model_units, created_at, null
          from bedrock_throughputs where provisioned_model_arn = ${arn}`.execute(database);
      }
    },
  },
};

export function usageRows(database: Kysely<UsageSchema>): UsageRows {
  return {
    async count(key, quantity, at) {
      if (quantity === 0) return;
      await database
        .insertInto('usage_counts')
        .values({ ...columnsOf(key), day: dayOf(at), quantity })
        .onConflict(conflict =>
          conflict
            .columns(['account_id', 'region', 'day', 'resource_arn', 'dimension', 'variant'])
            .doUpdateSet({ quantity: sql<number>`usage_counts.quantity + ${quantity}` }),
        )
        .execute();
    },
    async beginSpan(key, quantity, at) {
      const held = await database
        .selectFrom('usage_spans')
        .select('started_at')
        .where('resource_arn', '=', key.resourceArn)
        .where('dimension', '=', key.dimension)
        .where('ended_at', 'is', null)
        .executeTakeFirst();
      if (held) return;
      await database
        .insertInto('usage_spans')
        .values({ ...columnsOf(key), quantity, started_at: at, ended_at: null })
        .execute();
    },
    async endSpan({ resourceArn, dimension }, at) {
      await database
        .updateTable('usage_spans')
        .set({ ended_at: at })
        .where('resource_arn', '=', resourceArn)
        .where('dimension', '=', dimension)
        .where('ended_at', 'is', null)
        .execute();
    },
    async recorded({ accountId, region }, { from, to }) {
      const counts = await database
        .selectFrom('usage_counts')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where('day', '>=', from)
        .where('day', '<', to)
        .execute();
      const spans = await database
        .selectFrom('usage_spans')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('region', '=', region)
        .where('started_at', '<', to)
        .where(({ or, eb }) => or([eb('ended_at', 'is', null), eb('ended_at', '>', from)]))
        .execute();
      return {
        // PostgreSQL's client gives a bigint as text.
        counts: counts.map(row => ({ ...keyOf(row), day: Number(row.day), quantity: Number(row.quantity) })),
        spans: spans.map(row => ({
          ...keyOf(row),
          quantity: Number(row.quantity),
          startedAt: Number(row.started_at),
          endedAt: row.ended_at === null ? null : Number(row.ended_at),
        })),
      };
    },
  };
}

function columnsOf({ accountId, region, resourceArn, dimension, variant }: UsageKey): UsageColumns {
  return { account_id: accountId, region, resource_arn: resourceArn, dimension, variant };
}

function keyOf(row: UsageColumns): UsageKey {
  return {
    accountId: row.account_id,
    region: row.region,
    resourceArn: row.resource_arn,
    dimension: row.dimension as UsageKey['dimension'],
    variant: row.variant,
  };
}
