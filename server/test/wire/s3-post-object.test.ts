import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { after, before, describe, it } from 'node:test';
import {
  CreateBucketCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type Credentials, root, startS3, textOf } from './s3-server.ts';

const Bucket = 'forms';
const MEBIBYTE = 1024 * 1024;
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

type Fields = [name: string, value: string][];
interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  code: string | undefined;
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const soon = () => new Date(Date.now() + 60_000).toISOString();

/** What a server gives to its page: the fields of a form whose policy it signed. */
function signed(
  conditions: unknown[],
  { credentials = root, expiration = soon() }: { credentials?: Credentials; expiration?: string } = {},
): Fields {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = [date.slice(0, 8), 'us-east-1', 's3', 'aws4_request'];
  const fields: Fields = [
    ['x-amz-algorithm', 'AWS4-HMAC-SHA256'],
    ['x-amz-credential', `${credentials.accessKeyId}/${scope.join('/')}`],
    ['x-amz-date', date],
  ];
  const own = fields.map(([name, value]) => ({ [name]: value }));
  const policy = Buffer.from(JSON.stringify({ expiration, conditions: [...own, ...conditions] })).toString('base64');
  const key = scope.reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${credentials.secretAccessKey}`);
  return [...fields, ['policy', policy], ['x-amz-signature', hmac(key, policy).toString('hex')]];
}

function signedV2(conditions: unknown[]): Fields {
  const policy = Buffer.from(JSON.stringify({ expiration: soon(), conditions })).toString('base64');
  const signature = createHmac('sha1', root.secretAccessKey).update(policy).digest('base64');
  return [
    ['AWSAccessKeyId', root.accessKeyId],
    ['policy', policy],
    ['signature', signature],
  ];
}

const BOUNDARY = '----a-boundary';
function* parts(fields: Fields, file: { name: string; chunks: Iterable<string | Buffer> } | null) {
  for (const [name, value] of fields)
    yield `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  if (file) {
    yield `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${file.name}"\r\nContent-Type: image/png\r\n\r\n`;
    yield* file.chunks;
    yield '\r\n';
  }
  yield `--${BOUNDARY}--\r\n`;
}

function post(
  fields: Fields,
  file: { name: string; chunks: Iterable<string | Buffer> } | null = { name: 'a.png', chunks: ['hello'] },
  { path = `/${Bucket}`, headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
    const options = { method: 'POST', path, headers: { ...type, ...headers } };
    const request = http.request(server.endpoint, options, response => {
      response.toArray().then(chunks => {
        const body = Buffer.concat(chunks).toString();
        const { statusCode: status = 0, headers: said } = response;
        resolve({ status, headers: said, body, code: /<Code>(.*?)<\/Code>/.exec(body)?.[1] });
      }, reject);
    });
    request.on('error', reject);
    for (const part of parts(fields, file)) request.write(part);
    request.end();
  });
}

const tagging = (key: string) =>
  `<Tagging><TagSet><Tag><Key>${key}</Key><Value>a &#43; b</Value></Tag></TagSet></Tagging>`;
const read = async (Key: string) => textOf(await s3.send(new GetObjectCommand({ Bucket, Key })));

