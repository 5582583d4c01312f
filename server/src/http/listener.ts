import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';
import { listenPrivately, markEndpoint, type PrivateAddress } from './private-ports.ts';

/** A request of either HTTP version, as Node's compatible interfaces show it. */
export type HttpRequest = http.IncomingMessage | http2.Http2ServerRequest;
export type HttpResponse = http.ServerResponse | http2.Http2ServerResponse;
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

export interface ListenerLimits {
  /** From the connection's first byte to the end of a request's headers. */
  headersMilliseconds: number;
  /** How long an idle connection is kept for another request. */
  keepAliveMilliseconds: number;
  /** Request line and headers together; more is answered with 431. */
  headerBytes: number;
  /** Streams that one HTTP/2 connection may have open. */
  concurrentStreams: number;
}

export const DEFAULT_LISTENER_LIMITS: ListenerLimits = {
  headersMilliseconds: 20_000,
  keepAliveMilliseconds: 65_000,
  headerBytes: 32 * 1024,
  concurrentStreams: 128,
};

/** A certificate with its private key, both PEM. */
export interface ServerKeyPair {
  cert: string;
  key: string;
}

export interface Listener {
  listen(host: string, port: number): Promise<number>;
  /** The same over TLS, on another port. */
  listenSecure(host: string, port: number, pair: ServerKeyPair): Promise<number>;
  /** Another address for the same, whose requests carry the endpoint's id. */
  listenPrivate(endpointId: string, address: PrivateAddress): Promise<void>;
  /** New connections get this certificate; those that are there keep theirs. */
  renew(pair: ServerKeyPair): void;
  /** Takes no new connections, and lets idle ones go. */
  close(): void;
  /** Ends every connection, whatever it is doing. */
  destroy(): void;
}

const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0');

/**
 * One cleartext port for HTTP/1.1 and HTTP/2 (prior knowledge): the JavaScript Bedrock Runtime client speaks h2c by
 * default. The first bytes of a connection tell which; nothing else of it is touched. On the port with TLS, ALPN tells.
 */
export function createListener(handler: HttpHandler, limits: ListenerLimits = DEFAULT_LISTENER_LIMITS): Listener {
  const sockets = new Set<net.Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const http1 = createHttp1(handler, limits);
  const h2 = createHttp2(handler, limits, sessions);
  const track = (socket: net.Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server = net.createServer({ noDelay: true }, socket => {
    track(socket);
    sniff(socket, limits.headersMilliseconds, isHttp2 => (isHttp2 ? h2 : http1).emit('connection', socket));
  });
  const privates: net.Server[] = [];
  let secure: tls.Server | undefined;
  let closing = false;

  return {
    async listen(host, port) {
      const taken = await listening(server, host, port);
      // Node checks header timeouts only for a server that listens; this one is handed its connections.
      http1.emit('listening');
      return taken;
    },
    async listenSecure(host, port, pair) {
      secure = createSecure(pair, limits, socket =>
        (socket.alpnProtocol === 'h2' ? h2 : http1).emit('connection', socket),
      );
      secure.on('connection', track);
      return await listening(secure, host, port);
    },
    async listenPrivate(endpointId, address) {
      const own = net.createServer({ noDelay: true }, socket => {
        markEndpoint(socket, endpointId);
        track(socket);
        sniff(socket, limits.headersMilliseconds, isHttp2 => (isHttp2 ? h2 : http1).emit('connection', socket));
      });
      privates.push(own);
      await listenPrivately(own, address);
    },
    renew(pair) {
      secure?.setSecureContext(pair);
    },
    close() {
      if (closing) return;
      closing = true;
      server.close();
      secure?.close();
      for (const own of privates) own.close();
      http1.closeIdleConnections();
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const socket of sockets) socket.destroy();
      // Stops the timer that checks header timeouts; the server itself never listened, which is no news here.
      http1.close(() => undefined);
      h2.close(() => undefined);
    },
  };
}

function listening(server: net.Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      resolve((server.address() as net.AddressInfo).port);
    });
  });
}

function createSecure(
  pair: ServerKeyPair,
  limits: ListenerLimits,
  accept: (socket: tls.TLSSocket) => void,
): tls.Server {
  const server = tls.createServer({
    ...pair,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headersMilliseconds,
    noDelay: true,
  });
  server.on('secureConnection', socket => {
    socket.on('error', () => socket.destroy());
    accept(socket);
  });
  // A client that does not trust the certificate, or speaks no TLS, is no news of ours.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

function createHttp1(handler: HttpHandler, limits: ListenerLimits): http.Server {
  const server = http.createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMilliseconds,
    keepAliveTimeout: limits.keepAliveMilliseconds,
    connectionsCheckingInterval: Math.min(5_000, limits.headersMilliseconds),
    // An upload may take hours; a body that stalls is ended by the exchange itself.
    requestTimeout: 0,
    // Strict framing: a request that two parsers could read in two ways is refused.
    insecureHTTPParser: false,
    requireHostHeader: true,
  });
  server.on('request', handler);
  server.on('checkContinue', handler);
  // AWS: whatever else a client expects is no reason to refuse it.
  server.on('checkExpectation', handler);
  server.on('clientError', refuseUnreadable);
  // No listener for 'upgrade': curl --http2 and Java's HttpClient offer h2c, and are answered in HTTP/1.1 (RFC 9110 §7.8).
  server.on('connect', (_request, socket: net.Socket) => socket.destroy());
  return server;
}

/** What could not even be parsed gets a bare status, and the connection ends. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: NodeJS.WritableStream & { destroy?(): void }): void {
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  if (error.code !== 'ECONNRESET' && socket.writable)
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy?.());
  else socket.destroy?.();
}

function createHttp2(
  handler: HttpHandler,
  limits: ListenerLimits,
  sessions: Set<http2.ServerHttp2Session>,
): http2.Http2Server {
  const server = http2.createServer({
    maxHeaderListPairs: 256,
    settings: { maxConcurrentStreams: limits.concurrentStreams, maxHeaderListSize: limits.headerBytes },
  });
  server.on('session', session => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
    // Silence while a stream is open is a model at work; the exchange times out stalled bodies itself.
    const letGo = () => {
      if ((streamCounts.get(session) ?? 0) === 0) session.close();
      else session.setTimeout(limits.keepAliveMilliseconds, letGo);
    };
    session.setTimeout(limits.keepAliveMilliseconds, letGo);
  });
  server.on('sessionError', () => undefined);
  server.on('request', handler);
  server.on('checkContinue', handler);
  return server;
}

/** Requests in hand on each HTTP/2 session. */
export const streamCounts = new WeakMap<object, number>();

/** Decides by the first bytes of a connection; a client that sends none in time is let go. */
function sniff(socket: net.Socket, timeoutMilliseconds: number, decided: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMilliseconds);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, HTTP2_PREFACE.length);
    const prefix = seen.subarray(0, compared).equals(HTTP2_PREFACE.subarray(0, compared));
    if (prefix && compared < HTTP2_PREFACE.length) return;
    clearTimeout(timer);
    socket.removeListener('data', onData);
    socket.pause();
    socket.unshift(seen);
    decided(prefix);
    // The HTTP/1.1 parser takes up a socket that flows; HTTP/2 reads from the handle itself.
    if (!prefix) process.nextTick(() => socket.resume());
  };
  socket.on('data', onData);
}
