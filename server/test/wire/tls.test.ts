import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { selfSigned } from '../../src/adapters/tls/self-signed.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { signByHand } from '../support/signing.ts';
import { root, startS3 } from './s3-server.ts';

const MEBIBYTE = 1024 * 1024;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

interface Secure {
  endpoint: string;
  certificatePath: string;
}

async function trusting({ endpoint, certificatePath }: Secure, credentials = root): Promise<S3Client> {
  const httpsAgent = new https.Agent({ ca: await readFile(certificatePath) });
  return new S3Client({
    ...{ endpoint, credentials, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 },
    requestHandler: { httpsAgent },
  });
}

describe('the port with TLS', () => {
  let server: Awaited<ReturnType<typeof startS3>>;
  let tls: Secure;
  let s3: S3Client;
  const Bucket = 'over-tls';

  before(async () => {
    server = await startS3();
    assert.ok(server.tls);
    tls = server.tls;
    s3 = await trusting(tls);
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  after(async () => {
    s3.destroy();
    await server.stop();
  });

  it('serves a certificate of its own, for this machine alone, whose key only the owner reads', async () => {
    const certificate = new X509Certificate(await readFile(tls.certificatePath));
    for (const name of ['localhost', 'a-bucket.s3.localhost']) assert.ok(certificate.checkHost(name), name);
    for (const address of ['127.0.0.1', '::1']) assert.ok(certificate.checkIP(address), address);
    assert.equal(certificate.checkHost('example.com'), undefined);
    assert.equal(certificate.ca, false);
    const key = await stat(join(server.folder, 'tls/key.pem'));
    assert.equal(key.mode & 0o777, 0o600);
  });

  it('takes a streamed upload with its checksum in a trailer, as SDKs send it over https', async () => {
    const bytes = Buffer.alloc(3 * MEBIBYTE, 'likeness');
    const Body = Readable.from([bytes.subarray(0, MEBIBYTE), bytes.subarray(MEBIBYTE)]);
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'streamed', Body, ContentLength: bytes.length, ChecksumAlgorithm: 'CRC32' }),
    );
    assert.ok(put.ChecksumCRC32);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'streamed' }));
    assert.ok(bytes.equals(await (got.Body?.transformToByteArray() as Promise<Uint8Array>)));
  });

  it('refuses a trailer that does not fit the bytes', async () => {
    const { host, port } = new URL(tls.endpoint);
    const signed = signByHand({
      ...{ method: 'PUT', target: `/${Bucket}/spoilt`, host, credentials: root },
      headers: [
        ['content-encoding', 'aws-chunked'],
        ['x-amz-decoded-content-length', '5'],
        ['x-amz-trailer', 'x-amz-checksum-crc32'],
      ],
      say: { payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
    });
    const body = Buffer.from('5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n');
    const ca = await readFile(tls.certificatePath);
    const answer = await new Promise<string>((resolve, reject) => {
      const request = https.request(
        {
          host: '127.0.0.1',
          port,
          ca,
          path: signed.target,
          method: 'PUT',
          headers: Object.fromEntries(signed.headers),
        },
        response => response.toArray().then(parts => resolve(`${response.statusCode} ${Buffer.concat(parts)}`), reject),
      );
      request.setHeader('content-length', body.length);
      request.on('error', reject).end(body);
    });
    assert.match(answer, /^400 .*<Code>BadDigest<\/Code>/s);
  });

  it('speaks HTTP/2 to whoever offers it', async () => {
    const session = http2.connect(tls.endpoint, { ca: await readFile(tls.certificatePath) });
    const stream = session.request({ ':path': '/_likeness/v1/health' });
    const headers = await new Promise<http2.IncomingHttpHeaders>(resolve => stream.on('response', resolve));
    assert.equal(headers[':status'], 200);
    assert.equal(session.alpnProtocol, 'h2');
    session.destroy();
  });

  it('is what aws:SecureTransport asks for, over either version of HTTP; the plain port is not', async () => {
    const user = await server.user('careful', [
      {
        Effect: 'Allow',
        Action: 's3:ListAllMyBuckets',
        Resource: '*',
        Condition: { Bool: { 'aws:SecureTransport': 'true' } },
      },
    ]);
    const ca = await readFile(tls.certificatePath);
    const ask = async (endpoint: string) => {
      const { host } = new URL(endpoint);
      const signed = signByHand({ target: '/', host, credentials: user });
      const session = http2.connect(endpoint, { ca });
      const headers = Object.fromEntries(signed.headers.filter(([name]) => name !== 'host'));
      const stream = session.request({ ':path': '/', ':authority': host, ...headers });
      const answered = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) =>
        stream.on('response', resolve).on('error', reject),
      );
      session.destroy();
      return answered[':status'];
    };
    assert.deepEqual([await ask(tls.endpoint), await ask(server.endpoint)], [200, 403]);
    const careful = await trusting(tls, user);
    assert.equal((await careful.send(new ListBucketsCommand({}))).Buckets?.length, 1);
    await assert.rejects(server.client(user).send(new ListBucketsCommand({})), { name: 'AccessDenied' });
    careful.destroy();
  });
});

