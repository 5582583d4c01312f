import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { type JournalOptions, openJournal } from '../../src/adapters/journal-fs/journal.ts';
import { systemTime } from '../../src/adapters/system.ts';
import type { Journal, JournalPosition } from '../../src/ports/journal.ts';

const LONG_AGO = new Date(0);

describe('the files of a journal', () => {
  let folder: string;
  beforeEach(context => {
    folder = mkdtempSync(join(tmpdir(), 'likeness-journal-'));
    (context as TestContext).after(() => rmSync(folder, { recursive: true }));
  });
  const opened = (options: Partial<JournalOptions> = {}) =>
    openJournal({ folder, time: systemTime(), log: pino({ level: 'silent' }), ...options });
  const lastFile = () =>
    join(
      folder,
      readdirSync(folder)
        .filter(name => name.endsWith('.jsonl'))
        .sort()
        .at(-1) ?? '',
    );

  async function newest(files: Journal, count: number, before?: JournalPosition, since = LONG_AGO) {
    const found: { line: string; at: JournalPosition }[] = [];
    for await (const item of files.backwards(before, since)) {
      found.push(item);
      if (found.length === count) break;
    }
    return found;
  }

  async function allForwards(files: Journal) {
    const lines: string[] = [];
    for (let after: JournalPosition | undefined; ; ) {
      const read = await files.forwards(after);
      if (read.lines.length === 0) return lines;
      lines.push(...read.lines);
      after = read.next;
    }
  }

  it('are read from the newest line to the oldest, page by page, over several files', async () => {
    const files = await opened({ fileBytes: 100 });
    const lines = Array.from({ length: 40 }, (_, index) => `{"n":${index},"t":"ä"}`);
    for (const line of lines) await files.append([line]);
    assert.ok(readdirSync(folder).length > 3);
    const read: string[] = [];
    for (let before: JournalPosition | undefined; ; ) {
      const page = await newest(files, 7, before);
      if (page.length === 0) break;
      read.push(...page.map(({ line }) => line));
      before = page.at(-1)?.at;
    }
    assert.deepEqual(read, [...lines].reverse());
    assert.deepEqual(await allForwards(files), lines);
    await files.close();
  });

  it('take lines of many kilobytes and many at the same time', async () => {
    const files = await opened();
    const lines = Array.from({ length: 30 }, (_, index) => `${index}:${'é'.repeat(index * 3000)}`);
    await Promise.all(lines.map(line => files.append([line])));
    assert.deepEqual(
      (await newest(files, 99)).map(({ line }) => line),
      [...lines].reverse(),
    );
    assert.deepEqual(await allForwards(files), lines);
    await files.close();
  });

  it('lose nothing that was appended, and forget what a crash cut off', async () => {
    const first = await opened();
    await first.append(['{"a":1}', '{"a":2}']);
    // As after kill -9: not closed.
    appendFileSync(lastFile(), '{"a":3,"cut o');
    assert.deepEqual(
      (await newest(first, 9)).map(({ line }) => line),
      ['{"a":2}', '{"a":1}'],
    );
    const second = await opened();
    await second.append(['{"a":4}']);
    assert.equal(readFileSync(lastFile(), 'utf8'), '{"a":1}\n{"a":2}\n{"a":4}\n');
    assert.equal((statSync(lastFile()).mode & 0o777).toString(8), '600');
    await second.close();
  });

  it('remember how far they were delivered, and go on in the next file', async () => {
    const files = await opened({ fileBytes: 10 });
    await files.append(['{"a":1}', '{"a":2}']);
    assert.equal(await files.delivered(), undefined);
    const { next } = await files.forwards(undefined);
    assert.ok(next);
    await files.setDelivered(next);
    await files.close();
    const again = await opened({ fileBytes: 10 });
    assert.deepEqual(await again.delivered(), next);
    assert.deepEqual(await again.forwards(next), { lines: [], next });
    await again.append(['{"a":3}']);
    assert.deepEqual((await again.forwards(next)).lines, ['{"a":3}']);
    await again.close();
  });

  it('are deleted when they are too old, but for the one in use, and are in order whatever the clock does', async () => {
    let now = Date.now();
    const files = await opened({ fileBytes: 5, time: { ...systemTime(), now: () => new Date(now) } });
    await files.append(['{"a":1}']);
    now -= 60_000;
    await files.append(['{"a":2}']);
    assert.deepEqual(
      (await newest(files, 9)).map(({ line }) => line),
      ['{"a":2}', '{"a":1}'],
    );
    assert.deepEqual(await newest(files, 9, undefined, new Date(Date.now() + 60_000)), []);
    const delivered = (await files.forwards(undefined)).next;
    await files.deleteBefore(new Date(Date.now() + 60_000));
    assert.deepEqual(
      (await newest(files, 9)).map(({ line }) => line),
      ['{"a":2}'],
    );
    assert.deepEqual((await files.forwards(delivered)).lines, ['{"a":2}']);
    await files.close();
  });
});
