import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { openFileObjects } from '../../src/adapters/objects-fs/objects-fs.ts';
import { Fault } from '../../src/domain/fault.ts';
import type { Objects } from '../../src/ports/objects.ts';
import type { Ids } from '../../src/ports/time.ts';

const ids: Ids = {
  resource: () => randomBytes(6).toString('hex'),
  uuid: () => crypto.randomUUID(),
  upper: length => 'A'.repeat(length),
  bytes: length => randomBytes(length),
};

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-objects-'));
  folders.push(folder);
  return folder;
}

/** Every adapter of the port answers this suite. */
const adapters: Record<string, () => Promise<Objects>> = {
  files: async () => openFileObjects(await newFolder(), ids),
};

async function* chunksOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

async function collect<Item>(source: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function read(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collect(source));
}

for (const [name, open] of Object.entries(adapters))
  describe(`objects: ${name}`, () => {
    test('what was put is read back, whatever the chunks', async () => {
      const objects = await open();
      const big = randomBytes(3_000_001);
      for (const chunks of [[], [''], ['hello, ', 'world'], [big.subarray(0, 1), big.subarray(1)]]) {
        const expected = Buffer.concat(chunks.map(chunk => Buffer.from(chunk)));
        const { blobId, sizeBytes } = await objects.put(chunksOf(...chunks), expected.length);
        assert.equal(sizeBytes, expected.length);
        assert.deepEqual(await read(objects.get(blobId)), expected);
      }
    });

    test('a range is inclusive at both ends', async () => {
      const objects = await open();
      const { blobId } = await objects.put(chunksOf('0123456789'));
      assert.equal((await read(objects.get(blobId, { start: 2, end: 4 }))).toString(), '234');
      assert.equal((await read(objects.get(blobId, { start: 9, end: 9 }))).toString(), '9');
    });

    test('a source that fails leaves nothing', async () => {
      const objects = await open();
      const broken = async function* () {
        yield Buffer.from('half');
        throw new Fault('invalid', 'the client went away');
      };
      await assert.rejects(objects.put(broken()), { message: 'the client went away' });
      assert.deepEqual(await collect(objects.list()), []);
    });

    test('many puts at once are all listed, and a deleted one is not', async () => {
      const objects = await open();
      const put = await Promise.all(Array.from({ length: 40 }, (_, index) => objects.put(chunksOf(`blob ${index}`))));
      const [first, ...others] = put.map(({ blobId }) => blobId);
      assert.ok(first);
      await objects.delete(first);
      await objects.delete(first);
      const listed = await collect(objects.list());
      assert.deepEqual(listed.map(({ blobId }) => blobId).sort(), others.sort());
      for (const { modifiedAt } of listed) assert.ok(Math.abs(Date.now() - modifiedAt.getTime()) < 60_000);
    });

    test('a blob that is being read can be deleted without harm to the reader', async () => {
      const objects = await open();
      const bytes = randomBytes(2_000_000);
      const { blobId } = await objects.put(chunksOf(bytes));
      const parts: Uint8Array[] = [];
      for await (const part of objects.get(blobId)) {
        if (parts.length === 0) await objects.delete(blobId);
        parts.push(part);
      }
      assert.deepEqual(Buffer.concat(parts), bytes);
    });

    test('an object that cannot fit is refused before its bytes', async () => {
      const objects = await open();
      const unread = async function* () {
        yield Buffer.from(assert.fail('the body was read'));
      };
      await assert.rejects(
        objects.put(unread(), Number.MAX_SAFE_INTEGER),
        error => error instanceof Fault && error.kind === 'unavailable' && error.message.includes('free'),
      );
    });
  });

test('files: an upload that a crash cut off is gone after the next start', async () => {
  const folder = await newFolder();
  await mkdir(join(folder, 'tmp'), { recursive: true });
  await writeFile(join(folder, 'tmp', 'half'), 'half');
  await openFileObjects(folder, ids);
  assert.deepEqual(await readdir(join(folder, 'tmp')), []);
});

test('files: an id that is none never becomes a path', async () => {
  const objects = await openFileObjects(await newFolder(), ids);
  await assert.rejects(read(objects.get('../../etc/passwd')), /blob id/);
});

test("the folders are their owner's alone, whatever the umask", async () => {
  const before = process.umask(0);
  try {
    const folder = join(await newFolder(), 'objects');
    const { blobId } = await (await openFileObjects(folder, ids)).put(chunksOf('a'));
    for (const name of ['', 'tmp', blobId.slice(0, 2)])
      assert.equal((await stat(join(folder, name))).mode & 0o777, 0o700, `objects/${name}`);
  } finally {
    process.umask(before);
  }
});
