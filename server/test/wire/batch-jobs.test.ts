import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateModelInvocationJobCommand,
  type CreateModelInvocationJobCommandInput,
  DeleteCustomModelCommand,
  GetModelInvocationJobCommand,
  ListModelInvocationJobsCommand,
  ListTagsForResourceCommand,
  paginateListModelInvocationJobs,
  StopModelInvocationJobCommand,
} from '@aws-sdk/client-bedrock';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import Sqlite from 'better-sqlite3';
import { parseNetworks } from '../../src/domain/vpc-networks.ts';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';
import { assertRefused } from './bedrock-server.ts';

const MODEL = 'amazon.titan-image-generator-v1';
const inference = createInProcessInference({ capacity: 4, loadMilliseconds: 1, invokeMilliseconds: 20 });
let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  const overrides = { inference, batch: { pollSeconds: 0.05, submittedSeconds: 0 } };
  const vpcNetworks = parseNetworks('networks', { lab: 'subnet-1+sg-1' }, []);
  server = await startServer({ config: { batchMinimumRecords: 2, vpcNetworks }, overrides });
  clients = server.clients();
  roleArn = await putRole(clients, 'batcher');
});
after(() => server.close());

const record = (text: string, recordId?: string, more: object = {}) =>
  JSON.stringify({
    ...(recordId === undefined ? {} : { recordId }),
    modelInput: { taskType: 'TEXT_IMAGE', textToImageParams: { text }, ...more },
  });

async function putInput(bucket: string, files: Record<string, string>): Promise<void> {
  await clients.s3.send(new CreateBucketCommand({ Bucket: bucket }));
  for (const [Key, Body] of Object.entries(files))
    await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
}

