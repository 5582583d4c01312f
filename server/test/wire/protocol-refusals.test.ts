import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { type RawAnswer, requestBytes, send, sendRaw } from '../support/raw-http.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { chunkedBody, type HandRequest, signByHand } from '../support/signing.ts';

let server: TestServer;
let host: string;

before(async () => {
  server = await startServer();
  host = `127.0.0.1:${server.port}`;
  await server.clients().s3.send(new CreateBucketCommand({ Bucket: 'refusals' }));
});
after(() => server.close());

async function ask(request: Omit<HandRequest, 'host'>): Promise<RawAnswer> {
  return send(server.port, signByHand({ credentials: ROOT, ...request, host }));
}

function bedrock(method: string, target: string, body?: string): Promise<RawAnswer> {
  const headers: [string, string][] = body === undefined ? [] : [['content-type', 'application/json']];
  return ask({ method, target, service: 'bedrock', headers, ...(body !== undefined && { body }) });
}

function kms(operation: string, body: string): Promise<RawAnswer> {
  const headers: [string, string][] = [
    ['content-type', 'application/x-amz-json-1.1'],
    ['x-amz-target', operation],
  ];
  return ask({ method: 'POST', service: 'kms', headers, body });
}

function form(service: 'iam' | 'sts', body: string): Promise<RawAnswer> {
  const headers: [string, string][] = [['content-type', 'application/x-www-form-urlencoded']];
  return ask({ method: 'POST', service, headers, body });
}

const IAM = 'Version=2010-05-08';

