import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { requestBytes, send, sendRaw } from '../support/raw-http.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { type HandRequest, signByHand } from '../support/signing.ts';

let server: TestServer;
let host: string;

before(async () => {
  const limits = { headersMilliseconds: 1000, bodyIdleMilliseconds: 700, drainMilliseconds: 1000 };
  server = await startServer({ overrides: { limits } });
  host = `127.0.0.1:${server.port}`;
  await server.clients().s3.send(new CreateBucketCommand({ Bucket: 'http' }));
});
after(() => server.close());

function signed(request: Omit<HandRequest, 'host'>) {
  return signByHand({ credentials: ROOT, ...request, host });
}

describe('Expect: 100-continue', () => {
  const expect: [string, string] = ['expect', '100-continue'];

  test('is answered when the signature and the permission hold, and the body is taken then', async () => {
    const request = signed({ method: 'PUT', target: '/http/expected', headers: [expect], body: 'hello' });
    const socket = net.connect(server.port, '127.0.0.1');
    let seen = '';
    socket.on('data', chunk => {
      seen += chunk;
    });
    socket.write(requestBytes(request, { withoutBody: true }));
    while (!seen.includes('\r\n\r\n')) await delay(5);
    assert.equal(seen, 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(request.body);
    while (!seen.includes('200 OK')) await delay(5);
    socket.destroy();
  });

  for (const [name, change, status] of [
    ['a wrong signature', { credentials: { ...ROOT, secretAccessKey: 'x' } }, 403],
    ['a bucket that does not exist', { target: '/no-such-bucket/key' }, 404],
    ['no signature', { say: { authorization: '' } }, 403],
  ] as const)
    test(`is not answered for ${name}: the refusal comes alone, and the connection ends`, async () => {
      const request = signed({ method: 'PUT', target: '/http/refused', headers: [expect], body: 'hello', ...change });
      const answer = await sendRaw(server.port, requestBytes(request, { withoutBody: true }), {
        waitMilliseconds: 400,
      });
      assert.equal(answer.status, status);
      assert.ok(!answer.text.includes('100 Continue'));
      assert.equal(answer.headers.connection, 'close');
    });

  for (const expectation of ['200', '', 'magic'])
    test(`any other expectation is none of the server's business: "${expectation}"`, async () => {
      const headers: [string, string][] = [['expect', expectation]];
      const answer = await send(server.port, signed({ method: 'PUT', target: '/http/other', headers, body: 'hello' }));
      assert.equal(answer.status, 200, answer.text);
    });
});

describe('a connection', () => {
  test('answers pipelined requests in order', async () => {
    const requests = ['/http/one', '/http/two', '/http/three'].map(target =>
      requestBytes(signed({ method: 'HEAD', target })),
    );
    const health = Buffer.from(`GET /_likeness/v1/health HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    const answer = await sendRaw(server.port, Buffer.concat([...requests, health]), { answers: 4 });
    const statuses = [...answer.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(match => match[1]);
    assert.deepEqual(statuses, ['404', '404', '404', '200']);
  });

  test('is kept after a small body that nobody read', async () => {
    const refused = requestBytes(
      signed({ method: 'PUT', target: '/http/x', body: 'small', credentials: { ...ROOT, secretAccessKey: 'x' } }),
    );
    const answer = await sendRaw(server.port, Buffer.concat([refused, refused]), { answers: 2 });
    assert.equal([...answer.text.matchAll(/HTTP\/1\.1 403/g)].length, 2);
  });

  test('ends after a large one, and the client reads the refusal first', async () => {
    const body = Buffer.alloc(4 * 1024 * 1024);
    const request = signed({ method: 'PUT', target: '/http/x', body, credentials: { ...ROOT, secretAccessKey: 'x' } });
    const answer = await send(server.port, request);
    assert.equal(answer.status, 403);
    assert.equal(answer.headers.connection, 'close');
  });

  test('that sends no headers in time, or drips them, is let go', async () => {
    for (const start of ['', 'GET / HT', 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ']) {
      const socket = net.connect(server.port, '127.0.0.1');
      const startedAt = Date.now();
      const drip = setInterval(() => socket.writable && start !== '' && socket.write('a'), 100);
      socket.on('error', () => undefined);
      socket.resume();
      if (start !== '') socket.write(start);
      await new Promise(resolve => socket.once('close', resolve));
      clearInterval(drip);
      assert.ok(Date.now() - startedAt < 4000);
    }
  });

  test('whose body stalls gets an answer and ends', async () => {
    const request = signed({ method: 'PUT', target: '/http/stalled', body: 'hello' });
    const answer = await sendRaw(server.port, requestBytes(request, { withoutBody: true }), { waitMilliseconds: 2500 });
    assert.equal(answer.status, 400);
    assert.match(answer.body, /<Code>RequestTimeout<\/Code>/);
  });

  test('with headers beyond the limit gets 431', async () => {
    const answer = await sendRaw(
      server.port,
      `GET / HTTP/1.1\r\nhost: ${host}\r\nx-long: ${'a'.repeat(40_000)}\r\n\r\n`,
    );
    assert.equal(answer.status, 431);
  });

  for (const [name, bytes] of [
    ['garbage', 'hello there\r\n\r\n'],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['two lengths', 'PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nhost : x\r\n\r\n'],
  ] as const)
    test(`that sends ${name} gets 400`, async () => {
      assert.equal((await sendRaw(server.port, bytes)).status, 400);
    });

  test('that offers an upgrade is answered in HTTP/1.1', async () => {
    const request = signed({ method: 'PUT', target: '/http/upgraded', body: 'hello' });
    for (const [name, bytes] of [
      ['a signed write, as an HTTP/2 client offers h2c', requestBytes(request).toString('latin1')],
      ['an unsigned read', `GET /_likeness/v1/health HTTP/1.1\r\nhost: ${host}\r\n\r\n`],
    ] as const) {
      const offer = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n';
      const answer = await sendRaw(server.port, Buffer.from(bytes.replace('\r\n', `\r\n${offer}`), 'latin1'));
      assert.equal(answer.status, 200, name);
    }
  });

  test('in absolute form means the same', async () => {
    const answer = await sendRaw(
      server.port,
      `GET http://${host}/_likeness/v1/health HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
    );
    assert.equal(answer.status, 200);
  });
});

describe('a header made from a query', () => {
  test('cannot end its line, and carries any character', async () => {
    await send(server.port, signed({ method: 'PUT', target: '/http/named', body: 'x' }));
    const value = encodeURIComponent('attachment; filename="☃"\r\nset-cookie: a=b');
    const answer = await send(server.port, signed({ target: `/http/named?response-content-disposition=${value}` }));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['set-cookie'], undefined);
    const said = Buffer.from(answer.headers['content-disposition'] ?? '', 'latin1').toString('utf8');
    assert.equal(said, 'attachment; filename="☃"  set-cookie: a=b');
  });
});

