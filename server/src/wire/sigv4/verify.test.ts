import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Principal } from '../../domain/operation.ts';
import { headerMap, splitTarget, type WireRequest } from '../message.ts';
import { queryPairs } from './canonical.ts';
import { readClaim } from './claim.ts';
import { SignatureProblem } from './problem.ts';
import { type Authenticated, verify } from './verify.ts';

const principal: Principal = {
  type: 'root',
  arn: 'arn:aws:iam::123456789012:root',
  accountId: '123456789012',
  userId: '',
};

interface Sent {
  method: string;
  target: string;
  headers: [name: string, value: string][];
  body?: string;
}

async function verifySent(sent: Sent, secretAccessKey: string, now: string, isS3: boolean): Promise<Authenticated> {
  const headers = sent.headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const { path, rawQuery } = splitTarget(sent.target);
  const pairs = queryPairs(rawQuery);
  const map = headerMap(headers);
  const claim = readClaim(map, pairs);
  assert.ok(claim);
  const request: WireRequest = {
    requestId: 'r',
    method: sent.method,
    target: sent.target,
    headers,
    body: (async function* () {})(),
    sourceIp: '127.0.0.1',
    secureTransport: false,
    signal: new AbortController().signal,
  };
  return verify(request, map, path, pairs, claim, {
    resolveCredential: async () => ({ found: true, secretAccessKey, principal }),
    now: new Date(now),
    defaultRegion: 'us-east-1',
    allowSignatureV2: true,
    isS3,
    bodySha256: async () =>
      createHash('sha256')
        .update(sent.body ?? '')
        .digest('hex'),
  });
}

/**
 * AWS's own test suite (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4, Apache-2.0): what is sent, and its signature.
 * `raw` marks the cases signed without normalizing the path.
 */