function request(bucket: string, more: Partial<CreateModelInvocationJobCommandInput> = {}) {
  return {
    jobName: `batch-${bucket}`,
    roleArn,
    modelId: MODEL,
    inputDataConfig: { s3InputDataConfig: { s3InputFormat: 'JSONL' as const, s3Uri: `s3://${bucket}/in/a.jsonl` } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${bucket}/out/` } },
    ...more,
  };
}

async function create(bucket: string, more: Partial<CreateModelInvocationJobCommandInput> = {}): Promise<string> {
  const { jobArn } = await clients.bedrock.send(new CreateModelInvocationJobCommand(request(bucket, more)));
  return jobArn ?? '';
}

const get = (jobIdentifier: string) => clients.bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier }));
const stop = (jobIdentifier: string) => clients.bedrock.send(new StopModelInvocationJobCommand({ jobIdentifier }));

async function ended(jobArn: string) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(20)) {
    const job = await get(jobArn);
    if (job.endTime !== undefined) return job;
  }
  throw new Error('the job did not end');
}

/** As if a day had gone by: a server whose clock jumps refuses every signature. */
function ageByADay(): void {
  const rows = new Sqlite(join(server.dataDirectory, 'likeness.sqlite'));
  rows.exec('update bedrock_batch_jobs set created_at = created_at - 86400000 where ended_at is null');
  rows.close();
}

async function text(bucket: string, Key: string): Promise<string> {
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
  return (await Body?.transformToString()) ?? '';
}

async function lines(bucket: string, key: string): Promise<Record<string, unknown>[]> {
  return (await text(bucket, key))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
}

function imagesOf(line: Record<string, unknown> | undefined): string[] {
  const { images = [] } = (line?.modelOutput ?? {}) as { images?: string[] };
  return images;
}

test('A folder of records is answered file by file, wrong inputs among them, with a manifest of the counts', async () => {
  const first = [
    record('a fox', 'CALL0000001'),
    JSON.stringify({ modelInput: {} }),
    record('a', 'small', { imageGenerationConfig: { width: 7 } }),
  ];
  await putInput('folder', {
    'in/a.jsonl': `${first.join('\n')}\n\n`,
    'in/deep/b.jsonl': `\uFEFF${record('a dog')}\r\n${record('a cat', 'CALL0000005')}`,
    'in/notes.txt': 'not read',
  });
  const jobArn = await create('folder', {
    inputDataConfig: { s3InputDataConfig: { s3Uri: 's3://folder/in/' } },
  });
  assert.match(jobArn, new RegExp(`^arn:aws:bedrock:us-east-1:${ACCOUNT}:model-invocation-job/[a-z0-9]{12}$`));
  const job = await ended(jobArn);
  assert.equal(job.status, 'Completed', job.message);
  const id = jobArn.slice(-12);
  const counts = { totalRecordCount: 5, processedRecordCount: 5, successRecordCount: 3, errorRecordCount: 2 };
  assert.partialDeepStrictEqual(job, counts);
  const [fox, bad, small, ...rest] = await lines('folder', `out/${id}/a.jsonl.out`);
  assert.equal(rest.length, 0);
  assert.deepEqual(Object.keys(fox ?? {}), ['recordId', 'modelInput', 'modelOutput']);
  assert.deepEqual(Object.keys(fox?.modelOutput ?? {}), ['images', 'error'], 'as InvokeModel answers');
  assert.equal(fox?.recordId, 'CALL0000001');
  assert.equal(imagesOf(fox).length, 1);
  assert.deepEqual([bad?.recordId, bad?.modelInput], ['R0000000002', {}]);
  assert.match(JSON.stringify(bad?.error), /"errorCode":400.*required key \[taskType\] not found/);
  assert.match(JSON.stringify(small?.error), /#\/imageGenerationConfig\/width: 7 is not/);
  const deep = await lines('folder', `out/${id}/deep/b.jsonl.out`);
  assert.deepEqual(
    deep.map(line => line.recordId),
    ['R0000000004', 'CALL0000005'],
  );
  assert.deepEqual(JSON.parse(await text('folder', `out/${id}/manifest.json.out`)), {
    ...counts,
    inputTokenCount: 0,
    outputTokenCount: 0,
  });
  assert.equal(existsSync(join(server.dataDirectory, 'batch', id)), false);
});

test('A job echoes its request, is found by id, and answers a repeated token with the same job', async () => {
  await putInput('echo', { 'in/a.jsonl': [record('one'), record('two')].join('\n') });
  const more = {
    clientRequestToken: 'token-1',
    timeoutDurationInHours: 48,
    modelInvocationType: 'InvokeModel' as const,
    vpcConfig: { subnetIds: ['subnet-1'], securityGroupIds: ['sg-1'] },
    tags: [{ key: 'team', value: 'pets' }],
  };
  const jobArn = await create('echo', more);
  assert.equal(await create('echo', more), jobArn);
  const { tags, ...echoed } = more;
  const listed = await clients.bedrock.send(new ListTagsForResourceCommand({ resourceARN: jobArn }));
  assert.deepEqual(listed.tags, tags);
  const job = await get(jobArn.slice(-12));
  const { jobName, modelId, inputDataConfig, outputDataConfig } = request('echo');
  assert.partialDeepStrictEqual(job, { jobArn, jobName, modelId, roleArn, inputDataConfig, outputDataConfig });
  assert.partialDeepStrictEqual(job, echoed);
  assert.equal((job.jobExpirationTime?.getTime() ?? 0) - (job.submitTime?.getTime() ?? 0), 48 * 3_600_000);
  await ended(jobArn);
});

test('Creates are refused for what can be seen at once', async () => {
  await putInput('refused', { 'in/a.jsonl': record('one') });
  const refused = (more: Partial<CreateModelInvocationJobCommandInput>, code: string, status: number, what: RegExp) =>
    assertRefused(create('refused', more), code, status, what);
  await refused({ jobName: '-x' }, 'ValidationException', 400, /jobName/);
  await refused({ timeoutDurationInHours: 23 }, 'ValidationException', 400, /timeoutDurationInHours/);
  await refused({ modelInvocationType: 'Converse' }, 'ValidationException', 400, /Converse is not supported/);
  await refused({ modelId: 'amazon.nothing-v1' }, 'ValidationException', 400, /model identifier is invalid/);
  await refused({ modelId: 'no-such-model' }, 'ResourceNotFoundException', 404, /no custom model no-such-model/);
  await refused({ roleArn: `arn:aws:iam::${ACCOUNT}:role/none` }, 'ValidationException', 400, /Could not assume/);
  await refused({ tags: [{ key: 'likeness:priority', value: '12' }] }, 'ValidationException', 400, /digit from 0/);
  await create('refused', { jobName: 'taken' });
  await refused({ jobName: 'taken' }, 'ValidationException', 400, /^The provided job name is currently in use\.$/);
  await assertRefused(get('abcdefghijkl'), 'ResourceNotFoundException', 404, /no batch inference job abcdefghijkl/);
  await assertRefused(get('taken'), 'ValidationException', 400, /jobIdentifier/);
  const elsewhere = server.clients({ region: 'us-west-2' }).bedrock;
  const { invocationJobSummaries } = await elsewhere.send(new ListModelInvocationJobsCommand({}));
  assert.deepEqual(invocationJobSummaries, []);
});

test('A job fails for input that is missing, unreadable or too small, and says which', async () => {
  await putInput('failing', {
    ...{ 'in/a.jsonl': record('one'), 'in/none/x.txt': '' },
    'in/many.jsonl': '{}\n'.repeat(50_001),
    'in/long.jsonl': record('x'.repeat(27_000_000)),
    'in/dense.jsonl': '['.repeat(10_001),
  });
  const input = (s3Uri: string, more: object = {}) => ({ inputDataConfig: { s3InputDataConfig: { s3Uri, ...more } } });
  const cases: [string, Partial<CreateModelInvocationJobCommandInput>, RegExp][] = [
    ['few', {}, /contains less records \(1\) than the required minimum of: 2/],
    ['absent', input('s3://failing/in/b.jsonl'), /s3:\/\/failing\/in\/b\.jsonl .*does not exist/],
    ['empty', input('s3://failing/in/none/'), /There is no \.jsonl file at s3:\/\/failing\/in\/none\//],
    ['many', input('s3://failing/in/many.jsonl'), /contains more records than the maximum of: 50000/],
    ['long', input('s3://failing/in/long.jsonl'), /A record of the input has more than \d+ bytes/],
    ['dense', input('s3://failing/in/dense.jsonl'), /The line has more than 10000 members and items/],
    ['owner', input('s3://failing/in/a.jsonl', { s3BucketOwner: '999999999999' }), /not owned by 999999999999/],
    ['output', { outputDataConfig: { s3OutputDataConfig: { s3Uri: 's3://no-such-bucket-here/' } } }, /could not write/],
  ];
  for (const [jobName, more, message] of cases) {
    const job = await ended(await create('failing', { jobName, ...more }));
    assert.equal(job.status, 'Failed');
    assert.match(job.message ?? '', message);
  }
  const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket: 'failing', Prefix: 'out/' }));
  assert.ok(Contents.every(({ Key }) => Key?.endsWith('.write_access_check_file.tmp')));
});

test('A job fails in validation for lines that are no records, told by file and line, and draws none', async () => {
  const lines = ['', 'a secret fox', record('two', 'R2'), '["a secret fox"]', '{"recordId": "R4"}'];
  const prompts = Array.from({ length: 12 }, () => '{"recordId": "", "modelInput": {}}');
  await putInput('formless', { 'in/a.jsonl': lines.join('\n'), 'in/deep/b.jsonl': prompts.join('\n') });
  const one = await ended(await create('formless', { jobName: 'formless-one' }));
  assert.equal(one.status, 'Failed');
  assert.equal(
    one.message,
    '3 of 4 records are not in the correct format: a.jsonl, line 2: The line is not JSON. ' +
      'a.jsonl, line 4: The line is not a JSON object. ' +
      'a.jsonl, line 5: modelInput must be a JSON object: the body of an InvokeModel request.',
  );
  const inputDataConfig = { s3InputDataConfig: { s3Uri: 's3://formless/in/' } };
  const all = await ended(await create('formless', { jobName: 'formless-all', inputDataConfig }));
  assert.match(all.message ?? '', /^15 of 16 records are .* deep\/b\.jsonl, line 7: recordId must be .* And 5 more\.$/);
  assert.deepEqual([all.status, all.processedRecordCount], ['Failed', undefined]);
});

test('A job is Submitted for a moment after its create, also where the server is started anew', async () => {
  const overrides = { inference, batch: { pollSeconds: 0.05, submittedSeconds: 3600 } };
  const [first, firstClients] = [server, clients];
  let other = await startServer({ overrides });
  try {
    clients = other.clients();
    await putRole(clients, 'batcher');
    await putInput('moment', { 'in/a.jsonl': record('one') });
    const jobArn = await create('moment');
    await delay(200);
    assert.equal((await get(jobArn)).status, 'Submitted');
    await other.close({ keepData: true });
    other = await startServer({ dataDirectory: other.dataDirectory, overrides });
    clients = other.clients();
    await delay(200);
    assert.equal((await get(jobArn)).status, 'Submitted');
    const rows = new Sqlite(join(other.dataDirectory, 'likeness.sqlite'));
    rows.exec('update bedrock_batch_jobs set created_at = created_at - 3600000');
    rows.close();
    const job = await ended(jobArn);
    assert.equal(job.status, 'Completed', job.message);
  } finally {
    await other.close();
    [server, clients] = [first, firstClients];
  }
});

test('A role that may not read fails the job', async () => {
  await putInput('denied', { 'in/a.jsonl': record('one') });
  const weak = await putRole(clients, 'weak', ['s3:PutObject', 's3:ListBucket']);
  const job = await ended(await create('denied', { roleArn: weak }));
  assert.equal(job.status, 'Failed');
  assert.match(job.message ?? '', /s3:\/\/denied\/in\/a\.jsonl \(s3:GetObject\): access is denied/);
});

test('A stopped job keeps what it has drawn, and is stopped once', async () => {
  await putInput('stopped', { 'in/a.jsonl': Array.from({ length: 200 }, (_, n) => record(`fox ${n}`)).join('\n') });
  const jobArn = await create('stopped');
  while (((await get(jobArn)).processedRecordCount ?? 0) < 3) await delay(10);
  await stop(jobArn);
  await assertRefused(stop(jobArn), 'ConflictException', 400, /is Stopp(ing|ed)/);
  const job = await ended(jobArn);
  assert.equal(job.status, 'Stopped');
  const written = await lines('stopped', `out/${jobArn.slice(-12)}/a.jsonl.out`);
  assert.equal(written.length, job.processedRecordCount);
  assert.ok(written.length >= 3 && written.length < 200);
});

test('A job whose time is over is PartiallyCompleted, and Expired where it had not begun', async () => {
  const many = Array.from({ length: 200 }, (_, n) => record(`fox ${n}`)).join('\n');
  await putInput('overdue', { 'in/a.jsonl': many });
  const drawing = await create('overdue', { jobName: 'drawing' });
  while (((await get(drawing)).processedRecordCount ?? 0) < 2) await delay(10);
  const waiting = await create('overdue', { jobName: 'waiting' });
  while ((await get(waiting)).status !== 'Scheduled') await delay(10);
  ageByADay();
  const partly = await ended(drawing);
  assert.equal(partly.status, 'PartiallyCompleted');
  assert.match(partly.message ?? '', /timed out after 24 hours/);
  const written = await lines('overdue', `out/${drawing.slice(-12)}/a.jsonl.out`);
  assert.equal(written.length, partly.processedRecordCount);
  assert.equal((await ended(waiting)).status, 'Expired');
});

test('A custom model draws in batch, and cannot be deleted meanwhile', async () => {
  await putDataSet(clients, 'custom');
  const { outputModelArn: modelId = '' } = await endedJob(clients, await createJob(clients, 'custom', roleArn));
  const many = Array.from({ length: 30 }, (_, n) => record(`Ron ${n}`)).join('\n');
  await clients.s3.send(new PutObjectCommand({ Bucket: 'custom', Key: 'in/a.jsonl', Body: many }));
  const jobArn = await create('custom', { modelId });
  const remove = () => clients.bedrock.send(new DeleteCustomModelCommand({ modelIdentifier: modelId }));
  await assertRefused(remove(), 'ConflictException', 400, /used by a batch inference job/);
  const job = await ended(jobArn);
  assert.equal(job.status, 'Completed', job.message);
  assert.equal(job.modelId, modelId);
  const [first] = await lines('custom', `out/${jobArn.slice(-12)}/a.jsonl.out`);
  const [image = ''] = imagesOf(first);
  assert.match(Buffer.from(image, 'base64').toString(), new RegExp(`^Ron 0 by ${modelId.slice(-12)} with `));
  await remove();
});

test('A unit that dies while it loads is started once more; one that dies again ends the job', async () => {
  await putInput('loading', { 'in/a.jsonl': [record('one'), record('two')].join('\n') });
  inference.failLoads = 1;
  assert.equal((await ended(await create('loading'))).status, 'Completed');
  inference.failLoads = 2;
  const { status, message } = await ended(await create('loading', { jobName: 'again' }));
  assert.deepEqual([status, message], ['Failed', 'The model could not be loaded: broken']);
});

test('A unit that dies is replaced, and its record drawn by the next', async () => {
  await putInput('dying', { 'in/a.jsonl': Array.from({ length: 20 }, (_, n) => record(`fox ${n}`)).join('\n') });
  const jobArn = await create('dying');
  while (((await get(jobArn)).processedRecordCount ?? 0) < 2) await delay(5);
  for (const unit of inference.units) unit.kill();
  const job = await ended(jobArn);
  assert.equal(job.status, 'Completed', job.message);
  assert.equal(job.successRecordCount, 20);
});

test('A server that is stopped leaves its jobs, and the next one draws each remaining record once', async () => {
  const own = createInProcessInference({ capacity: 4, loadMilliseconds: 1, invokeMilliseconds: 10 });
  const overrides = { inference: own, batch: { pollSeconds: 0.05, submittedSeconds: 0 } };
  const [first, firstClients] = [server, clients];
  let other = await startServer({ overrides });
  try {
    clients = other.clients();
    await putRole(clients, 'batcher');
    await putInput('pausing', { 'in/a.jsonl': Array.from({ length: 60 }, (_, n) => record(`fox ${n}`)).join('\n') });
    const jobArn = await create('pausing');
    while (((await get(jobArn)).processedRecordCount ?? 0) < 5) await delay(5);
    await other.close({ keepData: true });
    assert.equal(readdirSync(join(other.dataDirectory, 'batch')).length, 1);
    other = await startServer({ dataDirectory: other.dataDirectory, overrides });
    clients = other.clients();
    const job = await ended(jobArn);
    assert.equal(job.status, 'Completed', job.message);
    const written = await lines('pausing', `out/${jobArn.slice(-12)}/a.jsonl.out`);
    const ids = written.map(line => line.recordId);
    assert.deepEqual(
      ids,
      Array.from({ length: 60 }, (_, n) => `R${String(n + 1).padStart(10, '0')}`),
    );
  } finally {
    await other.close();
    [server, clients] = [first, firstClients];
  }
});

test('Lists page by one, filter by name, status and time, and refuse a foreign token', async () => {
  const seen: (string | undefined)[] = [];
  const pages = paginateListModelInvocationJobs({ client: clients.bedrock, pageSize: 1 }, { sortOrder: 'Ascending' });
  for await (const page of pages) seen.push(...(page.invocationJobSummaries ?? []).map(job => job.jobName));
  assert.equal(new Set(seen).size, seen.length);
  assert.ok(seen.length > 8);
  const list = (input: object) => clients.bedrock.send(new ListModelInvocationJobsCommand(input));
  const named = await list({ nameContains: 'batch-echo', statusEquals: 'Completed' });
  assert.deepEqual(
    named.invocationJobSummaries?.map(job => job.jobName),
    ['batch-echo'],
  );
  assert.deepEqual((await list({ submitTimeBefore: new Date(0) })).invocationJobSummaries, []);
  const { nextToken } = await list({ maxResults: 1 });
  const foreign = list({ nextToken, maxResults: 1, nameContains: 'echo' });
  await assertRefused(foreign, 'ValidationException', 400, /nextToken is invalid/);
});
