import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CopyObjectCommand, CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { assertRefused, startS3, textOf } from './s3-server.ts';

const Bucket = 'damaged';
/** Several chunks of a sealed blob, and more than the first read. */
const SIZE_BYTES = 600_000;

const lines: { level: number; err?: { message: string } }[] = [];
const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) });

/** What the log says of the object, once it says something. */
async function logged(key: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const found = lines.find(line => line.err?.message.includes(`s3://${Bucket}/${key} `));
    if (found) return found.err?.message ?? '';
    await sleep(20);
  }
  return `nothing; all of it: ${JSON.stringify(lines)}`;
}

describe('an object whose file was damaged behind the back of the service', () => {
  let server: Awaited<ReturnType<typeof startS3>>;
  before(async () => {
    server = await startS3(log);
    await server.client().send(new CreateBucketCommand({ Bucket }));
  });
  after(() => server.stop());

  /** Puts an object. @returns the path of its one file */
  async function put(Key: string): Promise<string> {
    const files = () => readdirSync(join(server.folder, 'objects'), { recursive: true, encoding: 'utf8' });
    const known = new Set(files());
    await server.client().send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(SIZE_BYTES, Key) }));
    const paths = files()
      .filter(name => !known.has(name))
      .map(name => join(server.folder, 'objects', name));
    const [path] = paths.filter(each => statSync(each).isFile());
    assert.ok(path);
    return path;
  }

  for (const [name, damage] of [
    ['missing', unlinkSync],
    ['empty', (path: string) => truncateSync(path, 0)],
    ['changed in its first chunk', (path: string) => change(path, 1000)],
  ] as const)
    it(`is an error to who reads it where the file is ${name}, and the log says which object it is`, async () => {
      const Key = name.replaceAll(' ', '-');
      damage(await put(Key));
      const client = server.client();
      await assertRefused(client.send(new GetObjectCommand({ Bucket, Key })), 500, 'InternalError');
      assert.match(
        await logged(Key),
        /cannot be read, blob [0-9a-f]{32}: .* Restore its file below objects\/ from a copy/,
      );
      const copy = new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${Key}` });
      await assertRefused(client.send(copy), 500, 'InternalError');
      await client.send(new PutObjectCommand({ Bucket, Key, Body: 'again' }));
      assert.equal(await textOf(await client.send(new GetObjectCommand({ Bucket, Key }))), 'again');
    });

  for (const [name, damage] of [
    ['cut off', (path: string) => truncateSync(path, SIZE_BYTES - 1000)],
    ['changed far behind', (path: string) => change(path, SIZE_BYTES - 1000)],
  ] as const)
    it(`is never whole to who reads it where the file is ${name}, and the log says which object it is`, async () => {
      const Key = name.replaceAll(' ', '-');
      damage(await put(Key));
      const reading = server.client().send(new GetObjectCommand({ Bucket, Key }));
      await assert.rejects(reading.then(textOf));
      assert.match(await logged(Key), /its bytes were changed or cut off/);
    });
});

function change(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(path, bytes);
}
