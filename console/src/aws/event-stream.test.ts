import assert from 'node:assert/strict';
import test from 'node:test';
import { readEvents, type ServerSentEvent } from './event-stream.ts';

async function read(...chunks: string[]): Promise<ServerSentEvent[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  const found: ServerSentEvent[] = [];
  for await (const event of readEvents(body)) found.push(event);
  return found;
}

test('Events are read whole, however the network cut them', async () => {
  const text = 'event: step\ndata: {"step":1}\n\nid: 1:2048\n\n: waiting\n\n';
  const expected = [
    { event: 'step', data: '{"step":1}', id: '' },
    { event: '', data: '', id: '1:2048' },
    { event: '', data: '', id: '' },
  ];
  assert.deepEqual(await read(text), expected);
  assert.deepEqual(await read(...text), expected, 'a byte at a time');
});

test('An event that the connection cut off is not told', async () => {
  assert.deepEqual(await read('event: step\ndata: {"step":1}'), []);
});
