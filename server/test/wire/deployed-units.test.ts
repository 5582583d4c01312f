import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateCustomModelDeploymentCommand,
  DeleteCustomModelDeploymentCommand,
  GetCustomModelDeploymentCommand,
  UpdateCustomModelDeploymentCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';

const inference = createInProcessInference({ capacity: 1, loadMilliseconds: 50, invokeMilliseconds: 30 });
const overrides = { inference, compute: createInProcessCompute({ slots: 4, millisecondsAStep: 1 }) };
const config = { warmBaseModel: false, queueLimit: 8, deploymentIdleSeconds: 2 };
let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  server = await startServer({ overrides, config });
  clients = server.clients();
  roleArn = await putRole(clients, 'trainer');
});
after(() => server.close());

async function customModel(name: string): Promise<string> {
  await putDataSet(clients, name);
  const job = await endedJob(clients, await createJob(clients, name, roleArn));
  assert.equal(job.status, 'Completed', job.failureMessage);
  return job.outputModelArn ?? '';
}

async function deploy(modelDeploymentName: string, modelArn: string): Promise<string> {
  const command = new CreateCustomModelDeploymentCommand({ modelDeploymentName, modelArn });
  return (await clients.bedrock.send(command)).customModelDeploymentArn ?? '';
}

const get = (customModelDeploymentIdentifier: string) =>
  clients.bedrock.send(new GetCustomModelDeploymentCommand({ customModelDeploymentIdentifier }));

async function untilStatus(arn: string, status: string) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(20)) {
    const deployment = await get(arn);
    if (deployment.status === status && deployment.updateDetails?.updateStatus !== 'Updating') return deployment;
  }
  throw new Error(`${arn} did not become ${status}`);
}

async function invoke(modelId: string, text = 'Ron the dog'): Promise<string> {
  const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text } });
  const answer = await clients.runtime.send(new InvokeModelCommand({ modelId, body, contentType: 'application/json' }));
  const { images } = JSON.parse(new TextDecoder().decode(answer.body)) as { images: string[] };
  return Buffer.from(images[0] ?? '', 'base64').toString();
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : String(error));
const drawer = (answer: string) =>
  /by (\w{12}) with adapter_config\.json,adapter_model\.safetensors$/.exec(answer)?.[1];
const folders = () => readdirSync(tmpdir()).filter(name => name.startsWith('likeness-weights-'));

test('Deployments of an account share one process, each with its own adapter, and it comes back after idling', async () => {
  const models = [await customModel('ron'), await customModel('smila'), await customModel('kerem')];
  const arns = await Promise.all(models.map((modelArn, index) => deploy(`shared-${index}`, modelArn)));
  assert.equal(await invoke(arns[0] ?? '').catch(nameOf), 'ModelNotReadyException');
  for (const arn of arns) await untilStatus(arn, 'Active');
  assert.equal(inference.units.length, 1, 'one process for all');
  const answers = await Promise.all([...arns, ...arns].map(arn => invoke(arn)));
  assert.deepEqual(
    answers.map(drawer),
    [...models, ...models].map(modelArn => modelArn.slice(-12)),
  );
  assert.equal(inference.units.length, 1);

  while (inference.units.length > 0) await delay(50);
  assert.equal((await get(arns[1] ?? '')).status, 'Active', 'idle is no status');
  while (folders().length > 0) await delay(20);
  assert.equal(drawer(await invoke(arns[1] ?? '')), models[1]?.slice(-12));
  assert.deepEqual(inference.units[0]?.adapterIds, [models[1]?.slice(-12)], 'only what was asked for is loaded');

  await invoke(arns[2] ?? '');
  await clients.bedrock.send(
    new DeleteCustomModelDeploymentCommand({ customModelDeploymentIdentifier: arns[2] ?? '' }),
  );
  while (inference.units[0]?.adapterIds.length === 2) await delay(20);
  assert.deepEqual(inference.units[0]?.adapterIds, [models[1]?.slice(-12)]);
});

test('A process that dies is followed by another at the next request', async () => {
  const modelArn = await customModel('mortal');
  const arn = await deploy('mortal', modelArn);
  await untilStatus(arn, 'Active');
  const lost = invoke(arn, 'the last words').catch(nameOf);
  while (!inference.requests.some(request => request.text === 'the last words')) await delay(2);
  inference.units[0]?.kill();
  assert.equal(await lost, 'ModelErrorException');
  assert.equal(drawer(await invoke(arn)), modelArn.slice(-12));
  assert.equal(inference.units.length, 1);
});

