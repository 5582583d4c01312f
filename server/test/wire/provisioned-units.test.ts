import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateProvisionedModelThroughputCommand,
  DeleteProvisionedModelThroughputCommand,
  GetProvisionedModelThroughputCommand,
  ListProvisionedModelThroughputsCommand,
  UpdateProvisionedModelThroughputCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';

const inference = createInProcessInference({ capacity: 8, loadMilliseconds: 400, invokeMilliseconds: 60 });
const overrides = { inference, compute: createInProcessCompute({ slots: 4, millisecondsAStep: 1 }) };
let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  server = await startServer({ overrides, config: { queueLimit: 4 } });
  clients = server.clients();
  roleArn = await putRole(clients, 'trainer');
});
after(() => server.close());

/** @returns the ARN of a new custom model */
async function customModel(name: string, keyId?: string): Promise<string> {
  await putDataSet(clients, name);
  const jobArn = await createJob(clients, name, roleArn, keyId === undefined ? {} : { keyId });
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  return job.outputModelArn ?? '';
}

async function provision(name: string, modelId: string, modelUnits = 1): Promise<string> {
  const { provisionedModelArn } = await clients.bedrock.send(
    new CreateProvisionedModelThroughputCommand({ provisionedModelName: name, modelId, modelUnits }),
  );
  return provisionedModelArn ?? '';
}

const get = (provisionedModelId: string, from = clients) =>
  from.bedrock.send(new GetProvisionedModelThroughputCommand({ provisionedModelId }));

async function untilStatus(arn: string, status: string, from = clients) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(30)) {
    const throughput = await get(arn, from);
    if (throughput.status === status) return throughput;
  }
  throw new Error(`${arn} did not become ${status}`);
}

async function invoke(modelId: string, text = 'Ron the dog', from = clients): Promise<string> {
  const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text } });
  const answer = await from.runtime.send(new InvokeModelCommand({ modelId, body, contentType: 'application/json' }));
  const { images } = JSON.parse(new TextDecoder().decode(answer.body)) as { images: string[] };
  return Buffer.from(images[0] ?? '', 'base64').toString();
}

/** Waits until a unit has a request of this text in hand. */
async function untilInHand(text: string): Promise<void> {
  while (!inference.requests.some(request => request.text === text)) await delay(2);
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : String(error));

test('Creating becomes InService once every unit has drawn a warm-up image; weights are gone from the disk by then', async () => {
  const modelArn = await customModel('first');
  const arn = await provision('first', modelArn, 2);
  assert.equal((await get(arn)).status, 'Creating');
  assert.equal(await invoke(arn).catch(nameOf), 'ModelNotReadyException');
  const throughput = await untilStatus(arn, 'InService');
  assert.equal(throughput.modelArn, modelArn);
  const warmUps = inference.requests.filter(request => request.requestId === 'warm-up');
  assert.equal(warmUps.length, 2);
  assert.match(await invoke(arn), /^Ron the dog by \w{12} with adapter_config\.json,adapter_model\.safetensors$/);
  assert.deepEqual(
    readdirSync(tmpdir()).filter(name => name.startsWith('likeness-weights-')),
    [],
  );
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
  while (inference.units.length > 0) await delay(20);
  assert.equal(await invoke(arn).catch(nameOf), 'ResourceNotFoundException');
});

test('An update swaps versions under 16 clients without one failed request', async () => {
  const [one, two] = [await customModel('version-one'), await customModel('version-two')];
  const arn = await provision('swapped', one, 2);
  await untilStatus(arn, 'InService');
  const answers: string[] = [];
  const isDone = new AbortController();
  const asking = Array.from({ length: 16 }, async () => {
    while (!isDone.signal.aborted) answers.push(await invoke(arn));
  });
  await delay(150);
  await clients.bedrock.send(
    new UpdateProvisionedModelThroughputCommand({ provisionedModelId: arn, desiredModelId: two }),
  );
  const updating = await get(arn);
  assert.deepEqual([updating.status, updating.modelArn, updating.desiredModelArn], ['Updating', one, two]);
  const updated = await untilStatus(arn, 'InService');
  assert.equal(updated.modelArn, two);
  await delay(200);
  isDone.abort();
  await Promise.all(asking);
  const drawnBy = answers.map(answer => answer.split(' ')[4]);
  assert.equal(new Set(drawnBy).size, 2, 'the old one, then the new one');
  assert.equal(drawnBy.at(-1), two.slice(-12));
  while (inference.units.length > 2) await delay(20);
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
});

test('A unit that dies is replaced; its request is drawn by another, or fails at once', async () => {
  const arn = await provision('mortal', await customModel('mortal'), 1);
  await untilStatus(arn, 'InService');
  const answer = invoke(arn, 'the last words').catch(nameOf);
  await untilInHand('the last words');
  inference.units.find(unit => unit.model.adapter)?.kill();
  assert.equal(await answer, 'ModelErrorException');
  const deadline = Date.now() + 10_000;
  let next: string;
  do {
    await delay(50);
    next = await invoke(arn).catch(nameOf);
  } while (next === 'ModelNotReadyException' && Date.now() < deadline);
  assert.match(next, /^Ron the dog by /);
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
});

test('Of 16 clients none loses a request when one of two units dies', async () => {
  const arn = await provision('twofold', await customModel('twofold'), 2);
  await untilStatus(arn, 'InService');
  // Long enough that all are in the hands of the two before one dies: a late one would find a full queue.
  const { invokeMilliseconds } = inference;
  inference.invokeMilliseconds = 3000;
  const answers = Array.from({ length: 16 }, (_, index) => invoke(arn, `client ${index}`).catch(nameOf));
  for (const index of answers.keys()) await untilInHand(`client ${index}`);
  inference.invokeMilliseconds = invokeMilliseconds;
  inference.units.find(unit => unit.model.adapter)?.kill();
  const drawn = await Promise.all(answers);
  assert.deepEqual(
    drawn.map(answer => answer.split(' by ')[0]),
    answers.map((_, index) => `client ${index}`),
  );
  while (inference.units.filter(unit => unit.model.adapter).length < 2) await delay(20);
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
});

