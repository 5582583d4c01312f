import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { sendRaw } from '../support/raw-http.ts';
import { ROOT, startServer } from '../support/server.ts';
import {
  assertRefused,
  codeOf,
  type Family,
  type SignatureBench,
  startSignatureBench,
} from '../support/signature-bench.ts';
import { type HandRequest, presignByHand } from '../support/signing.ts';

let bench: SignatureBench;

before(async () => {
  bench = await startSignatureBench();
});
after(() => bench.server.close());

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
      const answer = await bench.ask(family, change);
      assert.ok(answer.status === 200 || codeOf(answer) === 'ResourceNotFoundException', answer.text);
    });

  test('a session signs, in the header and in a URL', async () => {
    assert.equal((await bench.ask('sts', { credentials: bench.session })).status, 200);
    const target = presignByHand({ target: '/signed/a', credentials: bench.session, host: bench.host });
    assert.equal(
      (await sendRaw(bench.server.port, `GET ${target} HTTP/1.1\r\nhost: ${bench.host}\r\n\r\n`)).status,
      200,
    );
  });
  test('GetCallerIdentity by a presigned GET, as Vault and EKS ask', async () => {
    assert.match((await whoAmI()).body, ACCOUNT_TOLD);
  });
  test('the same without X-Amz-Expires, as the SDK v2 for Go presigns it, for a quarter of an hour', async () => {
    assert.match((await whoAmI({ expires: '' })).body, ACCOUNT_TOLD);
    const old = await whoAmI({ expires: '', at: new Date(Date.now() - 1_000_000) });
    assert.equal(old.status, 403);
    assert.match(old.body, /<Code>SignatureDoesNotMatch<\/Code>.*Signature expired/s);
  });
});

const ACCOUNT_TOLD = /<Account>123456789012<\/Account>/;

/** A presigned GetCallerIdentity. */
async function whoAmI(more: Partial<Parameters<typeof presignByHand>[0]> = {}) {
  const target = presignByHand({
    ...{ target: '/?Action=GetCallerIdentity&Version=2011-06-15', service: 'sts' },
    ...{ credentials: ROOT, host: bench.host },
    ...more,
  });
  return await sendRaw(bench.server.port, `GET ${target} HTTP/1.1\r\nhost: ${bench.host}\r\n\r\n`);
}

describe('presigned URLs of Version 4', () => {
  const get = (target: string, headers = '') =>
    sendRaw(bench.server.port, `GET ${target} HTTP/1.1\r\nhost: ${bench.host}\r\n${headers}\r\n`);
  const signed = (more: Parameters<typeof presignByHand>[0] | object = {}) =>
    presignByHand({ target: '/signed/a', credentials: ROOT, host: bench.host, ...more });

  test('open the object', async () => {
    assert.equal((await get(signed())).body, 'content');
    assert.equal((await get(signed({ expires: '604800' }))).status, 200);
  });
  test('carry headers in their query, as the SDKs for JavaScript move them there', async () => {
    const send = (target: string, body: string) =>
      sendRaw(
        bench.server.port,
        `PUT ${target} HTTP/1.1\r\nhost: ${bench.host}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    const moved = 'x-amz-meta-venue=a%20b&X-Amz-Tagging=k%3Dv&x-amz-checksum-crc32=AAAAAA%3D%3D';
    assert.equal((await send(signed({ method: 'PUT', target: `/signed/moved?${moved}` }), 'content')).status, 200);
    const { headers } = await get(signed({ target: '/signed/moved' }));
    assert.equal(headers['x-amz-meta-venue'], 'a b');
    assert.equal(headers['x-amz-tagging-count'], '1');
    const copy = signed({ method: 'PUT', target: '/signed/copied?x-amz-copy-source=signed%2Fmoved' });
    assert.match((await send(copy, '')).body, /<CopyObjectResult/);
    assert.equal((await get(signed({ target: '/signed/copied' }))).body, 'content');
    const refused = signed({ method: 'PUT', target: '/signed/moved?x-amz-acl=public-read' });
    assertRefused(await send(refused, 'x'), 400, 'AccessControlListNotSupported');
    assertRefused(await send(refused.replace('public-read', 'private'), 'x'), 403, 'SignatureDoesNotMatch');
  });
  const refused: [name: string, target: () => string, status: number, code: string][] = [
    ['past its end', () => signed({ at: new Date(Date.now() - 1_000_000) }), 403, 'AccessDenied'],
    ['not yet valid', () => signed({ at: new Date(Date.now() + 1_000_000) }), 403, 'AccessDenied'],
    ['longer than a week', () => signed({ expires: '604801' }), 400, 'AuthorizationQueryParametersError'],
    ['for a time that it does not say', () => signed({ expires: '' }), 400, 'AuthorizationQueryParametersError'],
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
    const bytes = `PUT ${signed()} HTTP/1.1\r\nhost: ${bench.host}\r\ncontent-length: 1\r\n\r\nx`;
    assertRefused(await sendRaw(bench.server.port, bytes), 403, 'SignatureDoesNotMatch');
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
      bench.server.port,
      `${method} ${target} HTTP/1.1\r\nhost: ${bench.host}\r\n${body ? `content-length: ${body.length}\r\n` : ''}\r\n${body}`,
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
