/** Starts and ends the running product, and drives it as a stranger would: the CLI, its data folder, an AWS SDK. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BedrockClient,
  CreateModelCustomizationJobCommand,
  GetModelCustomizationJobCommand,
  type GetModelCustomizationJobCommandOutput,
} from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

export const projectRoot = resolve(import.meta.dirname, '../..');
const samplePath = join(projectRoot, 'models/art/sample');
export const weightsPath = join(projectRoot, 'models/art/weights');
const IMAGES = 8;
const BUCKET = 'crash-pictures';
const ROLE = 'crash-role';

export const whySkipped = [
  [join(projectRoot, '.venv/bin/python'), 'there is no Python environment: run npm run setup'],
  [join(weightsPath, 'model_index.json'), 'models/art/weights is not there'],
  [samplePath, 'models/art/sample is not there'],
].find(([path]) => !existsSync(path ?? ''))?.[1];

export interface Product {
  data: string;
  /** Starts the server on the same data folder and waits until it answers. @param port 0: any */
  up(port?: number): Promise<void>;
  /** kill -9 of the server process alone. */
  crash(): Promise<void>;
  /** Ctrl-C; resolves with the exit status once the process has ended. */
  interrupt(): Promise<number | null>;
  serverPid(): number;
  /** Where it answers, and its root key. */
  access(): { endpoint: string; accessKeyId: string; secretAccessKey: string };
  /** The address that signs in to the console once, as the newest start printed it. */
  signInLink(): string;
  bedrock(): BedrockClient;
  runtime(): BedrockRuntimeClient;
  s3(): S3Client;
  iam(): IAMClient;
}

/** Why a data folder cannot have a disk of its own here; undefined: it can. */
export function whyNoSmallDisk(): string | undefined {
  try {
    execFileSync('bwrap', [...smallDisk(4096, tmpdir()), 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'bubblewrap cannot make a small disk here';
  }
}

/** Arguments of bubblewrap for a command that finds an empty file system of this size in the place of the folder. */
function smallDisk(sizeBytes: number, folder: string): string[] {
  return ['--dev-bind', '/', '/', '--size', String(sizeBytes), '--tmpfs', folder, '--die-with-parent'];
}

/**
 * A data folder of its own, removed after the test with every process that names it.
 * @param diskBytes of a file system of its own for the data folder, which goes when the server ends
 */
export function newProduct(context: TestContext, diskBytes?: number): Product {
  const outside = mkdtempSync(join(tmpdir(), 'likeness-crash-'));
  // With a disk of its own, as a process that sees it sees it.
  let data = outside;
  let server: ChildProcess | undefined;
  let welcome = '';
  let clients = { endpoint: '', accessKeyId: '', secretAccessKey: '' };

  context.after(() => {
    for (const pid of processesNaming(outside)) process.kill(pid, 'SIGKILL');
    rmSync(outside, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });

  function serverPid(): number {
    return JSON.parse(readFileSync(join(data, 'endpoint.json'), 'utf8')).pid;
  }

  function options() {
    const { endpoint, accessKeyId, secretAccessKey } = clients;
    return { endpoint, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } };
  }

  return {
    get data() {
      return data;
    },
    async up(port = 0) {
      rmSync(join(data, 'endpoint.json'), { force: true });
      const launcher = diskBytes === undefined ? [] : ['bwrap', ...smallDisk(diskBytes, outside)];
      const program = [process.execPath, join(projectRoot, 'server/likeness.js')];
      const [file = '', ...rest] = [...launcher, ...program];
      const child = spawn(file, [...rest, 'up', '--port', String(port), '--data', outside], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, LIKENESS_WORKER_THREADS: '1', LIKENESS_LOG_LEVEL: 'info', LIKENESS_WARM_BASE: 'off' },
      });
      let log = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        welcome += text;
      });
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
      server = child;
      await until('the server listens', () => {
        assert.equal(child.exitCode, null, log);
        if (diskBytes !== undefined) {
          const inside = processesNaming(outside).map(pid => join('/proc', String(pid), 'root', outside));
          data = inside.find(path => existsSync(join(path, 'endpoint.json'))) ?? outside;
        }
        return existsSync(join(data, 'endpoint.json'));
      });
      const { endpoint } = JSON.parse(readFileSync(join(data, 'endpoint.json'), 'utf8'));
      const credentials = readFileSync(join(data, 'credentials'), 'utf8');
      clients = {
        endpoint,
        accessKeyId: /aws_access_key_id = (.+)/.exec(credentials)?.[1] ?? '',
        secretAccessKey: /aws_secret_access_key = (.+)/.exec(credentials)?.[1] ?? '',
      };
    },
    async crash() {
      const ended = exitOf(server);
      process.kill(serverPid(), 'SIGKILL');
      await ended;
    },
    async interrupt() {
      const ended = exitOf(server);
      server?.kill('SIGINT');
      return ended;
    },
    serverPid,
    access: () => clients,
    signInLink: () => [...welcome.matchAll(/^ *(http\S+sign-in\S+)$/gm)].at(-1)?.[1] ?? '',
    bedrock: () => new BedrockClient(options()),
    runtime: () => new BedrockRuntimeClient(options()),
    s3: () => new S3Client({ ...options(), forcePathStyle: true }),
    iam: () => new IAMClient(options()),
  };
}

