import type http from 'node:http';
import http2 from 'node:http2';
import { type AnswerBeginning, BodyCut, BodyStalled } from '../wire/message.ts';
import type { HttpRequest, HttpResponse } from './listener.ts';

export interface ExchangeLimits {
  /** A body that brings nothing for this long is given up. */
  bodyIdleMilliseconds: number;
  /** A client that takes nothing of its answer for this long is given up. */
  writeIdleMilliseconds: number;
  /** What is read and thrown away of a body that nobody wanted, so that the client gets to read the answer. */
  drainBytes: number;
  drainMilliseconds: number;
  /** An answer that may take long begins after this long, and brings white space as often. */
  earlyAnswerMilliseconds: number;
}

export const DEFAULT_EXCHANGE_LIMITS: ExchangeLimits = {
  bodyIdleMilliseconds: 60_000,
  writeIdleMilliseconds: 120_000,
  drainBytes: 16 * 1024 * 1024,
  drainMilliseconds: 5_000,
  // The most impatient client that is known gives up after 3 s without a byte (the C++ SDK's default, so Apache Arrow's):
  // a third of it leaves room for a busy machine, and most copies are done before.
  earlyAnswerMilliseconds: 1_000,
};

/** An unread rest up to this is swallowed and the connection kept. */
const KEEP_ALIVE_REST_BYTES = 256 * 1024;

/** The client took no more of its answer. */
export class ClientGone extends Error {}

export interface ExchangeAnswer {
  status: number;
  headers: Record<string, string>;
  body?: Uint8Array | string | AsyncIterable<Uint8Array> | undefined;
}

/** One request and its response, over either HTTP version: what must be right whatever the answer is. */
export class Exchange {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly headers: [name: string, value: string][];
  /** Aborted when the client goes away before its answer is complete, or the server ends. */
  readonly abort = new AbortController();
  /** Of the bodies, until now. */
  receivedBytes = 0;
  sentBytes = 0;
  readonly #limits: ExchangeLimits;
  #bodyAsked = false;
  #expectsContinue: boolean;
  #patience: NodeJS.Timeout | undefined;
  #begun: { text: string; keepAlive: boolean } | undefined;
  #isAnswered = false;

  constructor(request: HttpRequest, response: HttpResponse, limits: ExchangeLimits) {
    this.request = request;
    this.response = response;
    this.#limits = limits;
    this.headers = rawHeaders(request);
    this.#expectsContinue = this.headers.some(([name, value]) => name === 'expect' && /^100-continue$/i.test(value));
    // Without listeners these end the process; what they mean arrives through close.
    request.on('error', () => undefined);
    response.on('error', () => this.abort.abort());
    // HTTP/2: a stream that the client resets is ended by Node, and looks finished when it closes.
    request.on('aborted', () => this.abort.abort());
    response.on('close', () => {
      clearTimeout(this.#patience);
      if (!response.writableFinished) this.abort.abort();
    });
  }

  /** HTTP/2's response does not say that it is destroyed; its stream does. */
  get #hasLeft(): boolean {
    const { response } = this;
    return response instanceof http2.Http2ServerResponse ? response.stream.destroyed : response.destroyed;
  }

