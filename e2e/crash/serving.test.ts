import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateProvisionedModelThroughputCommand, GetProvisionedModelThroughputCommand } from '@aws-sdk/client-bedrock';
import { type BedrockRuntimeClient, InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { newProduct, processesNaming, until, whySkipped } from './product.ts';

const skip = whySkipped ?? false;

const CLIENTS = 16;

test('Of 16 requests none hangs when their unit is killed, and the next unit draws the same; a killed server leaves no unit', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const runtime = product.runtime();
  const first = await invoke(runtime, 512);
  assert.equal(Buffer.from(first, 'base64').toString('latin1', 1, 4), 'PNG');

  const answers = Array.from({ length: CLIENTS }, () => invoke(runtime, 512).catch((error: Error) => error.name));
  // The first of them are being drawn by then, the others are in hand or wait; none is drawn within so little.
  await delay(700);
  for (const pid of unitProcesses()) process.kill(pid, 'SIGKILL');
  const outcomes = new Set(await Promise.all(answers));
  assert.deepEqual(
    outcomes,
    new Set(['ModelErrorException', first]),
    'those in hand fail, those that waited are drawn',
  );

  await product.crash();
  await until('the units are gone', () => unitProcesses().length === 0, 10);

  /** Workers that serve, of this product: their runtime folder names its server. */
  function unitProcesses(): number[] {
    return processesNaming(`-${product.serverPid()}-`);
  }
});

test('A Provisioned Throughput whose server is killed while its unit loads is in service later, and no process of the killed server stays', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const command = new CreateProvisionedModelThroughputCommand({
    ...{ provisionedModelName: 'unit', modelUnits: 1, modelId: 'amazon.titan-image-generator-v1' },
  });
  const { provisionedModelArn } = await product.bedrock().send(command);
  const status = async () => {
    const get = new GetProvisionedModelThroughputCommand({ provisionedModelId: provisionedModelArn });
    return (await product.bedrock().send(get)).status;
  };
  // Before its process starts, while it loads, and near the end of that.
  for (const milliseconds of [0, 1000, 3000]) {
    await delay(milliseconds);
    const pid = product.serverPid();
    await product.crash();
    await until('the units are gone', () => processesNaming(`-${pid}-`).length === 0, 10);
    await product.up();
    assert.match((await status()) ?? '', /^(Creating|InService)$/);
  }
  await until('the unit is in service', async () => (await status()) === 'InService');
});

async function invoke(runtime: BedrockRuntimeClient, side: number): Promise<string> {
  const imageGenerationConfig = { width: side, height: side, seed: 3 };
  const body = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'a red fox in the snow' }, imageGenerationConfig };
  const command = new InvokeModelCommand({ modelId: 'amazon.titan-image-generator-v1', body: JSON.stringify(body) });
  const answer = JSON.parse(new TextDecoder().decode((await runtime.send(command)).body));
  return answer.images[0];
}