const SUITE: readonly [name: string, method: string, target: string, headers: [string, string][], signature: string][] =
  [
    ['get-vanilla', 'GET', '/', [], '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', 'POST', '/', [], '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-header-key-duplicate',
      'GET',
      '/',
      [
        ['My-Header1', 'value2'],
        ['My-Header1', 'value2'],
        ['My-Header1', 'value1'],
      ],
      'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea',
    ],
    [
      'get-header-value-multiline',
      'GET',
      '/',
      [['My-Header1', 'value1\n  value2\n     value3']],
      'cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd',
    ],
    [
      'get-header-value-order',
      'GET',
      '/',
      [
        ['My-Header1', 'value4'],
        ['My-Header1', 'value1'],
        ['My-Header1', 'value3'],
        ['My-Header1', 'value2'],
      ],
      '08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01',
    ],
    [
      'get-header-value-trim',
      'GET',
      '/',
      [
        ['My-Header1', ' value1'],
        ['My-Header2', ' "a   b   c"'],
      ],
      'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    ],
    [
      'get-relative-normalized',
      'GET',
      '/example/..',
      [],
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
    [
      'get-relative-relative-normalized',
      'GET',
      '/example1/example2/../..',
      [],
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
    [
      'get-relative-relative-unnormalized',
      'GET',
      '/example1/example2/../..',
      [],
      'dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b',
    ],
    [
      'get-relative-unnormalized',
      'GET',
      '/example/..',
      [],
      'eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282',
    ],
    [
      'get-slash-dot-slash-normalized',
      'GET',
      '/./',
      [],
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
    [
      'get-slash-dot-slash-unnormalized',
      'GET',
      '/./',
      [],
      '68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145',
    ],
    ['get-slash-normalized', 'GET', '//', [], '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['get-slash-unnormalized', 'GET', '//', [], 'c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e'],
    [
      'get-slash-pointless-dot-normalized',
      'GET',
      '/./example',
      [],
      'ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5',
    ],
    [
      'get-slash-pointless-dot-unnormalized',
      'GET',
      '/./example',
      [],
      'beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff',
    ],
    [
      'get-slashes-normalized',
      'GET',
      '//example//',
      [],
      '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84',
    ],
    [
      'get-slashes-unnormalized',
      'GET',
      '//example//',
      [],
      '87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5',
    ],
    ['get-space', 'GET', '/example space/', [], '652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741'],
    [
      'get-unreserved',
      'GET',
      '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
      [],
      '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
    ],
    ['get-utf8', 'GET', '/ሴ', [], '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
    [
      'get-vanilla-empty-query-key',
      'GET',
      '/?Param1=value1',
      [],
      'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
    ],
    [
      'get-vanilla-query-order-encoded',
      'GET',
      '/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1',
      [],
      '371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac',
    ],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      [],
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'get-vanilla-query-unreserved',
      'GET',
      '/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
      [],
      '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
    ],
    [
      'get-vanilla-utf8-query',
      'GET',
      '/?ሴ=bar',
      [],
      '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04',
    ],
    [
      'get-vanilla-with-session-token',
      'GET',
      '/',
      [['X-Amz-Security-Token', '6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267']],
      '07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8',
    ],
    [
      'post-header-key-sort',
      'POST',
      '/',
      [['My-Header1', 'value1']],
      'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
    ],
    [
      'post-header-value-case',
      'POST',
      '/',
      [['My-Header1', 'VALUE1']],
      'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d',
    ],
    [
      'post-sts-header-before',
      'POST',
      '/',
      [
        [
          'X-Amz-Security-Token',
          'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==',
        ],
      ],
      '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
    ],
  ];

const SUITE_SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

function suiteRequest(method: string, target: string, extra: [string, string][], signature: string): Sent {
  const names = [...new Set(['host', 'x-amz-date', ...extra.map(([name]) => name.toLowerCase())])].sort();
  return {
    method,
    target,
    headers: [
      ['Host', 'example.amazonaws.com'],
      ...extra,
      ['X-Amz-Date', '20150830T123600Z'],
      [
        'Authorization',
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names.join(';')}, Signature=${signature}`,
      ],
    ],
  };
}

describe('the AWS Signature Version 4 test suite verifies', () => {
  for (const [name, method, target, headers, signature] of SUITE)
    test(name, async () => {
      const sent = suiteRequest(method, target, headers, signature);
      assert.equal((await verifySent(sent, SUITE_SECRET, '2015-08-30T12:36:00Z', false)).region, 'us-east-1');
      const otherMethod = { ...sent, method: method === 'GET' ? 'DELETE' : 'PUT' };
      await assert.rejects(verifySent(otherMethod, SUITE_SECRET, '2015-08-30T12:36:00Z', false), SignatureProblem);
      const otherBody = { ...sent, body: 'x' };
      await assert.rejects(verifySent(otherBody, SUITE_SECRET, '2015-08-30T12:36:00Z', false), SignatureProblem);
    });

  test('post-x-www-form-urlencoded', async () => {
    const sent = suiteRequest(
      'POST',
      '/',
      [['Content-Type', 'application/x-www-form-urlencoded']],
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    );
    await verifySent({ ...sent, body: 'Param1=value1' }, SUITE_SECRET, '2015-08-30T12:36:00Z', false);
    await assert.rejects(
      verifySent({ ...sent, body: 'Param1=value2' }, SUITE_SECRET, '2015-08-30T12:36:00Z', false),
      SignatureProblem,
    );
  });
});

const S3_SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function s3Request(
  method: string,
  target: string,
  headers: [string, string][],
  sha256: string,
  signature: string,
): Sent {
  const all: [string, string][] = [
    ['Host', 'examplebucket.s3.amazonaws.com'],
    ...headers,
    ['x-amz-content-sha256', sha256],
    ['x-amz-date', '20130524T000000Z'],
  ];
  const names = all.map(([name]) => name.toLowerCase()).sort();
  all.push([
    'Authorization',
    `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${names.join(';')},Signature=${signature}`,
  ]);
  return { method, target, headers: all };
}

describe("the examples of S3's API reference verify", () => {
  const cases: [string, Sent][] = [
    [
      'GET object with a range',
      s3Request(
        'GET',
        '/test.txt',
        [['Range', 'bytes=0-9']],
        EMPTY,
        'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      ),
    ],
    [
      'PUT object with an escaped $ and a Date header',
      s3Request(
        'PUT',
        '/test%24file.text',
        [
          ['Date', 'Fri, 24 May 2013 00:00:00 GMT'],
          ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        ],
        '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    ],
    [
      'PUT object, the $ sent bare',
      s3Request(
        'PUT',
        '/test$file.text',
        [
          ['Date', 'Fri, 24 May 2013 00:00:00 GMT'],
          ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        ],
        '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    ],
    [
      'GET bucket lifecycle (a parameter without =)',
      s3Request('GET', '/?lifecycle', [], EMPTY, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
    ],
    [
      'GET bucket with parameters',
      s3Request(
        'GET',
        '/?max-keys=2&prefix=J',
        [],
        EMPTY,
        '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      ),
    ],
    [
      'a presigned URL',
      {
        method: 'GET',
        target:
          '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
        headers: [['Host', 'examplebucket.s3.amazonaws.com']],
      },
    ],
  ];
  for (const [name, sent] of cases)
    test(name, async () => {
      await verifySent(sent, S3_SECRET, '2013-05-24T00:00:10Z', true);
      await assert.rejects(verifySent(sent, `${S3_SECRET}x`, '2013-05-24T00:00:10Z', true), { kind: 'mismatch' });
      const spoilt = { ...sent, target: sent.target.replace('t', 'T') };
      if (spoilt.target !== sent.target)
        await assert.rejects(verifySent(spoilt, S3_SECRET, '2013-05-24T00:00:10Z', true), { kind: 'mismatch' });
    });

  test('a presigned URL ends on its second', async () => {
    const [, sent] = cases.at(-1) ?? assert.fail();
    await verifySent(sent, S3_SECRET, '2013-05-25T00:00:00Z', true);
    await assert.rejects(verifySent(sent, S3_SECRET, '2013-05-25T00:00:01Z', true), { kind: 'urlExpired' });
    await assert.rejects(verifySent(sent, S3_SECRET, '2013-05-23T23:40:00Z', true), { kind: 'urlNotYetValid' });
  });
});
