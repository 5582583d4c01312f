import { type ExpressionBuilder, type Kysely, type Selectable, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { StateChange } from '../../domain/events/state-change.ts';
import type { EventRows } from '../../ports/events.ts';

interface ChangesTable {
  /** Never used again, so that a destination's progress stays true when old changes are deleted. */
  sequence: number;
  event_id: string;
  kind: string;
  account_id: string;
  region: string;
  status: string;
  changed_at: number;
  facts: string;
}

export interface EventsSchema {
  event_changes: ChangesTable;
  event_destinations: { name: string; sequence: number };
  event_retries: { destination: string; sequence: number; resource: string; failures: number; retry_at: number };
}

/** A table whose changes of state are events. */
interface Watched {
  table: string;
  kind: StateChange['kind'] | typeof BY_MODEL_JOB;
  /** What a change of state changes. */
  columns: readonly string[];
  changedAt: string;
  facts: Readonly<Record<string, string>>;
  /** Whether what is deleted was in a state that a client may wait to see ended. */
  isDeletedByClients: boolean;
}

/** The table of model jobs has several kinds. */
const BY_MODEL_JOB = 'modelJob';
const MODEL_JOB_KINDS = { copy: 'copyJob', import: 'importJob', create: 'creation' } as const;

const JOB_FACTS = { jobName: 'job_name', createdAt: 'created_at', lastModifiedAt: 'last_modified_at' };

const WATCHED: readonly Watched[] = [
  {
    ...{ table: 'bedrock_jobs', kind: 'customizationJob', columns: ['status'], changedAt: 'last_modified_at' },
    facts: {
      ...JOB_FACTS,
      customModelName: 'custom_model_name',
      failureMessage: 'failure_message',
      endedAt: 'ended_at',
    },
    isDeletedByClients: false,
  },
  {
    ...{ table: 'bedrock_batch_jobs', kind: 'batchJob', columns: ['status'], changedAt: 'last_modified_at' },
    facts: { ...JOB_FACTS, failureMessage: 'message' },
    isDeletedByClients: false,
  },
  {
    ...{ table: 'bedrock_model_jobs', kind: BY_MODEL_JOB, columns: ['status'], changedAt: 'last_modified_at' },
    facts: { ...JOB_FACTS, modelName: 'model_name', failureMessage: 'failure_message', endedAt: 'ended_at' },
    isDeletedByClients: false,
  },
  {
    ...{ table: 'bedrock_throughputs', kind: 'throughput', columns: ['status'], changedAt: 'last_modified_at' },
    facts: {
      ...{ provisionedModelName: 'provisioned_model_name', provisionedModelArn: 'provisioned_model_arn' },
      ...{ modelArn: 'model_arn', desiredModelArn: 'desired_model_arn' },
      ...{ modelUnits: 'model_units', desiredModelUnits: 'desired_model_units' },
      ...{ failureMessage: 'failure_message', createdAt: 'created_at', lastModifiedAt: 'last_modified_at' },
    },
    isDeletedByClients: true,
  },
  {
    ...{ table: 'bedrock_deployments', kind: 'deployment', changedAt: 'last_updated_at' },
    columns: ['status', 'update_status'],
    facts: {
      ...{ deploymentName: 'deployment_name', deploymentArn: 'deployment_arn', modelArn: 'model_arn' },
      ...{ updateModelArn: 'update_model_arn', updateStatus: 'update_status' },
      ...{ failureMessage: 'failure_message', createdAt: 'created_at', lastModifiedAt: 'last_updated_at' },
    },
    isDeletedByClients: true,
  },
];

/** Members whose column holds JSON. */
const JSON_COLUMNS = {
  bedrock_jobs: ['definition', 'hyper_parameters'],
  bedrock_batch_jobs: ['definition'],
  bedrock_model_jobs: ['definition'],
};

function triggersOf({ table, kind, columns, changedAt, facts, isDeletedByClients }: Watched): string[] {
  const json: readonly string[] = JSON_COLUMNS[table as keyof typeof JSON_COLUMNS] ?? [];
  const kinds = Object.entries(MODEL_JOB_KINDS).map(([name, told]) => `when '${name}' then '${told}'`);
  const kindOf = (row: string) => (kind === BY_MODEL_JOB ? `case ${row}.kind ${kinds.join(' ')} end` : `'${kind}'`);
  const insert = (row: 'new' | 'old', status: string, at: string) => {
    const members = Object.entries(facts).map(([name, column]) => `'${name}', ${row}.${column}`);
    const documents = json.map(column => `'${column}', json(${row}.${column})`);
    return `insert into event_changes (event_id, kind, account_id, region, status, changed_at, facts)
      values (lower(hex(randomblob(16))), ${kindOf(row)}, ${row}.account_id, ${row}.region, ${status}, ${at},
              json_object(${[...members, ...documents].join(', ')}));`;
  };
  const changed = columns.map(column => `new.${column} is not old.${column}`).join(' or ');
  const made = `create trigger ${table}_made after insert on ${table} begin
    ${insert('new', 'new.status', `new.${changedAt}`)} end`;
  const moved = `create trigger ${table}_moved after update of ${columns.join(', ')} on ${table} when ${changed} begin
    ${insert('new', 'new.status', `new.${changedAt}`)} end`;
  const deleted = `create trigger ${table}_deleted after delete on ${table} begin
    ${insert('old', "'Deleted'", "cast(unixepoch('subsec') * 1000 as integer)")} end`;
  return isDeletedByClients ? [made, moved, deleted] : [made, moved];
}

/** Their keys sort behind those of the tables that they watch. */
export const eventMigrations: Record<string, Migration> = {
  'events-0001-changes': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('event_changes')
        .addColumn('sequence', 'integer', column => column.primaryKey().autoIncrement())
        .addColumn('event_id', 'text', column => column.notNull())
        .addColumn('kind', 'text', column => column.notNull())
        .addColumn('account_id', 'text', column => column.notNull())
        .addColumn('region', 'text', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('changed_at', 'bigint', column => column.notNull())
        .addColumn('facts', 'text', column => column.notNull())
        .execute();
      await database.schema
        .createTable('event_destinations')
        .addColumn('name', 'text', column => column.primaryKey())
        .addColumn('sequence', 'bigint', column => column.notNull())
        .execute();
      for (const trigger of WATCHED.flatMap(triggersOf)) await sql.raw(trigger).execute(database);
    },
  },
  'events-0002-retries': {
    async up(database: Kysely<unknown>) {
      await database.schema
        .createTable('event_retries')
        .addColumn('destination', 'text', column => column.notNull())
        .addColumn('sequence', 'bigint', column => column.notNull())
        .addColumn('resource', 'text', column => column.notNull())
        .addColumn('failures', 'integer', column => column.notNull())
        .addColumn('retry_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('event_retries_key', ['destination', 'sequence'])
        .execute();
      await database.schema
        .createIndex('event_retries_by_resource')
        .on('event_retries')
        .columns(['destination', 'resource', 'sequence'])
        .execute();
    },
  },
};

export function eventRows(database: Kysely<EventsSchema>): EventRows {
  return {
    async changesAfter(sequence, limit) {
      const query = database.selectFrom('event_changes').selectAll().where('sequence', '>', sequence);
      return (await query.orderBy('sequence').limit(limit).execute()).map(toChange);
    },
    async countChanges() {
      const query = database.selectFrom('event_changes').select(({ fn }) => fn.countAll<number>().as('count'));
      return Number((await query.executeTakeFirstOrThrow()).count);
    },
    async lastSequence() {
      // The last one given away, though its row may be gone.
      const { rows } = await sql<{ seq: number }>`select seq from sqlite_sequence where name = 'event_changes'`.execute(
        database,
      );
      return Number(rows[0]?.seq ?? 0);
    },
    async destinationSequence(name) {
      const query = database.selectFrom('event_destinations').select('sequence').where('name', '=', name);
      const row = await query.executeTakeFirst();
      return row && Number(row.sequence);
    },
    async setDestinationSequence(name, sequence) {
      await database
        .insertInto('event_destinations')
        .values({ name, sequence })
        .onConflict(conflict => conflict.column('name').doUpdateSet({ sequence }))
        .execute();
    },
    async deleteChangesUpTo(sequence) {
      await database
        .deleteFrom('event_changes')
        .where('sequence', '<=', sequence)
        .where('sequence', 'not in', query => query.selectFrom('event_retries').select('sequence'))
        .execute();
    },
    async putRetry(destination, { sequence, resource, failures, retryAt: retry_at }) {
      await database
        .insertInto('event_retries')
        .values({ destination, sequence, resource, failures, retry_at })
        .onConflict(conflict => conflict.columns(['destination', 'sequence']).doUpdateSet({ failures, retry_at }))
        .execute();
    },
    async deleteRetry(destination, sequence) {
      const retries = database.deleteFrom('event_retries').where('destination', '=', destination);
      await retries.where('sequence', '=', sequence).execute();
    },
    async hasRetryOf(destination, resource) {
      const retries = database.selectFrom('event_retries').select('sequence').where('destination', '=', destination);
      return (await retries.where('resource', '=', resource).limit(1).executeTakeFirst()) !== undefined;
    },
    async dueRetry(destination, now) {
      const earlier = (query: ExpressionBuilder<EventsSchema & { due: EventsSchema['event_retries'] }, 'due'>) =>
        query
          .selectFrom('event_retries as earlier')
          .select('earlier.sequence')
          .where('earlier.destination', '=', destination)
          .whereRef('earlier.resource', '=', 'due.resource')
          .whereRef('earlier.sequence', '<', 'due.sequence');
      const row = await database
        .selectFrom('event_retries as due')
        .selectAll()
        .where('due.destination', '=', destination)
        .where('due.retry_at', '<=', now)
        .where(query => query.not(query.exists(earlier(query))))
        .orderBy('due.retry_at')
        .orderBy('due.sequence')
        .limit(1)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const { resource, failures } = row;
      return { sequence: Number(row.sequence), resource, failures, retryAt: Number(row.retry_at) };
    },
    async deleteRetriesExcept(destinations) {
      let retries = database.deleteFrom('event_retries');
      if (destinations.length > 0) retries = retries.where('destination', 'not in', destinations);
      await retries.execute();
    },
  };
}

function toChange(row: Selectable<ChangesTable>): StateChange {
  const { definition = {}, hyper_parameters: hyperParameters, ...columns } = JSON.parse(row.facts);
  return {
    sequence: row.sequence,
    eventId: row.event_id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    kind: row.kind as StateChange['kind'],
    accountId: row.account_id,
    region: row.region,
    status: row.status,
    changedAt: Number(row.changed_at),
    facts: { ...definition, ...columns, hyperParameters },
  };
}
