import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';

for (const [name, prepare] of [
  ['a new store', () => undefined],
  ['one that others could read', (path: string) => writeFileSync(path, '', { mode: 0o644 })],
] as const)
  test(`the files of ${name} are the owner's alone in a folder that is everybody's`, async context => {
    const folder = mkdtempSync(join(tmpdir(), 'likeness-store-'));
    context.after(() => rmSync(folder, { recursive: true }));
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