describe('the paths of the product', () => {
  test('health needs no signature', async () => {
    const response = await fetch(`${server.endpoint}/_likeness/v1/health`);
    assert.deepEqual(await response.json(), { status: 'ready', version: '0.1.0' });
    assert.ok(response.headers.get('x-amzn-requestid'));
  });
  test('what is not there is 404, in JSON', async () => {
    const response = await fetch(`${server.endpoint}/_likeness/v1/nothing`);
    assert.equal(response.status, 404);
    assert.ok((await response.json()) instanceof Object);
  });
});

describe('HTTP/2 without TLS, on the same port', () => {
  function ask(session: http2.ClientHttp2Session, request: ReturnType<typeof signByHand>): Promise<[number, string]> {
    const headers: Record<string, string> = { ':method': request.method, ':path': request.target };
    for (const [name, value] of request.headers) if (name !== 'host') headers[name] = value;
    const stream = session.request(headers, { endStream: request.body.byteLength === 0 });
    if (request.body.byteLength > 0) stream.end(request.body);
    return new Promise((resolve, reject) => {
      let status = 0;
      let text = '';
      stream.on('response', answer => {
        status = Number(answer[':status']);
      });
      stream.on('data', chunk => {
        text += chunk;
      });
      stream.on('end', () => resolve([status, text]));
      stream.on('error', reject);
    });
  }

  test('many streams at once, with the host in :authority', async () => {
    const session = http2.connect(server.endpoint);
    try {
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          ask(session, signed({ method: 'PUT', target: `/http/h2-${index}`, body: `body ${index}` })),
        ),
      );
      assert.ok(answers.every(([status]) => status === 200));
      assert.deepEqual(await ask(session, signed({ target: '/http/h2-7' })), [200, 'body 7']);
      const wrong = signed({ target: '/http/h2-7', credentials: { ...ROOT, secretAccessKey: 'x' } });
      assert.equal((await ask(session, wrong))[0], 403);
    } finally {
      session.close();
    }
  });

  test('a refusal that comes fast arrives whole, each time', async () => {
    const wrong = { ...ROOT, secretAccessKey: 'x' };
    for (let round = 0; round < 30; round++) {
      const session = http2.connect(server.endpoint);
      const [status, body] = await ask(session, signed({ target: '/http/h2-7', credentials: wrong }));
      session.close();
      assert.equal(status, 403);
      assert.match(body, /SignatureDoesNotMatch.*<\/Error>$/s);
    }
  });

  test('a refused upload ends its stream and leaves the others be', async () => {
    const session = http2.connect(server.endpoint);
    try {
      const body = Buffer.alloc(2 * 1024 * 1024);
      const request = signed({
        method: 'PUT',
        target: '/http/x',
        body,
        credentials: { ...ROOT, secretAccessKey: 'x' },
      });
      assert.equal((await ask(session, request))[0], 403);
      assert.equal((await ask(session, signed({ method: 'HEAD', target: '/http/h2-1' })))[0], 200);
    } finally {
      session.close();
    }
  });
});

