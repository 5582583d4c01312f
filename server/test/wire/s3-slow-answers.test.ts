import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import http2 from 'node:http2';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  PutBucketCorsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3ServiceException,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { pino } from 'pino';
import type { Objects } from '../../src/ports/objects.ts';
import type { Store } from '../../src/ports/store.ts';
import { requestBytes, sendRaw } from '../support/raw-http.ts';
import { ROOT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { type HandRequest, signByHand } from '../support/signing.ts';

const EARLY_MILLISECONDS = 100;
const SLOW_MILLISECONDS = 900;
const COPIED = /^<\?xml[^>]*\?>\n{2,}<CopyObjectResult[\s\S]*<\/CopyObjectResult>$/;
const Bucket = 'slow';
const original = Buffer.alloc(1024 * 1024, 'the original ');
/** The CORS rule's. */
const origin: [string, string] = ['origin', 'https://pages.example'];

/** What is slow at present: bytes stop on their way to the disk, or transactions wait before they begin. */
let slow: 'bytes' | 'rows' | undefined;
let lines: Record<string, unknown>[] = [];
let server: TestServer;
let s3: TestClients['s3'];
let host: string;

const slowObjects = (own: Objects): Objects => ({
  ...own,
  async put(source, expectedSizeBytes) {
    if (slow !== 'bytes') return own.put(source, expectedSizeBytes);
    // What comes meanwhile is quick again.
    slow = undefined;
    return own.put(withPause(source), expectedSizeBytes);
  },
});

async function* withPause(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const chunk of source) {
    yield chunk;
    if (isFirst) await delay(SLOW_MILLISECONDS);
    isFirst = false;
  }
}

const slowStore = (own: Store): Store => ({
  ...own,
  async transaction(run) {
    if (slow === 'rows') await delay(SLOW_MILLISECONDS);
    return own.transaction(run);
  },
});

