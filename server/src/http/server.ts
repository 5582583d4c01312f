import type { Http2ServerRequest } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Call, Exchanged } from '../domain/call.ts';
import type { RequestRecord, WireRequest, WireResponse } from '../wire/message.ts';
import { CONSOLE_PATH } from './console.ts';
import { ClientGone, DEFAULT_EXCHANGE_LIMITS, Exchange, type ExchangeLimits } from './exchange.ts';
import {
  createListener,
  DEFAULT_LISTENER_LIMITS,
  type Listener,
  type ListenerLimits,
  type ServerKeyPair,
  streamCounts,
} from './listener.ts';
import { endpointOf, type PrivateAddress } from './private-ports.ts';

export interface HttpServerOptions {
  /** Everything that is not of the product's own. */
  aws(request: WireRequest): Promise<WireResponse>;
  /** What lies under `/_likeness/`; no bucket name can begin with `_`. */
  own(request: WireRequest): Promise<WireResponse>;
  /** The console's files, under `/_console/`. */
  console(request: WireRequest): Promise<WireResponse>;
  /** Answers `/` where the console is meant; undefined for any other request. */
  consoleDoor?(request: WireRequest): WireResponse | undefined;
  newRequestId(): string;
  log: Logger;
  /** Told of each request that a service was asked for, before its answer goes out. */
  recorded?(call: Call): Promise<void>;
  /** Told of the same when its answer is out. */
  answered?(exchanged: Exchanged): void;
  /** `/metrics`; undefined for any other request. */
  metrics?(request: WireRequest): Promise<WireResponse> | undefined;
  limits?: Partial<ListenerLimits & ExchangeLimits>;
}

export interface HttpServer {
  /** @returns the port, which 0 leaves to the system */
  listen(host: string, port: number): Promise<number>;
  /** The same over TLS, with HTTP/2 by ALPN. @returns the port */
  listenSecure(host: string, port: number, pair: ServerKeyPair): Promise<number>;
  /** Listens there too; its requests carry the endpoint's id (aws:SourceVpce). */
  listenPrivate(endpointId: string, address: PrivateAddress): Promise<void>;
  /** The certificate of connections to come. */
  renew(pair: ServerKeyPair): void;
  /** Finishes the requests in hand within the grace, then ends every connection. */
  stop(graceMilliseconds: number): Promise<void>;
}

const OWN_PREFIX = '/_likeness/';

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const limits = { ...DEFAULT_LISTENER_LIMITS, ...DEFAULT_EXCHANGE_LIMITS, ...options.limits };
  const inHand = new Set<Exchange>();
  let stopping = false;
  let allDone: (() => void) | undefined;

  async function serve(exchange: Exchange): Promise<void> {
    const startedAt = performance.now();
    const requestId = options.newRequestId();
    const request = wireRequest(exchange, requestId, () => stopping);
    let answer: WireResponse | undefined;
    let failure: unknown;
    let leftBefore: boolean | undefined;
    try {
      answer = await route(request);
      if (answer.record.call) await options.recorded?.(answer.record.call);
      await exchange.answer(answer, stopping);
    } catch (error) {
      failure = error;
      // Ending the exchange aborts it as well, and that is not the client's doing.
      leftBefore = exchange.abort.signal.aborted;
      exchange.destroy();
    }
    const elapsedMilliseconds = performance.now() - startedAt;
    if (answer?.record.call) {
      const { status, record } = answer;
      const { receivedBytes, sentBytes } = exchange;
      const seconds = elapsedMilliseconds / 1000;
      options.answered?.({ call: record.call as Call, status, seconds, receivedBytes, sentBytes });
    }
    const aborted = leftBefore ?? exchange.abort.signal.aborted;
    logRequest(options.log, request, answer, failure, aborted, elapsedMilliseconds);
  }

  async function route(request: WireRequest): Promise<WireResponse> {
    const path = request.target.split('?', 1)[0] ?? '';
    if (path.startsWith(OWN_PREFIX)) return options.own(request);
    if (path === CONSOLE_PATH || path.startsWith(`${CONSOLE_PATH}/`)) return options.console(request);
    return options.consoleDoor?.(request) ?? options.metrics?.(request) ?? options.aws(request);
  }

  const listener: Listener = createListener((request, response) => {
    const exchange = new Exchange(request, response, limits);
    const session = request.httpVersionMajor === 2 ? (request as Http2ServerRequest).stream.session : undefined;
    if (session) streamCounts.set(session, (streamCounts.get(session) ?? 0) + 1);
    inHand.add(exchange);
    serve(exchange).finally(() => {
      inHand.delete(exchange);
      if (session) streamCounts.set(session, (streamCounts.get(session) ?? 1) - 1);
      if (stopping && inHand.size === 0) allDone?.();
    });
  }, limits);

  return {
    listen: (host, port) => listener.listen(host, port),
    listenPrivate: (endpointId, address) => listener.listenPrivate(endpointId, address),
    listenSecure: (host, port, pair) => listener.listenSecure(host, port, pair),
    renew: pair => listener.renew(pair),
    async stop(graceMilliseconds) {
      stopping = true;
      listener.close();
      if (inHand.size > 0) {
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([
          new Promise<void>(resolve => {
            allDone = resolve;
          }),
          new Promise<void>(resolve => {
            timer = setTimeout(resolve, graceMilliseconds);
          }),
        ]);
        clearTimeout(timer);
      }
      for (const exchange of inHand) exchange.abort.abort();
      listener.destroy();
    },
  };
}

function wireRequest(exchange: Exchange, requestId: string, stopping: () => boolean): WireRequest {
  const { request } = exchange;
  const sourceVpce = endpointOf(request.socket);
  return {
    requestId,
    method: request.method ?? 'GET',
    target: originForm(request.url ?? '/'),
    headers: exchange.headers,
    body: exchange.body(),
    sourceIp: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    // HTTP/2's socket stands for its session, whose own property of this name every session has.
    secureTransport: (request.socket as TLSSocket).encrypted === true,
    ...tlsVersionOf(request.socket as TLSSocket),
    ...(sourceVpce !== undefined && { sourceVpce }),
    signal: exchange.abort.signal,
    takesLong: beginning => exchange.takesLong(beginning, stopping),
  };
}

/** OpenSSL's `TLSv1.3` as AWS's `s3:TlsVersion` has it. */
function tlsVersionOf(socket: TLSSocket): { tlsVersion?: string } {
  const tlsVersion = socket.encrypted ? socket.getProtocol()?.replace('TLSv', '') : undefined;
  return tlsVersion === undefined ? {} : { tlsVersion };
}

/** A proxy's absolute form names the host again; the signature covers path and query. */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?]*(.*)$/i.exec(target);
  if (!absolute) return `/${target}`;
  const rest = absolute[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** One line a request: never a body, a query (presigned URLs), an Authorization or a header's value. */
function logRequest(
  log: Logger,
  request: WireRequest,
  answer: WireResponse | undefined,
  failure: unknown,
  aborted: boolean,
  elapsedMilliseconds: number,
): void {
  const record: RequestRecord = answer?.record ?? {};
  const { error, call: _, ...said } = record;
  const line = {
    requestId: request.requestId,
    ...said,
    status: answer?.status ?? 0,
    milliseconds: Math.round(elapsedMilliseconds * 10) / 10,
    ...(aborted && { aborted }),
  };
  const cause = error ?? failure;
  const clientsDoing = aborted || cause instanceof ClientGone;
  if (cause !== undefined && !clientsDoing) log.error({ ...line, err: cause }, 'request failed');
  else log.info(line, 'request');
}
