import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ListCustomModelsCommand, StopModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import { DeleteRoleCommand, DeleteRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, getJob, pngHeader, putDataSet, putRole } from '../support/training-data.ts';

const compute = createInProcessCompute({ slots: 4, millisecondsAStep: 5 });
let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  server = await startServer({ overrides: { compute } });
  clients = server.clients();
  roleArn = await putRole(clients, 'trainer');
});
after(() => server.close());

const runPath = (jobArn: string) => join(server.dataDirectory, 'runs', jobArn.slice(-12));

async function text(bucket: string, key: string): Promise<string> {
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

/** Waits until the attempt has begun to write events. */
async function untilTraining(jobArn: string): Promise<void> {
  while ((await getJob(clients, jobArn)).statusDetails?.trainingDetails?.status !== 'InProgress') await delay(20);
}

test('A job goes through its phases to a model, a metrics file, and a run directory without data', async () => {
  await putDataSet(clients, 'complete');
  const jobArn = await createJob(clients, 'complete', roleArn);
  assert.equal((await getJob(clients, jobArn)).outputModelArn, undefined);
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  const { validationDetails, dataProcessingDetails, trainingDetails } = job.statusDetails ?? {};
  for (const details of [validationDetails, dataProcessingDetails, trainingDetails]) {
    assert.equal(details?.status, 'Completed');
    assert.ok(details?.creationTime && details.lastModifiedTime && details.creationTime <= details.lastModifiedTime);
  }
  assert.ok(job.outputModelArn && job.endTime && job.trainingMetrics?.trainingLoss);
  const key = `output/model-customization-job-${jobArn.slice(-12)}/training_artifacts/step_wise_training_metrics.csv`;
  const [header, first, ...rest] = (await text('complete', key)).trim().split('\n');
  assert.equal(header, 'step_number,epoch_number,training_loss,perplexity');
  assert.equal(first, `0,0,1,${Math.E}`);
  assert.equal(rest.length, 19);
  const { Contents } = await clients.s3.send(new ListObjectsV2Command({ Bucket: 'complete', Prefix: 'output/' }));
  // The role may not delete, so the probe object stays, as on AWS.
  assert.deepEqual(
    Contents?.map(object => object.Key),
    ['output/.write_access_check_file.tmp', key],
  );
  while (readdirSync(join(runPath(jobArn), '1')).length > 4) await delay(20);
  const kept = readdirSync(join(runPath(jobArn), '1'));
  assert.deepEqual(kept.toSorted(), ['attempt.json', 'events.jsonl', 'result.json', 'spec.json']);
});

test('stepCount auto is replaced by the number for the images counted, and may end at the usual steps of its base', async () => {
  await putDataSet(clients, 'automatic');
  const jobArn = await createJob(clients, 'automatic', roleArn, { stepCount: 'auto' });
  await untilTraining(jobArn);
  assert.equal((await getJob(clients, jobArn)).hyperParameters?.stepCount, '625');
  const { evaluation } = JSON.parse(readFileSync(join(runPath(jobArn), '1', 'spec.json'), 'utf8'));
  assert.deepEqual([evaluation.patience, evaluation.leastSteps, evaluation.intervalSteps], [3, 600, 150]);
  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  await endedJob(clients, jobArn);
});

test('Stop shows Stopping at once, then Stopped; no model, no process, no second stop', async () => {
  await putDataSet(clients, 'stopped');
  const jobArn = await createJob(clients, 'stopped', roleArn, { stepCount: '40000' });
  await untilTraining(jobArn);
  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  const stopping = await getJob(clients, jobArn);
  assert.equal(stopping.status, 'Stopping');
  assert.equal(stopping.statusDetails?.trainingDetails?.status, 'Stopping');
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Stopped');
  assert.equal(job.statusDetails?.trainingDetails?.status, 'Stopped');
  assert.equal(job.outputModelArn, undefined);
  assert.ok(!compute.running().some(path => path.startsWith(runPath(jobArn))));
  const { modelSummaries } = await clients.bedrock.send(new ListCustomModelsCommand({ nameContains: 'stopped' }));
  assert.deepEqual(modelSummaries, []);
  const again = clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  await assert.rejects(again, { name: 'ConflictException' });
});

test('A killed trainer goes on from its newest checkpoint, and each step is told once', async () => {
  await putDataSet(clients, 'killed');
  const jobArn = await createJob(clients, 'killed', roleArn, { stepCount: '400' });
  await untilTraining(jobArn);
  await delay(150);
  await compute.kill(join(runPath(jobArn), '1'));
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  assert.deepEqual(readdirSync(runPath(jobArn)), ['1', '2']);
  const key = `output/model-customization-job-${jobArn.slice(-12)}/training_artifacts/step_wise_training_metrics.csv`;
  const steps = (await text('killed', key))
    .trim()
    .split('\n')
    .slice(1)
    .map(row => Number(row.split(',')[0]));
  assert.deepEqual(
    steps,
    Array.from({ length: 400 }, (_, step) => step),
  );
});

/** Runs a job that must fail in its validation. @returns its message */
async function failure(bucket: string, role = roleArn, output?: string): Promise<string> {
  const jobArn = await createJob(clients, bucket, role, output === undefined ? {} : { output });
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Failed');
  assert.equal(job.statusDetails?.validationDetails?.status, 'Failed');
  assert.equal(job.statusDetails?.trainingDetails?.status, 'NotStarted');
  assert.ok(job.endTime);
  return job.failureMessage ?? '';
}

test('A role without GetObject fails with the text of AWS', async () => {
  await putDataSet(clients, 'no-get');
  const role = await putRole(clients, 'no-get', ['s3:PutObject', 's3:ListBucket']);
  assert.equal(
    await failure('no-get', role),
    'Could not validate GetObject permissions to access Amazon S3 bucket: no-get at key data/train.jsonl',
  );
});

test('A role without PutObject fails with the text of AWS, at the key of the probe', async () => {
  await putDataSet(clients, 'no-put');
  const role = await putRole(clients, 'no-put', ['s3:GetObject', 's3:ListBucket']);
  assert.equal(
    await failure('no-put', role),
    'Amazon S3 perms missing (PutObject): Could not validate PutObject permissions to access S3 bucket: no-put at key output/.write_access_check_file.tmp',
  );
});

test('A missing manifest and a missing output bucket are said so', async () => {
  await putDataSet(clients, 'missing-output');
  assert.match(
    await failure('missing-output', roleArn, 's3://nowhere-at-all/output'),
    /S3 bucket: nowhere-at-all .*does not exist$/,
  );
});

test('Every bad line is named, of the manifest and of the images, with its image-ref', async () => {
  const line = (ref: string, caption = 'Ron the dog') => JSON.stringify({ 'image-ref': ref, caption });
  await putDataSet(clients, 'faulty', {
    count: 9,
    lines: {
      2: line('/2.png'),
      3: line('s3://faulty/data/3.png', 'ab'),
      4: line('s3://faulty/data/absent.png'),
      7: line('s3://elsewhere-entirely/7.png'),
    },
    images: { 5: pngHeader(511, 600), 6: Buffer.from('GIF89a not a png'), 8: pngHeader().subarray(0, 33) },
  });
  const message = await failure('faulty');
  assert.match(
    message,
    /^7 of 9 records are not usable in train\.jsonl: line 2 \(\/2\.png\): "image-ref" must be a full S3 URI: write s3:\/\/faulty\/data\/2\.png;/,
  );
  assert.match(message, /line 3 \(s3:\/\/faulty\/data\/3\.png\): "caption" must be 3 to 1024 characters; it has 2;/);
  assert.match(
    message,
    /line 4 .*: Could not validate GetObject permissions .* bucket: faulty at key data\/absent\.png: it does not exist;/,
  );
  assert.match(message, /line 5 .*: is 511 × 600 pixels: each side must be at least 512;/);
  assert.match(message, /line 6 .*: is a GIF, not a JPEG or PNG;/);
  assert.match(message, /line 7 \(s3:\/\/elsewhere-entirely\/7\.png\): Could not validate GetObject/);
  assert.match(message, /line 8 .*: is cut short: its PNG data has no end\.$/);
});

test('More bad lines than a message holds are counted, and listed in the output prefix', async () => {
  const lines = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [index + 1, '{"caption":"Ron the dog"}']));
  await putDataSet(clients, 'many', { count: 25, lines });
  const message = await failure('many');
  assert.match(
    message,
    /^25 of 25 records .* line 20: "image-ref" is missing; and 5 more\. All of them: s3:\/\/many\/output\//,
  );
  const list = await text('many', message.slice(message.indexOf('s3://many/') + 's3://many/'.length));
  assert.equal(list.trim().split('\n').length, 25);
});

