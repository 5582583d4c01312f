/**
 * The server's validation of a folder of pictures as a job's data set, through S3 with a service role; prints one JSON line.
 * The server runs in a process of its own, so that its memory is its own; what it holds is looked at while it validates.
 *
 *   node bench/ingest/validation.ts FOLDER
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BedrockClient,
  CreateModelCustomizationJobCommand,
  GetModelCustomizationJobCommand,
} from '@aws-sdk/client-bedrock';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { readConfig } from '../../server/src/config.ts';
import { createLikeness } from '../../server/src/main.ts';
import { createInProcessCompute } from '../../server/test/support/in-process-compute.ts';
import { createInProcessInference } from '../../server/test/support/in-process-inference.ts';

const credentials = { accessKeyId: 'AKIABENCHBENCHBENCH0', secretAccessKey: 'secret-of-the-bench' };
const BUCKET = 'pictures';
const CAPTIONS = 20;
const UPLOADS_AT_ONCE = 8;

/** The server, told to start by the parent; answers its endpoint. */
async function serve(folder: string): Promise<void> {
  const given = { dataDirectory: folder, port: 0, logLevel: 'silent' as const, warmBaseModel: false, cacheDays: 0 };
  const keys = { rootAccessKeyId: credentials.accessKeyId, rootSecretAccessKey: credentials.secretAccessKey };
  const likeness = await createLikeness(readConfig({}, { ...given, ...keys }), {
    compute: createInProcessCompute({ slots: 1, millisecondsAStep: 1 }),
    inference: createInProcessInference({ capacity: 1, loadMilliseconds: 1, invokeMilliseconds: 1 }),
  });
  process.send?.(likeness.endpoint);
}

async function main(images: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-ingest-'));
  const server = fork(import.meta.filename, ['--serve', folder], { execArgv: ['--no-warnings'] });
  try {
    const [endpoint] = (await once(server, 'message')) as [string];
    const settings = { endpoint, region: 'us-east-1', credentials };
    const names = (await readdir(images)).sort();
    await upload(new S3Client({ ...settings, forcePathStyle: true }), images, names);
    const roleArn = await makeRole(new IAMClient(settings));
    const bedrock = new BedrockClient(settings);
    const before = await heldBytes(server.pid ?? 0);
    const began = performance.now();
    const { jobArn } = await bedrock.send(
      new CreateModelCustomizationJobCommand({
        ...{ jobName: 'ingest', customModelName: 'ingest', roleArn, baseModelIdentifier: 'likeness.art-v1' },
        hyperParameters: { stepCount: '10' },
        trainingDataConfig: { s3Uri: `s3://${BUCKET}/train.jsonl` },
        outputDataConfig: { s3Uri: `s3://${BUCKET}/output/` },
      }),
    );
    let [early, peak] = [before, before];
    for (;;) {
      const job = await bedrock.send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
      const held = await heldBytes(server.pid ?? 0);
      peak = Math.max(peak, held);
      // Not by its count of pictures, which the API does not tell: what it held in the first second.
      if (performance.now() - began < 1000) early = Math.max(early, held);
      if (job.status === 'Failed') throw new Error(job.failureMessage);
      if (job.statusDetails?.validationDetails?.status === 'Completed') break;
      await delay(50);
    }
    const seconds = (performance.now() - began) / 1000;
    console.log(JSON.stringify({ seconds, peakBytes: peak, grownBytes: peak - early }));
  } finally {
    server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
  process.exit(0);
}

async function upload(s3: S3Client, images: string, names: string[]): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const lines = names.map((name, index) =>
    JSON.stringify({ 'image-ref': `s3://${BUCKET}/data/${name}`, caption: `a picture of thing ${index % CAPTIONS}` }),
  );
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'train.jsonl', Body: lines.join('\n') }));
  const waiting = [...names];
  const some = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift())
      await s3.send(
        new PutObjectCommand({ Bucket: BUCKET, Key: `data/${name}`, Body: await readFile(join(images, name)) }),
      );
  };
  await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, some));
}

async function makeRole(iam: IAMClient): Promise<string> {
  const policy = (statement: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] });
  const trust = policy({ Principal: { Service: 'bedrock.amazonaws.com' }, Action: 'sts:AssumeRole' });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: 'ingest', AssumeRolePolicyDocument: trust }));
  const PolicyDocument = policy({ Action: 's3:*', Resource: '*' });
  await iam.send(new PutRolePolicyCommand({ RoleName: 'ingest', PolicyName: 'data', PolicyDocument }));
  return Role?.Arn ?? '';
}

/** Resident bytes of a process. */
async function heldBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

const [first = '', second = ''] = process.argv.slice(2);
await (first === '--serve' ? serve(second) : main(first));