function assertRestJson(answer: RawAnswer, status: number, code: string, message: RegExp): void {
  assert.equal(`${answer.status} ${answer.headers['x-amzn-errortype']}`, `${status} ${code}`, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.ok(answer.headers['x-amzn-requestid']);
  assert.match(JSON.parse(answer.body).message, message);
}

function assertXml(answer: RawAnswer, status: number, code: string, message: RegExp = /./): void {
  assert.equal(`${answer.status} ${/<Code>(.*?)<\/Code>/.exec(answer.body)?.[1]}`, `${status} ${code}`, answer.text);
  assert.match((/<Message>(.*?)<\/Message>/s.exec(answer.body)?.[1] ?? '').replaceAll('&apos;', "'"), message);
  assert.match(answer.body, /<RequestId>[0-9a-f-]{36}<\/RequestId>/);
}

describe('REST-JSON', () => {
  const jobs = '/model-customization-jobs';
  const deep = `{"hyperParameters":${'['.repeat(200)}${']'.repeat(200)}}`;
  const cases: [name: string, body: string, message: RegExp][] = [
    ['no JSON', '{"jobName": ', /must be a JSON object/],
    ['no body', '', /at 'jobName'.*must not be null/],
    ['null', 'null', /must be a JSON object/],
    ['an array', '[]', /at 'jobName'.*must not be null/],
    ['a text', '"jobName"', /at 'jobName'.*must not be null/],
    ['a number where a text belongs', '{"jobName": 5}', /at 'jobName'.*must be of type string/i],
    ['a text where an object belongs', '{"trainingDataConfig": "s3://a/b"}', /at 'trainingDataConfig'.*type object/],
    ['a number in a map of texts', '{"hyperParameters": {"stepCount": 10}}', /'10' at 'hyperParameters.stepCount'/],
    ['an object where a list belongs', '{"jobTags": {"key": "a"}}', /at 'jobTags'.*type array/],
    ['null in a list', '{"jobTags": [null]}', /jobTags/],
    ['nesting without end', deep, /nest at most/],
    ['a huge number', `{"jobName": 1${'0'.repeat(500)}}`, /at 'jobName'/],
    ['a prototype', '{"__proto__": {"jobName": "x"}, "jobName": "-"}', /at 'jobName'.*pattern/],
    ['UTF-8 cut short', '{"jobName": "\xc3"}', /at 'jobName'/],
  ];
  for (const [name, body, message] of cases)
    test(`${name} is a ValidationException`, async () => {
      assertRestJson(await bedrock('POST', jobs, body), 400, 'ValidationException', message);
    });

  test('a number where bytes belong is a ValidationException', async () => {
    const answer = await bedrock('POST', '/use-case-for-model-access', '{"formData": 0}');
    assertRestJson(answer, 400, 'ValidationException', /^1 validation error .* at 'formData' .*must be of type blob$/);
  });
  test('a body past the limit is refused before it is read whole', async () => {
    const answer = await bedrock('POST', jobs, `{"jobName":"${'a'.repeat(1100 * 1024)}"}`);
    assertRestJson(answer, 413, 'RequestEntityTooLargeException', /at most 1048576 bytes/);
  });
  test('a query out of type or range', async () => {
    assertRestJson(await bedrock('GET', `${jobs}?maxResults=many`), 400, 'ValidationException', /at 'maxResults'/);
    assertRestJson(await bedrock('GET', `${jobs}?maxResults=0`), 400, 'ValidationException', /'0' at 'maxResults'/);
    assertRestJson(await bedrock('GET', `${jobs}?maxResults=1001`), 400, 'ValidationException', /1000/);
    assertRestJson(await bedrock('GET', `${jobs}?creationTimeAfter=yesterday`), 400, 'ValidationException', /ISO 8601/);
    for (const sent of ['maybe', '1', 'no', ''])
      assertRestJson(
        await bedrock('GET', `/custom-models?isOwned=${sent}`),
        400,
        'ValidationException',
        new RegExp(`^isOwned must be true or false; you sent "${sent}"\\.$`),
      );
    for (const sent of ['true', 'False'])
      assert.equal((await bedrock('GET', `/custom-models?isOwned=${sent}`)).status, 200, sent);
    assertRestJson(await bedrock('GET', `${jobs}?sortOrder=Sideways`), 400, 'ValidationException', /enum value set/);
  });
  test('a path that is no operation, and a method that is none', async () => {
    assertRestJson(await bedrock('GET', '/no/such/path'), 404, 'UnknownOperationException', /No operation/);
    assertRestJson(await bedrock('PATCH', jobs), 404, 'UnknownOperationException', /PATCH/);
  });
  test('an operation that AWS has and this server does not is named', async () => {
    const message = /^GetGuardrail is not implemented by Likeness\.$/;
    assertRestJson(await bedrock('GET', '/guardrails/ours'), 404, 'UnknownOperationException', message);
  });
  test('a label that is not percent-encoded UTF-8', async () => {
    assertRestJson(await bedrock('GET', '/custom-models/%ff'), 400, 'ValidationException', /percent-encoded UTF-8/);
  });
});

describe('JSON 1.1', () => {
  function assertJson(answer: RawAnswer, code: string, message: RegExp): void {
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.headers['content-type'], 'application/x-amz-json-1.1');
    const body = JSON.parse(answer.body);
    assert.equal(body.__type, code, answer.body);
    assert.match(body.message, message);
  }
  const cases: [name: string, target: string, body: string, code: string, message: RegExp][] = [
    ['no JSON', 'TrentService.DescribeKey', '{', 'SerializationException', /JSON object/],
    ['an array', 'TrentService.DescribeKey', '[]', 'SerializationException', /JSON object/],
    ['a number for a blob', 'TrentService.Encrypt', '{"KeyId":"a","Plaintext":5}', 'SerializationException', /blob/],
    ['a wrong type', 'TrentService.DescribeKey', '{"KeyId": {}}', 'SerializationException', /'keyId'.*type string/],
    [
      'a blob that is no base64',
      'TrentService.Encrypt',
      '{"KeyId":"a","Plaintext":"%%"}',
      'SerializationException',
      /base64/,
    ],
    ['a missing member', 'TrentService.DescribeKey', '{}', 'ValidationException', /must not be null/],
    ['a value too long', 'TrentService.DescribeKey', `{"KeyId":"${'a'.repeat(2049)}"}`, 'ValidationException', /2048/],
    ['nesting without end', 'TrentService.DescribeKey', '['.repeat(500), 'SerializationException', /nest/],
    ['an operation of no service', 'TrentService.Nothing', '{}', 'UnknownOperationException', /X-Amz-Target/],
    [
      'an operation of another service',
      'DynamoDB_20120810.ListTables',
      '{}',
      'UnknownOperationException',
      /X-Amz-Target/,
    ],
    [
      'an operation not implemented',
      'TrentService.CreateCustomKeyStore',
      '{}',
      'UnknownOperationException',
      /^CreateCustomKeyStore is not implemented by Likeness\.$/,
    ],
  ];
  for (const [name, target, body, code, message] of cases)
    test(`${name}: ${code}`, async () => assertJson(await kms(target, body), code, message));

  test('a plaintext past 4096 bytes is refused without repeating it', async () => {
    const Plaintext = Buffer.alloc(4097, 'secret').toString('base64');
    const answer = await kms('TrentService.Encrypt', JSON.stringify({ KeyId: 'a', Plaintext }));
    assertJson(answer, 'ValidationException', /4096/);
    assert.ok(!answer.body.includes('c2Vj'));
  });
});

