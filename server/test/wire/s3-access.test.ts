import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { ACCOUNT, assertRefused, OTHER_ACCOUNT, otherRoot, root, startS3, textOf } from './s3-server.ts';

const Bucket = 'guarded';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: ReturnType<typeof server.client>;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const Key of ['public/a', 'private/a', 'home/ron/a'])
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
});
after(() => server.stop());

async function setPolicy(...statements: object[]): Promise<string> {
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  return Policy;
}

describe('a user', () => {
  test('who may not list learns nothing of what is there', async () => {
    const reader = server.client(
      await server.user('reader', [
        { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/public/*` },
      ]),
    );
    assert.equal(await textOf(await reader.send(new GetObjectCommand({ Bucket, Key: 'public/a' }))), 'public/a');
    await assertRefused(
      reader.send(new GetObjectCommand({ Bucket, Key: 'public/none' })),
      403,
      'AccessDenied',
      /s3:ListBucket on resource: "arn:aws:s3:::guarded"/,
    );
    await assertRefused(
      reader.send(new GetObjectCommand({ Bucket, Key: 'private/a' })),
      403,
      'AccessDenied',
      /s3:GetObject on resource: "arn:aws:s3:::guarded\/private\/a"/,
    );
    await assert
      .rejects(reader.send(new HeadObjectCommand({ Bucket, Key: 'public/none' })), {
        $metadata: { httpStatusCode: 403 },
      } as never)
      .catch(() => undefined);
    await assertRefused(reader.send(new ListBucketsCommand({})), 403, 'AccessDenied', /s3:ListAllMyBuckets/);
  });

  test('who may list one prefix lists that prefix only', async () => {
    const lister = server.client(
      await server.user('lister', [
        {
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: `arn:aws:s3:::${Bucket}`,
          Condition: { StringLike: { 's3:prefix': 'home/ron/*' } },
        },
      ]),
    );
    const { KeyCount } = await lister.send(new ListObjectsV2Command({ Bucket, Prefix: 'home/ron/' }));
    assert.equal(KeyCount, 1);
    await assertRefused(lister.send(new ListObjectsV2Command({ Bucket, Prefix: 'home/' })), 403, 'AccessDenied');
    await assertRefused(lister.send(new ListObjectsV2Command({ Bucket })), 403, 'AccessDenied');
  });

  test('needs to read the source of a copy as well as to write its target', async () => {
    const writer = server.client(
      await server.user('writer', [
        { Effect: 'Allow', Action: 's3:PutObject', Resource: `arn:aws:s3:::${Bucket}/copies/*` },
        { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/public/*` },
      ]),
    );
    const copy = (Key: string, source: string) =>
      writer.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${source}` }));
    await copy('copies/a', 'public/a');
    await assertRefused(copy('copies/b', 'private/a'), 403, 'AccessDenied', /s3:GetObject/);
    await assertRefused(copy('public/b', 'public/a'), 403, 'AccessDenied', /s3:PutObject/);
  });

  test('who may delete some of many keys deletes those', async () => {
    const sweeper = server.client(
      await server.user('sweeper', [
        { Effect: 'Allow', Action: 's3:DeleteObject', Resource: `arn:aws:s3:::${Bucket}/tmp/*` },
      ]),
    );
    const { Deleted, Errors } = await sweeper.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'tmp/x' }, { Key: 'private/a' }] } }),
    );
    assert.deepEqual(
      [Deleted?.map(({ Key }) => Key), Errors?.map(({ Key, Code }) => [Key, Code])],
      [['tmp/x'], [['private/a', 'AccessDenied']]],
    );
  });
});

describe('another account', () => {
  test('sees nothing of the bucket without its policy', async () => {
    const other = server.client(otherRoot);
    await assertRefused(other.send(new GetObjectCommand({ Bucket, Key: 'public/a' })), 403, 'AccessDenied');
    await assertRefused(other.send(new ListObjectsV2Command({ Bucket })), 403, 'AccessDenied');
    await assertRefused(other.send(new GetBucketLocationCommand({ Bucket })), 403, 'AccessDenied');
    assert.deepEqual((await other.send(new ListBucketsCommand({}))).Buckets ?? [], []);
  });

  test('is let in by the policy, to what it says', async () => {
    await setPolicy({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${OTHER_ACCOUNT}:root` },
      Action: 's3:GetObject',
      Resource: `arn:aws:s3:::${Bucket}/public/*`,
    });
    const other = server.client(otherRoot);
    assert.equal(await textOf(await other.send(new GetObjectCommand({ Bucket, Key: 'public/a' }))), 'public/a');
    await assertRefused(other.send(new GetObjectCommand({ Bucket, Key: 'private/a' })), 403, 'AccessDenied');
    await assertRefused(other.send(new PutObjectCommand({ Bucket, Key: 'public/b', Body: '' })), 403, 'AccessDenied');
  });
});

describe('a bucket policy', () => {
  test('is answered byte for byte, and gone when deleted', async () => {
    const Policy = await setPolicy({
      Sid: 'Öffentlich',
      Effect: 'Allow',
      Principal: '*',
      Action: 's3:GetObject',
      Resource: `arn:aws:s3:::${Bucket}/public/*`,
    });
    assert.equal((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy, Policy);
    const { PolicyStatus } = await s3.send(new GetBucketPolicyStatusCommand({ Bucket }));
    assert.equal(PolicyStatus?.IsPublic, true);
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
    await assertRefused(s3.send(new GetBucketPolicyCommand({ Bucket })), 404, 'NoSuchBucketPolicy');
  });

  test('lets nobody in particular read, unsigned', async () => {
    const read = (key: string) => fetch(`${server.endpoint}/${Bucket}/${key}`);
    assert.equal((await read('public/a')).status, 403);
    await setPolicy({
      Effect: 'Allow',
      Principal: '*',
      Action: 's3:GetObject',
      Resource: `arn:aws:s3:::${Bucket}/public/*`,
    });
    const answer = await read('public/a');
    assert.deepEqual([answer.status, await answer.text()], [200, 'public/a']);
    assert.equal((await read('private/a')).status, 403);
    // No right to list: whether the key is there stays unsaid.
    assert.equal((await read('public/none')).status, 403);
    const overridden = await read('public/a?response-content-type=text/html');
    assert.deepEqual([overridden.status, /<Code>InvalidRequest</.test(await overridden.text())], [400, true]);
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
  });

  test("cannot lock the owner's root user out", async () => {
    await setPolicy({
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:*',
      Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
    });
    await assertRefused(
      s3.send(new GetObjectCommand({ Bucket, Key: 'public/a' })),
      403,
      'AccessDenied',
      /explicit deny/,
    );
    await s3.send(new GetBucketPolicyCommand({ Bucket }));
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
    await s3.send(new GetObjectCommand({ Bucket, Key: 'public/a' }));
  });
});

describe('Regions', () => {
  before(() =>
    s3.send(
      new CreateBucketCommand({ Bucket: 'far-away', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
    ),
  );

  test('a request signed for another Region is redirected, and clients follow', async () => {
    const input = { Bucket: 'far-away', Key: 'k', Body: 'x' };
    await assertRefused(s3.send(new PutObjectCommand(input)), 301, 'PermanentRedirect', /eu-west-1/);
    await server.client(root, 'us-east-1', { followRegionRedirects: true }).send(new PutObjectCommand(input));
    await server.client(root, 'eu-west-1').send(new GetObjectCommand({ Bucket: 'far-away', Key: 'k' }));
    await assertRefused(
      server.client(root, 'eu-west-1').send(new GetObjectCommand({ Bucket, Key: 'public/a' })),
      301,
      'PermanentRedirect',
    );
  });

  test('the location is told to any Region, and copies cross them', async () => {
    const { LocationConstraint } = await s3.send(new GetBucketLocationCommand({ Bucket: 'far-away' }));
    assert.equal(LocationConstraint, 'eu-west-1');
    const eu = server.client(root, 'eu-west-1');
    await eu.send(new CopyObjectCommand({ Bucket: 'far-away', Key: 'copy', CopySource: `${Bucket}/public/a` }));
  });

  test('a presigned URL of Signature Version 2 names no Region and finds any bucket', async () => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const key = `copied/${ACCOUNT}`;
    await server.client(root, 'eu-west-1').send(new PutObjectCommand({ Bucket: 'far-away', Key: key, Body: 'v2' }));
    const signature = createHmac('sha1', root.secretAccessKey)
      .update(`GET\n\n\n${expires}\n/far-away/${key}`)
      .digest('base64');
    const query = new URLSearchParams({
      AWSAccessKeyId: root.accessKeyId,
      Expires: `${expires}`,
      Signature: signature,
    });
    const answer = await fetch(`${server.endpoint}/far-away/${key}?${query}`);
    assert.deepEqual([answer.status, await answer.text()], [200, 'v2']);
  });
});
