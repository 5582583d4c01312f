import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { openFileObjects } from '../../src/adapters/objects-fs/objects-fs.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds } from '../../src/adapters/system.ts';
import { sweep } from '../../src/reconcile/sweep.ts';
import { openS3, root, startS3 } from './s3-server.ts';

const Bucket = 'crash';
const WRITERS = 6;
/** Keys that each writer goes round on, so that most writes replace an object. */
const KEYS = 4;
const ACKNOWLEDGED_BEFORE_KILL = 60;

if (process.argv[2] === 'serve') {
  const { endpoint, folder } = await startS3();
  process.send?.({ endpoint, folder });
} else {
  test('every acknowledged object survives kill -9 in the middle of writing', async () => {
    const child = fork(import.meta.filename, ['serve'], { execArgv: [] });
    const { endpoint, folder } = await new Promise<{ endpoint: string; folder: string }>(resolve =>
      child.once('message', message => resolve(message as { endpoint: string; folder: string })),
    );
    const exited = new Promise(resolve => child.once('exit', resolve));
    const s3 = new S3Client({ endpoint, credentials: root, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
    await s3.send(new CreateBucketCommand({ Bucket }));

    /** Key -> what may be there: the last acknowledged write, or one that was sent and not answered. */
    const possible = new Map<string, string[]>();
    const acknowledgedKeys = new Set<string>();
    let acknowledged = 0;
    const write = async (writer: number) => {
      for (let round = 0; ; round++) {
        const Key = `${writer}/${round % KEYS}`;
        const Body = randomBytes(1000 + Math.floor(Math.random() * 100_000));
        const digest = createHash('sha256').update(Body).digest('hex');
        possible.set(Key, [...(possible.get(Key) ?? []).slice(-1), digest]);
        await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
        possible.set(Key, [digest]);
        acknowledgedKeys.add(Key);
        acknowledged += 1;
        if (acknowledged === ACKNOWLEDGED_BEFORE_KILL) child.kill('SIGKILL');
      }
    };
    await Promise.allSettled(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    await exited;
    s3.destroy();
    assert.ok(acknowledged >= ACKNOWLEDGED_BEFORE_KILL);

    const server = await openS3(folder);
    const again = server.client();
    for (const [Key, digests] of possible) {
      const answer = await again.send(new GetObjectCommand({ Bucket, Key })).catch(error => {
        // A first write of the key that was never answered may be there or not.
        assert.deepEqual([error.name, acknowledgedKeys.has(Key)], ['NoSuchKey', false]);
        return undefined;
      });
      const bytes = await answer?.Body?.transformToByteArray();
      if (bytes) assert.ok(digests.includes(createHash('sha256').update(bytes).digest('hex')), Key);
    }
    const listed = await again.send(new ListObjectsV2Command({ Bucket }));
    assert.ok((listed.KeyCount ?? 0) >= Math.min(WRITERS * KEYS, ACKNOWLEDGED_BEFORE_KILL / 2));
    assert.deepEqual(await readdir(join(folder, 'objects', 'tmp')), []);

    // What the crash left without a row is swept, and nothing else.
    const store = await openSqliteStore(join(folder, 'likeness.sqlite'));
    const objects = await openFileObjects(join(folder, 'objects'), systemIds());
    const tomorrow = { now: () => new Date(Date.now() + 24 * 3600_000), sleep: async () => undefined };
    await sweep({ store, objects, time: tomorrow }, 60);
    let blobs = 0;
    for await (const _ of objects.list()) blobs += 1;
    assert.equal(blobs, listed.KeyCount);
    await store.close();
    await server.stop();
  });
}