test('Where long names leave no room for all, the message ends with a whole entry and the list is written', async () => {
  const reference = `/${'r'.repeat(90)}.png`;
  const record = JSON.stringify({ 'image-ref': reference, caption: 'Ron the dog' });
  const lines = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [index + 1, record]));
  await putDataSet(clients, 'wide', { count: 15, lines });
  const message = await failure('wide');
  assert.ok(message.length <= 2048);
  const told = message.match(/ line \d+ \(/g)?.length ?? 0;
  assert.match(
    message,
    new RegExp(`/data${reference}; and ${15 - told} more\\. All of them: s3://wide/output/.*\\.jsonl$`),
  );
});

test('A manifest that is no JSONL, and one with too few records, are refused with their texts', async () => {
  await putDataSet(clients, 'no-jsonl', { lines: { 2: 'image,caption' } });
  assert.match(
    await failure('no-jsonl'),
    /^Unable to parse Amazon S3 file: train\.jsonl\. Data files must conform to JSONL format\. .*line 2/,
  );
  await putDataSet(clients, 'too-few', { count: 4 });
  assert.match(await failure('too-few'), /must be 5 to 10,000; the file has 4\./);
});

test("An image in another Region's bucket is refused, by its line", async () => {
  await putDataSet(server.clients({ region: 'us-west-2' }), 'in-the-west');
  const line = JSON.stringify({ 'image-ref': 's3://in-the-west/data/1.png', caption: 'Ron the dog' });
  await putDataSet(clients, 'in-the-east', { lines: { 3: line } });
  assert.match(
    await failure('in-the-east'),
    /line 3 .*in-the-west is in .*it must be in the Region of the job, us-east-1/,
  );
});

