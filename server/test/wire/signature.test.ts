import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { type RawAnswer, send, sendRaw } from '../support/raw-http.ts';
import { type Credentials, ROOT, startServer, type TestServer } from '../support/server.ts';
import { type HandRequest, presignByHand, signByHand } from '../support/signing.ts';

let server: TestServer;
let host: string;
let session: Credentials;
let inactive: Credentials;

before(async () => {
  server = await startServer();
  host = `127.0.0.1:${server.port}`;
  const { s3, sts, iam } = server.clients();
  await s3.send(new CreateBucketCommand({ Bucket: 'signed' }));
  await s3.send(new PutObjectCommand({ Bucket: 'signed', Key: 'a', Body: 'content' }));
  await iam.send(new CreateUserCommand({ UserName: 'signer' }));
  const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  await iam.send(
    new PutUserPolicyCommand({ UserName: 'signer', PolicyName: 'all', PolicyDocument: JSON.stringify(document) }),
  );
  const made = await iam.send(new CreateAccessKeyCommand({ UserName: 'signer' }));
  inactive = { accessKeyId: made.AccessKey?.AccessKeyId ?? '', secretAccessKey: made.AccessKey?.SecretAccessKey ?? '' };
  await iam.send(
    new UpdateAccessKeyCommand({ UserName: 'signer', AccessKeyId: inactive.accessKeyId, Status: 'Inactive' }),
  );
  const { Credentials } = await sts.send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
  session = {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
});
after(() => server.close());

type Family = 's3' | 'bedrock' | 'kms' | 'sts' | 'iam';

/** A valid request of each family, to be spoilt. */
function plain(family: Family): Omit<HandRequest, 'host'> {
  const form: [string, string] = ['content-type', 'application/x-www-form-urlencoded'];
  switch (family) {
    case 's3':
      return { target: '/signed/a' };
    case 'bedrock':
      return { target: '/foundation-models', service: 'bedrock' };
    case 'kms':
      return {
        method: 'POST',
        service: 'kms',
        headers: [
          ['content-type', 'application/x-amz-json-1.1'],
          ['x-amz-target', 'TrentService.ListKeys'],
        ],
        body: '{}',
      };
    case 'sts':
      return { method: 'POST', service: 'sts', headers: [form], body: 'Action=GetCallerIdentity&Version=2011-06-15' };
    case 'iam':
      return { method: 'POST', service: 'iam', headers: [form], body: 'Action=ListUsers&Version=2010-05-08' };
  }
}

const FAMILIES: Family[] = ['s3', 'bedrock', 'kms', 'sts', 'iam'];

async function ask(family: Family, change: Partial<HandRequest> = {}): Promise<RawAnswer> {
  return send(server.port, signByHand({ credentials: ROOT, ...plain(family), ...change, host }));
}

function codeOf(answer: RawAnswer): string {
  return (
    /<Code>([^<]*)<\/Code>/.exec(answer.body)?.[1] ??
    answer.headers['x-amzn-errortype'] ??
    /"__type":"([^"]*)"/.exec(answer.body)?.[1] ??
    ''
  );
}

function assertRefused(answer: RawAnswer, status: number, code: string, what = ''): void {
  assert.equal(`${answer.status} ${codeOf(answer)}`, `${status} ${code}`, `${what}\n${answer.text}`);
  assert.ok(answer.headers['x-amzn-requestid'] ?? answer.headers['x-amz-request-id'], 'an answer has a request id');
  assert.ok(!answer.text.includes(ROOT.secretAccessKey));
}

test('each family accepts the request that the others are spoilt from', async () => {
  for (const family of FAMILIES) {
    const answer = await ask(family);
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
    () => ({ credentials: inactive }),
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
    () => ({ credentials: { accessKeyId: session.accessKeyId, secretAccessKey: session.secretAccessKey } }),
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
        assertRefused(await ask(family, { ...spoilt, ...(say && { say }) }), status, code);
      });
  });