/** Bucket, images, manifest and role; then a job. @returns its ARN */
export async function createJob(
  product: Product,
  stepCount: number,
  hyperParameters: Record<string, string> = {},
): Promise<string> {
  const s3 = product.s3();
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const lines = readFileSync(join(samplePath, 'captions.jsonl'), 'utf8').trim().split('\n').slice(0, IMAGES);
  const manifest: string[] = [];
  for (const line of lines) {
    const { 'image-ref': name, caption } = JSON.parse(line) as Record<string, string>;
    const body = readFileSync(join(samplePath, name ?? ''));
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `ron/${name}`, Body: body }));
    manifest.push(JSON.stringify({ 'image-ref': `s3://${BUCKET}/ron/${name}`, caption }));
  }
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'ron/train.jsonl', Body: manifest.join('\n') }));
  const roleArn = await createRole(product);
  const { jobArn } = await product.bedrock().send(
    new CreateModelCustomizationJobCommand({
      jobName: 'crash-job',
      customModelName: 'crash-model',
      roleArn,
      baseModelIdentifier: 'amazon.titan-image-generator-v1:0',
      hyperParameters: { stepCount: String(stepCount), ...hyperParameters },
      trainingDataConfig: { s3Uri: `s3://${BUCKET}/ron/train.jsonl` },
      outputDataConfig: { s3Uri: `s3://${BUCKET}/output` },
    }),
  );
  return jobArn ?? '';
}

/** A role that Bedrock may assume, with access to every bucket. @returns its ARN */
export async function createRole(product: Product): Promise<string> {
  const iam = product.iam();
  const trust = { Effect: 'Allow', Principal: { Service: 'bedrock.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument: JSON.stringify({ Statement: [trust] }) }),
  );
  const allow = { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject', 's3:ListBucket'], Resource: '*' };
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: ROLE,
      PolicyName: 's3',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [allow] }),
    }),
  );
  return Role?.Arn ?? '';
}

export function getJob(product: Product, jobArn: string): Promise<GetModelCustomizationJobCommandOutput> {
  return product.bedrock().send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
}

/** Waits until the job has ended in this status. */
export async function waitFor(product: Product, jobArn: string, status: string): Promise<void> {
  await until(`the job is ${status}`, async () => {
    const job = await getJob(product, jobArn);
    if (job.status === status) return true;
    assert.ok(job.status === 'InProgress' || job.status === 'Stopping', `${job.status}: ${job.failureMessage}`);
    return false;
  });
}

export function runPath(product: Product, jobArn: string): string {
  return join(product.data, 'runs', jobId(jobArn));
}

export function jobId(jobArn: string): string {
  return jobArn.slice(jobArn.lastIndexOf('/') + 1);
}

/** Events of one attempt, whole lines only. */
export function eventsOf(product: Product, jobArn: string, attempt: number): Record<string, unknown>[] {
  const path = join(runPath(product, jobArn), String(attempt), 'events.jsonl');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line));
}

/** Waits until the attempt has written an event of the type, of at least that step. */
export async function waitForEvent(
  product: Product,
  jobArn: string,
  wanted: { attempt: number; type: string; step: number },
): Promise<void> {
  await until(`attempt ${wanted.attempt} tells of ${wanted.type} ${wanted.step}`, () =>
    eventsOf(product, jobArn, wanted.attempt).some(
      event => event.type === wanted.type && Number(event.step) >= wanted.step,
    ),
  );
}

export async function metricsOf(product: Product, jobArn: string): Promise<string[]> {
  const Key = `output/model-customization-job-${jobId(jobArn)}/training_artifacts/step_wise_training_metrics.csv`;
  const answer = await product.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  return ((await answer.Body?.transformToString()) ?? '').trim().split('\n');
}

/** The metrics tell every step once and in order. */
export async function assertWholeMetrics(product: Product, jobArn: string, stepCount: number): Promise<void> {
  const [header, ...rows] = await metricsOf(product, jobArn);
  assert.equal(header, 'step_number,epoch_number,training_loss,perplexity');
  assert.deepEqual(
    rows.map(row => Number(row.split(',')[0])),
    Array.from({ length: stepCount }, (_, step) => step),
  );
}

/** Waits until no image, latent, checkpoint or weight is left in the run directory of an ended job. */
export async function waitUntilCleaned(product: Product, jobArn: string): Promise<void> {
  const kept = ['attempt.json', 'events.jsonl', 'lease.json', 'log.txt', 'result.json', 'spec.json'];
  const folders = readdirSync(runPath(product, jobArn)).map(attempt => join(runPath(product, jobArn), attempt));
  await until('the run directory is cleaned', () =>
    folders.every(folder => readdirSync(folder).every(name => kept.includes(name))),
  );
}

/** Ids of processes that name a folder on their command line. */
export function processesNaming(folder: string): number[] {
  return execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter(line => line.includes(folder))
    .map(line => Number(line.trim().split(' ')[0]));
}

export async function until(what: string, check: () => boolean | Promise<boolean>, seconds = 300): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `waited ${seconds} seconds until ${what}`);
    await delay(100);
  }
}

function exitOf(child: ChildProcess | undefined): Promise<number | null> {
  return new Promise(settle => {
    if (!child || child.exitCode !== null || child.signalCode !== null) settle(child?.exitCode ?? null);
    else child.once('exit', code => settle(code));
  });
}