describe('a form with a signed policy', () => {
  it('tags what it uploads, by who may tag', async () => {
    const fields: Fields = [
      ['key', 'tagged'],
      ['tagging', tagging('breed')],
    ];
    const conditions = [{ bucket: Bucket }, { key: 'tagged' }, ['starts-with', '$tagging', '<Tagging>']];
    const statements = (Action: string[]) => [{ Effect: 'Allow', Action, Resource: '*' }];
    const untagging = await server.user('untagging', statements(['s3:PutObject']));
    const denied = await post([...fields, ...signed(conditions, { credentials: untagging })]);
    assert.deepEqual([denied.status, denied.code], [403, 'AccessDenied'], denied.body);
    const users = [await server.user('tagging', statements(['s3:PutObject', 's3:PutObjectTagging'])), root];
    for (const credentials of users) {
      const { status, body } = await post([...fields, ...signed(conditions, { credentials })]);
      assert.equal(status, 204, body);
    }
    const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }));
    assert.deepEqual(TagSet, [{ Key: 'breed', Value: 'a + b' }]);
  });

  it('uploads its file, named and described by its fields', async () => {
    const conditions = [
      { bucket: Bucket },
      ['starts-with', '$key', 'user/'],
      ['eq', '$Content-Type', 'image/png'],
      ['starts-with', '$x-amz-meta-made-by', ''],
      ['content-length-range', 1, 100],
    ];
    const fields: Fields = [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of S3's forms
      ['key', 'user/${filename}'],
      ['Content-Type', 'image/png'],
      ['x-amz-meta-made-by', 'a test'],
      ['x-ignore-this', 'yes'],
    ];
    const { status, headers, body } = await post([...fields, ...signed(conditions)]);
    assert.deepEqual([status, body], [204, '']);
    assert.equal(headers.etag, `"${createHash('md5').update('hello').digest('hex')}"`);
    assert.equal(headers.location, `${server.endpoint}/${Bucket}/user/a.png`);
    assert.equal(await read('user/a.png'), 'hello');
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'user/a.png' }));
    assert.deepEqual([head.ContentType, head.Metadata], ['image/png', { 'made-by': 'a test' }]);
    assert.equal(head.ServerSideEncryption, 'AES256');
  });

  it('puts its file into the storage class that it names and its policy allows', async () => {
    const conditions = [{ bucket: Bucket }, { key: 'classed' }, { 'x-amz-storage-class': 'STANDARD_IA' }];
    const form = (storageClass: string, signature: Fields) =>
      post([['key', 'classed'], ['x-amz-storage-class', storageClass], ...signature]);
    const { status, body } = await form('STANDARD_IA', signed(conditions));
    assert.equal(status, 204, body);
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'classed' }))).StorageClass, 'STANDARD_IA');
    const other = await form('GLACIER_IR', signed(conditions));
    assert.deepEqual([other.status, other.code], [403, 'AccessDenied']);
    const anyClass = [...conditions.slice(0, 2), ['starts-with', '$x-amz-storage-class', '']];
    const archived = await form('GLACIER', signed(anyClass));
    assert.deepEqual([archived.status, archived.code], [400, 'InvalidStorageClass']);
  });

  it('may be signed with Version 2, and spell its fields as it likes', async () => {
    const conditions = [{ bUcKeT: Bucket }, ['StArTs-WiTh', '$KeY', 'v2']];
    const { status } = await post([['kEy', 'v2'], ...signedV2(conditions)]);
    assert.equal(status, 204);
    assert.equal(await read('v2'), 'hello');
  });

  it('is answered as its fields ask', async () => {
    const ask = (name: string, value: string) =>
      post([['key', 'asked & answered'], [name, value], ...signed([['starts-with', '$key', ''], { [name]: value }])]);
    assert.equal((await ask('success_action_status', '200')).status, 200);
    const created = await ask('success_action_status', '201');
    assert.equal(created.status, 201);
    assert.match(
      created.body,
      /<PostResponse><Location>http.*\/forms\/asked%20%26%20answered<\/Location><Bucket>forms<\/Bucket><Key>asked &amp; answered<\/Key><ETag>&quot;[0-9a-f]{32}&quot;<\/ETag><\/PostResponse>/,
    );
    assert.equal((await ask('success_action_status', '404')).status, 204);
    const redirected = await ask('success_action_redirect', 'https://app.example.com/done?x=1');
    assert.equal(redirected.status, 303);
    const url = new URL(redirected.headers.location ?? '');
    assert.equal(url.origin + url.pathname, 'https://app.example.com/done');
    assert.deepEqual(Object.keys(Object.fromEntries(url.searchParams)), ['x', 'bucket', 'key', 'etag']);
    assert.equal((await ask('success_action_redirect', 'not an address')).status, 204);
  });

  it('streams a file of any content, boundaries that are none included', async () => {
    const chunk = Buffer.concat([Buffer.from(`\r\n--${BOUNDARY.slice(0, -1)}\r\n`), Buffer.alloc(MEBIBYTE - 30, 1)]);
    const chunks = Array.from({ length: 12 }, () => chunk);
    const { status } = await post([['key', 'large'], ...signed([['starts-with', '$key', '']])], { name: 'x', chunks });
    assert.equal(status, 204);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'large' }));
    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    assert.ok(bytes.equals(Buffer.concat(chunks)));
  });
});

