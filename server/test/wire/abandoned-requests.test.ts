import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { startServer } from '../support/server.ts';

/** More than a unit has in hand: the others wait. */
const REQUESTS = 12;
const WAITING = /^likeness_queue_depth\{kind="base",.*\} (\d+)$/m;

// The SDK's client of Bedrock Runtime speaks HTTP/2, and resets the streams of requests that are aborted.
test('What waits to be drawn for a client that has gone is not drawn', async context => {
  const inference = createInProcessInference({ capacity: 1, loadMilliseconds: 1, invokeMilliseconds: 1000 });
  const server = await startServer({ overrides: { inference } });
  context.after(() => server.close());
  const { runtime } = server.clients();
  const waiting = async () => Number(WAITING.exec(await (await fetch(`${server.endpoint}/metrics`)).text())?.[1]);

  const leaving = new AbortController();
  const modelId = 'amazon.titan-image-generator-v1';
  const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'a fox' } });
  const send = () => runtime.send(new InvokeModelCommand({ modelId, body }), { abortSignal: leaving.signal });
  const asked = Promise.allSettled(Array.from({ length: REQUESTS }, send));
  while (!((await waiting()) > 0)) await delay(10);
  leaving.abort();
  await asked;
  for (const deadline = Date.now() + 5000; (await waiting()) !== 0; await delay(10))
    assert.ok(Date.now() < deadline, `${await waiting()} wait`);
  assert.ok(inference.requests.length < REQUESTS, `${inference.requests.length} were begun`);
});