describe('Query', () => {
  const cases: [name: string, body: string, code: string, message: RegExp][] = [
    ['no action', IAM, 'InvalidAction', /NO_ACTION_SPECIFIED/],
    ['an action that is none', `Action=Nothing&${IAM}`, 'InvalidAction', /Nothing for version 2010-05-08/],
    ['an action of another version', 'Action=ListUsers&Version=2000-01-01', 'InvalidAction', /2000-01-01/],
    ['an action of another service', `Action=GetCallerIdentity&${IAM}`, 'InvalidAction', /GetCallerIdentity/],
    [
      'an action not implemented',
      `Action=CreateSAMLProvider&${IAM}`,
      'InvalidAction',
      /^CreateSAMLProvider is not implemented by Likeness\.$/,
    ],
    ['a missing parameter', `Action=CreateRole&${IAM}`, 'ValidationError', /must not be null/],
    ['a name out of pattern', `Action=GetRole&RoleName=a%20b&${IAM}`, 'ValidationError', /'a b'.*pattern/],
    ['a number that is none', `Action=ListUsers&MaxItems=many&${IAM}`, 'MalformedInput', /MaxItems must be a number/],
    [
      'a list without numbers',
      `Action=CreateRole&RoleName=r&Tags.member.x.Key=a&${IAM}`,
      'MalformedInput',
      /numbered from 1/,
    ],
    ['a structure where a text belongs', `Action=GetRole&RoleName.a.b=c&${IAM}`, 'MalformedInput', /RoleName/],
    ['a name with levels without end', `Action=GetRole&${'a.'.repeat(500)}b=c&${IAM}`, 'MalformedInput', /levels/],
  ];
  for (const [name, body, code, message] of cases)
    test(`${name}: ${code}`, async () => {
      const answer = await form('iam', body);
      assertXml(answer, 400, code, message);
      assert.match(answer.body, /<ErrorResponse xmlns="https:\/\/iam\.amazonaws\.com\/doc\/2010-05-08\/">/);
      assert.match(answer.body, /<Type>Sender<\/Type>/);
    });
  test('what a client sent is escaped where it is repeated', async () => {
    const answer = await form('iam', `Action=GetRole&RoleName=${encodeURIComponent('<b>&"')}&${IAM}`);
    assertXml(answer, 400, 'ValidationError', /&lt;b&gt;&amp;/);
  });
});

