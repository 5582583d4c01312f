import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StopModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import Sqlite from 'better-sqlite3';
import { assertKeepsContract } from '../support/contract.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { startServer } from '../support/server.ts';
import { createJob, endedJob, getJob, putDataSet, putRole } from '../support/training-data.ts';

type Compute = Parameters<typeof createInProcessCompute>[0];

/** A server whose trainings fail as told, and a job that has run into it. */
async function failedJob(context: TestContext, fault: NonNullable<Compute['fault']>) {
  const compute = createInProcessCompute({ slots: 1, millisecondsAStep: 1, fault });
  const server = await startServer({ overrides: { compute, training: { silenceSeconds: 0.5, pollSeconds: 0.05 } } });
  context.after(() => server.close());
  const clients = server.clients();
  await putDataSet(clients, 'faulty');
  const jobArn = await createJob(clients, 'faulty', await putRole(clients, 'trainer'), { stepCount: '40' });
  const job = await endedJob(clients, jobArn);
  const runs = join(server.dataDirectory, 'runs', jobArn.slice(-12));
  const specs = readdirSync(runs).map(name => JSON.parse(readFileSync(join(runs, name, 'spec.json'), 'utf8')));
  for (const spec of specs) assertKeepsContract('spec', spec);
  return { job, specs, running: compute.running() };
}

/** A job that trained when its server was stopped cleanly, and what another server goes on with. */
async function pausedJob(
  bucket: string,
  stepCount: string,
  overrides: { compute: ReturnType<typeof createInProcessCompute> },
) {
  const server = await startServer({ overrides });
  const clients = server.clients();
  await putDataSet(clients, bucket);
  const jobArn = await createJob(clients, bucket, await putRole(clients, 'trainer'), { stepCount });
  while (!(await getJob(clients, jobArn)).statusDetails?.trainingDetails?.creationTime) await new Promise(setImmediate);
  const { hyperParameters } = await getJob(clients, jobArn);
  await server.close({ keepData: true });
  return { jobArn, hyperParameters, dataDirectory: server.dataDirectory };
}

test("A fault of the data is not tried again; its line is told with the user's image-ref", async context => {
  const message = '1 of 5 images cannot be used: line 2 (data/images/2) does not decode.';
  const { job, specs } = await failedJob(context, { step: 3, message, userError: true });
  assert.equal(job.status, 'Failed');
  assert.equal(job.failureMessage, '1 of 5 images cannot be used: line 2 (s3://faulty/data/2.png) does not decode.');
  assert.equal(specs.length, 1);
});

test('Any other fault is tried again from the newest checkpoint, three times without progress', async context => {
  const { job, specs } = await failedJob(context, { step: 25, message: 'RuntimeError: no', userError: false });
  assert.equal(job.failureMessage, 'The training failed 3 times in a row: RuntimeError: no');
  // The first attempt made a checkpoint, and the next three none past it.
  assert.deepEqual(
    specs.map(spec => spec.resumeFromPath),
    [null, 'resume/step-000020', 'resume/step-000020'],
  );
});

test('A training that says nothing for too long is ended and tried again', async context => {
  const { job, running } = await failedJob(context, { step: 5, hangs: true });
  assert.equal(job.status, 'Failed');
  assert.match(job.failureMessage ?? '', /no progress for 0\.5 seconds, 3 times in a row, and was ended/);
  assert.deepEqual(running, []);
});

test('A clean stop of the server pauses a job, and the next start finishes it', async context => {
  const overrides = { compute: createInProcessCompute({ slots: 1, millisecondsAStep: 10 }) };
  const { jobArn, dataDirectory } = await pausedJob('paused', '100', overrides);
  assert.deepEqual(overrides.compute.running(), []);
  const second = await startServer({ dataDirectory, overrides });
  context.after(() => second.close());
  const job = await endedJob(second.clients(), jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  const runs = join(dataDirectory, 'runs', jobArn.slice(-12));
  assert.deepEqual(readdirSync(runs), ['1', '2']);
});

test('A kill between the data’s arrival and the count of its images costs nothing: both are taken again', async context => {
  const overrides = { compute: createInProcessCompute({ slots: 1, millisecondsAStep: 1 }) };
  const { jobArn, hyperParameters, dataDirectory } = await pausedJob('killed', 'auto', overrides);
  const rows = new Sqlite(join(dataDirectory, 'likeness.sqlite'));
  rows.exec("update bedrock_jobs set image_count = null, resolved = json_set(resolved, '$.stepCount', null)");
  rows.close();
  const second = await startServer({ dataDirectory, overrides });
  context.after(() => second.close());
  const job = await endedJob(second.clients(), jobArn);
  assert.deepEqual([job.status, job.failureMessage], ['Completed', undefined]);
  assert.deepEqual(job.hyperParameters, hyperParameters);
});

test('A job is validated while another trains, then waits InProgress, and one stopped before its training ends Stopped', async context => {
  const compute = createInProcessCompute({ slots: 1, millisecondsAStep: 5 });
  const server = await startServer({ overrides: { compute } });
  context.after(() => server.close());
  const clients = server.clients();
  const role = await putRole(clients, 'trainer');
  await putDataSet(clients, 'running');
  await putDataSet(clients, 'waiting', { count: 60 });
  const running = await createJob(clients, 'running', role, { stepCount: '40000' });
  while (compute.running().length === 0) await delay(20);
  const waiting = await createJob(clients, 'waiting', role);
  while ((await getJob(clients, waiting)).statusDetails?.validationDetails?.status !== 'Completed') await delay(20);
  await delay(100);
  const { status, statusDetails } = await getJob(clients, waiting);
  assert.deepEqual([status, statusDetails?.dataProcessingDetails?.status], ['InProgress', 'NotStarted']);
  await putDataSet(clients, 'mistyped', { lines: { 2: 'image,caption' } });
  const mistyped = await endedJob(clients, await createJob(clients, 'mistyped', role));
  assert.match(mistyped.failureMessage ?? '', /line 2/, 'told while another job trains');
  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: waiting }));
  assert.equal((await endedJob(clients, waiting)).status, 'Stopped');
  assert.equal((await getJob(clients, running)).status, 'InProgress');

  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: running }));
  assert.equal((await endedJob(clients, running)).status, 'Stopped');
  await putDataSet(clients, 'validated', { count: 60 });
  const validated = await createJob(clients, 'validated', role);
  while ((await getJob(clients, validated)).statusDetails?.validationDetails?.status === 'NotStarted') await delay(5);
  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: validated }));
  assert.equal((await endedJob(clients, validated)).status, 'Stopped');
  assert.deepEqual(compute.running(), []);
});
