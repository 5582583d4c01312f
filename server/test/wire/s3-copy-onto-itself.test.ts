import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateBucketCommand,
  DeleteBucketEncryptionCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { assertRefused, startS3 } from './s3-server.ts';

const Bucket = 'onto-itself';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'x', Metadata: { a: '1' } }));
});
after(() => server.stop());

const copy = (Key: string, more: Partial<CopyObjectCommandInput> = {}) =>
  s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${Key}`, ...more }));

test('a copy onto itself that changes nothing is refused', async () => {
  await assertRefused(copy('plain'), 400, 'InvalidRequest', /itself/);
  await assertRefused(copy('plain', { TaggingDirective: 'COPY' }), 400, 'InvalidRequest', /itself/);
});

test('a storage class that is named is reason enough, even the one that it has', async () => {
  await copy('plain', { StorageClass: 'STANDARD' });
  assert.deepEqual((await s3.send(new HeadObjectCommand({ Bucket, Key: 'plain' }))).Metadata, { a: '1' });
});

test('an encryption that was set for the bucket is reason enough, until it is deleted', async () => {
  const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' as const } }];
  await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }));
  assert.equal((await copy('plain')).ServerSideEncryption, 'AES256');
  await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
  await assertRefused(copy('plain'), 400, 'InvalidRequest', /itself/);
});

test('an object under a KMS key is copied onto itself, and is under the bucket’s encryption then', async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'kms', Body: 'x', ServerSideEncryption: 'aws:kms' }));
  assert.equal((await copy('kms')).ServerSideEncryption, 'AES256');
  await assertRefused(copy('kms'), 400, 'InvalidRequest', /itself/);
});

test('an object under a customer’s key is copied onto itself, and is under the bucket’s encryption then', async () => {
  const key = {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: Buffer.alloc(32, 1).toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(Buffer.alloc(32, 1)).digest('base64'),
  };
  await s3.send(new PutObjectCommand({ Bucket, Key: 'customer', Body: 'x', ...key }));
  const copied = await copy('customer', {
    CopySourceSSECustomerAlgorithm: key.SSECustomerAlgorithm,
    CopySourceSSECustomerKey: key.SSECustomerKey,
    CopySourceSSECustomerKeyMD5: key.SSECustomerKeyMD5,
  });
  assert.equal(copied.ServerSideEncryption, 'AES256');
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'customer' }));
  assert.equal(await Body?.transformToString(), 'x');
});