describe('an Authorization header out of form', () => {
  const cases: [name: string, authorization: string, s3: string, bedrock: string][] = [
    [
      'an unknown algorithm',
      'AWS4-HMAC-SHA512 Credential=a/b/c/d/e',
      '400 InvalidRequest',
      '',
    ],
    ['Version 2', `AWS ${ROOT.accessKeyId}:c2ln`, '400 InvalidRequest', ''],
    ['Basic', 'Basic cm9vdDpyb290', '400 InvalidRequest', ''],
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
        assertRefused(await ask(family, { say: { authorization } }), Number(status), code);
      }
    });

  test('a service this server does not have', async () => {
    const answer = await ask('s3', { say: { scopeService: 'ec2' } });
    assertRefused(answer, 400, 'AuthorizationHeaderMalformed');
    assert.match(answer.body, /correct service/);
    const query = await ask('sts', { say: { scopeService: 'ec2' } });
    assertRefused(query, 403, 'SignatureDoesNotMatch');
  });
  test('S3 without x-amz-content-sha256', async () => {
    const signed = signByHand({ credentials: ROOT, ...plain('s3'), host });
    const headers = signed.headers.filter(([header]) => header !== 'x-amz-content-sha256');
    assertRefused(await send(server.port, { ...signed, headers }), 400, 'InvalidRequest');
  });
  test('S3 with an x-amz-content-sha256 that is none', async () => {
    assertRefused(await ask('s3', { say: { payloadHash: 'UNSIGNED' } }), 400, 'InvalidArgument');
  });
  test('UNSIGNED-PAYLOAD is for S3 alone', async () => {
    assert.equal((await ask('s3', { say: { payloadHash: 'UNSIGNED-PAYLOAD' } })).status, 200);
    const answer = await ask('bedrock', { say: { payloadHash: 'UNSIGNED-PAYLOAD' } });
    assertRefused(answer, 403, 'InvalidSignatureException');
  });
  test('header and query both signed', async () => {
    const answer = await ask('s3', { target: '/signed/a?X-Amz-Signature=00' });
    assertRefused(answer, 400, 'InvalidArgument');
  });
  test('a Bearer token goes to Bedrock, which takes none', async () => {
    const answer = await ask('bedrock', { say: { authorization: 'Bearer abc' } });
    assertRefused(answer, 403, 'UnrecognizedClientException');
  });
});

describe('what was signed cannot be changed', () => {
  test('the body', async () => {
    for (const family of ['kms', 'sts', 'iam'] as const) {
      const signed = signByHand({ credentials: ROOT, ...plain(family), host });
      const body = Buffer.from(signed.body);
      body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
      const answer = await send(server.port, { ...signed, body });
      assertRefused(
        answer,
        family === 'kms' ? 400 : 403,
        family === 'kms' ? 'InvalidSignatureException' : 'SignatureDoesNotMatch',
        family,
      );
    }
  });
  test("S3's body, by the hash that was signed", async () => {
    const signed = signByHand({ method: 'PUT', target: '/signed/b', body: 'hello', credentials: ROOT, host });
    const answer = await send(server.port, { ...signed, body: Buffer.from('hellO') });
    assertRefused(answer, 400, 'XAmzContentSHA256Mismatch');
    assert.equal((await ask('s3', { target: '/signed/b' })).status, 404, 'nothing was stored');
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
      const signed = signByHand({ ...plain('s3'), headers, credentials: ROOT, host });
      assert.equal((await send(server.port, signed)).status, 206);
      const spoilt = { ...signed, ...change(signed) };
      assertRefused(await send(server.port, spoilt), 403, 'SignatureDoesNotMatch');
    });
  test('an x-amz- header slipped in unsigned', async () => {
    const signed = signByHand({ ...plain('s3'), credentials: ROOT, host });
    const headers: [string, string][] = [...signed.headers, ['x-amz-checksum-mode', 'ENABLED']];
    const answer = await send(server.port, { ...signed, headers });
    assertRefused(answer, 403, 'AccessDenied');
    assert.match(answer.body, /<HeadersNotSigned>x-amz-checksum-mode<\/HeadersNotSigned>/);
  });
  test('a session token for another', async () => {
    const signed = signByHand({ ...plain('sts'), credentials: session, host });
    assert.equal((await send(server.port, signed)).status, 200);
    const other = { ...session, sessionToken: `${session.sessionToken?.slice(0, -2)}AA` };
    assertRefused(await ask('sts', { credentials: other }), 403, 'InvalidClientTokenId');
  });
});