describe('S3', () => {
  const put = (target: string, body: string): Promise<RawAnswer> => ask({ method: 'PUT', target, body });

  test('XML that is none, of another shape, or nested without end: MalformedXML', async () => {
    for (const body of [
      '<Delete>',
      'hello',
      '<Delete><Object></Delete>',
      `${'<a>'.repeat(500)}`,
      '<!DOCTYPE x [<!ENTITY a "b">]>',
    ])
      assertXml(await ask({ method: 'POST', target: '/refusals?delete', body }), 400, 'MalformedXML');
    assertXml(await ask({ method: 'POST', target: '/refusals?delete', body: '<Delete/>' }), 400, 'MalformedXML');
  });
  test('entities are not expanded', async () => {
    const body =
      '<!DOCTYPE Delete [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>';
    const answer = await ask({ method: 'POST', target: '/refusals?delete', body });
    assert.ok(!answer.body.includes('root:'));
  });
  test('an operation not implemented is 501 by its name', async () => {
    const answer = await ask({ target: '/refusals?analytics&id=1' });
    assertXml(answer, 501, 'NotImplemented', /^GetBucketAnalyticsConfiguration is not implemented by Likeness\.$/);
  });
  test('a method that S3 does not have is 405', async () => {
    assertXml(await ask({ method: 'PATCH', target: '/refusals/key' }), 405, 'MethodNotAllowed');
  });
  test('an argument out of its set', async () => {
    assertXml(await ask({ target: '/refusals?list-type=2&max-keys=many' }), 400, 'InvalidArgument');
    assertXml(await ask({ target: '/refusals?list-type=2&encoding-type=rot13' }), 400, 'InvalidArgument');
  });
  test('a path that is not UTF-8', async () => {
    assertXml(await put('/refusals/%ff', 'x'), 400, 'InvalidURI');
  });
  test('HEAD refuses without a body', async () => {
    const answer = await ask({ method: 'HEAD', target: '/refusals/none' });
    assert.equal(answer.status, 404);
    assert.equal(answer.body, '');
    assert.ok(answer.headers['x-amz-request-id'] && answer.headers['x-amz-id-2']);
  });
  test('a length that is missing', async () => {
    const { headers } = signByHand({ method: 'PUT', target: '/refusals/key', credentials: ROOT, host });
    const bytes = requestBytes({
      ...signByHand({ credentials: ROOT, host }),
      method: 'PUT',
      target: '/refusals/key',
      headers,
    });
    const answer = await sendRaw(server.port, bytes);
    assert.ok(answer.status === 200 || answer.status === 411, answer.text);
  });
});

