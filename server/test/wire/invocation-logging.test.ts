import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import {
  DeleteModelInvocationLoggingConfigurationCommand,
  GetModelInvocationLoggingConfigurationCommand,
  type LoggingConfig,
  PutModelInvocationLoggingConfigurationCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { assertRefused, plain } from './bedrock-server.ts';

const MODEL = 'amazon.titan-image-generator-v1';
const CHECK = `AWSLogs/${ACCOUNT}/BedrockModelInvocationLogs/amazon-bedrock-logs-permission-check`;
const FOLDER = new RegExp(
  `^logs/AWSLogs/${ACCOUNT}/BedrockModelInvocationLogs/us-east-1/\\d{4}/\\d{2}/\\d{2}/\\d{2}/(.*)$`,
);
let server: TestServer;
let clients: TestClients;
let bucket = '';
let count = 0;

before(async () => {
  const inference = createInProcessInference({ capacity: 2, loadMilliseconds: 1, invokeMilliseconds: 1 });
  server = await startServer({ overrides: { inference } });
  clients = server.clients();
});
after(() => server.close());
beforeEach(async () => {
  await clients.bedrock.send(new DeleteModelInvocationLoggingConfigurationCommand({}));
  bucket = `logs-${++count}`;
  await clients.s3.send(new CreateBucketCommand({ Bucket: bucket }));
});

/** The policy of AWS's documentation. */
async function letDeliver(change: { account?: string; source?: string; resource?: string } = {}): Promise<void> {
  const { account = ACCOUNT, source = `arn:aws:bedrock:us-east-1:${ACCOUNT}:*`, resource = '*' } = change;
  const statement = {
    Effect: 'Allow',
    Principal: { Service: 'bedrock.amazonaws.com' },
    Action: ['s3:PutObject'],
    Resource: [`arn:aws:s3:::${bucket}/${resource}`],
    Condition: { StringEquals: { 'aws:SourceAccount': account }, ArnLike: { 'aws:SourceArn': source } },
  };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await clients.s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
}

const put = (loggingConfig: LoggingConfig) =>
  clients.bedrock.send(new PutModelInvocationLoggingConfigurationCommand({ loggingConfig }));

async function configured(): Promise<LoggingConfig | undefined> {
  return (await clients.bedrock.send(new GetModelInvocationLoggingConfigurationCommand({}))).loggingConfig;
}

async function invoke(
  text: string,
  {
    padding = '',
    from = clients,
    requestMetadata,
  }: { padding?: string; from?: TestClients; requestMetadata?: string } = {},
): Promise<string | undefined> {
  const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text } });
  const command = new InvokeModelCommand({ modelId: MODEL, body: `${body}${padding}`, requestMetadata });
  const answer = await from.runtime.send(command);
  return answer.$metadata.requestId;
}

async function keys(): Promise<string[]> {
  const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Contents.map(({ Key = '' }) => Key).filter(key => !key.endsWith(CHECK));
}

async function read(Key: string): Promise<string> {
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
  return gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
}

interface Entry {
  input: { inputContentType: string; inputBodyJson?: unknown; inputBodyS3Path?: string };
  output: { outputContentType: string; outputBodyJson?: { images: string[] }; outputBodyS3Path?: string };
  [member: string]: unknown;
}

/** Waits for the entries of so many invocations. */
async function entries(expected: number): Promise<Entry[]> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await delay(20)) {
    const files = (await keys()).filter(key => !key.includes('/data/'));
    const texts = await Promise.all(files.map(read));
    const found = texts.flatMap(text => text.trimEnd().split('\n')).map(line => JSON.parse(line) as Entry);
    if (found.length >= expected) return found;
  }
  throw new Error(`there are not ${expected} entries`);
}

test('A configuration comes back as it was put, and is gone when it is deleted, also where there is none', async () => {
  assert.equal(await configured(), undefined);
  await letDeliver();
  const config = { s3Config: { bucketName: bucket, keyPrefix: 'logs' }, imageDataDeliveryEnabled: false };
  assert.deepEqual(plain(await put(config)), {});
  assert.deepEqual(await configured(), config);
  await put({ s3Config: { bucketName: bucket }, textDataDeliveryEnabled: true });
  assert.deepEqual(await configured(), { s3Config: { bucketName: bucket }, textDataDeliveryEnabled: true });
  for (let turn = 0; turn < 2; turn++)
    await clients.bedrock.send(new DeleteModelInvocationLoggingConfigurationCommand({}));
  assert.equal(await configured(), undefined);
});

