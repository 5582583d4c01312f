/** Server-sent events, read with a fetch because an EventSource cannot sign. */
export interface ServerSentEvent {
  event: string;
  data: string;
  /** Where to go on after this one; '' where the server gave none. */
  id: string;
}

/** @param body of a `text/event-stream` response */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) yield parseBlock(block);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function parseBlock(block: string): ServerSentEvent {
  const found: ServerSentEvent = { event: '', data: '', id: '' };
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(event|data|id): ?(.*)$/.exec(line) ?? [];
    if (name === 'event' || name === 'data' || name === 'id') found[name] = value;
  }
  return found;
}
