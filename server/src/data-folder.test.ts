import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import Sqlite from 'better-sqlite3';
import {
  DataFolderInUse,
  damageOfRows,
  isInUse,
  lockDataFolder,
  readCredentials,
  readEndpoint,
  refuseLostMasterKey,
  refuseUnnamedBytes,
  removeEndpoint,
  writeCredentials,
  writeEndpoint,
} from './data-folder.ts';

const folders: string[] = [];
const children: ChildProcess[] = [];
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'likeness-data-'));
  folders.push(folder);
  return folder;
};
const running = { endpoint: 'http://127.0.0.1:4747', pid: 42, region: 'us-east-1', accountId: '1', startedAt: 'now' };

/** Whoever runs the tests may open any file, so a folder is in its place. */
function folderWithLockThatCannotBeOpened(): string {
  const folder = newFolder();
  mkdirSync(join(folder, 'lock'));
  return folder;
}

/** A process that takes the lock and keeps it. */
async function holder(folder: string) {
  const module = JSON.stringify(join(import.meta.dirname, 'data-folder.ts'));
  const script = `const { lockDataFolder } = await import(${module}); lockDataFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

after(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('the lock of a data folder', () => {
  it('refuses a second process with one line that names the first, and is gone after kill -9', async () => {
    const folder = newFolder();
    const first = await holder(folder);
    writeEndpoint(folder, running);
    assert.equal(isInUse(folder), true);
    assert.throws(
      () => lockDataFolder(folder),
      (error: Error) =>
        error instanceof DataFolderInUse &&
        error.message.includes('http://127.0.0.1:4747 (process 42)') &&
        !error.message.includes('\n'),
    );
    first.kill('SIGKILL');
    await once(first, 'exit');
    assert.equal(isInUse(folder), false);
    lockDataFolder(folder)();
  });

  it('is free again once released', () => {
    const folder = newFolder();
    lockDataFolder(folder)();
    assert.equal(isInUse(folder), false);
    lockDataFolder(folder)();
  });

  it('makes a folder that only its owner can enter', () => {
    const folder = join(newFolder(), 'new');
    lockDataFolder(folder)();
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });
});

describe('a data folder that cannot be used', () => {
  it('is refused at once with the reason of the system, and not tried for ever', () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    for (const [folder, reason] of [
      ['/proc/likeness', /\/proc\/likeness/],
      ['/proc/likeness/data', /\/proc\/likeness/],
      [file, /is a file, not a folder/],
      [join(file, 'data'), /is a file, not a folder/],
      ['/dev/null', /is a file, not a folder/],
      [folderWithLockThatCannotBeOpened(), /EISDIR: .* '.*\/lock'/],
    ] as const)
      assert.throws(() => lockDataFolder(folder), reason, folder);
  });
});

describe('what a data folder says', () => {
  it('keeps the credentials to their owner, in the format of AWS', () => {
    const folder = newFolder();
    const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a/b+c=' };
    writeCredentials(folder, credentials);
    assert.deepEqual(readCredentials(folder), credentials);
    assert.equal(statSync(join(folder, 'credentials')).mode & 0o777, 0o600);
  });

  it('tells where the server is, until it has stopped', () => {
    const folder = newFolder();
    assert.equal(readEndpoint(folder), undefined);
    writeEndpoint(folder, running);
    assert.equal(readEndpoint(folder)?.endpoint, running.endpoint);
    removeEndpoint(folder);
    assert.equal(readEndpoint(folder), undefined);
  });
});

describe('a data folder of which a part was lost', () => {
  const kept = { 'objects/ab': 'cdef', 'models/m1': 'manifest.json' };
  for (const [place, file] of Object.entries(kept))
    it(`is refused where its rows are lost and ${place}/${file} is there`, () => {
      const folder = newFolder();
      mkdirSync(join(folder, place), { recursive: true });
      writeFileSync(join(folder, place, file), '');
      const [name] = place.split('/');
      assert.throws(() => refuseUnnamedBytes(folder), {
        message: new RegExp(
          `^${join(folder, 'likeness.sqlite')} is missing or empty, but .* beside it, in ${name}/: .*Restore`,
        ),
      });
    });

  it('is a new one where only what was never whole is there', () => {
    const folder = newFolder();
    for (const place of ['objects/tmp', 'objects/ab', 'models/m1.abc.tmp'])
      mkdirSync(join(folder, place), { recursive: true });
    writeFileSync(join(folder, 'objects/tmp/0123'), '');
    writeFileSync(join(folder, 'models/m1.abc.tmp/00000.bin'), '');
    refuseUnnamedBytes(folder);
  });

  it('is refused where its master key is lost', () => {
    const folder = newFolder();
    assert.throws(() => refuseLostMasterKey(folder), /master\.key is missing, and LIKENESS_MASTER_KEY is not set/);
    writeFileSync(join(folder, 'master.key'), '');
    refuseLostMasterKey(folder);
  });
});

describe('the rows of a data folder', () => {
  const withRows = () => {
    const folder = newFolder();
    const database = new Sqlite(join(folder, 'likeness.sqlite'));
    database.exec('create table row (text); begin');
    for (let number = 0; number < 500; number += 1) database.prepare('insert into row values (?)').run('x'.repeat(100));
    database.exec('commit');
    return { folder, database };
  };

  it('are whole, also while a service has them open', () => {
    const { folder, database } = withRows();
    assert.equal(damageOfRows(folder), undefined);
    database.close();
    assert.equal(damageOfRows(folder), undefined);
  });

  it('are told damaged where a page in their midst is, or where the file is none', () => {
    const { folder, database } = withRows();
    database.close();
    const file = openSync(join(folder, 'likeness.sqlite'), 'r+');
    writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, 5 * 4096);
    closeSync(file);
    assert.match(damageOfRows(folder) ?? '', /page/i);
    writeFileSync(join(folder, 'likeness.sqlite'), 'nonsense'.repeat(1000));
    assert.match(damageOfRows(folder) ?? '', /not a database/);
  });
});