describe('the certificate', () => {
  it('stays through a restart, and is made anew where its end is near', async () => {
    const first = await startServer({});
    const path = join(first.dataDirectory, 'tls/cert.pem');
    const made = await readFile(path, 'utf8');
    await first.close({ keepData: true });
    const second = await startServer({ dataDirectory: first.dataDirectory });
    assert.equal(await readFile(path, 'utf8'), made);
    await second.close({ keepData: true });
    const soon = selfSigned(['localhost'], new Date(), new Date(Date.now() + 20 * DAY_MILLISECONDS));
    await writeFile(path, soon.cert);
    await writeFile(join(first.dataDirectory, 'tls/key.pem'), soon.key);
    const third = await startServer({ dataDirectory: first.dataDirectory });
    const renewed = new X509Certificate(await readFile(path));
    assert.ok(new Date(renewed.validTo).getTime() > Date.now() + 300 * DAY_MILLISECONDS);
    await third.close();
  });

  it('is the user’s own where two files say so, and a pair that does not fit is refused in one line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'likeness-tls-'));
    const write = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const until = new Date(Date.now() + DAY_MILLISECONDS);
    const own = selfSigned(['localhost', '127.0.0.1'], new Date(), until);
    const other = selfSigned(['localhost'], new Date(), until);
    const tlsCertPath = await write('cert.pem', own.cert);
    const start = (tlsKeyPath: string | undefined) => startServer({ config: { tlsCertPath, tlsKeyPath } });
    const server: TestServer = await start(await write('key.pem', own.key));
    assert.equal(server.tls?.certificatePath, tlsCertPath);
    const s3 = await trusting(server.tls, ROOT);
    await s3.send(new CreateBucketCommand({ Bucket: 'own-pair' }));
    s3.destroy();
    await server.close();
    await assert.rejects(start(await write('other.pem', other.key)), /LIKENESS_TLS_KEY does not belong to/);
    await assert.rejects(start(await write('junk.pem', 'junk')), /LIKENESS_TLS_KEY must hold a private key in PEM/);
    await assert.rejects(start(join(folder, 'missing.pem')), /LIKENESS_TLS_KEY names a file that cannot be read/);
    await assert.rejects(start(undefined), /set both, or neither/);
    await rm(folder, { recursive: true });
  });

  it('can be left out', async () => {
    const server = await startServer({ config: { tlsPort: 'off' } });
    assert.equal(server.tls, undefined);
    await assert.rejects(stat(join(server.dataDirectory, 'tls')));
    await server.close();
  });
});

describe('a host that others can reach', () => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find(entry => entry?.family === 'IPv4' && !entry.internal)?.address;

  it('gets TLS alone, unless plain HTTP is asked for', { skip: address === undefined }, async () => {
    const health = (endpoint: string) => fetch(`${endpoint}/_likeness/v1/health`).then(({ status }) => status);
    const careful = await startServer({ config: { host: '0.0.0.0' } });
    assert.equal(await health(`http://127.0.0.1:${careful.port}`), 200);
    await assert.rejects(health(`http://${address}:${careful.port}`));
    assert.ok(careful.tls);
    const session = http2.connect(`https://${address}:${new URL(careful.tls.endpoint).port}`, {
      ca: await readFile(careful.tls.certificatePath),
      servername: 'localhost',
    });
    await new Promise((resolve, reject) => session.on('connect', resolve).on('error', reject));
    session.destroy();
    await careful.close();
    const open = await startServer({ config: { host: '0.0.0.0', allowInsecureHost: true } });
    assert.equal(await health(`http://${address}:${open.port}`), 200);
    await open.close();
  });
});