describe('odd but honest requests verify', () => {
  const form: [string, string][] = [['content-type', 'application/x-www-form-urlencoded; charset=utf-8']];
  const now = new Date();
  const odd: [name: string, family: Family, change: Partial<HandRequest>][] = [
    [
      'repeated headers, in their order',
      's3',
      {
        headers: [
          ['x-note', 'b'],
          ['x-note', 'a'],
          ['X-Note', 'c'],
        ],
      },
    ],
    ['untrimmed values, many spaces and tabs', 's3', { headers: [['x-note', '  a   "b   c" \t d  ']] }],
    ['a header beyond ASCII, signed as characters', 's3', { headers: [['x-note', 'größe']] }],
    ['an empty header', 's3', { headers: [['x-note', '']] }],
    ['a key with escapes', 's3', { target: '/signed/%61', say: { canonicalPath: '/signed/a' } }],
    ['parameters out of order', 's3', { target: '/signed?prefix=x&list-type=2&delimiter=%2F' }],
    ['the same parameter twice', 's3', { target: '/signed?list-type=2&prefix=b&prefix=a' }],
    ['empty values, with and without =', 's3', { target: '/signed?list-type=2&prefix=&x-empty' }],
    [
      'escapes in lower case',
      's3',
      { target: '/signed?list-type=2&prefix=a%2fb', say: { canonicalQuery: 'list-type=2&prefix=a%2Fb' } },
    ],
    [
      'a space as +',
      's3',
      { target: '/signed?list-type=2&prefix=a+b', say: { canonicalQuery: 'list-type=2&prefix=a%20b' } },
    ],
    ['characters that need no escape', 's3', { target: "/signed?list-type=2&prefix=a'(b)*!" }],
    [
      'an encoded ARN in the path',
      'bedrock',
      {
        target:
          '/custom-models/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Acustom-model%2Fa.b-v1%3A0%2Fabcdefghijkl',
      },
    ],
    [
      'slashes and dots in the path',
      'bedrock',
      { target: '//./foundation-models', say: { canonicalPath: '/foundation-models' } },
    ],
    ['dots that were not normalized', 'bedrock', { target: '/x/../foundation-models' }],
    ['a form with a character set', 'sts', { headers: form }],
    ['a Date header alone', 'sts', { at: now, say: { dateHeader: now.toUTCString() } }],
  ];
  for (const [name, family, change] of odd)
    test(name, async () => {
      const answer = await ask(family, change);
      assert.ok(answer.status === 200 || codeOf(answer) === 'ResourceNotFoundException', answer.text);
    });

  test('a session signs, in the header and in a URL', async () => {
    assert.equal((await ask('sts', { credentials: session })).status, 200);
    const target = presignByHand({ target: '/signed/a', credentials: session, host });
    assert.equal((await sendRaw(server.port, `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)).status, 200);
  });
  test('GetCallerIdentity by a presigned GET, as Vault and EKS ask', async () => {
    const target = presignByHand({
      target: '/?Action=GetCallerIdentity&Version=2011-06-15',
      service: 'sts',
      credentials: ROOT,
      host,
    });
    const answer = await sendRaw(server.port, `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    assert.match(answer.body, /<Account>123456789012<\/Account>/);
  });
});

describe('presigned URLs of Version 4', () => {
  const get = (target: string, headers = '') =>
    sendRaw(server.port, `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n${headers}\r\n`);
  const signed = (more: Parameters<typeof presignByHand>[0] | object = {}) =>
    presignByHand({ target: '/signed/a', credentials: ROOT, host, ...more });

  test('open the object', async () => {
    assert.equal((await get(signed())).body, 'content');
    assert.equal((await get(signed({ expires: '604800' }))).status, 200);
  });
  const refused: [name: string, target: () => string, status: number, code: string][] = [
    ['past its end', () => signed({ at: new Date(Date.now() - 1_000_000) }), 403, 'AccessDenied'],
    ['not yet valid', () => signed({ at: new Date(Date.now() + 1_000_000) }), 403, 'AccessDenied'],
    ['longer than a week', () => signed({ expires: '604801' }), 400, 'AuthorizationQueryParametersError'],
    ['for no time', () => signed({ expires: '0' }), 400, 'AuthorizationQueryParametersError'],
    ['for less than no time', () => signed({ expires: '-1' }), 400, 'AuthorizationQueryParametersError'],
    ['for a word', () => signed({ expires: 'ever' }), 400, 'AuthorizationQueryParametersError'],
    ['made longer', () => signed({ change: { 'X-Amz-Expires': '901' } }), 403, 'SignatureDoesNotMatch'],
    [
      'without algorithm',
      () => signed({ change: { 'X-Amz-Algorithm': '' } }),
      400,
      'AuthorizationQueryParametersError',
    ],
    ['with another algorithm', () => signed({ say: { algorithm: 'AWS4' } }), 400, 'AuthorizationQueryParametersError'],
    ['without date', () => signed({ change: { 'X-Amz-Date': '' } }), 400, 'AuthorizationQueryParametersError'],
    [
      'with a date out of form',
      () => signed({ change: { 'X-Amz-Date': '2026-11-23' } }),
      400,
      'AuthorizationQueryParametersError',
    ],
    [
      'with a credential out of form',
      () => signed({ change: { 'X-Amz-Credential': 'A/B' } }),
      400,
      'AuthorizationQueryParametersError',
    ],
    [
      'with the scope of another day',
      () => signed({ say: { scopeDate: '20200101' } }),
      400,
      'AuthorizationQueryParametersError',
    ],
    [
      'with another signature',
      () => signed({ change: { 'X-Amz-Signature': 'f'.repeat(64) } }),
      403,
      'SignatureDoesNotMatch',
    ],
    ['for another object', () => signed().replace('/signed/a', '/signed/b'), 403, 'SignatureDoesNotMatch'],
    ['with a parameter added', () => `${signed()}&versionId=1`, 403, 'SignatureDoesNotMatch'],
    ['with a parameter given twice', () => `${signed()}&X-Amz-Expires=900`, 400, 'AuthorizationQueryParametersError'],
    [
      'of a key that nobody has',
      () => signed({ credentials: { accessKeyId: 'AKIAX', secretAccessKey: 'x' } }),
      403,
      'InvalidAccessKeyId',
    ],
  ];
  for (const [name, target, status, code] of refused)
    test(`refused: ${name}`, async () => assertRefused(await get(target()), status, code));

  test('refused: an x-amz- header that was not signed', async () => {
    assertRefused(await get(signed(), 'x-amz-acl: public-read\r\n'), 403, 'AccessDenied');
  });
  test('refused: for GET, used to PUT', async () => {
    const bytes = `PUT ${signed()} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1\r\n\r\nx`;
    assertRefused(await sendRaw(server.port, bytes), 403, 'SignatureDoesNotMatch');
  });
});

describe('presigned URLs of Version 2, as boto3 makes them', () => {
  function v2(method: string, path: string, options: { expires?: number; secret?: string; parameters?: string } = {}) {
    const expires = options.expires ?? Math.floor(Date.now() / 1000) + 60;
    const resource = path + (options.parameters ? `?${options.parameters}` : '');
    const signature = createHmac('sha1', options.secret ?? ROOT.secretAccessKey)
      .update(`${method}\n\n\n${expires}\n${resource}`)
      .digest('base64');
    const parameters = options.parameters ? `${options.parameters}&` : '';
    return `${path}?${parameters}AWSAccessKeyId=${ROOT.accessKeyId}&Signature=${encodeURIComponent(signature)}&Expires=${expires}`;
  }
  const ask2 = (method: string, target: string, body = '') =>
    sendRaw(
      server.port,
      `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n${body ? `content-length: ${body.length}\r\n` : ''}\r\n${body}`,
    );

  test('open the object, and take one', async () => {
    assert.equal((await ask2('GET', v2('GET', '/signed/a'))).body, 'content');
    assert.equal((await ask2('PUT', v2('PUT', '/signed/v2'), 'two')).status, 200);
    const download = v2('GET', '/signed/v2', { parameters: 'response-content-type=text/plain' });
    const answer = await ask2('GET', download);
    assert.equal(answer.headers['content-type'], 'text/plain');
  });
  const refused: [name: string, target: () => string, status: number, code: string][] = [
    ['past its end', () => v2('GET', '/signed/a', { expires: 1_700_000_000 }), 403, 'AccessDenied'],
    ['with another secret', () => v2('GET', '/signed/a', { secret: 'x' }), 403, 'SignatureDoesNotMatch'],
    [
      'for another object',
      () => v2('GET', '/signed/b').replace('/signed/b', '/signed/a'),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'made longer',
      () => v2('GET', '/signed/a').replace(/Expires=\d+/, 'Expires=9999999999'),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'with a date that is none',
      () => v2('GET', '/signed/a').replace(/Expires=\d+/, 'Expires=soon'),
      400,
      'AuthorizationQueryParametersError',
    ],
  ];
  for (const [name, target, status, code] of refused)
    test(`refused: ${name}`, async () => assertRefused(await ask2('GET', target()), status, code));

  test('refused where a setting turns them off', async () => {
    const strict = await startServer({ config: { allowSignatureV2: false } });
    try {
      const answer = await sendRaw(
        strict.port,
        `GET ${v2('GET', '/signed/a')} HTTP/1.1\r\nhost: 127.0.0.1:${strict.port}\r\n\r\n`,
      );
      assertRefused(answer, 400, 'InvalidRequest');
    } finally {
      await strict.close();
    }
  });
});

describe('nobody unauthenticated learns anything', () => {
  test('whether a bucket or key exists', async () => {
    for (const path of ['/signed/a', '/signed/none', '/none/a']) {
      const answer = await ask('s3', { target: path, credentials: { ...ROOT, secretAccessKey: 'x' } });
      assertRefused(answer, 403, 'SignatureDoesNotMatch');
    }
  });
  test('whether an operation exists', async () => {
    const wrong = { ...ROOT, secretAccessKey: 'x' };
    assertRefused(
      await ask('bedrock', { target: '/no-such-path', credentials: wrong }),
      403,
      'InvalidSignatureException',
    );
    const body = 'Action=NoSuchAction&Version=2010-05-08';
    assertRefused(await ask('iam', { body, credentials: wrong }), 403, 'SignatureDoesNotMatch');
  });
  test('unsigned requests to services that know no anonymous callers', async () => {
    assertRefused(await ask('kms', { say: { authorization: '' } }), 400, 'MissingAuthenticationTokenException');
    assertRefused(await ask('sts', { say: { authorization: '' } }), 403, 'MissingAuthenticationToken');
    assertRefused(await ask('s3', { say: { authorization: '' } }), 403, 'AccessDenied');
  });
});
