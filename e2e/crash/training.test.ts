import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ListCustomModelsCommand, StopModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import {
  assertWholeMetrics,
  createJob,
  eventsOf,
  getJob,
  newProduct,
  processesNaming,
  runPath,
  until,
  waitFor,
  waitForEvent,
  waitUntilCleaned,
  whySkipped,
} from './product.ts';

const STEPS = 24;
const skip = whySkipped ?? false;

test('kill -9 of the server in the middle of training: the trainer lives, and the next start adopts it', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const jobArn = await createJob(product, STEPS);
  await waitForEvent(product, jobArn, { attempt: 1, type: 'step', step: 3 });
  await product.crash();
  const before = eventsOf(product, jobArn, 1).length;
  await until('the trainer goes on by itself', () => eventsOf(product, jobArn, 1).length > before);
  await product.up();
  await waitFor(product, jobArn, 'Completed');
  await assertWholeMetrics(product, jobArn, STEPS);
  assert.equal(eventsOf(product, jobArn, 2).length, 0, 'there was no second attempt');
  await waitUntilCleaned(product, jobArn);
  const job = await getJob(product, jobArn);
  assert.ok(job.outputModelArn && job.endTime);
  assert.equal(job.statusDetails?.trainingDetails?.status, 'Completed');
  const { modelSummaries } = await product.bedrock().send(new ListCustomModelsCommand({}));
  assert.deepEqual(
    modelSummaries?.map(model => model.modelArn),
    [job.outputModelArn],
  );
  assert.equal(await product.interrupt(), 0);
  assert.deepEqual(processesNaming(product.data), []);
});

test('Server and trainer killed: a new attempt goes on from the newest checkpoint', { skip }, async context => {
  const product = newProduct(context);
  await product.up();
  const jobArn = await createJob(product, STEPS);
  await waitForEvent(product, jobArn, { attempt: 1, type: 'checkpoint', step: 10 });
  await product.crash();
  const lease = JSON.parse(readFileSync(join(runPath(product, jobArn), '1/lease.json'), 'utf8'));
  process.kill(-lease.pid, 'SIGKILL');
  const checkpoints = eventsOf(product, jobArn, 1).filter(event => event.type === 'checkpoint');
  await product.up();
  await waitFor(product, jobArn, 'Completed');
  const [first] = eventsOf(product, jobArn, 2).filter(event => event.type === 'step');
  assert.equal(first?.step, checkpoints.at(-1)?.step, 'no step before the newest checkpoint is taken again');
  await assertWholeMetrics(product, jobArn, STEPS);
  await waitUntilCleaned(product, jobArn);
});

test('Ctrl-C pauses the job, leaves no process, and the next start goes on from where it was', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const jobArn = await createJob(product, STEPS);
  await waitForEvent(product, jobArn, { attempt: 1, type: 'step', step: 3 });
  assert.equal(await product.interrupt(), 0);
  assert.deepEqual(processesNaming(product.data), []);
  const last = eventsOf(product, jobArn, 1).findLast(event => event.type === 'step');
  await product.up();
  assert.equal((await getJob(product, jobArn)).status, 'InProgress');
  await waitForEvent(product, jobArn, { attempt: 2, type: 'step', step: 0 });
  const first = eventsOf(product, jobArn, 2).find(event => event.type === 'step');
  assert.equal(first?.step, Number(last?.step) + 1, 'no step is lost');
  await waitFor(product, jobArn, 'Completed');
  await assertWholeMetrics(product, jobArn, STEPS);
});

test('Stop leaves no model and no process', { skip }, async context => {
  const product = newProduct(context);
  await product.up();
  const jobArn = await createJob(product, 5000);
  await waitForEvent(product, jobArn, { attempt: 1, type: 'step', step: 1 });
  await product.bedrock().send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  assert.equal((await getJob(product, jobArn)).status, 'Stopping');
  await waitFor(product, jobArn, 'Stopped');
  assert.deepEqual(processesNaming(runPath(product, jobArn)), []);
  await waitUntilCleaned(product, jobArn);
  const { modelSummaries } = await product.bedrock().send(new ListCustomModelsCommand({}));
  assert.deepEqual(modelSummaries, []);
});
