/**
 * How long a request waits while lifecycle rules work on a bucket of many objects:
 *
 *   node bench/lifecycle.ts [objects, default 100000] [kept|moved|ended, default all three]
 *
 * Three buckets' worth of work, each in a server of its own: rules of which none is due, objects that all move to another
 * storage class, objects that all end. HeadObject is asked without pause before the rules are looked at, and while they are.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CreateBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { systemTime } from '../server/src/adapters/system.ts';
import { readConfig } from '../server/src/config.ts';
import { createLikeness } from '../server/src/main.ts';
import { createInProcessCompute } from '../server/test/support/in-process-compute.ts';
import { createInProcessInference } from '../server/test/support/in-process-inference.ts';
import { noBaseModels } from '../server/test/support/no-base-models.ts';

const credentials = { accessKeyId: 'AKIABENCHBENCHBENCH0', secretAccessKey: 'secret-of-the-bench' };
const Bucket = 'bench';
const HOUR_MILLISECONDS = 60 * 60 * 1000;
const QUIET_REQUESTS = 300;
/** Of requests while nothing is due: the rules are looked at again and again meanwhile. */
const KEPT_SECONDS = 10;

type Work = 'kept' | 'moved' | 'ended';

/** The server, told to start by the parent; answers its endpoint. @param again looks at the rules without a pause */
async function serve(folder: string, again: boolean): Promise<void> {
  const config = readConfig(
    {},
    {
      dataDirectory: folder,
      port: 0,
      rootAccessKeyId: credentials.accessKeyId,
      rootSecretAccessKey: credentials.secretAccessKey,
      logLevel: 'silent',
    },
  );
  const time = systemTime();
  const likeness = await createLikeness(config, {
    time: {
      ...time,
      sleep: (milliseconds, signal) =>
        time.sleep(again && milliseconds === HOUR_MILLISECONDS ? 1 : milliseconds, signal),
    },
    compute: createInProcessCompute({ slots: 1, millisecondsAStep: 1 }),
    inference: createInProcessInference({ capacity: 1, loadMilliseconds: 1, invokeMilliseconds: 1 }),
    baseModels: noBaseModels,
  });
  process.send?.(likeness.endpoint);
}

interface Server {
  s3: S3Client;
  stop(): Promise<void>;
}

async function start(folder: string, again = false): Promise<Server> {
  const server: ChildProcess = fork(import.meta.filename, ['serve', folder, String(again)]);
  const endpoint = await new Promise<string>((resolve, reject) => {
    server.once('message', message => resolve(String(message)));
    server.once('exit', code => reject(new Error(`The server ended with ${code}.`)));
  });
  const s3 = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  return {
    s3,
    async stop() {
      s3.destroy();
      server.kill();
      await new Promise(resolve => server.once('exit', resolve));
    },
  };
}

/** A bucket of so many objects, a year old, without a rule that is due. */
async function fill(folder: string, objects: number, work: Work): Promise<number[]> {
  const { s3, stop } = await start(folder);
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const Key of ['template', 'watched']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  const filter = { ID: 'r', Status: 'Enabled', Filter: { Prefix: 'many/' } } as const;
  const rule = {
    kept: { ...filter, Expiration: { Days: 1000 } },
    moved: {
      ...filter,
      Filter: { And: { Prefix: 'many/', ObjectSizeLessThan: 1000 } },
      Transitions: [{ Days: 30, StorageClass: 'GLACIER_IR' }],
    },
    ended: { ...filter, Expiration: { Days: 1 } },
  } as const;
  const Rules = [rule[work]] as never;
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  const quiet = await waits(s3, took => took.length < QUIET_REQUESTS);
  await stop();
  const yearAgo = Date.now() - 365 * 24 * HOUR_MILLISECONDS;
  copyRows(folder, objects, 's3_versions', "key = 'template'", {
    key: "printf('many/%07d', i)",
    object_id: "printf('object-%07d', i)",
    modified_at: String(yearAgo),
  });
  copyRows(folder, objects, 's3_segments', "owner_id = (select object_id from s3_versions where key = 'template')", {
    owner_id: "printf('object-%07d', i)",
    blob_id: "printf('blob-%07d', i)",
  });
  return quiet;
}

function copyRows(folder: string, count: number, table: string, where: string, vary: Record<string, string>): void {
  const database = new DatabaseSync(join(folder, 'likeness.sqlite'));
  const names = database
    .prepare('select name from pragma_table_info(?)')
    .all(table)
    .map(({ name }) => String(name));
  database.exec(`with recursive counter(i) as (select 1 union all select i + 1 from counter where i < ${count})
    insert into ${table} (${names.join(', ')})
    select ${names.map(name => vary[name] ?? `template.${name}`).join(', ')}
    from counter, (select * from ${table} where ${where}) as template`);
  database.close();
}

/** Milliseconds that each of the requests took, one after another. */
async function waits(s3: S3Client, more: (took: readonly number[]) => boolean | Promise<boolean>): Promise<number[]> {
  const took: number[] = [];
  while (await more(took)) {
    const beganAt = performance.now();
    await s3.send(new HeadObjectCommand({ Bucket, Key: 'watched' }));
    took.push(performance.now() - beganAt);
  }
  return took;
}

/** Looks now and then whether the work is done: the last of the objects is gone, or of another class. */
function untilDone(s3: S3Client, work: Work, objects: number): (took: readonly number[]) => Promise<boolean> {
  const beganAt = performance.now();
  const StartAfter = `many/${String(objects - 1).padStart(7, '0')}`;
  return async took => {
    if (work === 'kept') return performance.now() - beganAt < KEPT_SECONDS * 1000;
    if (took.length % 50 !== 49) return true;
    const { Contents: [last] = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'many/', StartAfter }));
    return work === 'moved' ? last?.StorageClass === 'STANDARD' : last !== undefined;
  };
}

function shown(took: readonly number[]): string {
  const sorted = [...took].sort((left, right) => left - right);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms (${took.length} requests)`;
}

async function measure(work: Work, objects: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-bench-lifecycle-'));
  try {
    const quiet = await fill(folder, objects, work);
    const beganAt = performance.now();
    const { s3, stop } = await start(folder, work === 'kept');
    const busy = await waits(s3, untilDone(s3, work, objects));
    const seconds = (performance.now() - beganAt) / 1000;
    await stop();
    console.log(
      `${objects} objects, ${work}: ${seconds.toFixed(0)} s\n  before ${shown(quiet)}\n  during ${shown(busy)}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const WORKS: readonly Work[] = ['kept', 'moved', 'ended'];
const [first, second, again] = process.argv.slice(2);
if (first === 'serve') await serve(second ?? '', again === 'true');
else for (const work of WORKS.filter(name => name === (second ?? name))) await measure(work, Number(first ?? 100_000));