  get #isHttp2(): boolean {
    return this.request.httpVersionMajor === 2;
  }

  /**
   * The request's body. Asking for the first chunk sends `100 Continue` where the client waits for it, so whoever refuses
   * a request before has its answer go out alone. Leaving early keeps the connection usable for the answer.
   * @throws BodyStalled, BodyCut
   */
  async *body(): AsyncGenerator<Uint8Array> {
    if (this.#bodyAsked) return;
    this.#bodyAsked = true;
    if (this.#expectsContinue) this.response.writeContinue();
    this.#expectsContinue = false;
    const { request } = this;
    const iterator = request.iterator({ destroyOnReturn: false });
    let stalled = false;
    try {
      for (;;) {
        const next = await this.#soon(iterator.next());
        if (next.done) break;
        this.receivedBytes += (next.value as Uint8Array).byteLength;
        yield next.value as Uint8Array;
      }
    } catch (error) {
      stalled = error instanceof BodyStalled;
      if (stalled) throw error;
      throw new BodyCut(error);
    } finally {
      // Of a stalled stream the next chunk is still awaited, and return would wait behind it.
      if (!stalled) await iterator.return?.();
    }
    if (!this.#complete) throw new BodyCut(undefined);
  }

  get #complete(): boolean {
    return this.request.complete;
  }

  #soon<T>(chunk: Promise<T>): Promise<T> {
    const { bodyIdleMilliseconds } = this.#limits;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new BodyStalled(bodyIdleMilliseconds)), bodyIdleMilliseconds);
      chunk.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** Begins the answer, as wire/message.ts says, unless it comes soon. */
  takesLong(beginning: () => Promise<AnswerBeginning>, stopping: () => boolean): void {
    const { earlyAnswerMilliseconds } = this.#limits;
    clearTimeout(this.#patience);
    // What cannot be begun is waited for: the answer proper says what is wrong.
    const begin = () => this.#begin(beginning, stopping).catch(() => undefined);
    this.#patience = setTimeout(begin, earlyAnswerMilliseconds);
  }

  async #begin(beginning: () => Promise<AnswerBeginning>, stopping: () => boolean): Promise<void> {
    const { headers, text } = await beginning();
    const { response } = this;
    if (this.#isAnswered || response.destroyed) return;
    const keepAlive = this.#restIsSmall();
    this.#begun = { text, keepAlive };
    response.statusCode = 200;
    for (const [name, value] of inOrder(headers)) response.setHeader(name, headerValue(value));
    if (!this.#isHttp2 && (!keepAlive || stopping())) response.setHeader('connection', 'close');
    this.#send(Buffer.from(text, 'utf8'));
    this.#wait();
  }

  #wait(): void {
    this.#send(Buffer.from('\n'));
    this.#patience = setTimeout(() => this.#wait(), this.#limits.earlyAnswerMilliseconds);
  }

  /** Writes the answer, with back-pressure, and leaves the connection in a state that the next request may use or not. */
  async answer({ status, headers, body }: ExchangeAnswer, stopping: boolean): Promise<void> {
    const { response, request } = this;
    this.#isAnswered = true;
    clearTimeout(this.#patience);
    if (response.destroyed) return discard(body);
    if (this.#begun) return this.#answerRest(body, this.#begun);
    const silent = request.method === 'HEAD' || status === 204 || status === 304;
    const whole = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    const keepAlive = this.#restIsSmall();
    response.statusCode = status;
    for (const [name, value] of inOrder(headers))
      if (!silentHeader(name, silent, status)) response.setHeader(name, headerValue(value));
    if (!silent && (whole === undefined || whole instanceof Uint8Array))
      response.setHeader('content-length', String(whole?.byteLength ?? 0));
    if (!this.#isHttp2 && (!keepAlive || stopping)) response.setHeader('connection', 'close');
    if (silent || whole === undefined) await discard(body);
    else if (whole instanceof Uint8Array) await this.#write(whole);
    else await this.#stream(whole, headers['content-length']);
    if (silent) flush(response);
    await this.#finish(keepAlive);
  }

  async #answerRest(body: ExchangeAnswer['body'], begun: { text: string; keepAlive: boolean }): Promise<void> {
    const rest = typeof body === 'string' ? body.slice(body.startsWith(begun.text) ? begun.text.length : 0) : body;
    if (typeof rest === 'string') await this.#write(Buffer.from(rest, 'utf8'));
    else if (rest instanceof Uint8Array) await this.#write(rest);
    else if (rest !== undefined) await this.#stream(rest, undefined);
    await this.#finish(begun.keepAlive);
  }

  async #stream(body: AsyncIterable<Uint8Array>, promisedLength: string | undefined): Promise<void> {
    let sizeBytes = 0;
    for await (const chunk of body) {
      if (this.#hasLeft) throw new ClientGone('The client went away.');
      sizeBytes += chunk.byteLength;
      await this.#write(chunk);
    }
    // On a connection that stays, a client would wait for the rest for ever.
    if (promisedLength !== undefined && Number(promisedLength) !== sizeBytes)
      throw new Error(`The answer promised ${promisedLength} bytes and had ${sizeBytes}.`);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const { response } = this;
    if (chunk.byteLength === 0 || this.#send(chunk)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => done(new ClientGone('The client stopped reading.')),
        this.#limits.writeIdleMilliseconds,
      );
      const onDrain = () => done();
      const onClose = () => done(new ClientGone('The client went away.'));
      const done = (error?: Error) => {
        clearTimeout(timer);
        response.removeListener('drain', onDrain);
        response.removeListener('close', onClose);
        if (error) reject(error);
        else resolve();
      };
      response.once('drain', onDrain);
      response.once('close', onClose);
      if (this.#hasLeft) onClose();
    });
  }

  /** @returns whether the client keeps up */
  #send(chunk: Uint8Array): boolean {
    this.sentBytes += chunk.byteLength;
    return writeTo(this.response, chunk);
  }

  /** Ends the response; what is left of the body is swallowed within bounds, so that the client can read the answer. */
  async #finish(keepAlive: boolean): Promise<void> {
    const { request, response } = this;
    if (this.#isHttp2) {
      response.end();
      // A reset that overtakes the answer's last frame would swallow it: the client gets to end its side first.
      const { stream } = response as http2.Http2ServerResponse;
      if (!(await this.#drain()) && !stream.destroyed) stream.close(http2.constants.NGHTTP2_NO_ERROR);
      return;
    }
    if (this.#complete || this.#expectsContinue) {
      response.end();
      return;
    }
    // The whole answer is on the wire (its length is known): the client sees it while its rest is thrown away.
    flush(response);
    const drained = await this.#drain();
    response.end();
    if (!drained || !keepAlive) request.socket.destroySoon();
  }

  async #drain(): Promise<boolean> {
    const { request } = this;
    const { drainBytes, drainMilliseconds } = this.#limits;
    let sizeBytes = 0;
    if (request.readableEnded || request.destroyed) return true;
    return new Promise(resolve => {
      const timer = setTimeout(() => done(false), drainMilliseconds);
      const onData = (chunk: Uint8Array) => {
        sizeBytes += chunk.byteLength;
        if (sizeBytes > drainBytes) done(false);
      };
      const onEnd = () => done(true);
      const onClose = () => done(false);
      const done = (complete: boolean) => {
        clearTimeout(timer);
        request.removeListener('data', onData);
        request.removeListener('end', onEnd);
        request.removeListener('close', onClose);
        resolve(complete);
      };
      request.on('data', onData);
      request.once('end', onEnd);
      request.once('close', onClose);
      request.resume();
    });
  }

  /** Whether the unread rest of the body is known to be small: the connection is worth keeping then. */
  #restIsSmall(): boolean {
    if (this.#complete) return true;
    if (this.#expectsContinue) return false;
    const length = this.headers.find(([name]) => name === 'content-length')?.[1];
    const chunked = this.headers.some(([name]) => name === 'transfer-encoding');
    return !chunked && (length === undefined || Number(length) <= KEEP_ALIVE_REST_BYTES);
  }

  /** Ends the exchange without an answer, where one has begun and cannot be completed. */
  destroy(): void {
    this.abort.abort();
    if (this.#isHttp2)
      (this.response as http2.Http2ServerResponse).stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    else this.request.socket.destroy();
  }
}

function writeTo(response: HttpResponse, chunk: Uint8Array): boolean {
  // The two response types overload write differently; both take bytes.
  return (response.write as (chunk: Uint8Array) => boolean).call(response, chunk);
}

function flush(response: HttpResponse): void {
  // HTTP/2's response has it too, though its type does not say so.
  if (!response.headersSent) (response as http.ServerResponse).flushHeaders();
}

/** Node takes a Content-Disposition behind a Content-Length for text to decode once more, and garbles it. */
function inOrder(headers: Record<string, string>): [name: string, value: string][] {
  const entries = Object.entries(headers);
  const first = entries.filter(([name]) => name === 'content-disposition');
  return [...first, ...entries.filter(([name]) => name !== 'content-disposition')];
}

/** A value may come from a query (`response-content-disposition`): beyond Latin-1 it goes as UTF-8, and no line ends it. */
function headerValue(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  const line = value.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, ' ');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of bytes
  return /^[\u0000-\u00ff]*$/.test(line) ? line : Buffer.from(line, 'utf8').toString('latin1');
}

/** A HEAD's answer says the length of what GET would send; 204 and 304 say none. */
function silentHeader(name: string, silent: boolean, status: number): boolean {
  return silent && (status === 204 || status === 304) && name === 'content-length';
}

async function discard(body: ExchangeAnswer['body']): Promise<void> {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return;
  // Opens nothing that is lazy, and lets go of what is open.
  await body[Symbol.asyncIterator]().return?.();
}

function rawHeaders(request: HttpRequest): [string, string][] {
  const headers: [string, string][] = [];
  const raw = request.rawHeaders;
  let authority: string | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (name === ':authority') authority = value;
    else if (!name.startsWith(':')) headers.push([name, value]);
  }
  if (authority === undefined) return headers;
  // The JavaScript SDK signs the pseudo-header by its own name, others sign it as host.
  return [['host', authority], [':authority', authority], ...headers.filter(([name]) => name !== 'host')];
}