describe('a form is refused', () => {
  const any = [['starts-with', '$key', '']];
  const key: Fields = [['key', 'refused']];
  const cases: [what: string, answer: () => Promise<Answer>, status: number, code: string, message: RegExp][] = [
    [
      'whose policy has expired',
      () => post([...key, ...signed(any, { expiration: '2020-01-01T00:00:00Z' })]),
      403,
      'AccessDenied',
      /Policy expired/,
    ],
    [
      'whose field breaks a condition',
      () => post([...key, ...signed([{ key: 'another' }])]),
      403,
      'AccessDenied',
      /Policy Condition failed: \[&quot;eq&quot;, ?&quot;\$key/,
    ],
    [
      'for another bucket',
      () => post([...key, ...signed([...any, { bucket: 'another' }])]),
      403,
      'AccessDenied',
      /Policy Condition failed/,
    ],
    [
      'that lacks a field of a condition',
      () => post([...key, ...signed([...any, { acl: 'private' }])]),
      403,
      'AccessDenied',
      /Policy Condition failed/,
    ],
    [
      'with a field that no condition names',
      () => post([...key, ['x-amz-meta-extra', '1'], ...signed(any)]),
      403,
      'AccessDenied',
      /Extra input fields: x-amz-meta-extra/,
    ],
    [
      'with a file that is too large',
      () => post([...key, ...signed([...any, ['content-length-range', 0, 4]])]),
      400,
      'EntityTooLarge',
      /exceeds/,
    ],
    [
      'with one that is too small',
      () => post([...key, ...signed([...any, ['content-length-range', 6, 9]])]),
      400,
      'EntityTooSmall',
      /smaller/,
    ],
    [
      'with a range that is none',
      () => post([...key, ...signed([...any, ['content-length-range', 'a', 9]])]),
      400,
      'InvalidPolicyDocument',
      /content-length-range/,
    ],
    [
      'with a condition of nothing',
      () => post([...key, ...signed([{}])]),
      400,
      'InvalidPolicyDocument',
      /exactly one property/,
    ],
    [
      'with a date that is none',
      () => post([...key, ...signed(any, { expiration: 'tomorrow' })]),
      400,
      'InvalidPolicyDocument',
      /expiration/,
    ],
    ['without a key', () => post(signed(any)), 400, 'InvalidArgument', /field named &apos;key&apos;/],
    ['without a file', () => post([...key, ...signed(any)], null), 400, 'InvalidArgument', /exactly one file/],
    [
      'without a boundary',
      () => post([...key, ...signed(any)], null, { headers: { 'content-type': 'multipart/form-data' } }),
      400,
      'MalformedPOSTRequest',
      /well-formed/,
    ],
    [
      'without a signature',
      () => post([...key, ...signed(any).filter(([name]) => name !== 'x-amz-signature')]),
      400,
      'InvalidArgument',
      /X-Amz-Signature/,
    ],
    [
      'with a wrong one',
      () => post([...key, ...signed(any, { credentials: { ...root, secretAccessKey: 'wrong' } })]),
      403,
      'SignatureDoesNotMatch',
      /./,
    ],
    [
      'of an unknown key',
      () => post([...key, ...signed(any, { credentials: { ...root, accessKeyId: 'AKIANOBODY' } })]),
      403,
      'InvalidAccessKeyId',
      /./,
    ],
    [
      'with fields beyond 20 KB',
      () => post([...key, ['x-ignore-a', 'a'.repeat(20_000)], ...signed(any)]),
      400,
      'MaxPostPreDataLengthExceededError',
      /20000/,
    ],
    ['of nobody, in a bucket that is not for everybody', () => post(key), 403, 'AccessDenied', /./],
    [
      'with an ACL that the bucket does not take',
      () => post([...key, ['acl', 'public-read'], ...signed([...any, { acl: 'public-read' }])]),
      400,
      'AccessControlListNotSupported',
      /ACLs/,
    ],
    [
      'with tags that are no document of tags',
      () => post([...key, ['tagging', '<Tagging><TagSet>'], ...signed([...any, ['starts-with', '$tagging', '']])]),
      400,
      'MalformedXML',
      /./,
    ],
    [
      'with a tag that none may have',
      () => post([...key, ['tagging', tagging('aws:x')], ...signed([...any, ['starts-with', '$tagging', '']])]),
      400,
      'InvalidTag',
      /System tags/,
    ],
    [
      'with tags in the header of a PUT',
      () => post([...key, ['x-amz-tagging', 'a=b'], ...signed([...any, { 'x-amz-tagging': 'a=b' }])]),
      501,
      'NotImplemented',
      /field tagging/,
    ],
    [
      'that is no form',
      () => post([], null, { headers: { 'content-type': 'text/plain' } }),
      412,
      'PreconditionFailed',
      /./,
    ],
  ];
  for (const [what, send, status, code, message] of cases)
    it(what, async () => {
      const answer = await send();
      assert.deepEqual([answer.status, answer.code], [status, code], answer.body);
      assert.match(answer.body, message);
      const kept = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'refused' }));
      assert.equal(kept.KeyCount, 0);
    });

  it('that ends before its file does', async () => {
    const fields: Fields = [...key, ...signed(any)];
    const body = [...parts(fields, { name: 'x', chunks: ['hello'] })].slice(0, -2).join('');
    const response = await fetch(`${server.endpoint}/${Bucket}`, {
      ...{ method: 'POST', body, headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` } },
    });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /MalformedPOSTRequest/);
  });

  it('that a policy of its signer does not allow', async () => {
    const user = await server.user('reader-alone', [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }]);
    const { code } = await post([...key, ...signed(any, { credentials: user })]);
    assert.equal(code, 'AccessDenied');
  });
});

it('a bucket for everybody takes a form that nobody signed', async () => {
  const Bucket = 'forms-for-all';
  await s3.send(new CreateBucketCommand({ Bucket }));
  const statement = { Effect: 'Allow', Principal: '*', Action: 's3:PutObject', Resource: `arn:aws:s3:::${Bucket}/*` };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  const { status } = await post([['key', 'theirs']], { name: 'x', chunks: ['hi'] }, { path: `/${Bucket}/` });
  assert.equal(status, 204);
  assert.equal(await textOf(await s3.send(new GetObjectCommand({ Bucket, Key: 'theirs' }))), 'hi');
});
