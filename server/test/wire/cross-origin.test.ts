/** What a browser lets the page of another origin do: the SDK runs there as it does against AWS. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CreateBucketCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import { send } from '../support/raw-http.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { type HandRequest, signByHand } from '../support/signing.ts';

const origin = 'https://app.example.com';
let server: TestServer;

before(async () => {
  server = await startServer();
  const { s3 } = server.clients();
  await s3.send(new CreateBucketCommand({ Bucket: 'guardrails' }));
  const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: [origin] }];
  await s3.send(new PutBucketCorsCommand({ Bucket: 'guardrails', CORSConfiguration: { CORSRules } }));
});
after(() => server.close());

const crossOriginOf = (headers: Headers | Record<string, string>) =>
  Object.fromEntries(
    (headers instanceof Headers ? [...headers] : Object.entries(headers)).filter(([name]) =>
      name.startsWith('access-control-'),
    ),
  );

async function preflight(method: string, path: string, asked = 'authorization,content-type,x-amz-date') {
  const headers = { origin, 'access-control-request-method': method, 'access-control-request-headers': asked };
  const answer = await fetch(server.endpoint + path, { method: 'OPTIONS', headers });
  return { status: answer.status, body: await answer.text(), ...{ headers: crossOriginOf(answer.headers) } };
}

/** Signed, with the Origin that a browser adds. */
function call(request: Omit<HandRequest, 'credentials' | 'host'> & { unsigned?: true }) {
  const host = `127.0.0.1:${server.port}`;
  const signed = signByHand({ credentials: ROOT, host, ...request });
  const kept = signed.headers.filter(([name]) => !(request.unsigned && name === 'authorization'));
  return send(server.port, { ...signed, headers: [...kept, ['origin', origin]] });
}

const ASKED = 'amz-sdk-invocation-id,amz-sdk-request,authorization,content-type,x-amz-date,x-amz-user-agent';

describe('the preflight of a page of another origin', () => {
  it('allows what it asks for on every path of Bedrock, and for calls of STS and KMS', async () => {
    for (const [method, path] of [
      ['POST', '/model/likeness.art-v1/invoke'],
      ['GET', '/foundation-models'],
      ['DELETE', '/custom-models/ron'],
      ['PATCH', '/provisioned-model-throughput/ron'],
      ['PUT', '/logging/modelinvocations'],
      ['POST', '/'],
    ] as const) {
      const { status, headers, body } = await preflight(method, path, ASKED);
      assert.deepEqual([status, body], [200, ''], path);
      assert.equal(headers['access-control-allow-origin'], '*', path);
      assert.ok(headers['access-control-allow-methods']?.split(',').includes(method), path);
      assert.equal(headers['access-control-allow-headers'], ASKED, path);
      assert.equal(headers['access-control-max-age'], '172800', path);
      assert.equal(headers['access-control-allow-credentials'], undefined, path);
    }
  });

  it('stays the bucket’s where it is about an object, or a rule of the bucket allows it', async () => {
    const refused = await preflight('GET', '/pictures/one');
    assert.equal(refused.status, 403);
    assert.match(refused.body, /CORS is not enabled for this bucket/);
    assert.equal((await preflight('GET', '/guardrails', '')).headers['access-control-allow-origin'], origin);
    assert.equal((await preflight('POST', '/guardrails')).headers['access-control-allow-origin'], '*');
  });
});

describe('an answer to a page of another origin', () => {
  const exposed = ['x-amzn-errortype', 'x-amzn-requestid', 'x-amzn-errormessage', 'x-amzn-trace-id', 'date'];

  it('may be read where it is Bedrock’s, STS’s or KMS’s, an error as well', async () => {
    const form = 'application/x-www-form-urlencoded';
    const target: [string, string] = ['x-amz-target', 'TrentService.ListKeys'];
    const json: [string, string] = ['content-type', 'application/x-amz-json-1.1'];
    const identity = 'Action=GetCallerIdentity&Version=2011-06-15';
    const invoke = { service: 'bedrock', method: 'POST', target: '/model/likeness.art-v1/invoke', body: '{}' };
    const calls: [number, Parameters<typeof call>[0]][] = [
      [200, { service: 'bedrock', method: 'GET', target: '/foundation-models' }],
      [400, invoke],
      [403, { ...invoke, unsigned: true }],
      [403, { ...invoke, credentials: { ...ROOT, secretAccessKey: 'another' } } as typeof invoke],
      [404, { service: 'bedrock', method: 'GET', target: '/no-such-path' }],
      [200, { service: 'sts', method: 'POST', target: '/', headers: [['content-type', form]], body: identity }],
      [
        403,
        {
          service: 'sts',
          method: 'POST',
          target: '/',
          headers: [['content-type', form]],
          body: identity,
          unsigned: true,
        },
      ],
      [200, { service: 'kms', method: 'POST', target: '/', headers: [target, json], body: '{}' }],
      [400, { service: 'kms', method: 'POST', target: '/', headers: [target, json], body: '{}', unsigned: true }],
    ];
    for (const [status, request] of calls) {
      const what = `${status} ${request.service} ${request.target}`;
      const answer = await call(request);
      assert.equal(answer.status, status, what);
      assert.equal(answer.headers['access-control-allow-origin'], '*', what);
      const said = answer.headers['access-control-expose-headers']?.split(',') ?? [];
      for (const name of exposed) assert.ok(said.includes(name), `${what}: ${name}`);
      assert.equal(answer.headers['access-control-allow-credentials'], undefined, what);
    }
    const invoked = await call(invoke);
    assert.match(invoked.headers['access-control-expose-headers'] ?? '', /x-amzn-bedrock-invocation-latency/);
  });

  it('may not be read where it is IAM’s, S3’s or a route of the product’s own', async () => {
    const form: [string, string] = ['content-type', 'application/x-www-form-urlencoded'];
    const body = 'Action=ListUsers&Version=2010-05-08';
    const iam = { service: 'iam', method: 'POST', target: '/', headers: [form], body };
    const routes = { service: 'likeness', method: 'GET', target: '/_likeness/v1/base-models' };
    for (const request of [
      iam,
      { ...iam, unsigned: true as const },
      { service: 's3', method: 'GET', target: '/' },
      routes,
    ])
      assert.deepEqual(crossOriginOf((await call(request)).headers), {}, request.service);
    const health = await fetch(`${server.endpoint}/_likeness/v1/health`, { headers: { origin } });
    assert.deepEqual(crossOriginOf(health.headers), {});
    const asked = await preflight('GET', '/_likeness/v1/base-models');
    assert.deepEqual(asked.headers, {});
  });

  it('has no such header where no browser asks', async () => {
    const host = `127.0.0.1:${server.port}`;
    const plain = { service: 'bedrock', method: 'GET', target: '/foundation-models' };
    const answer = await send(server.port, signByHand({ credentials: ROOT, host, ...plain }));
    assert.deepEqual(crossOriginOf(answer.headers), {});
  });
});
