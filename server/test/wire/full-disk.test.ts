import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateModelInvocationJobCommand, GetModelInvocationJobCommand } from '@aws-sdk/client-bedrock';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Fault } from '../../src/domain/fault.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { callRoute } from '../support/routes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createJob, endedJob, getJob, putDataSet, putRole } from '../support/training-data.ts';

/** Longer than all tries of a job take here, one after another. */
const WHILE_MILLISECONDS = 1500;
const quick = { retrySeconds: 0.01, retries: 2, pollSeconds: 0.02 };

/** A server on a disk that fills up and empties as told: the machine says so, and S3 takes no bytes. */
async function onDisk(context: TestContext, compute = createInProcessCompute({ slots: 1, millisecondsAStep: 1 })) {
  const disk = { isFull: false };
  const server = await startServer({
    overrides: {
      compute,
      training: quick,
      batch: { ...quick, submittedSeconds: 0 },
      machine: own => ({
        ...own,
        hasRoom: async bytes => !disk.isFull && own.hasRoom(bytes),
      }),
      objects: own => ({
        ...own,
        async put(source, expectedSizeBytes) {
          if (disk.isFull) throw new Fault('unavailable', 'The server has no room for the object.');
          return own.put(source, expectedSizeBytes);
        },
      }),
    },
  });
  context.after(() => server.close());
  const clients = server.clients();
  return { disk, server, clients, roleArn: await putRole(clients, 'keeper') };
}

test('A training that fails on a full disk waits for room, with its checkpoints, and goes on', async context => {
  const options: Parameters<typeof createInProcessCompute>[0] = { slots: 1, millisecondsAStep: 1 };
  const compute = createInProcessCompute(options);
  const { disk, server, clients, roleArn } = await onDisk(context, compute);
  await putDataSet(clients, 'waits');
  options.fault = { step: 25, message: 'The disk is full', userError: false };
  const jobArn = await createJob(clients, 'waits', roleArn, { stepCount: '40' });
  const attempts = () => readdirSync(join(server.dataDirectory, 'runs', jobArn.slice(-12))).length;
  while (compute.running().length === 0) await delay(1);
  disk.isFull = true;
  await untilWaiting(server, jobArn);
  assert.deepEqual([(await getJob(clients, jobArn)).status, attempts()], ['InProgress', 1]);

  delete options.fault;
  disk.isFull = false;
  const job = await endedJob(clients, jobArn);
  assert.deepEqual([job.status, job.failureMessage, attempts()], ['Completed', undefined, 2]);
  assert.deepEqual(await waitingJobs(server), []);
});

/** Until the service says so, and for longer than all tries take; it says so still. */
async function untilWaiting(server: TestServer, jobArn: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await waitingJobs(server)).includes(jobArn); await delay(20))
    assert.ok(Date.now() < deadline, 'the job waits');
  await delay(WHILE_MILLISECONDS);
  assert.deepEqual(await waitingJobs(server), [jobArn]);
}

/** ARNs of the jobs of which the service says that they wait, each with its reason. */
async function waitingJobs(server: TestServer): Promise<string[]> {
  const { json } = await callRoute(server, 'GET', '/waiting-jobs');
  for (const { reason } of json.waitingJobs) assert.match(reason, /disk or its quota is full.*free some space/);
  return json.waitingJobs.map(({ jobArn }: { jobArn: string }) => jobArn);
}

test('A finished training whose results find no room is kept until there is some', async context => {
  const { disk, server, clients, roleArn } = await onDisk(context);
  await putDataSet(clients, 'trained');
  const jobArn = await createJob(clients, 'trained', roleArn, { stepCount: '40' });
  while (!(await getJob(clients, jobArn)).statusDetails?.trainingDetails?.creationTime) await delay(1);
  disk.isFull = true;
  await untilWaiting(server, jobArn);
  assert.equal((await getJob(clients, jobArn)).status, 'InProgress');

  disk.isFull = false;
  const job = await endedJob(clients, jobArn);
  assert.deepEqual([job.status, job.failureMessage], ['Completed', undefined]);
  assert.deepEqual(await waitingJobs(server), []);
});

test('The records that a batch job has drawn are kept until there is room to deliver them', async context => {
  const { disk, server, clients, roleArn } = await onDisk(context);
  const Bucket = 'drawn';
  await clients.s3.send(new CreateBucketCommand({ Bucket }));
  const modelInput = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'a fox' } };
  const Body = ['one', 'two', 'three'].map(recordId => JSON.stringify({ recordId, modelInput })).join('\n');
  await clients.s3.send(new PutObjectCommand({ Bucket, Key: 'in.jsonl', Body }));
  const { jobArn = '' } = await clients.bedrock.send(
    new CreateModelInvocationJobCommand({
      ...{ jobName: 'drawn', roleArn, modelId: 'amazon.titan-image-generator-v1' },
      inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${Bucket}/in.jsonl` } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${Bucket}/out/` } },
    }),
  );
  const get = () => clients.bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier: jobArn }));
  while (((await get()).processedRecordCount ?? 0) === 0) await delay(1);
  disk.isFull = true;
  await untilWaiting(server, jobArn);
  const { status, processedRecordCount } = await get();
  assert.deepEqual([status, processedRecordCount], ['InProgress', 3]);

  disk.isFull = false;
  for (const deadline = Date.now() + 30_000; (await get()).endTime === undefined; await delay(20))
    assert.ok(Date.now() < deadline, 'the job ends');
  assert.equal((await get()).status, 'Completed');
  assert.deepEqual(await waitingJobs(server), []);
  const Key = `out/${jobArn.slice(-12)}/in.jsonl.out`;
  const { Body: output } = await clients.s3.send(new GetObjectCommand({ Bucket, Key }));
  const lines = ((await output?.transformToString()) ?? '').trimEnd().split('\n');
  assert.deepEqual(
    lines.map(line => JSON.parse(line).recordId),
    ['one', 'two', 'three'],
  );
});
