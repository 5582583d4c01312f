import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type CORSRule,
  CreateBucketCommand,
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { presignByHand } from '../support/signing.ts';
import { assertRefused, root, startS3 } from './s3-server.ts';

const Bucket = 'cross-origin';
const ORIGIN = 'https://app.example.com';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'picture', Body: 'hello' }));
});
after(() => server.stop());

const set = (...CORSRules: CORSRule[]) =>
  s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));

function presigned(method: string): string {
  const { host } = new URL(server.endpoint);
  return presignByHand({ method, host, target: `/${Bucket}/picture`, credentials: root });
}

async function preflight(headers: Record<string, string>, path = `/${Bucket}/picture`) {
  const response = await fetch(server.endpoint + path, { method: 'OPTIONS', headers });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

describe('the rules of a bucket', () => {
  it('come back as they were put, until they are deleted', async () => {
    await assertRefused(s3.send(new GetBucketCorsCommand({ Bucket })), 404, 'NoSuchCORSConfiguration');
    const rule: CORSRule = {
      ...{ ID: 'one', AllowedMethods: ['GET', 'PUT'], AllowedOrigins: [ORIGIN], AllowedHeaders: ['*'] },
      ...{ ExposeHeaders: ['ETag', 'x-amz-request-id'], MaxAgeSeconds: 300 },
    };
    await set(rule);
    assert.deepEqual((await s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules, [rule]);
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    await assertRefused(s3.send(new GetBucketCorsCommand({ Bucket })), 404, 'NoSuchCORSConfiguration');
  });

  it('must make sense', async () => {
    const AllowedOrigins = ['*'];
    await assertRefused(set({ AllowedMethods: ['PATCH'], AllowedOrigins }), 400, 'InvalidRequest', /PATCH/);
    await assertRefused(
      set({ AllowedMethods: ['GET'], AllowedOrigins: ['http://*.*'] }),
      400,
      'InvalidRequest',
      /more than one wildcard/,
    );
    await assertRefused(
      set({ AllowedMethods: ['GET'], AllowedOrigins, ExposeHeaders: ['x-*'] }),
      400,
      'InvalidRequest',
      /ExposeHeader/,
    );
  });
});

describe('a browser’s preflight', () => {
  const asks = { origin: ORIGIN, 'access-control-request-method': 'PUT' };

  it('is refused where no rule is set, and without what it must say', async () => {
    const { status, body } = await preflight(asks);
    assert.equal(status, 403);
    assert.match(body, /<Code>AccessForbidden<\/Code><Message>CORSResponse: CORS is not enabled for this bucket/);
    assert.equal((await preflight({ 'access-control-request-method': 'PUT' })).status, 400);
    assert.equal((await preflight({ origin: ORIGIN })).status, 400);
  });

  it('is told what the first matching rule allows', async () => {
    await set(
      { AllowedMethods: ['GET'], AllowedOrigins: ['*'] },
      {
        ...{ AllowedMethods: ['PUT', 'POST'], AllowedOrigins: ['https://*.example.com'] },
        ...{ AllowedHeaders: ['content-type', 'x-amz-*'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 600 },
      },
    );
    const { status, headers } = await preflight({
      ...asks,
      'access-control-request-headers': 'Content-Type, x-amz-date',
    });
    assert.equal(status, 200);
    const said = Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));
    assert.deepEqual(said, {
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'PUT, POST',
      'access-control-allow-headers': 'content-type, x-amz-date',
      'access-control-expose-headers': 'ETag',
      'access-control-max-age': '600',
      'access-control-allow-credentials': 'true',
    });
    assert.match(headers.get('vary') ?? '', /Origin/);
    const everybody = await preflight({ origin: 'http://else.org', 'access-control-request-method': 'GET' });
    assert.equal(everybody.headers.get('access-control-allow-origin'), '*');
    assert.equal(everybody.headers.get('access-control-allow-credentials'), null);
  });

  it('is refused with AWS’s words where none matches', async () => {
    for (const headers of [
      { ...asks, origin: 'https://example.com' },
      { ...asks, 'access-control-request-method': 'DELETE' },
      { ...asks, 'access-control-request-headers': 'x-other' },
    ]) {
      const { status, body } = await preflight(headers);
      assert.equal(status, 403);
      assert.match(body, /This CORS request is not allowed/);
    }
  });

  it('needs no signature, even where it carries that of the request to come', async () => {
    assert.equal((await preflight(asks, presigned('PUT'))).status, 200);
  });
});

it('the answer that follows says so too, and an error as well', async () => {
  const url = server.endpoint + presigned('GET');
  const found = await fetch(url, { headers: { origin: ORIGIN } });
  assert.deepEqual([await found.text(), found.headers.get('access-control-allow-origin')], ['hello', '*']);
  const refused = await fetch(`${server.endpoint}/${Bucket}/picture`, { headers: { origin: ORIGIN } });
  assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [403, '*']);
  const deleting = await fetch(`${server.endpoint}/${Bucket}/picture`, {
    method: 'DELETE',
    headers: { origin: ORIGIN },
  });
  assert.equal(deleting.headers.get('access-control-allow-origin'), null);
  const same = await fetch(url);
  assert.equal(same.headers.get('vary'), null);
});