before(async () => {
  const log = pino({ level: 'info' }, { write: line => void lines.push(JSON.parse(line)) });
  server = await startServer({
    config: { trailEvents: 'all' },
    overrides: { limits: { earlyAnswerMilliseconds: EARLY_MILLISECONDS }, objects: slowObjects, store: slowStore, log },
  });
  s3 = server.clients().s3;
  host = `127.0.0.1:${server.port}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  const CORSRules = [{ AllowedMethods: ['PUT'], AllowedOrigins: [origin[1]] }];
  await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'original', Body: original }));
});
after(() => server.close());
beforeEach(() => {
  slow = undefined;
  lines = [];
});

const CopySource = `${Bucket}/original`;
const copySource: [string, string] = ['x-amz-copy-source', CopySource];
const signed = (request: Omit<HandRequest, 'host'>, at = host) =>
  signByHand({ credentials: ROOT, ...request, host: at });
const copyOf = (key: string, at = host) =>
  requestBytes(signed({ method: 'PUT', target: `/${Bucket}/${key}`, headers: [copySource, origin] }, at));

async function startUpload(Key: string, client = s3) {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const upload = { Bucket, Key, UploadId };
  const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ ...upload, CopySource, PartNumber: 1 }));
  return { ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: CopyPartResult?.ETag }] } };
}

const blobCount = async () => {
  const entries = await readdir(join(server.dataDirectory, 'objects'), { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).length;
};

/** The body of a chunked answer. */
const bodyOf = (answer: string) =>
  [...answer.matchAll(/[0-9a-f]+\r\n([\s\S]+?)\r\n/g)].map(([, piece]) => piece ?? '').join('');

async function lineOf(operation: string, known: Record<string, unknown> = {}) {
  for (let turns = 0; turns < 200; turns += 1) {
    const found = lines.find(
      line => line.operation === operation && Object.entries(known).every(([name, value]) => line[name] === value),
    );
    if (found) return found;
    await delay(10);
  }
  return assert.fail(`No ${operation} was logged: ${JSON.stringify(lines)}`);
}

async function recorded(requestId: unknown): Promise<{ errorCode?: string }> {
  const folder = join(server.dataDirectory, 'trail');
  const files = (await readdir(folder)).filter(name => name.endsWith('.jsonl'));
  const texts = await Promise.all(files.map(name => readFile(join(folder, name), 'utf8')));
  const entry = texts.flatMap(text => text.trim().split('\n')).find(line => line.includes(String(requestId)));
  return JSON.parse(entry ?? '{}');
}

describe('A copy that takes long', () => {
  test('begins its answer with what is known, and white space keeps the client until the document', async () => {
    slow = 'bytes';
    const { headers, status, body } = await sendRaw(server.port, copyOf('white'));
    assert.deepEqual(
      [status, headers['content-type'], headers['transfer-encoding'], headers['content-length']],
      [200, 'application/xml', 'chunked', undefined],
    );
    assert.equal(headers['x-amz-server-side-encryption'], 'AES256');
    assert.match(headers['x-amz-copy-source-version-id'] ?? '', /./);
    assert.match(headers['x-amz-request-id'] ?? '', /./);
    assert.equal(headers['access-control-allow-origin'], origin[1]);
    assert.equal(headers['x-amz-version-id'], undefined, 'is known at the end only');
    assert.match(bodyOf(body), COPIED);
  });

  test('is a copy as any other to a client', async () => {
    slow = 'bytes';
    const { CopyObjectResult, ServerSideEncryption } = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'copy', CopySource }),
    );
    const { Body, ETag } = await s3.send(new GetObjectCommand({ Bucket, Key: 'copy' }));
    assert.deepEqual([CopyObjectResult?.ETag, ServerSideEncryption], [ETag, 'AES256']);
    assert.equal(original.compare((await Body?.transformToByteArray()) ?? Buffer.of()), 0);
  });

  test('leaves a connection that takes the next request', async () => {
    slow = 'bytes';
    const next = requestBytes(signed({ method: 'HEAD', target: `/${Bucket}/original` }));
    const bytes = Buffer.concat([copyOf('kept'), next]);
    const { text } = await sendRaw(server.port, bytes, { waitMilliseconds: SLOW_MILLISECONDS * 3 });
    assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2, text);
  });

  test('reaches a client of HTTP/1.0 without chunks, and the connection ends', async () => {
    slow = 'bytes';
    const old = copyOf('old').toString('latin1').replace(' HTTP/1.1\r\n', ' HTTP/1.0\r\n');
    const { headers, body } = await sendRaw(server.port, old);
    assert.deepEqual([headers['transfer-encoding'], headers.connection], [undefined, 'close']);
    assert.match(body, COPIED);
  });

  test('does so over HTTP/2', async () => {
    slow = 'bytes';
    const session = http2.connect(`http://${host}`);
    const { target, headers } = signed({ method: 'PUT', target: `/${Bucket}/two`, headers: [copySource] });
    const said = headers.filter(([name]) => !['host', 'connection', 'content-length'].includes(name.toLowerCase()));
    const stream = session.request({
      ':method': 'PUT',
      ':path': target,
      ':authority': host,
      ...Object.fromEntries(said),
    });
    stream.end();
    const [answer] = await once(stream, 'response');
    let text = '';
    for await (const chunk of stream) text += chunk;
    session.close();
    assert.equal(answer[':status'], 200);
    assert.match(text, COPIED);
  });

  test('tells a late failure in the body, and the log and the trail have its own status and code', async () => {
    slow = 'bytes';
    const copying = sendRaw(
      server.port,
      requestBytes(signed({ method: 'PUT', target: `/${Bucket}/late`, headers: [copySource, ['if-none-match', '*']] })),
    );
    await delay(EARLY_MILLISECONDS * 2);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'late', Body: 'was here first' }));
    const { status, body } = await copying;
    assert.equal(status, 200);
    assert.match(bodyOf(body), /^<\?xml[^>]*\?>\n+<Error><Code>PreconditionFailed<\/Code>[\s\S]*<\/Error>$/);
    const line = await lineOf('CopyObject');
    assert.deepEqual([line.status, line.code], [412, 'PreconditionFailed']);
    assert.equal((await recorded(line.requestId)).errorCode, 'PreconditionFailed');
  });

  test('keeps the status of a fault that is known before the bytes move', async () => {
    slow = 'bytes';
    const headers: [string, string][] = [['x-amz-copy-source', `${Bucket}/nothing`]];
    const answer = await sendRaw(
      server.port,
      requestBytes(signed({ method: 'PUT', target: `/${Bucket}/no`, headers })),
    );
    assert.deepEqual([answer.status, answer.headers['content-length']], [404, String(answer.body.length)]);
  });

  test('is whole, and nothing of it is left beside, where its client goes away in between', async () => {
    const blobs = await blobCount();
    slow = 'bytes';
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write(copyOf('left'));
    await once(socket, 'data');
    socket.destroy();
    assert.equal((await lineOf('CopyObject')).aborted, true);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'left' }));
    assert.equal(original.compare((await Body?.transformToByteArray()) ?? Buffer.of()), 0);
    assert.equal(await blobCount(), blobs + 1);
  });
});