test('A bucket that is not there, or whose policy lets others deliver, is refused and changes nothing', async () => {
  const s3Config = { bucketName: bucket, keyPrefix: 'logs' };
  const failed = new RegExp(`^Failed to validate permissions for S3 bucket: ${bucket}, with prefix: logs\\.`);
  await assertRefused(put({ s3Config }), 'ValidationException', 400, failed, 'no policy');
  for (const change of [
    { account: '999999999999' },
    { source: `arn:aws:bedrock:eu-west-1:${ACCOUNT}:*` },
    { resource: 'elsewhere/*' },
  ]) {
    await letDeliver(change);
    await assertRefused(put({ s3Config }), 'ValidationException', 400, failed, JSON.stringify(change));
  }
  const missing = put({ s3Config: { bucketName: 'nowhere-at-all' } });
  await assertRefused(missing, 'ValidationException', 400, /bucket does not exist/);
  assert.equal(await configured(), undefined);
});

test('CloudWatch is refused by name, and so is a configuration without a destination', async () => {
  const cloudWatchConfig = { logGroupName: 'group', roleArn: `arn:aws:iam::${ACCOUNT}:role/logger` };
  await assertRefused(put({ cloudWatchConfig }), 'ValidationException', 400, /cloudWatchConfig is not supported/);
  await assertRefused(put({ textDataDeliveryEnabled: true }), 'ValidationException', 400, /must have s3Config/);
});

test('An invocation becomes an entry under the path of the hour, with its bodies and its caller', async () => {
  await letDeliver();
  await put({ s3Config: { bucketName: bucket, keyPrefix: 'logs/' } });
  const requestMetadata = { project: 'foxes' };
  const requestId = await invoke('a fox in the snow', { requestMetadata: JSON.stringify(requestMetadata) });
  const [entry] = await entries(1);
  assert.ok(entry);
  const { timestamp, input, output, ...rest } = entry;
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(rest, {
    schemaType: 'ModelInvocationLog',
    schemaVersion: '1.0',
    accountId: ACCOUNT,
    identity: { arn: `arn:aws:iam::${ACCOUNT}:root` },
    region: 'us-east-1',
    requestId,
    operation: 'InvokeModel',
    modelId: MODEL,
    requestMetadata,
  });
  assert.equal(input.inputContentType, 'application/json');
  assert.match(JSON.stringify(input.inputBodyJson), /a fox in the snow/);
  assert.equal(output.outputBodyJson?.images.length, 1);
  const [key = ''] = await keys();
  assert.match(FOLDER.exec(key)?.[1] ?? key, /^\d{8}T\d{9}Z_[0-9a-f]{16}\.json\.gz$/);
});

test('A body of more than 100 KB is an object of its own, which the entry names', async () => {
  await letDeliver();
  await put({ s3Config: { bucketName: bucket, keyPrefix: 'logs' } });
  // White space around JSON is no part of it, and counts all the same.
  const requestId = await invoke('large', { padding: ' '.repeat(100 * 1024) });
  const [entry] = await entries(1);
  assert.equal(entry?.input.inputBodyJson, undefined);
  const path = entry?.input.inputBodyS3Path ?? '';
  const key = path.slice(`s3://${bucket}/`.length);
  assert.equal(FOLDER.exec(key)?.[1], `data/${requestId}_input.json.gz`);
  assert.equal(JSON.parse(await read(key)).textToImageParams.text, 'large');
  assert.equal(entry?.output.outputBodyJson?.images.length, 1);
});

test('What is not to be delivered is left out of the entry', async () => {
  await letDeliver();
  const s3Config = { bucketName: bucket };
  await put({ s3Config, imageDataDeliveryEnabled: false });
  await invoke('a fox');
  const [first] = await entries(1);
  assert.ok(first?.input.inputBodyJson);
  assert.deepEqual(first.output, { outputContentType: 'application/json' });
  await put({ s3Config, textDataDeliveryEnabled: false });
  await invoke('a secret');
  const second = (await entries(2)).find(entry => entry.output.outputBodyJson);
  assert.deepEqual(second?.input, { inputContentType: 'application/json' });
});

test('Where the policy goes away, invocations are answered all the same, and later ones are delivered', async () => {
  await letDeliver();
  await put({ s3Config: { bucketName: bucket } });
  await clients.s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
  assert.ok(await invoke('not delivered'));
  await delay(200);
  assert.deepEqual(await keys(), []);
  await letDeliver();
  await invoke('delivered');
  const [entry] = await entries(1);
  assert.match(JSON.stringify(entry?.input.inputBodyJson), /"delivered"/);
});

test('What waits when the server stops is delivered before it ends', async () => {
  await letDeliver();
  await put({ s3Config: { bucketName: bucket } });
  await Promise.all(Array.from({ length: 12 }, (_, index) => invoke(`fox ${index}`)));
  await server.close({ keepData: true });
  server = await startServer({ dataDirectory: server.dataDirectory });
  clients = server.clients();
  assert.equal((await entries(1)).length, 12);
});
