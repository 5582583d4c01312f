import { chmodSync, closeSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { Kysely, SqliteAdapter, SqliteDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { Fault } from '../../domain/fault.ts';
import type { Rows, Store } from '../../ports/store.ts';
import { type BatchSchema, batchMigrations, batchRows } from './batch-jobs.ts';
import { type BedrockSchema, bedrockMigrations, bedrockRows } from './bedrock.ts';
import { type EventsSchema, eventMigrations, eventRows } from './events.ts';
import { fairTurns } from './fair-turns.ts';
import { type IamSchema, iamMigrations, iamRows } from './iam.ts';
import { type KmsSchema, kmsMigrations, kmsRows } from './kms.ts';
import { s3Rows } from './s3.ts';
import { type S3Schema, s3Migrations } from './s3-schema.ts';
import { type UsageSchema, usageMigrations, usageRows } from './usage.ts';

export interface Schema extends BatchSchema, BedrockSchema, EventsSchema, IamSchema, KmsSchema, S3Schema, UsageSchema {}

const migrations = {
  ...batchMigrations,
  ...bedrockMigrations,
  ...eventMigrations,
  ...iamMigrations,
  ...kmsMigrations,
  ...s3Migrations,
  ...usageMigrations,
};

/** How many waiting transactions share one commit (one fsync) at most: bounds how long the first of them waits. */
const GROUP_LIMIT = 64;

interface Waiting {
  run(rows: Rows): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Opens (and migrates) the embedded store: SQLite in WAL mode with synchronous=FULL, one connection that writes and one
 * that reads. Its files are for the owner alone, whatever the folder lets others do.
 * @param path file name, or ':memory:' never: the reader needs the same file.
 * @throws Error with one line to show for a file that is damaged, or that a newer version has changed
 */
export async function openSqliteStore(path: string): Promise<Store> {
  closeSync(openSync(path, 'a', 0o600));
  // SQLite gives its -wal and -shm files the mode of this one.
  chmodSync(path, 0o600);
  const [writer, reader] = await connectBoth(path).catch(error => {
    throw isDamage(error) ? damaged(path, error) : error;
  });
  const readRows = rowsOf(reader.rows);
  const waiting: Waiting[] = [];
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (waiting.length > 0) await commitTogether(writer.rows, waiting.splice(0, GROUP_LIMIT));
    draining = undefined;
  }

  return {
    read: run => run(readRows),
    transaction<T>(run: (rows: Rows) => Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ run, resolve: value => resolve(value as T), reject });
        // Starting on the next tick lets requests of the same tick share the commit.
        draining ??= Promise.resolve().then(drain);
      });
    },
    async close() {
      await draining;
      reader.close();
      writer.close();
    },
  };
}

/** Runs each transaction in a savepoint of its own, so that one that fails undoes only itself, then commits once. */
async function commitTogether(writer: Kysely<Schema>, group: Waiting[]): Promise<void> {
  const settle: (() => void)[] = [];
  try {
    await writer.connection().execute(async connection => {
      const rows = rowsOf(connection);
      await sql`begin immediate`.execute(connection);
      try {
        for (const item of group) {
          await sql`savepoint item`.execute(connection);
          try {
            const value = await item.run(rows);
            settle.push(() => item.resolve(value));
          } catch (error) {
            await sql`rollback to item`.execute(connection);
            settle.push(() => item.reject(explained(error)));
          }
          await sql`release item`.execute(connection);
        }
        await sql`commit`.execute(connection);
      } catch (error) {
        await sql`rollback`.execute(connection).catch(() => undefined);
        throw error;
      }
    });
  } catch (error) {
    for (const item of group) item.reject(explained(error));
    return;
  }
  for (const done of settle) done();
}

/** A quota that is full, and a full disk where the index of the -wal file grows, are errors of writing to SQLite. */
const NOT_WRITTEN = ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_SHMSIZE'];

/** A full disk is no fault of ours: clients try again, and jobs wait for room. */
function explained(error: unknown): unknown {
  if (!(error instanceof Sqlite.SqliteError) || !NOT_WRITTEN.includes(error.code)) return error;
  const orFails = error.code === 'SQLITE_FULL' ? '' : `, or the disk fails (${error.code})`;
  const message = `The server has no room to write this down: the disk or its quota is full${orFails}. Free some space and try again.`;
  return new Fault('unavailable', message, { cause: error });
}

interface Connection {
  rows: Kysely<Schema>;
  close(): void;
}

async function connectBoth(path: string): Promise<[writer: Connection, reader: Connection]> {
  const writer = connect(path);
  try {
    await migrate(writer.rows, path);
    return [writer, connect(path)];
  } catch (error) {
    writer.close();
    throw error;
  }
}

/** SQLite undoes DDL with its transaction; Kysely, which leaves that aside, would run each statement for itself. */
class TransactionalDdl extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class Dialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalDdl();
  }
}

function connect(path: string): Connection {
  const database = new Sqlite(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma('busy_timeout = 5000');
  // Kysely's own destroy() leaves a connection open that was never asked anything, and with it the -wal file.
  const rows = new Kysely<Schema>({ dialect: new Dialect({ database }), plugins: [fairTurns()] });
  return { rows, close: () => database.close() };
}

/** In one transaction: a start that is killed while it brings the tables up to date leaves them as they were. */
async function migrate(database: Kysely<Schema>, path: string): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => migrations },
    allowUnorderedMigrations: true,
  });
  const unknown = (await appliedMigrations(database)).filter(name => !(name in migrations));
  if (unknown.length > 0)
    throw new Error(
      `${path} was changed by a newer version of Likeness, which this one cannot read (${unknown.join(', ')}). ` +
        'Start that version or a later one, or restore the copy of the data folder that was made before the upgrade.',
    );
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

async function appliedMigrations(database: Kysely<Schema>): Promise<string[]> {
  const isTable = sql`select 1 from sqlite_master where type = 'table' and name = 'kysely_migration'`;
  if ((await isTable.execute(database)).rows.length === 0) return [];
  return (await sql<{ name: string }>`select name from kysely_migration order by name`.execute(database)).rows.map(
    row => row.name,
  );
}

function isDamage(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

function damaged(path: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : cause;
  return new Error(
    `${path} is damaged (${why}). Restore the data folder from a copy; keep this one, from which "sqlite3 .recover" ` +
      'may still read most rows.',
    { cause },
  );
}

function rowsOf(database: Kysely<Schema>): Rows {
  // Kysely is invariant in its schema; each part only ever names its own tables.
  const part = <Part>() => database as unknown as Kysely<Part>;
  return {
    batch: batchRows(part<BatchSchema>()),
    bedrock: bedrockRows(part<BedrockSchema>()),
    events: eventRows(part<EventsSchema>()),
    iam: iamRows(part<IamSchema>()),
    kms: kmsRows(part<KmsSchema>()),
    s3: s3Rows(part<S3Schema>()),
    usage: usageRows(part<UsageSchema>()),
  };
}
