import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { Fault } from '../../src/domain/fault.ts';

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'likeness-store-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What another program does to the file while no store is open. */
function change(path: string, statement: string): void {
  const database = new Sqlite(path);
  database.exec(statement);
  database.close();
}

for (const [name, prepare] of [
  ['a new store', () => undefined],
  ['one that others could read', (path: string) => writeFileSync(path, '', { mode: 0o644 })],
] as const)
  test(`the files of ${name} are the owner's alone in a folder that is everybody's`, async context => {
    const folder = newFolder(context);
    chmodSync(folder, 0o755);
    prepare(join(folder, 'rows.sqlite'));
    const store = await openSqliteStore(join(folder, 'rows.sqlite'));
    const modes = readdirSync(folder).map(file => [file, (statSync(join(folder, file)).mode & 0o777).toString(8)]);
    await store.close();
    assert.deepEqual(modes, [
      ['rows.sqlite', '600'],
      ['rows.sqlite-shm', '600'],
      ['rows.sqlite-wal', '600'],
    ]);
  });

test('tables that could not be brought up to date in one go are left as they were, and the next start begins anew', async context => {
  const path = join(newFolder(context), 'rows.sqlite');
  // In the way of a table in the middle of a migration, behind others that are made before it.
  change(path, 'create table s3_uploads (in_the_way text)');
  await assert.rejects(openSqliteStore(path), /s3_uploads/);
  const database = new Sqlite(path);
  assert.deepEqual(database.prepare("select name from sqlite_master where name like 's3!_%' escape '!'").all(), [
    { name: 's3_uploads' },
  ]);
  database.close();
  change(path, 'drop table s3_uploads');
  const store = await openSqliteStore(path);
  assert.equal(await store.read(({ iam }) => iam.firstAccount()), undefined);
  await store.close();
});

test('objects and uploads that were written before there were storage classes are STANDARD', async context => {
  const path = join(newFolder(context), 'rows.sqlite');
  await (await openSqliteStore(path)).close();
  change(
    path,
    `delete from kysely_migration where name = 's3-0006-storage-classes';
    alter table s3_versions drop column storage_class;
    alter table s3_uploads drop column storage_class;
    insert into s3_buckets (name, account_id, region, created_at) values ('bucket', '1', 'r', 0);
    insert into s3_versions (bucket, key, version_rank, is_latest, is_delete_marker, object_id, size_bytes, etag, modified_at, description)
      values ('bucket', 'key', 1, 1, 0, 'o', 1, 'e', 0, '{}');
    insert into s3_uploads (upload_id, bucket, key, started_at, initiator_arn, description) values ('u', 'bucket', 'key', 0, '', '{}')`,
  );
  const store = await openSqliteStore(path);
  const found = await store.read(async ({ s3 }) => [await s3.object('bucket', 'key'), await s3.upload('u')]);
  await store.close();
  assert.deepEqual(
    found.map(row => row?.storageClass),
    ['STANDARD', 'STANDARD'],
  );
});

test('a file that a newer version has changed is refused in one line, which says what to do', async context => {
  const path = join(newFolder(context), 'rows.sqlite');
  await (await openSqliteStore(path)).close();
  change(path, "insert into kysely_migration values ('s3-9999-hence', '2027-01-01T00:00:00.000Z')");
  await assert.rejects(openSqliteStore(path), {
    message:
      `${path} was changed by a newer version of Likeness, which this one cannot read (s3-9999-hence). Start that ` +
      'version or a later one, or restore the copy of the data folder that was made before the upgrade.',
  });
});

for (const [name, damage] of [
  ['cut off', (path: string) => truncateSync(path, 20_000)],
  ['no database', (path: string) => writeFileSync(path, 'what a sync tool left here, say '.repeat(1000))],
] as const)
  test(`a file that is ${name} is refused in one line, which says what to do`, async context => {
    const path = join(newFolder(context), 'rows.sqlite');
    await (await openSqliteStore(path)).close();
    damage(path);
    await assert.rejects(
      openSqliteStore(path),
      (error: Error) =>
        error.constructor === Error &&
        error.message.startsWith(`${path} is damaged (`) &&
        error.message.includes('Restore the data folder from a copy') &&
        !error.message.includes('\n'),
    );
  });

for (const code of ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_SHMSIZE'])
  test(`what SQLite says of a full disk or quota, as ${code}, is a fault that is tried again, and other rows of that commit are kept`, async context => {
    const store = await openSqliteStore(join(newFolder(context), 'rows.sqlite'));
    context.after(() => store.close());
    const account = { accountId: '111122223333', createdAt: '', name: null, disabledAt: null };
    const [full] = await Promise.allSettled([
      store.transaction(async () => {
        throw new Sqlite.SqliteError('of that commit', code);
      }),
      store.transaction(({ iam }) => iam.insertAccount(account)),
    ]);
    const reason = full.status === 'rejected' ? full.reason : undefined;
    assert.ok(reason instanceof Fault);
    assert.equal(reason.kind, 'unavailable');
    assert.match(reason.message, /Free some space and try again/);
    assert.deepEqual(await store.read(({ iam }) => iam.firstAccount()), account);
  });

test('others have their turn between the statements of one long transaction, and of many short ones', async context => {
  const store = await openSqliteStore(join(newFolder(context), 'rows.sqlite'));
  context.after(() => store.close());
  const isOver = (beganAt: number) => performance.now() - beganAt > 200;
  const inOne = () =>
    store.transaction(async ({ s3 }) => {
      for (const beganAt = performance.now(); !isOver(beganAt); ) await s3.bucket('none');
    });
  const inMany = async () => {
    for (const beganAt = performance.now(); !isOver(beganAt); )
      await store.transaction(({ s3 }) => s3.setBucketPolicy('none', null));
  };
  const inReads = async () => {
    for (const beganAt = performance.now(); !isOver(beganAt); ) await store.read(({ s3 }) => s3.bucket('none'));
  };
  for (const work of [inOne, inMany, inReads]) {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await work();
    clearInterval(timer);
    assert.ok(turns >= 2, `${work.name}: ${turns} turns`);
  }
});