describe('A part that is copied slowly', () => {
  test('is the part, and a late failure is told by the SDK as such', async () => {
    const { MultipartUpload: _, ...upload } = await startUpload('parts');
    slow = 'bytes';
    const copied = await s3.send(new UploadPartCopyCommand({ ...upload, CopySource, PartNumber: 2 }));
    const { Parts } = await s3.send(new ListPartsCommand(upload));
    assert.deepEqual([Parts?.length, Parts?.[1]?.ETag], [2, copied.CopyPartResult?.ETag]);
    const blobs = await blobCount();
    slow = 'bytes';
    const late = s3.send(new UploadPartCopyCommand({ ...upload, CopySource, PartNumber: 3 }));
    late.catch(() => undefined);
    await delay(EARLY_MILLISECONDS * 2);
    await s3.send(new AbortMultipartUploadCommand(upload));
    await assert.rejects(late, { name: 'NoSuchUpload' });
    assert.equal((await lineOf('UploadPartCopy', { code: 'NoSuchUpload' })).status, 404);
    for (let turns = 0; turns < 100 && (await blobCount()) !== blobs - 2; turns += 1) await delay(10);
    assert.equal(await blobCount(), blobs - 2);
  });
});

describe('An upload that is completed slowly', () => {
  test('is complete, and tells what encrypts it', async () => {
    const upload = await startUpload('complete');
    slow = 'rows';
    const { ETag, ServerSideEncryption, VersionId } = await s3.send(new CompleteMultipartUploadCommand(upload));
    slow = undefined;
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'complete' }));
    await got.Body?.transformToByteArray();
    assert.deepEqual([ETag, ServerSideEncryption, VersionId], [got.ETag, 'AES256', undefined]);
  });

  test('tells a late failure in the body', async () => {
    const upload = await startUpload('incomplete');
    const wrong = { Parts: [{ PartNumber: 1, ETag: '"00000000000000000000000000000000"' }] };
    slow = 'rows';
    const completing = s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: wrong }));
    await assert.rejects(completing, (error: unknown) => {
      assert.ok(error instanceof S3ServiceException);
      assert.equal(error.name, 'InvalidPart');
      return true;
    });
    assert.equal((await lineOf('CompleteMultipartUpload', { code: 'InvalidPart' })).status, 400);
  });
});

test('What is quick is answered with its length and all its headers', async () => {
  const patient = await startServer({ overrides: { limits: { earlyAnswerMilliseconds: 60_000 } } });
  try {
    const { s3 } = patient.clients();
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'original', Body: original }));
    const { status, headers, body } = await sendRaw(patient.port, copyOf('quick', `127.0.0.1:${patient.port}`));
    assert.deepEqual([status, headers['content-length']], [200, String(body.length)]);
    assert.match(headers['x-amz-version-id'] ?? '', /./);
    assert.match(body, /^<\?xml[^>]*\?><CopyObjectResult/);
    const { VersionId } = await s3.send(new CompleteMultipartUploadCommand(await startUpload('quick', s3)));
    assert.match(VersionId ?? '', /./);
  } finally {
    await patient.close();
  }
});
