import assert from 'node:assert/strict';
import test from 'node:test';
import { type BedrockRuntimeClient, InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { newProduct, processesNaming, until, whySkipped } from './product.ts';

const skip = whySkipped ?? false;

test('A killed model unit fails its request at once and is replaced; a killed server leaves no unit', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const runtime = product.runtime();
  const first = await invoke(runtime, 512);
  assert.equal(Buffer.from(first, 'base64').toString('latin1', 1, 4), 'PNG');

  const answer = invoke(runtime, 1024).then(
    () => 'drawn',
    error => error.name,
  );
  await until('the request is in hand', async () => {
    for (const pid of unitProcesses()) process.kill(pid, 'SIGKILL');
    return true;
  });
  // The kill may come before the request reached the unit: then the next unit draws it.
  assert.match(await answer, /^(ModelErrorException|drawn)$/);
  assert.equal(await invoke(runtime, 512), first, 'the next unit draws the same');

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
