import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import http, { type RequestOptions } from 'node:http';
import { after, before, describe, it } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { presignByHand } from '../support/signing.ts';
import { assertRefused, root, startS3, textOf } from './s3-server.ts';

/** Not every machine resolves names under localhost. */
const lookup: RequestOptions['lookup'] = (_name, options, done) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);

let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;
let port: string;
const Bucket = 'by-host-name';

before(async () => {
  server = await startS3();
  port = new URL(server.endpoint).port;
  s3 = virtual(`http://s3.localhost:${port}`);
});
after(async () => {
  s3.destroy();
  await server.stop();
});

/** The SDK as it comes: no forcePathStyle. */
function virtual(endpoint: string): S3Client {
  const requestHandler = { httpAgent: new http.Agent({ lookup }) };
  return new S3Client({ endpoint, region: 'us-east-1', credentials: root, maxAttempts: 1, requestHandler });
}

function fetchAs(host: string, path: string, method = 'GET', body = ''): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, headers: { host } }, response =>
      response
        .toArray()
        .then(parts => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }), reject),
    );
    request.on('error', reject).end(body);
  });
}

describe('a bucket in the host name', () => {
  it('is made, filled, listed and deleted by the SDK as it comes', async () => {
    const hosts: string[] = [];
    s3.middlewareStack.add(
      next => args => {
        hosts.push((args.request as { hostname: string }).hostname);
        return next(args);
      },
      { step: 'finalizeRequest' },
    );
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'a key/with ünïcode', Body: 'hello' }));
    assert.equal(await textOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'a key/with ünïcode' }))), 'hello');
    const listed = await s3.send(new ListObjectsV2Command({ Bucket }));
    assert.deepEqual(
      listed.Contents?.map(({ Key }) => Key),
      ['a key/with ünïcode'],
    );
    assert.deepEqual(new Set(hosts), new Set([`${Bucket}.s3.localhost`]));
    const byPath = await server.client().send(new GetObjectCommand({ Bucket, Key: 'a key/with ünïcode' }));
    assert.equal(await textOf(byPath), 'hello');
    await assertRefused(s3.send(new DeleteBucketCommand({ Bucket })), 409, 'BucketNotEmpty');
  });

  it('has URLs in answers that work', async () => {
    const target = { Bucket, Key: 'parts' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(target));
    const { ETag } = await s3.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: 'x' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const done = await s3.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }));
    assert.equal(done.Location, `http://s3.localhost:${port}/${Bucket}/parts`);
  });

  it('is in presigned URLs', async () => {
    const host = `${Bucket}.s3.localhost:${port}`;
    const target = presignByHand({ host, target: '/parts', credentials: root });
    assert.deepEqual(await fetchAs(host, target), { status: 200, body: 'x' });
    const elsewhere = await fetchAs(`another.s3.localhost:${port}`, target);
    assert.equal(elsewhere.status, 403);
    assert.match(elsewhere.body, /SignatureDoesNotMatch/);
  });

  it('is in presigned URLs of Version 2, which sign it with the path', async () => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const text = `GET\n\n\n${expires}\n/${Bucket}/parts`;
    const signature = encodeURIComponent(createHmac('sha1', root.secretAccessKey).update(text).digest('base64'));
    const target = `/parts?AWSAccessKeyId=${root.accessKeyId}&Expires=${expires}&Signature=${signature}`;
    assert.deepEqual(await fetchAs(`${Bucket}.localhost:${port}`, target), { status: 200, body: 'x' });
  });

  it('is known under AWS’s own names, and as what an error is about', async () => {
    for (const host of ['missing-bucket.s3.eu-west-1.amazonaws.com', 'missing-bucket.localhost']) {
      const { status, body } = await fetchAs(host, '/a-key');
      assert.equal(status, 404);
      assert.match(body, /<Code>NoSuchBucket<\/Code>.*<BucketName>missing-bucket</s);
    }
  });
});
