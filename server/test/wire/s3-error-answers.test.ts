import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetBucketAclCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import type { HandRequest } from '../support/signing.ts';
import { assertXmlRefused, root, startS3 } from './s3-server.ts';

// The elements that clients read beside code and message, and refusals that an SDK keeps one from provoking.

const Bucket = 'errors';
let server: Awaited<ReturnType<typeof startS3>>;
let uploadId = '';
let owner = '';

before(async () => {
  server = await startS3();
  const s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new CreateBucketCommand({ Bucket: 'with-acls', ObjectOwnership: 'ObjectWriter' }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'hello' }));
  uploadId = (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }))).UploadId ?? '';
  owner = (await s3.send(new GetBucketAclCommand({ Bucket: 'with-acls' }))).Owner?.ID ?? '';
});
after(() => server.stop());

async function refused(
  request: Omit<HandRequest, 'host'>,
  status: number,
  code: string,
  ...elements: string[]
): Promise<string> {
  const answer = await server.ask(request);
  assertXmlRefused(answer, status, code, elements);
  // AWS: a path is said by no error.
  assert.ok(!answer.body.includes('<Resource>'), answer.body);
  return answer.body;
}

const header = (name: string, value: string): Pick<HandRequest, 'headers'> => ({ headers: [[name, value]] });

test('what is not there is named', async () => {
  await refused({ target: `/${Bucket}/none` }, 404, 'NoSuchKey', 'Key=none');
  await refused({ target: '/no-such-bucket/k' }, 404, 'NoSuchBucket', 'BucketName=no-such-bucket');
});

test('a tag that is none is told, and so is its value', async () => {
  const put = (key: string, value: string) => ({
    method: 'PUT',
    target: `/${Bucket}/k?tagging`,
    body: `<Tagging><TagSet><Tag><Key>${key}</Key><Value>${value}</Value></Tag></TagSet></Tagging>`,
  });
  await refused(put('a#', 'b'), 400, 'InvalidTag', 'TagKey=a#');
  await refused(put('a', 'b#'), 400, 'InvalidTag', 'TagKey=a', 'TagValue=b#');
});

test('a policy must be an object, whatever else is sent', async () => {
  const message = 'Message=Policies must be valid JSON and the first byte must be &apos;{&apos;';
  for (const body of ['', '[]', '"text"'])
    await refused({ method: 'PUT', target: `/${Bucket}?policy`, body }, 400, 'MalformedPolicy', message);
});

test('an ACL tells what is wrong with a grant', async () => {
  const put = (type: string, grantee: string, permission = 'READ') => ({
    method: 'PUT',
    target: '/with-acls?acl',
    body:
      `<AccessControlPolicy><Owner><ID>${owner}</ID></Owner><AccessControlList><Grant>` +
      `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="${type}">${grantee}</Grantee>` +
      `<Permission>${permission}</Permission></Grant></AccessControlList></AccessControlPolicy>`,
  });
  await refused(put('CanonicalUser', `<ID>${owner}</ID>`, 'ALL'), 400, 'MalformedACLError');
  const id = ['ArgumentName=CanonicalUser/ID', 'ArgumentValue=nobody'];
  await refused(put('CanonicalUser', '<ID>nobody</ID>'), 400, 'InvalidArgument', ...id);
  const uri = ['ArgumentName=Group/URI', 'ArgumentValue=urn:nobody'];
  await refused(put('Group', '<URI>urn:nobody</URI>'), 400, 'InvalidArgument', ...uri);
  const inHeader = { method: 'PUT', target: '/with-acls?acl', ...header('x-amz-grant-read', 'id="nobody"') };
  await refused(inHeader, 400, 'InvalidArgument', 'ArgumentName=id');
});

test('a part cannot be copied from behind its source', async () => {
  const copy = (range: string): Omit<HandRequest, 'host'> => ({
    method: 'PUT',
    target: `/${Bucket}/parts?partNumber=1&uploadId=${uploadId}`,
    headers: [
      ['x-amz-copy-source', `/${Bucket}/k`],
      ['x-amz-copy-source-range', range],
    ],
  });
  await refused(copy('bytes=5-6'), 400, 'InvalidRequest');
  await refused(copy('bytes=4-5'), 400, 'InvalidArgument', 'ArgumentName=x-amz-copy-source-range');
});

test('an upload does not end without parts, or with parts out of order', async () => {
  const request = { method: 'POST', target: `/${Bucket}/parts?uploadId=${uploadId}` };
  await refused(request, 400, 'InvalidRequest', 'Message=You must specify at least one part');
  await refused({ ...request, body: '<CompleteMultipartUpload/>' }, 400, 'MalformedXML');
  const part = (number: number) => `<Part><PartNumber>${number}</PartNumber><ETag>a</ETag></Part>`;
  const body = `<CompleteMultipartUpload>${part(2)}${part(1)}</CompleteMultipartUpload>`;
  await refused({ ...request, body }, 400, 'InvalidPartOrder', `UploadId=${uploadId}`);
});

test('headers for other kinds of buckets are refused as AWS does', async () => {
  const bypass = 'x-amz-bypass-governance-retention';
  const deletion = { method: 'DELETE', target: `/${Bucket}/k`, ...header(bypass, 'true') };
  await refused(deletion, 400, 'InvalidArgument', `ArgumentName=${bypass}`);
  const put = { method: 'PUT', target: `/${Bucket}/o`, body: 'x', ...header('x-amz-storage-class', 'OUTPOSTS') };
  await refused(put, 400, 'InvalidStorageClass', 'StorageClassRequested=OUTPOSTS');
});

test('a signature that does not match shows what was signed, and no secret', async () => {
  const key = Buffer.alloc(32, 'k').toString('base64');
  const credentials = await session();
  const body = await refused(
    {
      target: `/${Bucket}/k?a=b`,
      credentials,
      headers: [
        ['x-amz-server-side-encryption-customer-key', key],
        ['x-amz-meta-a', 'b'],
      ],
      say: { signature: '0'.repeat(64) },
    },
    403,
    'SignatureDoesNotMatch',
    `SignatureProvided=${'0'.repeat(64)}`,
  );
  const [, stringToSign = ''] = /<StringToSign>([^<]*)</.exec(body) ?? [];
  const [, bytes = ''] = /<StringToSignBytes>([^<]*)</.exec(body) ?? [];
  assert.match(stringToSign, /^AWS4-HMAC-SHA256\n\d{8}T\d{6}Z\n\d{8}\/us-east-1\/s3\/aws4_request\n[0-9a-f]{64}$/);
  assert.equal(Buffer.from(bytes.replaceAll(' ', ''), 'hex').toString(), stringToSign);
  assert.match(bytes, /^41 57 53 34 /);
  const [, canonical = ''] = /<CanonicalRequest>([^<]*)</.exec(body) ?? [];
  assert.match(canonical, /^GET\n\/errors\/k\na=b\nhost:.*\nx-amz-meta-a:b\n/s);
  assert.match(body, /<CanonicalRequestBytes>47 45 54 0a /);
  assert.match(canonical, /^x-amz-security-token:\*\*\*$/m);
  for (const secret of [credentials.sessionToken, key]) {
    assert.ok(!body.includes(secret));
    assert.ok(
      !body.includes(
        Buffer.from(secret)
          .toString('hex')
          .replace(/..(?=.)/g, '$& '),
      ),
    );
  }
});

async function session() {
  const sts = new STSClient({ endpoint: server.endpoint, region: 'us-east-1', credentials: root });
  const { Credentials } = await sts.send(new GetSessionTokenCommand({}));
  sts.destroy();
  return {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
}
