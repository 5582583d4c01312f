import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { root, startS3 } from './s3-server.ts';

/** What no SDK sends: every request here is signed by hand. */
const Bucket = 'requests';
let server: Awaited<ReturnType<typeof startS3>>;

before(async () => {
  server = await startS3();
  await server.client().send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  code: string | undefined;
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** @param path encoded as it goes over the wire; `query` with sorted names */
function send(
  method: string,
  path: string,
  {
    query = '',
    headers = {},
    body,
    region = 'us-east-1',
  }: {
    query?: string;
    headers?: Record<string, string>;
    body?: string | Buffer | undefined;
    region?: string;
  } = {},
): Promise<Answer> {
  const { host } = new URL(server.endpoint);
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`;
  const signed: Record<string, string> = {
    host,
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-amz-date': date,
  };
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith('x-amz-')) signed[name.toLowerCase()] = value;
  const names = Object.keys(signed).sort();
  const canonical = [
    method,
    path,
    query
      .split('&')
      .filter(Boolean)
      .map(pair => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    ...names.map(name => `${name}:${signed[name]}`),
    '',
    names.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  let key: string | Buffer = `AWS4${root.secretAccessKey}`;
  for (const part of scope.split('/')) key = hmac(key, part);
  const signature = hmac(key, toSign).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${root.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return new Promise((resolve, reject) => {
    const request = http.request(
      `${server.endpoint}${path}${query === '' ? '' : `?${query}`}`,
      { method, path: `${path}${query === '' ? '' : `?${query}`}`, headers: { ...headers, ...signed, authorization } },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text,
            code: /<Code>(\w+)<\/Code>/.exec(text)?.[1],
          });
        });
      },
    );
    request.on('error', reject);
    if (body !== undefined && headers['transfer-encoding'] === undefined)
      request.setHeader('content-length', Buffer.byteLength(body));
    request.end(body);
  });
}

async function refused(answer: Promise<Answer>, status: number, code: string): Promise<Answer> {
  const got = await answer;
  assert.deepEqual([got.status, got.code], [status, code], got.body);
  return got;
}

test('an error is XML with code, message, resource and the ids of the request', async () => {
  const { headers, body } = await refused(send('GET', `/${Bucket}/none`), 404, 'NoSuchKey');
  assert.equal(headers['content-type'], 'application/xml');
  for (const element of ['Message', 'Key', 'RequestId', 'HostId']) assert.match(body, new RegExp(`<${element}>[^<]+<`));
  assert.ok(headers['x-amz-request-id'] && headers['x-amz-id-2']);
  assert.equal(body.includes(`<RequestId>${headers['x-amz-request-id']}</RequestId>`), true);
});

test('an object as its headers say it', async () => {
  const put = await send('PUT', `/${Bucket}/plain`, { body: 'hello world', headers: { 'x-amz-meta-caption': 'Ron' } });
  assert.deepEqual([put.status, put.body], [200, '']);
  assert.equal(put.headers.etag, '"5eb63bbbe01eeed093cb22bb8f5acdc3"');
  assert.equal(put.headers['x-amz-checksum-crc64nvme'], 'jSnVw/bqjr4=');
  assert.equal(put.headers['x-amz-checksum-type'], 'FULL_OBJECT');
  const got = await send('GET', `/${Bucket}/plain`);
  assert.deepEqual([got.status, got.body], [200, 'hello world']);
  assert.equal(got.headers['content-length'], '11');
  assert.equal(got.headers['content-type'], 'binary/octet-stream');
  assert.equal(got.headers['accept-ranges'], 'bytes');
  assert.equal(got.headers['x-amz-meta-caption'], 'Ron');
  assert.match(got.headers['last-modified'] ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.equal(got.headers['x-amz-checksum-crc64nvme'], undefined);
  const head = await send('HEAD', `/${Bucket}/plain`, { headers: { 'x-amz-checksum-mode': 'ENABLED' } });
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '11']);
  assert.equal(head.headers['x-amz-checksum-crc64nvme'], 'jSnVw/bqjr4=');
});

test('a checksum is asked for in lower case as well, as the SDK for C++ does', async () => {
  const headers = { 'x-amz-checksum-mode': 'enabled' };
  for (const method of ['GET', 'HEAD']) {
    const answer = await send(method, `/${Bucket}/plain`, { headers });
    assert.deepEqual([answer.status, answer.headers['x-amz-checksum-crc64nvme']], [200, 'jSnVw/bqjr4='], method);
  }
  const other = { headers: { 'x-amz-checksum-mode': 'disabled' } };
  await refused(send('GET', `/${Bucket}/plain`, other), 400, 'InvalidArgument');
});

test('a list has times with milliseconds, as AWS writes them', async () => {
  const { body } = await send('GET', `/${Bucket}`, { query: 'list-type=2' });
  assert.match(body, /<LastModified>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z<\/LastModified>/);
  assert.match((await send('GET', '/')).body, /<CreationDate>[^<]+\.000Z</);
});

test('a 304 has no body and the ETag; a 416 names the size', async () => {
  const unchanged = await send('GET', `/${Bucket}/plain`, {
    headers: { 'if-none-match': '"5eb63bbbe01eeed093cb22bb8f5acdc3"' },
  });
  assert.deepEqual([unchanged.status, unchanged.body], [304, '']);
  assert.equal(unchanged.headers.etag, '"5eb63bbbe01eeed093cb22bb8f5acdc3"');
  const { headers, body } = await refused(
    send('GET', `/${Bucket}/plain`, { headers: { range: 'bytes=11-' } }),
    416,
    'InvalidRange',
  );
  assert.equal(headers['content-range'], 'bytes */11');
  assert.match(body, /<ActualObjectSize>11</);
});

test('a HEAD of what is not there has a status and no body', async () => {
  const { status, body } = await send('HEAD', `/${Bucket}/none`);
  assert.deepEqual([status, body], [404, '']);
});

test('a body without a length is MissingContentLength', async () => {
  await refused(
    send('PUT', `/${Bucket}/k`, { body: 'abc', headers: { 'transfer-encoding': 'chunked' } }),
    411,
    'MissingContentLength',
  );
});

test('more than 5 GiB in one piece is refused before its bytes', async () => {
  const sizeBytes = 5 * 1024 ** 3 + 1;
  const answer = send('PUT', `/${Bucket}/k`, {
    headers: { 'content-length': String(sizeBytes), expect: '100-continue' },
  });
  const { body } = await refused(answer, 400, 'EntityTooLarge');
  assert.match(body, /<MaxSizeAllowed>5368709120<.*/);
});

test('two checksums, one that is named and missing, one that nobody has', async () => {
  const put = (headers: Record<string, string>) => send('PUT', `/${Bucket}/k`, { body: 'abc', headers });
  await refused(put({ 'x-amz-checksum-crc32': 'NSRBwg==', 'x-amz-checksum-sha1': 'x' }), 400, 'InvalidRequest');
  await refused(put({ 'x-amz-sdk-checksum-algorithm': 'CRC32' }), 400, 'InvalidRequest');
  await refused(put({ 'x-amz-checksum-xxhash64': 'AAAAAAAAAAA=' }), 501, 'NotImplemented');
  assert.equal((await put({ 'x-amz-checksum-crc32': 'NSRBwg==' })).status, 200);
});

test('aws-chunked is the coding of the request and no property of the object', async () => {
  const put = await send('PUT', `/${Bucket}/coded`, {
    body: 'x',
    headers: { 'content-encoding': 'aws-chunked, gzip' },
  });
  assert.equal(put.status, 200);
  assert.equal((await send('HEAD', `/${Bucket}/coded`)).headers['content-encoding'], 'gzip');
});

test('DeleteObjects wants its keys protected', async () => {
  await refused(
    send('POST', `/${Bucket}`, { query: 'delete', body: '<Delete><Object><Key>k</Key></Object></Delete>' }),
    400,
    'InvalidRequest',
  );
});

test('a body of XML is checked against the digests beside it', async () => {
  const body = '<Delete><Object><Key>k</Key></Object></Delete>';
  const remove = (headers: Record<string, string>) => send('POST', `/${Bucket}`, { query: 'delete', body, headers });
  const wrong = createHash('md5').update('other').digest('base64');
  await refused(remove({ 'content-md5': wrong }), 400, 'BadDigest');
  await refused(remove({ 'content-md5': 'none' }), 400, 'InvalidDigest');
  await refused(remove({ 'x-amz-checksum-crc32': 'AAAAAA==' }), 400, 'BadDigest');
  assert.equal((await remove({ 'content-md5': createHash('md5').update(body).digest('base64') })).status, 200);
});

test('more XML than a request may have is MaxMessageLengthExceeded', async () => {
  const body = Buffer.alloc(9 * 1024 * 1024, ' ');
  const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
  await refused(send('POST', `/${Bucket}`, { query: 'delete', body, headers }), 400, 'MaxMessageLengthExceeded');
});

test('a body that is no XML is MalformedXML', async () => {
  const body = '<Delete><Object>';
  const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
  await refused(send('POST', `/${Bucket}`, { query: 'delete', body, headers }), 400, 'MalformedXML');
});

test('a method that nothing has is MethodNotAllowed, and what is posted to a bucket must be a form', async () => {
  await refused(send('PATCH', `/${Bucket}/k`), 405, 'MethodNotAllowed');
  const { body } = await refused(send('POST', `/${Bucket}`, { body: 'x' }), 412, 'PreconditionFailed');
  assert.match(body, /multipart\/form-data/);
});

test('a path that is no UTF-8 is InvalidURI', async () => {
  await refused(send('GET', `/${Bucket}/%ff`), 400, 'InvalidURI');
});

test('a bucket of another Region is named in header and body', async () => {
  const { headers, body } = await refused(
    send('GET', `/${Bucket}/plain`, { region: 'eu-west-1' }),
    301,
    'PermanentRedirect',
  );
  assert.equal(headers['x-amz-bucket-region'], 'us-east-1');
  assert.match(body, /<Region>us-east-1</);
  const head = await send('HEAD', `/${Bucket}`);
  assert.equal(head.headers['x-amz-bucket-region'], 'us-east-1');
  assert.equal(head.headers['content-type'], 'application/xml');
});

test('outside us-east-1 a bucket must say where', async () => {
  await refused(send('PUT', '/somewhere', { region: 'eu-west-1' }), 400, 'IllegalLocationConstraintException');
});

test('what a signed request overrides of the answer', async () => {
  const { headers } = await send('GET', `/${Bucket}/plain`, {
    query: 'response-cache-control=no-store&response-content-disposition=attachment&response-content-type=text%2Fx',
  });
  assert.deepEqual(
    [headers['cache-control'], headers['content-disposition'], headers['content-type']],
    ['no-store', 'attachment', 'text/x'],
  );
});

test('An object that a browser would run as a page gets an origin of its own, and a picture does not', async () => {
  const policyOf = async (key: string, query = '') =>
    String((await send('GET', `/${Bucket}/${key}`, { query })).headers['content-security-policy']);
  for (const [key, type] of Object.entries({ page: 'text/html', drawing: 'image/svg+xml', photo: 'image/png' })) {
    const { status } = await send('PUT', `/${Bucket}/${key}`, { headers: { 'content-type': type }, body: '<script>' });
    assert.equal(status, 200);
  }
  assert.match(await policyOf('page'), /^sandbox (?!.*allow-same-origin)/);
  assert.match(await policyOf('drawing'), /^sandbox /);
  assert.equal(await policyOf('photo'), 'undefined');
  assert.match(await policyOf('photo', 'response-content-type=text%2Fhtml'), /^sandbox /);
});

test('A document under another root than the one that is asked for changes nothing', async () => {
  const query = 'publicAccessBlock=';
  const block = (root: string) =>
    `<?xml version="1.0"?><!-- all --><${root}><BlockPublicPolicy>true</BlockPublicPolicy></${root}>`;
  const put = (body: string) => send('PUT', `/${Bucket}`, { query, body, headers: { 'content-md5': md5(body) } });
  assert.equal((await put(block('PublicAccessBlockConfiguration'))).status, 200);
  for (const other of ['Tagging', 'a']) await refused(put(block(other)), 400, 'MalformedXML');
  const { body } = await send('GET', `/${Bucket}`, { query });
  assert.match(body, /<BlockPublicPolicy>true</);
});

test('a list of no known type, and a date of the answer that is none', async () => {
  await refused(send('GET', `/${Bucket}`, { query: 'list-type=3' }), 400, 'InvalidArgument');
  await refused(send('GET', `/${Bucket}/plain`, { query: 'response-expires=soon' }), 400, 'InvalidArgument');
});

test('An Expires that is no date is kept and answered as it came', async () => {
  await send('PUT', `/${Bucket}/expiring`, { headers: { expires: 'when it rains' }, body: 'x' });
  for (const method of ['GET', 'HEAD'])
    assert.equal((await send(method, `/${Bucket}/expiring`)).headers.expires, 'when it rains');
});

function md5(text: string): string {
  return createHash('md5').update(text).digest('base64');
}
