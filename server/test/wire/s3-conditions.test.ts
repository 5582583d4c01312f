import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { assertRefused, startS3 } from './s3-server.ts';

const Bucket = 'conditions';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

const put = async (Key: string, Body = 'x') => (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).ETag ?? '';

test('the rest of an object is answered only to who holds its beginning', async () => {
  const stale = await put('ranged', 'before');
  const etag = await put('ranged', 'after');
  const head = await server.ask({ method: 'HEAD', target: `/${Bucket}/ranged` });
  const modified = head.headers['last-modified'] ?? '';
  const ask = (condition: string) =>
    server.ask({
      target: `/${Bucket}/ranged`,
      headers: [
        ['range', 'bytes=1-2'],
        ['if-range', condition],
      ],
    });
  for (const condition of [etag, etag.replaceAll('"', ''), modified]) {
    const answer = await ask(condition);
    assert.deepEqual([answer.status, answer.body], [206, 'ft'], condition);
  }
  for (const condition of [stale, `W/${etag}`, new Date(0).toUTCString(), 'anything']) {
    const answer = await ask(condition);
    assert.deepEqual([answer.status, answer.body], [200, 'after'], condition);
    assert.equal(answer.headers['content-range'], undefined);
  }
});

test('a copy is made whatever has changed since a moment that has not come', async () => {
  await put('source');
  const copy = (CopySourceIfModifiedSince: Date) =>
    s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/source`, CopySourceIfModifiedSince }));
  await copy(new Date(Date.now() + 3600_000));
  await assertRefused(copy(new Date()), 412, 'PreconditionFailed');
});

test('the condition that fails is named as S3 spells it', async () => {
  const CopySourceIfNoneMatch = await put('named');
  const refused = s3.send(
    new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/named`, CopySourceIfNoneMatch }),
  );
  await assert.rejects(refused, { name: 'PreconditionFailed', Condition: 'x-amz-copy-source-If-None-Match' });
});

test('an ETag counts with its quotes, without, and with one of them', async () => {
  let etag = await put('quotes');
  for (const spelled of [(text: string) => text, (text: string) => text.slice(1), (text: string) => text.slice(1, -1)])
    etag =
      (await s3.send(new PutObjectCommand({ Bucket, Key: 'quotes', Body: etag, IfMatch: spelled(etag) }))).ETag ?? '';
});

test('that there is anything at all is no condition of a write', async () => {
  await put('any');
  await assertRefused(
    s3.send(new PutObjectCommand({ Bucket, Key: 'any', Body: 'x', IfMatch: '*' })),
    501,
    'NotImplemented',
    /If-Match/,
  );
});

test('an upload with a condition ends only over what its key held when it began', async () => {
  const etag = await put('held', 'first');
  const onlyNew = await upload('held');
  const replacing = await upload('held');
  await assertRefused(replacing({ IfMatch: '"other"' }), 412, 'PreconditionFailed');
  await assertRefused(onlyNew({ IfNoneMatch: '*' }), 412, 'PreconditionFailed');
  const second = await put('held', 'second');
  await assertRefused(replacing({ IfMatch: etag }), 412, 'PreconditionFailed');
  await assertRefused(replacing({ IfMatch: second }), 409, 'ConditionalRequestConflict');
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'held' }));
  await assertRefused(onlyNew({ IfNoneMatch: '*' }), 409, 'ConditionalRequestConflict');
  await assertRefused(replacing({ IfMatch: second }), 404, 'NoSuchKey');
  await onlyNew({});
});

test('an upload ends where nothing came between', async () => {
  await (await upload('fresh'))({ IfNoneMatch: '*' });
  const { ETag = '' } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'fresh' }));
  await (await upload('fresh'))({ IfMatch: ETag });
});

test('who may not read learns no ETag by a write over a guess', async () => {
  const etag = await put('guessed');
  const end = await upload('guessed');
  const Resource = `arn:aws:s3:::${Bucket}/*`;
  const writer = server.client(await server.user('writer', [{ Effect: 'Allow', Action: 's3:PutObject', Resource }]));
  const write = { Bucket, Key: 'guessed', Body: 'x' };
  for (const IfMatch of [etag, '"guess"'])
    await assertRefused(writer.send(new PutObjectCommand({ ...write, IfMatch })), 403, 'AccessDenied', /s3:GetObject/);
  await assertRefused(end({ IfMatch: etag }, writer), 403, 'AccessDenied', /s3:GetObject/);
  await writer.send(new PutObjectCommand(write));
  const both = [{ Effect: 'Allow', Action: ['s3:PutObject', 's3:GetObject'], Resource }];
  const reader = server.client(await server.user('writer-and-reader', both));
  await reader.send(new PutObjectCommand({ ...write, IfMatch: await put('guessed') }));
});

/** Begins an upload of one part; what it gives ends it. */
async function upload(Key: string) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'part' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  return (conditions: { IfMatch?: string; IfNoneMatch?: string }, client = s3) =>
    client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload, ...conditions }));
}
