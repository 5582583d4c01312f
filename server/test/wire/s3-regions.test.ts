import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { sendRaw } from '../support/raw-http.ts';
import { presignByHand } from '../support/signing.ts';
import { assertXmlRefused, root, startS3 } from './s3-server.ts';

let server: Awaited<ReturnType<typeof startS3>>;

before(async () => {
  server = await startS3();
  await server.client().send(new CreateBucketCommand({ Bucket: 'at-home' }));
  const CreateBucketConfiguration = { LocationConstraint: 'eu-west-1' } as const;
  await server.client(root, 'eu-west-1').send(new CreateBucketCommand({ Bucket: 'abroad', CreateBucketConfiguration }));
});
after(() => server.stop());

test('a client that signs for a Region which is none is told the right one', async () => {
  for (const [target, region] of [
    ['/', 'us-east-1'],
    ['/?x-id=ListBuckets', 'us-east-1'],
    ['/at-home/k', 'us-east-1'],
    ['/abroad?location', 'eu-west-1'],
    ['/nowhere', 'us-east-1'],
  ]) {
    const answer = await server.ask({ target: target ?? '', region: 'US' });
    assertXmlRefused(answer, 400, 'AuthorizationHeaderMalformed', [
      `Message=The authorization header is malformed; the region &apos;US&apos; is wrong; expecting &apos;${region}&apos;`,
      `Region=${region}`,
    ]);
  }
});

test('a presigned URL for such a Region is told as well', async () => {
  const { host, port } = new URL(server.endpoint);
  const target = presignByHand({ credentials: root, target: '/abroad/k', region: 'EU', host });
  const answer = await sendRaw(Number(port), `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  assertXmlRefused(answer, 400, 'AuthorizationQueryParametersError', ['Region=eu-west-1']);
});

test('who cannot sign learns no Region', async () => {
  const credentials = { ...root, secretAccessKey: 'a guess' };
  const answer = await server.ask({ target: '/abroad/k', region: 'EU', credentials });
  assertXmlRefused(answer, 403, 'SignatureDoesNotMatch');
  assert.ok(!answer.body.includes('eu-west-1'));
});

test('who may not look into a bucket is told its Region all the same, as the SDK for Go asks unsigned', async () => {
  const { host, port } = new URL(server.endpoint);
  for (const [bucket, region] of [
    ['at-home', 'us-east-1'],
    ['abroad', 'eu-west-1'],
  ]) {
    const answer = await sendRaw(Number(port), `HEAD /${bucket} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    assert.equal(answer.status, 403);
    assert.equal(answer.headers['x-amz-bucket-region'], region);
  }
  const absent = await sendRaw(Number(port), `HEAD /nowhere HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  assert.equal(absent.status, 404);
  assert.equal(absent.headers['x-amz-bucket-region'], undefined);
});
