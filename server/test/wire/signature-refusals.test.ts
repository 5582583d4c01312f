import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { send } from '../support/raw-http.ts';
import { ROOT } from '../support/server.ts';
import {
  assertRefused,
  FAMILIES,
  type Family,
  plainRequest,
  type SignatureBench,
  startSignatureBench,
} from '../support/signature-bench.ts';
import { type HandRequest, signByHand } from '../support/signing.ts';

let bench: SignatureBench;

before(async () => {
  bench = await startSignatureBench();
});
after(() => bench.server.close());

test('each family accepts the request that the others are spoilt from', async () => {
  for (const family of FAMILIES) {
    const answer = await bench.ask(family);
    assert.equal(answer.status, 200, answer.text);
  }
});

/** Status and code of each family, in the order s3, bedrock, kms, sts, iam. */
type Expected = Record<Family, readonly [status: number, code: string]>;

function each(s3: string, restJson: string, json: string, query: string): Expected {
  const pair = (text: string) => [Number(text.split(' ')[0]), text.split(' ')[1] ?? ''] as const;
  return { s3: pair(s3), bedrock: pair(restJson), kms: pair(json), sts: pair(query), iam: pair(query) };
}

const day = 24 * 3600 * 1000;
const SPOILT: [name: string, change: () => Partial<HandRequest>, expected: Expected][] = [
  [
    'a key that nobody has',
    () => ({ credentials: { accessKeyId: 'AKIANOBODYNOBODYNOBO', secretAccessKey: 'x' } }),
    each(
      '403 InvalidAccessKeyId',
      '403 UnrecognizedClientException',
      '400 UnrecognizedClientException',
      '403 InvalidClientTokenId',
    ),
  ],
  [
    'a key switched off',
    () => ({ credentials: bench.inactive }),
    each(
      '403 InvalidAccessKeyId',
      '403 UnrecognizedClientException',
      '400 UnrecognizedClientException',
      '403 InvalidClientTokenId',
    ),
  ],
  [
    'another secret',
    () => ({ credentials: { ...ROOT, secretAccessKey: 'another' } }),
    each(
      '403 SignatureDoesNotMatch',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'a signature of zeros',
    () => ({ say: { signature: '0'.repeat(64) } }),
    each(
      '403 SignatureDoesNotMatch',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'a signature that is too short',
    () => ({ say: { signature: 'abc' } }),
    each(
      '403 SignatureDoesNotMatch',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'a clock 16 minutes late',
    () => ({ at: new Date(Date.now() - 16 * 60_000) }),
    each(
      '403 RequestTimeTooSkewed',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'a clock 16 minutes early',
    () => ({ at: new Date(Date.now() + 16 * 60_000) }),
    each(
      '403 RequestTimeTooSkewed',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    "yesterday's scope",
    () => ({ say: { scopeDate: new Date(Date.now() - day).toISOString().slice(0, 10).replaceAll('-', '') } }),
    each(
      '400 AuthorizationHeaderMalformed',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'another terminator',
    () => ({ say: { terminator: 'aws5_request' } }),
    each(
      '400 AuthorizationHeaderMalformed',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'a Region out of form',
    () => ({ say: { scopeRegion: 'US East' } }),
    each(
      '400 AuthorizationHeaderMalformed',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'no date',
    () => ({ say: { noDate: true } }),
    each(
      '403 AccessDenied',
      '403 IncompleteSignatureException',
      '400 IncompleteSignatureException',
      '400 IncompleteSignature',
    ),
  ],
  [
    'host left unsigned',
    () => ({ say: { signedHeaders: ['x-amz-content-sha256', 'x-amz-date', 'x-amz-target'] } }),
    each(
      '403 AccessDenied',
      '403 InvalidSignatureException',
      '400 InvalidSignatureException',
      '403 SignatureDoesNotMatch',
    ),
  ],
  [
    'a session token that is none',
    () => ({ credentials: { ...ROOT, sessionToken: 'made-up' } }),
    each(
      '400 InvalidToken',
      '403 UnrecognizedClientException',
      '400 UnrecognizedClientException',
      '403 InvalidClientTokenId',
    ),
  ],
  [
    "a session's key without its token",
    () => ({ credentials: { accessKeyId: bench.session.accessKeyId, secretAccessKey: bench.session.secretAccessKey } }),
    each(
      '403 InvalidAccessKeyId',
      '403 UnrecognizedClientException',
      '400 UnrecognizedClientException',
      '403 InvalidClientTokenId',
    ),
  ],
];

for (const [name, change, expected] of SPOILT)
  describe(`${name} is refused as AWS does`, () => {
    for (const family of FAMILIES)
      test(family, async () => {
        const spoilt = change();
        // Only KMS sends a target, and only S3 a hash of its body.
        const { signedHeaders } = spoilt.say ?? {};
        const present = { s3: ['x-amz-content-sha256', 'x-amz-date'], kms: ['x-amz-date', 'x-amz-target'] } as Record<
          string,
          string[]
        >;
        const say = signedHeaders ? { signedHeaders: present[family] ?? ['x-amz-date'] } : spoilt.say;
        const [status, code] = expected[family];
        assertRefused(await bench.ask(family, { ...spoilt, ...(say && { say }) }), status, code);
      });
  });

describe('an Authorization header out of form', () => {
  const cases: [name: string, authorization: string, s3: string, bedrock: string][] = [
    ['an unknown algorithm', 'AWS4-HMAC-SHA512 Credential=a/b/c/d/e', '400 InvalidRequest', ''],
    ['Version 2', `AWS ${ROOT.accessKeyId}:c2ln`, '400 InvalidRequest', ''],
    ['Basic', 'Basic cm9vdDpyb290', '400 InvalidRequest', ''],
    ['no mechanism', 'AHAHAHA', '400 InvalidArgument', ''],
    ['nothing but the algorithm', 'AWS4-HMAC-SHA256', '400 AuthorizationHeaderMalformed', ''],
    [
      'no signature',
      'AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=host',
      '',
      '403 IncompleteSignatureException',
    ],
    [
      'no signed headers',
      'AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/bedrock/aws4_request, Signature=00',
      '',
      '403 IncompleteSignatureException',
    ],
    [
      'a credential with three parts',
      'AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1, SignedHeaders=host, Signature=00',
      '400 AuthorizationHeaderMalformed',
      '',
    ],
    [
      'signed headers out of order',
      'AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/s3/aws4_request, SignedHeaders=x-amz-date;host, Signature=00',
      '400 AuthorizationHeaderMalformed',
      '',
    ],
    [
      'a part given twice',
      'AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/s3/aws4_request, Credential=B/20261123/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00',
      '400 AuthorizationHeaderMalformed',
      '',
    ],
  ];
  for (const [name, authorization, s3, bedrock] of cases)
    test(name, async () => {
      for (const [family, expected] of [
        ['s3', s3],
        ['bedrock', bedrock],
      ] as const) {
        const [status, code] = expected.split(' ');
        if (code === undefined) continue;
        assertRefused(await bench.ask(family, { say: { authorization } }), Number(status), code);
      }
    });

  test('a service this server does not have', async () => {
    const answer = await bench.ask('s3', { say: { scopeService: 'ec2' } });
    assertRefused(answer, 400, 'AuthorizationHeaderMalformed');
    assert.match(answer.body, /correct service/);
    const query = await bench.ask('sts', { say: { scopeService: 'ec2' } });
    assertRefused(query, 403, 'SignatureDoesNotMatch');
  });
  test('S3 without x-amz-content-sha256', async () => {
    const signed = signByHand({ credentials: ROOT, ...plainRequest('s3'), host: bench.host });
    const headers = signed.headers.filter(([header]) => header !== 'x-amz-content-sha256');
    assertRefused(await send(bench.server.port, { ...signed, headers }), 400, 'InvalidRequest');
  });
  test('S3 with an x-amz-content-sha256 that is none', async () => {
    assertRefused(await bench.ask('s3', { say: { payloadHash: 'UNSIGNED' } }), 400, 'InvalidArgument');
  });
  test('UNSIGNED-PAYLOAD is for S3 alone', async () => {
    assert.equal((await bench.ask('s3', { say: { payloadHash: 'UNSIGNED-PAYLOAD' } })).status, 200);
    const answer = await bench.ask('bedrock', { say: { payloadHash: 'UNSIGNED-PAYLOAD' } });
    assertRefused(answer, 403, 'InvalidSignatureException');
  });
  test('header and query both signed', async () => {
    const answer = await bench.ask('s3', { target: '/signed/a?X-Amz-Signature=00' });
    assertRefused(answer, 400, 'InvalidArgument');
  });
  test('a Bearer token goes to Bedrock, which takes its own API keys alone', async () => {
    const answer = await bench.ask('bedrock', { say: { authorization: 'Bearer abc' } });
    assertRefused(answer, 403, 'AccessDeniedException');
  });
});

describe('what was signed cannot be changed', () => {
  test('the body', async () => {
    for (const family of ['kms', 'sts', 'iam'] as const) {
      const signed = signByHand({ credentials: ROOT, ...plainRequest(family), host: bench.host });
      const body = Buffer.from(signed.body);
      body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
      const answer = await send(bench.server.port, { ...signed, body });
      assertRefused(
        answer,
        family === 'kms' ? 400 : 403,
        family === 'kms' ? 'InvalidSignatureException' : 'SignatureDoesNotMatch',
        family,
      );
    }
  });
  test("S3's body, by the hash that was signed", async () => {
    const signed = signByHand({
      method: 'PUT',
      target: '/signed/b',
      body: 'hello',
      credentials: ROOT,
      host: bench.host,
    });
    const answer = await send(bench.server.port, { ...signed, body: Buffer.from('hellO') });
    assertRefused(answer, 400, 'XAmzContentSHA256Mismatch');
    assert.equal((await bench.ask('s3', { target: '/signed/b' })).status, 404, 'nothing was stored');
  });
  const changes: [name: string, change: (signed: ReturnType<typeof signByHand>) => Partial<typeof signed>][] = [
    ['the method', () => ({ method: 'DELETE' })],
    ['the path', () => ({ target: '/signed/A' })],
    ['a parameter added', ({ target }) => ({ target: `${target}?acl` })],
    [
      'a signed header',
      ({ headers }) => ({ headers: headers.map(h => (h[0] === 'range' ? ['range', 'bytes=0-9'] : h)) }),
    ],
    ['a signed header added', ({ headers }) => ({ headers: [...headers, ['range', 'bytes=0-1']] })],
    ['the host', ({ headers }) => ({ headers: headers.map(h => (h[0] === 'host' ? ['host', 'elsewhere'] : h)) })],
    [
      'the date',
      ({ headers }) => ({
        headers: headers.map(h =>
          h[0] === 'x-amz-date' ? [h[0], h[1].replace(/\dZ$/, d => `${(Number(d[0]) + 1) % 10}Z`)] : h,
        ),
      }),
    ],
  ];
  for (const [name, change] of changes)
    test(name, async () => {
      const headers: [string, string][] = [['range', 'bytes=0-3']];
      const signed = signByHand({ ...plainRequest('s3'), headers, credentials: ROOT, host: bench.host });
      assert.equal((await send(bench.server.port, signed)).status, 206);
      const spoilt = { ...signed, ...change(signed) };
      assertRefused(await send(bench.server.port, spoilt), 403, 'SignatureDoesNotMatch');
    });
  test('an x-amz- header slipped in unsigned', async () => {
    const signed = signByHand({ ...plainRequest('s3'), credentials: ROOT, host: bench.host });
    const headers: [string, string][] = [...signed.headers, ['x-amz-checksum-mode', 'ENABLED']];
    const answer = await send(bench.server.port, { ...signed, headers });
    assertRefused(answer, 403, 'AccessDenied');
    assert.match(answer.body, /<HeadersNotSigned>x-amz-checksum-mode<\/HeadersNotSigned>/);
  });
  test('a session token for another', async () => {
    const signed = signByHand({ ...plainRequest('sts'), credentials: bench.session, host: bench.host });
    assert.equal((await send(bench.server.port, signed)).status, 200);
    const other = { ...bench.session, sessionToken: `${bench.session.sessionToken?.slice(0, -2)}AA` };
    assertRefused(await bench.ask('sts', { credentials: other }), 403, 'InvalidClientTokenId');
  });
});

describe('nobody unauthenticated learns anything', () => {
  test('whether a bucket or key exists', async () => {
    for (const path of ['/signed/a', '/signed/none', '/none/a']) {
      const answer = await bench.ask('s3', { target: path, credentials: { ...ROOT, secretAccessKey: 'x' } });
      assertRefused(answer, 403, 'SignatureDoesNotMatch');
    }
  });
  test('whether an operation exists', async () => {
    const wrong = { ...ROOT, secretAccessKey: 'x' };
    assertRefused(
      await bench.ask('bedrock', { target: '/no-such-path', credentials: wrong }),
      403,
      'InvalidSignatureException',
    );
    const body = 'Action=NoSuchAction&Version=2010-05-08';
    assertRefused(await bench.ask('iam', { body, credentials: wrong }), 403, 'SignatureDoesNotMatch');
  });
  test('unsigned requests to services that know no anonymous callers', async () => {
    assertRefused(await bench.ask('kms', { say: { authorization: '' } }), 400, 'MissingAuthenticationTokenException');
    assertRefused(await bench.ask('sts', { say: { authorization: '' } }), 403, 'MissingAuthenticationToken');
    const body = 'Action=AssumeRoleWithWebIdentity&Version=2011-06-15';
    assertRefused(
      await bench.ask('sts', { body, say: { authorization: '' } }),
      400,
      'InvalidAction',
      'AssumeRoleWithWebIdentity is not implemented',
    );
    assertRefused(await bench.ask('s3', { say: { authorization: '' } }), 403, 'AccessDenied');
    const invoke = await bench.ask('bedrock', {
      method: 'POST',
      target: '/model/likeness.art-v1/invoke',
      headers: [['content-type', 'application/json']],
      body: '{}',
      say: { authorization: '' },
    });
    assertRefused(invoke, 403, 'MissingAuthenticationTokenException');
  });
});