test('A model that does not load fails its deployment, or the update to it, with the reason', async () => {
  const [good, bad] = [await customModel('good'), await customModel('bad')];
  inference.failAdapters = 2;
  const failed = await untilStatus(await deploy('failed', bad), 'Failed');
  assert.match(failed.failureMessage ?? '', /was made for another base model/);
  inference.failAdapters = 1;
  const arn = await deploy('healed', good);
  await untilStatus(arn, 'Active');
  inference.failAdapters = 2;
  const update = () =>
    clients.bedrock.send(
      new UpdateCustomModelDeploymentCommand({ customModelDeploymentIdentifier: 'healed', modelArn: bad }),
    );
  await update();
  const kept = await untilStatus(arn, 'Active');
  assert.deepEqual([kept.modelArn, kept.updateDetails?.updateStatus], [good, 'UpdateFailed']);
  assert.match(kept.failureMessage ?? '', /was made for another base model/);
  assert.equal(drawer(await invoke(arn)), good.slice(-12));
  await update();
  const moved = await untilStatus(arn, 'Active');
  assert.deepEqual([moved.modelArn, moved.updateDetails?.updateStatus], [bad, 'UpdateCompleted']);
  assert.equal(moved.failureMessage, undefined);
  assert.equal(drawer(await invoke(arn)), bad.slice(-12));
});

test('A model whose base was replaced under its id is refused, with both digests and the way out', async () => {
  const modelArn = await customModel('outlived');
  const arn = await deploy('outlived', modelArn);
  await untilStatus(arn, 'Active');
  while (inference.units.length > 0) await delay(50);
  const base = join(server.dataDirectory, 'embedded-model');
  const index = readFileSync(join(base, 'model_index.json'), 'utf8');
  mkdirSync(join(base, 'unet'));
  writeFileSync(join(base, 'unet', 'model.safetensors'), 'the weights of the next release');
  writeFileSync(join(base, 'model_index.json'), '{"_class_name": "LikenessArtPipeline", "unet": ["diffusers", "x"]}');
  try {
    const refused = await invoke(arn).catch((error: Error) => `${error.name}: ${error.message}`);
    assert.match(
      refused,
      /ValidationException: .*trained on other weights of likeness.art-v1 \(sha256 [0-9a-f]{64}\) than those installed now \(sha256 [0-9a-f]{64}\).*Train it again/,
    );
    const failed = await untilStatus(await deploy('late', modelArn), 'Failed');
    assert.match(failed.failureMessage ?? '', /trained on other weights/);
    await untilStatus(await deploy('newer', await customModel('newer')), 'Active');
  } finally {
    writeFileSync(join(base, 'model_index.json'), index);
  }
  while (inference.units.length > 0) await delay(50);
  assert.equal(drawer(await invoke(arn)), modelArn.slice(-12));
});

test('Past the queue requests are throttled, while the process starts too', async () => {
  while (inference.units.length > 0) await delay(50);
  const answers = await Promise.all(Array.from({ length: 30 }, () => invoke('arn-of-none').catch(nameOf)));
  assert.deepEqual(new Set(answers), new Set(['ValidationException']));
  const { customModelDeploymentArn = '' } = await get('healed');
  inference.invokeMilliseconds = 2000;
  const many = await Promise.all(
    Array.from({ length: 30 }, () => invoke(customModelDeploymentArn).then(() => 'drawn', nameOf)),
  );
  assert.deepEqual(new Set(many), new Set(['drawn', 'ThrottlingException']));
});

test('After a restart of the server a deployment answers its first request', async () => {
  const { customModelDeploymentArn: arn = '', modelArn = '' } = await get('healed');
  await server.close({ keepData: true });
  assert.deepEqual([inference.units, folders()], [[], []]);
  server = await startServer({ dataDirectory: server.dataDirectory, overrides, config });
  clients = server.clients();
  assert.equal((await get(arn)).status, 'Active');
  assert.equal(drawer(await invoke(arn)), modelArn.slice(-12));
});
