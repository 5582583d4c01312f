/**
 * Streams a large object through S3 and back, and prints the throughput and the growth of the server's memory:
 *
 *   node bench/s3.ts [MiB, default 1024]
 *
 * The server runs in a process of its own, so that its resident memory is its own. Once as one PUT, once as a multipart
 * upload of 16 MiB parts, four at a time.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { readConfig } from '../server/src/config.ts';
import { createLikeness } from '../server/src/main.ts';
import { createInProcessCompute } from '../server/test/support/in-process-compute.ts';
import { createInProcessInference } from '../server/test/support/in-process-inference.ts';
import { noBaseModels } from '../server/test/support/no-base-models.ts';

const MEBIBYTE = 1024 * 1024;
const PART_SIZE_BYTES = 16 * MEBIBYTE;
const PARTS_AT_ONCE = 4;
const credentials = { accessKeyId: 'AKIABENCHBENCHBENCH0', secretAccessKey: 'secret-of-the-bench' };
const Bucket = 'bench';

/** The server, told to start by the parent; answers its endpoint. */
async function serve(folder: string): Promise<void> {
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
  const likeness = await createLikeness(config, {
    compute: createInProcessCompute({ slots: 1, millisecondsAStep: 1 }),
    inference: createInProcessInference({ capacity: 1, loadMilliseconds: 1, invokeMilliseconds: 1 }),
    baseModels: noBaseModels,
  });
  process.send?.(likeness.endpoint);
}

async function main(sizeBytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-bench-s3-'));
  const server = fork(import.meta.filename, ['serve', folder]);
  try {
    const endpoint = await new Promise<string>((resolve, reject) => {
      server.once('message', message => resolve(String(message)));
      server.once('exit', code => reject(new Error(`The server ended with ${code}.`)));
    });
    const s3 = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket }));
    const steps: [string, () => Promise<unknown>][] = [
      ['PUT, one piece', () => put(s3, sizeBytes)],
      ['GET', () => get(s3, 'one')],
      ['PUT, multipart', () => putParts(s3, sizeBytes)],
      ['GET, multipart', () => get(s3, 'parts')],
    ];
    console.log(
      `${sizeBytes / MEBIBYTE} MiB; server at rest: ${Math.round((await residentBytes(server)) / MEBIBYTE)} MiB`,
    );
    for (const [name, step] of steps) await measure(name, sizeBytes, server, step);
    s3.destroy();
  } finally {
    server.kill();
    await rm(folder, { recursive: true });
  }
}

async function measure(
  name: string,
  sizeBytes: number,
  server: ChildProcess,
  step: () => Promise<unknown>,
): Promise<void> {
  const restBytes = await residentBytes(server);
  let peakBytes = restBytes;
  const timer = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await residentBytes(server));
  }, 20);
  const startedAt = performance.now();
  await step();
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(timer);
  const speed = Math.round(sizeBytes / MEBIBYTE / seconds);
  const growth = Math.round((peakBytes - restBytes) / MEBIBYTE);
  console.log(`${name.padEnd(16)} ${String(speed).padStart(5)} MiB/s   memory +${growth} MiB at most`);
}

async function residentBytes(server: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

function* chunks(sizeBytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(MEBIBYTE, createHash('sha512').update('chunk').digest());
  for (let left = sizeBytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
}

function put(s3: S3Client, sizeBytes: number): Promise<unknown> {
  const Body = Readable.from(chunks(sizeBytes), { objectMode: false });
  return s3.send(new PutObjectCommand({ Bucket, Key: 'one', Body, ContentLength: sizeBytes }));
}

async function get(s3: S3Client, Key: string): Promise<void> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  for await (const _ of Body as Readable);
}

async function putParts(s3: S3Client, sizeBytes: number): Promise<void> {
  const Key = 'parts';
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts = Array.from({ length: Math.ceil(sizeBytes / PART_SIZE_BYTES) }, (_, index) => ({
    PartNumber: index + 1,
    ETag: '',
  }));
  const waiting = [...Parts];
  const worker = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const partBytes = Math.min(PART_SIZE_BYTES, sizeBytes - (part.PartNumber - 1) * PART_SIZE_BYTES);
      const Body = Buffer.concat([...chunks(partBytes)]);
      const input = { Bucket, Key, UploadId, PartNumber: part.PartNumber, Body };
      part.ETag = (await s3.send(new UploadPartCommand(input))).ETag ?? '';
    }
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker));
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
}

const [command = '1024', folder = ''] = process.argv.slice(2);
if (command === 'serve') await serve(folder);
else await main(Number(command) * MEBIBYTE);
