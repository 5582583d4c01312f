import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CreateBucketCommand, PutBucketPolicyCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { type RawAnswer, sendRaw } from '../support/raw-http.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

before(async () => {
  server = await startServer();
  const { s3 } = server.clients();
  for (const Bucket of ['guardrails', 'custom-models']) await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket: 'guardrails', Key: 'picture', Body: 'hello' }));
  const Statement = [
    { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::guardrails/*' },
    { Effect: 'Allow', Principal: '*', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::guardrails' },
  ];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await s3.send(new PutBucketPolicyCommand({ Bucket: 'guardrails', Policy }));
});
after(() => server.close());

/** Without a signature. @param host of its Host header; default the server's own */
function ask(method: string, target: string, headers: Record<string, string> = {}, host?: string): Promise<RawAnswer> {
  const lines = Object.entries({ host: host ?? `127.0.0.1:${server.port}`, ...headers, 'content-length': '0' });
  const head = [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''];
  return sendRaw(server.port, head.join('\r\n'));
}

function assertUnsignedBedrock({ status, headers, body }: RawAnswer, what: string): void {
  assert.equal(status, 403, what);
  assert.equal(headers['x-amzn-errortype'], 'MissingAuthenticationTokenException', what);
  assert.match(headers['content-type'] ?? '', /^application\/json/, what);
  assert.match(JSON.parse(body).message, /must be signed/, what);
  assert.match(headers['x-amzn-requestid'] ?? '', /^[0-9a-f-]{36}$/, what);
}

function assertS3({ status, headers, body }: RawAnswer, expected: number, code: string, what: string): void {
  assert.equal(status, expected, what);
  assert.match(body, new RegExp(`<Code>${code}</Code>`), what);
  assert.notEqual(headers['x-amz-request-id'], undefined, what);
}

const ARN = encodeURIComponent('arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl');

describe('a request that nobody signed', () => {
  it('is told to be signed in JSON on every path of Bedrock', async () => {
    for (const [method, target] of [
      ['GET', '/foundation-models'],
      ['GET', '/foundation-models?byProvider=amazon'],
      ['POST', '/model/likeness.art-v1/invoke'],
      ['POST', `/model/${ARN}/invoke-with-response-stream`],
      ['POST', '/model-customization-jobs'],
      ['POST', '/tagResource'],
      ['PATCH', `/provisioned-model-throughput/${ARN}`],
      ['PUT', '/logging/modelinvocations'],
      ['DELETE', '/custom-models/ron'],
      ['GET', '/async-invoke'],
    ] as const)
      assertUnsignedBedrock(await ask(method, target), `${method} ${target}`);
  });

  it('is told so on a path of none where its host or its client is Bedrock’s', async () => {
    assertUnsignedBedrock(await ask('GET', '/nothing', {}, 'bedrock-runtime.us-east-1.amazonaws.com'), 'host');
    assertUnsignedBedrock(await ask('GET', '/nothing', { 'user-agent': 'aws-sdk-js/3 api/bedrock#3' }), 'client');
    const browser = { 'user-agent': 'Mozilla/5.0', 'x-amz-user-agent': 'aws-sdk-js/3 api/bedrock-runtime#3' };
    assertUnsignedBedrock(await ask('PUT', '/nothing/at/all', browser), 'client in a browser');
  });

  it('hears the same where a bucket that it may not read has the name of the path', async () => {
    const [there, notThere] = [await ask('GET', '/custom-models'), await ask('GET', '/provisioned-model-throughputs')];
    assertUnsignedBedrock(there, 'a bucket');
    assert.deepEqual([there.status, there.body], [notThere.status, notThere.body]);
  });

  it('reads a public bucket, also one whose name is a path of Bedrock', async () => {
    const picture = await ask('GET', '/guardrails/picture');
    assert.deepEqual([picture.status, picture.body], [200, 'hello']);
    assertS3(await ask('GET', '/guardrails/none'), 404, 'NoSuchKey', 'a key that is not there');
    const listed = await ask('GET', '/guardrails');
    assert.match(listed.body, /<Key>picture<\/Key>/);
  });

  it('stays S3’s where the path is no operation of Bedrock, or the host names a bucket', async () => {
    assertS3(await ask('GET', '/pictures/one'), 404, 'NoSuchBucket', 'another path');
    const host = 'bedrock-logs.s3.us-east-1.amazonaws.com';
    assertS3(await ask('GET', '/guardrails', {}, host), 404, 'NoSuchBucket', 'host');
    assertS3(await ask('POST', '/pictures/one'), 405, 'MethodNotAllowed', 'another method');
  });
});
