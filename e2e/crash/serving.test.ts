import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
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

async function invoke(runtime: BedrockRuntimeClient, side: number): Promise<string> {
  const imageGenerationConfig = { width: side, height: side, seed: 3 };
  const body = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'a red fox in the snow' }, imageGenerationConfig };
  const command = new InvokeModelCommand({ modelId: 'amazon.titan-image-generator-v1', body: JSON.stringify(body) });
  const answer = JSON.parse(new TextDecoder().decode((await runtime.send(command)).body));
  return answer.images[0];
}
