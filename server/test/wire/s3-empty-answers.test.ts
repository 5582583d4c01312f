import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CreateBucketCommand, GetBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { startS3 } from './s3-server.ts';

const Bucket = 'empty-answers';
let server: Awaited<ReturnType<typeof startS3>>;

before(async () => {
  server = await startS3();
  const client = server.client();
  await client.send(new CreateBucketCommand({ Bucket }));
  await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
});
after(() => server.stop());

test('an answer that has nothing to say is a document all the same', async () => {
  for (const [query, element] of [
    ['versioning', 'VersioningConfiguration'],
    ['logging', 'BucketLoggingStatus'],
    ['notification', 'NotificationConfiguration'],
    ['accelerate', 'AccelerateConfiguration'],
  ]) {
    const answer = await server.ask({ target: `/${Bucket}?${query}` });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/xml');
    assert.equal(
      answer.body,
      `<?xml version="1.0" encoding="UTF-8"?>\n<${element} xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></${element}>`,
    );
  }
  assert.equal((await server.client().send(new GetBucketVersioningCommand({ Bucket }))).Status, undefined);
});

test('a quiet deletion of many objects answers a result without entries', async () => {
  const body = '<Delete><Quiet>true</Quiet><Object><Key>k</Key></Object></Delete>';
  const headers: [string, string][] = [['content-md5', createHash('md5').update(body).digest('base64')]];
  const answer = await server.ask({ method: 'POST', target: `/${Bucket}?delete`, headers, body });
  assert.equal(answer.status, 200, answer.body);
  assert.match(answer.body, /<DeleteResult xmlns="[^"]+"><\/DeleteResult>$/);
});

test('setting what S3 answers 204 to, though its model says 200', async () => {
  const statement = {
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:DeleteObject',
    Resource: `arn:aws:s3:::${Bucket}/kept`,
  };
  for (const [setting, body] of [
    ['policy', JSON.stringify({ Version: '2012-10-17', Statement: [statement] })],
    ['tagging', '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>'],
  ] as const) {
    const answer = await server.ask({ method: 'PUT', target: `/${Bucket}?${setting}`, body });
    assert.equal(answer.status, 204, answer.text);
    assert.equal(answer.body, '');
  }
});

test('an answer that is headers alone has no body', async () => {
  for (const [method, target, body] of [
    ['PUT', `/${Bucket}/k`, 'x'],
    ['HEAD', `/${Bucket}/k`],
    ['PUT', `/${Bucket}?tagging`, '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>'],
    ['PUT', `/${Bucket}/k?tagging`, '<Tagging><TagSet/></Tagging>'],
    ['DELETE', `/${Bucket}/k?tagging`],
    ['DELETE', `/${Bucket}/k`],
    ['DELETE', `/${Bucket}`],
  ] as const) {
    const answer = await server.ask({ method, target, ...(body === undefined ? {} : { body }) });
    assert.ok(answer.status === 200 || answer.status === 204, answer.text);
    assert.equal(answer.body, '');
    if (method !== 'HEAD') assert.equal(answer.headers['content-type'], undefined);
  }
});