test('Past the queue requests are throttled', async () => {
  const arn = await provision('busy', await customModel('busy'), 1);
  await untilStatus(arn, 'InService');
  inference.invokeMilliseconds = 2000;
  const answers = await Promise.all(Array.from({ length: 20 }, () => invoke(arn).then(() => 'drawn', nameOf)));
  inference.invokeMilliseconds = 60;
  assert.deepEqual(new Set(answers), new Set(['drawn', 'ThrottlingException']));
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
});

test('Deleting lets the request in hand finish', async () => {
  const arn = await provision('drained', await customModel('drained'), 1);
  await untilStatus(arn, 'InService');
  const answer = invoke(arn, 'the farewell');
  await untilInHand('the farewell');
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
  assert.match(await answer, /^the farewell by /);
});

test('A model that cannot be loaded twice is Failed, with the reason', async () => {
  const modelArn = await customModel('broken');
  inference.failLoads = 2;
  const arn = await provision('broken', modelArn, 1);
  const { failureMessage } = await untilStatus(arn, 'Failed');
  assert.match(failureMessage ?? '', /could not be loaded: broken/);
});

test('An update that cannot be loaded leaves the old version in service', async () => {
  const [one, two] = [await customModel('kept'), await customModel('unloadable')];
  const arn = await provision('kept', one, 1);
  await untilStatus(arn, 'InService');
  inference.failLoads = 2;
  await clients.bedrock.send(
    new UpdateProvisionedModelThroughputCommand({ provisionedModelId: arn, desiredModelId: two }),
  );
  const throughput = await untilStatus(arn, 'InService');
  assert.deepEqual([throughput.modelArn, throughput.desiredModelArn], [one, one]);
  assert.match(throughput.failureMessage ?? '', /could not be loaded/);
  assert.match(await invoke(arn), new RegExp(one.slice(-12)));
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
});

test('A disabled key makes the model unusable, and enabling it makes it usable again', async () => {
  const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
  const KeyId = KeyMetadata?.KeyId ?? '';
  const arn = await provision('locked', await customModel('locked', KeyId), 1);
  await untilStatus(arn, 'InService');
  await clients.kms.send(new DisableKeyCommand({ KeyId }));
  assert.match(await invoke(arn).catch(nameOf), /AccessDenied|Validation/);
  await clients.kms.send(new EnableKeyCommand({ KeyId }));
  assert.match(await invoke(arn), /^Ron the dog by /);
  await clients.bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn }));
});

test('A base model draws on demand, from one unit that its first request starts', async () => {
  assert.match(await invoke('amazon.titan-image-generator-v1', 'a fox'), /^a fox by base/);
  assert.match(await invoke('likeness.art-v1', 'a hare'), /^a hare by base/);
  assert.equal(inference.units.filter(unit => unit.model.adapter === null).length, 1);
});

test('After a restart of the server, models that were InService serve again, where there is room', async () => {
  const arn = await provision('lasting', await customModel('lasting'), 1);
  await untilStatus(arn, 'InService');
  await server.close({ keepData: true });
  assert.deepEqual(inference.units, []);
  const dataDirectory = server.dataDirectory;
  server = await startServer({
    dataDirectory,
    overrides: { ...overrides, inference: { ...inference, capacity: () => 0 } },
  });
  clients = server.clients();
  assert.equal((await get(arn)).status, 'Creating');
  const refused = async () => invoke(arn).then(String, (error: Error) => error.message);
  while ((await refused()).includes('not ready')) await delay(50);
  assert.match(
    await refused(),
    /may run 0 model units at once \(LIKENESS_MODEL_UNITS\): 0 are in use, and this model needs 1/,
  );
  const { status, failureMessage } = await get(arn);
  assert.equal(status, 'Creating');
  assert.match(failureMessage ?? '', /may run 0 model units at once/, 'who waits for it reads why');
  assert.match(
    await invoke('likeness.art-v1').catch((error: Error) => `${error.name}: ${error.message}`),
    /^ServiceUnavailableException: .*may run 0 model units at once .*: 1 are bought, and 0 processes draw on demand/,
  );
  await server.close({ keepData: true });

  server = await startServer({ dataDirectory, overrides });
  clients = server.clients();
  // No answer comes yet, so it is not said to be in service.
  assert.equal((await get(arn)).status, 'Creating');
  const listed = async (statusEquals: 'Creating' | 'InService') => {
    const list = await clients.bedrock.send(new ListProvisionedModelThroughputsCommand({ statusEquals }));
    return list.provisionedModelSummaries?.map(row => `${row.provisionedModelName} ${row.status}`);
  };
  assert.deepEqual(await listed('Creating'), ['lasting Creating']);
  assert.ok(!(await listed('InService'))?.includes('lasting InService'));
  const update = new UpdateProvisionedModelThroughputCommand({
    provisionedModelId: arn,
    desiredProvisionedModelName: 'renamed',
  });
  assert.equal(await clients.bedrock.send(update).catch(nameOf), 'ValidationException');
  assert.equal((await untilStatus(arn, 'InService')).failureMessage, undefined);
  assert.ok((await listed('InService'))?.includes('lasting InService'));
  const patient = server.clients({ maxAttempts: 10 });
  assert.match(await invoke(arn, 'Ron again', patient), /^Ron again by /);
});