describe("S3's chunked uploads", () => {
  const STREAMING = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
  const UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

  function draft(payloadHash: string, sizeBytes: number, more: [string, string][] = [], key = 'chunked') {
    const headers: [string, string][] = [
      ['content-encoding', 'aws-chunked'],
      ['x-amz-decoded-content-length', String(sizeBytes)],
      ...more,
    ];
    return signByHand({
      method: 'PUT',
      target: `/refusals/${key}`,
      headers,
      credentials: ROOT,
      host,
      say: { payloadHash },
    });
  }
  function upload(signed: ReturnType<typeof draft>, body: Buffer): Promise<RawAnswer> {
    return send(server.port, {
      ...signed,
      body,
      headers: [...signed.headers, ['content-length', String(body.length)]],
    });
  }
  async function stored(key = 'chunked'): Promise<string> {
    return (await ask({ target: `/refusals/${key}` })).body;
  }
  const trailer: [string, string] = ['x-amz-trailer', 'x-amz-checksum-crc32'];
  const CRC32_OF_HELLO = 'NhCmhg==';

  test('signed chunks are taken apart', async () => {
    const signed = draft(STREAMING, 5);
    assert.equal((await upload(signed, chunkedBody(signed, ['he', 'llo']))).status, 200);
    assert.equal(await stored(), 'hello');
    const head = await ask({ method: 'HEAD', target: '/refusals/chunked' });
    assert.equal(head.headers['content-encoding'], undefined);
    assert.equal(head.headers['content-length'], '5');
  });
  test('a signed trailer, and each checksum in an unsigned one', async () => {
    const signed = draft(`${STREAMING}-TRAILER`, 5, [trailer]);
    const body = chunkedBody(signed, ['hello'], { trailer: ['x-amz-checksum-crc32', CRC32_OF_HELLO] });
    assert.equal((await upload(signed, body)).status, 200);
    for (const [algorithm, value] of [
      ['crc32', CRC32_OF_HELLO],
      ['crc32c', 'mnG7TA=='],
      ['crc64nvme', 'M3eFcAZSQlc='],
      ['sha1', 'qvTGHdzF6KLavt4PO0gs2a6pQ00='],
      ['sha256', 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='],
    ] as const) {
      const name = `x-amz-checksum-${algorithm}`;
      const unsigned = draft(UNSIGNED, 5, [['x-amz-trailer', name]], algorithm);
      const right = chunkedBody(unsigned, ['hello'], { unsigned: true, trailer: [name, value] });
      const answer = await upload(unsigned, right);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers[name], value);
      const wrong = chunkedBody(unsigned, ['hellO'], { unsigned: true, trailer: [name, value] });
      assertXml(await upload(unsigned, wrong), 400, 'BadDigest');
      const none = chunkedBody(unsigned, ['hello'], { unsigned: true, trailer: [name, 'A'] });
      assertXml(await upload(unsigned, none), 400, 'InvalidRequest', /trailing header is invalid/);
      assert.equal(await stored(algorithm), 'hello', 'the object is the one before');
    }
  });

  const refused: [name: string, send: () => Promise<RawAnswer>, status: number, code: string][] = [
    [
      'a chunk with another signature',
      () => {
        const signed = draft(STREAMING, 5, [], 'refused');
        return upload(signed, chunkedBody(signed, ['he', 'llo'], { spoil: index => index === 1 }));
      },
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'a last chunk with another signature',
      () => {
        const signed = draft(STREAMING, 5, [], 'refused');
        return upload(signed, chunkedBody(signed, ['hello'], { spoil: index => index === 1 }));
      },
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'a trailer with another signature',
      () => {
        const signed = draft(`${STREAMING}-TRAILER`, 5, [trailer], 'refused');
        const spoil = (index: number) => index === -1;
        return upload(
          signed,
          chunkedBody(signed, ['hello'], { trailer: ['x-amz-checksum-crc32', CRC32_OF_HELLO], spoil }),
        );
      },
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'chunks that lack their signatures',
      () => {
        const signed = draft(STREAMING, 5, [], 'refused');
        return upload(signed, chunkedBody(signed, ['hello'], { unsigned: true }));
      },
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'fewer bytes than declared',
      () => {
        const signed = draft(STREAMING, 6, [], 'refused');
        return upload(signed, chunkedBody(signed, ['hello']));
      },
      400,
      'IncompleteBody',
    ],
    [
      'more bytes than declared',
      () => {
        const signed = draft(STREAMING, 4, [], 'refused');
        return upload(signed, chunkedBody(signed, ['hello']));
      },
      400,
      'IncompleteBody',
    ],
    [
      'no chunks at all',
      () => {
        const signed = draft(UNSIGNED, 5, [], 'refused');
        return upload(signed, Buffer.from('hello'));
      },
      400,
      'IncompleteBody',
    ],
    [
      'a trailer that was promised and does not come',
      () => {
        const signed = draft(UNSIGNED, 5, [trailer], 'refused');
        return upload(signed, chunkedBody(signed, ['hello'], { unsigned: true }));
      },
      400,
      'MalformedTrailerError',
    ],
  ];
  for (const [name, act, status, code] of refused)
    test(`${name}: ${code}, and nothing is stored`, async () => {
      assertXml(await act(), status, code);
      assert.equal((await ask({ method: 'HEAD', target: '/refusals/refused' })).status, 404);
    });
});