test('A role that is deleted meanwhile fails the job when its metrics are to be written', async () => {
  await putDataSet(clients, 'role-gone');
  const role = await putRole(clients, 'role-gone');
  const jobArn = await createJob(clients, 'role-gone', role, { stepCount: '400' });
  await untilTraining(jobArn);
  await clients.iam.send(new DeleteRolePolicyCommand({ RoleName: 'role-gone', PolicyName: 'data' }));
  await clients.iam.send(new DeleteRoleCommand({ RoleName: 'role-gone' }));
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Failed');
  assert.match(job.failureMessage ?? '', /Could not assume provided IAM role|PutObject/);
  assert.equal(job.statusDetails?.trainingDetails?.status, 'Failed');
});

test('An output bucket that is deleted meanwhile fails the job, and the message says that it is gone', async () => {
  await putDataSet(clients, 'output-stays');
  await clients.s3.send(new CreateBucketCommand({ Bucket: 'output-goes' }));
  const options = { stepCount: '400', output: 's3://output-goes/output' };
  const jobArn = await createJob(clients, 'output-stays', roleArn, options);
  await untilTraining(jobArn);
  const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket: 'output-goes' }));
  for (const { Key } of Contents) await clients.s3.send(new DeleteObjectCommand({ Bucket: 'output-goes', Key }));
  await clients.s3.send(new DeleteBucketCommand({ Bucket: 'output-goes' }));
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Failed');
  assert.match(job.failureMessage ?? '', /S3 bucket: output-goes at key .*metrics\.csv: the bucket does not exist$/);
});

test('A key that is disabled meanwhile fails the job, and no model stays', async () => {
  await putDataSet(clients, 'key-gone');
  const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata?.KeyId ?? '';
  const jobArn = await createJob(clients, 'key-gone', roleArn, { stepCount: '400', keyId: KeyId });
  await untilTraining(jobArn);
  await clients.kms.send(new DisableKeyCommand({ KeyId }));
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Failed');
  assert.match(job.failureMessage ?? '', /could not be encrypted: .*disabled/i);
  const { modelSummaries } = await clients.bedrock.send(new ListCustomModelsCommand({ nameContains: 'key-gone' }));
  assert.deepEqual(modelSummaries, []);
});