describe('memory', () => {
  const SIZE_MEBIBYTES = 192;

  test('stays flat while a large object goes in and comes out', async () => {
    const { s3 } = server.clients();
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const { Readable } = await import('node:stream');
    const rssBefore = process.memoryUsage().rss;
    let rssHighest = 0;
    const watch = setInterval(() => {
      rssHighest = Math.max(rssHighest, process.memoryUsage().rss);
    }, 20);
    const Body = Readable.from(
      (function* () {
        for (let index = 0; index < SIZE_MEBIBYTES; index++) yield piece;
      })(),
    );
    await s3.send(
      new PutObjectCommand({ Bucket: 'http', Key: 'large', Body, ContentLength: SIZE_MEBIBYTES * piece.length }),
    );
    const { Body: stream } = await s3.send(new GetObjectCommand({ Bucket: 'http', Key: 'large' }));
    let sizeBytes = 0;
    for await (const chunk of stream as AsyncIterable<Uint8Array>) sizeBytes += chunk.byteLength;
    clearInterval(watch);
    assert.equal(sizeBytes, SIZE_MEBIBYTES * piece.length);
    // Client and server share this process.
    const growth = (rssHighest - rssBefore) / 1024 / 1024;
    assert.ok(growth < 150, `${growth.toFixed(0)} MiB of growth`);
  });

  test('a client that does not read holds back what is sent to it', async () => {
    const request = signed({ target: '/http/large' });
    const socket = net.connect(server.port, '127.0.0.1');
    const rssBefore = process.memoryUsage().rss;
    socket.pause();
    socket.write(requestBytes(request));
    await delay(700);
    const growth = (process.memoryUsage().rss - rssBefore) / 1024 / 1024;
    socket.destroy();
    assert.ok(growth < 60, `${growth.toFixed(0)} MiB of growth`);
  });
});

describe('stopping', () => {
  test('finishes what is in hand, takes nothing new, and ends idle connections', async () => {
    const own = await startServer();
    const { s3 } = own.clients();
    await s3.send(new CreateBucketCommand({ Bucket: 'stop' }));
    const ownHost = `127.0.0.1:${own.port}`;
    const request = signByHand({
      method: 'PUT',
      target: '/stop/slow',
      body: 'hello',
      credentials: ROOT,
      host: ownHost,
    });
    const socket = net.connect(own.port, '127.0.0.1');
    let seen = '';
    socket.on('data', chunk => {
      seen += chunk;
    });
    socket.write(requestBytes(request, { withoutBody: true }));
    const agent = new http.Agent({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      const url = `${own.endpoint}/_likeness/v1/health`;
      http.get(url, { agent }, answer => answer.resume().once('end', () => resolve())).once('error', reject);
    });
    await delay(100);
    const stopped = own.close();
    await delay(100);
    await assert.rejects(fetch(`${own.endpoint}/_likeness/v1/health`));
    socket.write(request.body);
    await stopped;
    assert.match(seen, /^HTTP\/1\.1 200 /);
    assert.match(seen, /connection: close/i);
    agent.destroy();
  });
});
