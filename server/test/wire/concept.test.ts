import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StopModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, getJob, putDataSet, putRole } from '../support/training-data.ts';

let server: TestServer;
let clients: TestClients;
let roleArn: string;
let count = 0;

before(async () => {
  server = await startServer({ overrides: { compute: createInProcessCompute({ slots: 2, millisecondsAStep: 5 }) } });
  clients = server.clients();
  roleArn = await putRole(clients, 'trainer');
  const things = ['a dog', 'a car', 'a house', 'a boat', 'a lamp'];
  const lines = Object.fromEntries(
    things.map((thing, index) => [
      index + 1,
      JSON.stringify({ 'image-ref': `s3://campaign/data/${index + 1}.png`, caption: `${thing} in Lumen style` }),
    ]),
  );
  await putDataSet(clients, 'campaign', { lines });
  await putDataSet(clients, 'pets');
});
after(() => server.close());

/** What a worker is told, once it starts: captionDropout and unconditionalPrior. */
async function told(bucket: string, hyperParameters: Record<string, string>): Promise<[number, number]> {
  count += 1;
  const name = `concept-${count}`;
  const jobArn = await createJob(clients, bucket, roleArn, { name, stepCount: '40000', hyperParameters });
  while ((await getJob(clients, jobArn)).statusDetails?.trainingDetails?.status !== 'InProgress') await delay(20);
  const run = join(server.dataDirectory, 'runs', jobArn.slice(-12), '1');
  const spec = JSON.parse(readFileSync(join(run, 'spec.json'), 'utf8'));
  assert.deepEqual((await getJob(clients, jobArn)).hyperParameters?.concept, hyperParameters.concept);
  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  await endedJob(clients, jobArn);
  return [spec.captionDropout, spec.unconditionalPrior];
}

// Of the base model that support/server.ts writes.
const SUBJECT = [0.1, 0];
const STYLE = [0.3, 0.25];

test('Captions that share a style’s name are trained as a style, those that name subjects as subjects', async () => {
  assert.deepEqual(await told('campaign', {}), STYLE);
  assert.deepEqual(await told('pets', {}), SUBJECT);
});

test('A concept that is given counts for more than the captions, and a captionDropout for more than the concept’s', async () => {
  assert.deepEqual(await told('campaign', { concept: 'subject' }), SUBJECT);
  assert.deepEqual(await told('pets', { concept: 'style' }), STYLE);
  assert.deepEqual(await told('campaign', { captionDropout: '0.05' }), [0.05, 0.25]);
});

test('Another concept is refused by its name', async () => {
  await assert.rejects(
    createJob(clients, 'campaign', roleArn, { hyperParameters: { concept: 'Style' } }),
    /hyperParameters\.concept must be subject or style; you sent "Style"/,
  );
});
