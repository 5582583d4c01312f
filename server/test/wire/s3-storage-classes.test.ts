import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  InvalidObjectState,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  RestoreObjectCommand,
  type S3Client,
  type StorageClass,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { presignByHand } from '../support/signing.ts';
import { assertRefused, assertXmlRefused, root, startS3 } from './s3-server.ts';

const Bucket = 'classes';
const KEPT = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
] as const satisfies StorageClass[];
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

const put = (Key: string, StorageClass?: StorageClass, bucket = Bucket) =>
  s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x', ...(StorageClass && { StorageClass }) }));
const head = async (Key: string) => (await s3.send(new HeadObjectCommand({ Bucket, Key }))).StorageClass;
/** As a list shows it. */
const listed = async (Prefix: string) =>
  (await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents?.map(row => row.StorageClass);

describe('a storage class', () => {
  for (const name of KEPT)
    test(`${name} is told wherever the object is read, described or listed`, async () => {
      const Key = `told/${name}`;
      await put(Key, name);
      const read = name === 'STANDARD' ? undefined : name;
      assert.equal((await s3.send(new GetObjectCommand({ Bucket, Key }))).StorageClass, read);
      assert.equal(await head(Key), read);
      const described = await s3.send(
        new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['StorageClass'] }),
      );
      assert.equal(described.StorageClass, name);
      assert.deepEqual(await listed(Key), [name]);
      const { Contents } = await s3.send(new ListObjectsCommand({ Bucket, Prefix: Key }));
      assert.equal(Contents?.[0]?.StorageClass, name);
      const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }));
      assert.equal(Versions?.[0]?.StorageClass, name);
    });

  test('that nobody names is STANDARD', async () => {
    await put('unnamed');
    assert.deepEqual([await head('unnamed'), await listed('unnamed')], [undefined, ['STANDARD']]);
  });

  test('is that of each version for itself', async () => {
    const versioned = 'classes-of-versions';
    await s3.send(new CreateBucketCommand({ Bucket: versioned }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await s3.send(new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration }));
    const { VersionId } = await put('k', 'GLACIER_IR', versioned);
    await put('k', 'STANDARD_IA', versioned);
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket: versioned }));
    assert.deepEqual(
      Versions?.map(row => row.StorageClass),
      ['STANDARD_IA', 'GLACIER_IR'],
    );
    const older = await s3.send(new HeadObjectCommand({ Bucket: versioned, Key: 'k', VersionId }));
    assert.equal(older.StorageClass, 'GLACIER_IR');
  });

  test('of an upload in parts is told while it goes on, and is the object’s then', async () => {
    const Key = 'in parts';
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, StorageClass: 'ONEZONE_IA' }));
    const upload = { Bucket, Key, UploadId };
    const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' }));
    assert.equal((await s3.send(new ListPartsCommand(upload))).StorageClass, 'ONEZONE_IA');
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    assert.deepEqual(
      Uploads?.map(row => row.StorageClass),
      ['ONEZONE_IA'],
    );
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload }));
    assert.equal(await head(Key), 'ONEZONE_IA');
  });

  test('of a copy is the one that the copy names, and STANDARD where it names none', async () => {
    await put('source', 'STANDARD_IA');
    const copy = { Bucket, CopySource: `${Bucket}/source` };
    await s3.send(new CopyObjectCommand({ ...copy, Key: 'plain copy' }));
    assert.equal(await head('plain copy'), undefined);
    await s3.send(new CopyObjectCommand({ ...copy, Key: 'other copy', StorageClass: 'GLACIER_IR' }));
    assert.equal(await head('other copy'), 'GLACIER_IR');
    assert.equal(await head('source'), 'STANDARD_IA');
  });

  test('is all that a copy onto itself needs to change, and to STANDARD without a word', async () => {
    await put('self');
    const copy = { Bucket, Key: 'self', CopySource: `${Bucket}/self` };
    await s3.send(new CopyObjectCommand({ ...copy, StorageClass: 'INTELLIGENT_TIERING' }));
    assert.equal(await head('self'), 'INTELLIGENT_TIERING');
    await s3.send(new CopyObjectCommand(copy));
    assert.equal(await head('self'), undefined);
    await assertRefused(s3.send(new CopyObjectCommand(copy)), 400, 'InvalidRequest', /itself/);
  });

  test('in the query of a presigned address counts as in a header', async () => {
    const { host } = new URL(server.endpoint);
    const signed = (storageClass: string) => {
      const target = `/${Bucket}/presigned?x-amz-storage-class=${storageClass}`;
      return server.endpoint + presignByHand({ method: 'PUT', host, target, credentials: root });
    };
    assert.equal((await fetch(signed('REDUCED_REDUNDANCY'), { method: 'PUT', body: 'x' })).status, 200);
    assert.equal(await head('presigned'), 'REDUCED_REDUNDANCY');
    assert.equal((await fetch(signed('GLACIER'), { method: 'PUT', body: 'x' })).status, 400);
  });
});

describe('a storage class that is not kept', () => {
  const elsewhere: [string, RegExp][] = [
    ['GLACIER', /GLACIER\. Its objects are restored before they are read/],
    ['DEEP_ARCHIVE', /DEEP_ARCHIVE\. Its objects are restored before they are read/],
    ['OUTPOSTS', /OUTPOSTS\. It is that of hardware/],
    ['SNOW', /SNOW\. It is that of hardware/],
    ['EXPRESS_ONEZONE', /EXPRESS_ONEZONE\. It is that of directory buckets/],
    ['FSX_OPENZFS', /FSX_OPENZFS\. It is that of a file system/],
    ['FSX_ONTAP', /FSX_ONTAP\. It is that of a file system/],
    ['COLD', /./],
  ];
  for (const [name, why] of elsewhere)
    test(`is refused by name, with those that are: ${name}`, async () => {
      const StorageClass = name as StorageClass;
      const writes = [
        () => put('refused', StorageClass),
        () => s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'refused', StorageClass })),
      ];
      for (const write of writes) {
        await assertRefused(write(), 400, 'InvalidStorageClass', why);
        await assertRefused(write(), 400, 'InvalidStorageClass', /STANDARD, REDUCED_REDUNDANCY, STANDARD_IA/);
      }
      await put('refused copy');
      const copy = { Bucket, Key: 'refused copy', CopySource: `${Bucket}/refused copy`, StorageClass };
      await assertRefused(s3.send(new CopyObjectCommand(copy)), 400, 'InvalidStorageClass');
      assert.equal(await listed('refused').then(rows => rows?.length), 1);
    });
});

describe('a policy', () => {
  test('that allows one storage class alone lets no other be written', async () => {
    const condition = { StringEquals: { 's3:x-amz-storage-class': 'STANDARD_IA' } };
    const credentials = await server.user('frugal', [
      { Effect: 'Allow', Action: 's3:PutObject', Resource: '*', Condition: condition },
    ]);
    const frugal = server.client(credentials);
    const write = (StorageClass?: StorageClass) =>
      frugal.send(new PutObjectCommand({ Bucket, Key: 'frugal', Body: 'x', ...(StorageClass && { StorageClass }) }));
    await assertRefused(write('GLACIER_IR'), 403, 'AccessDenied');
    await assertRefused(write(), 403, 'AccessDenied');
    await write('STANDARD_IA');
    assert.equal(await head('frugal'), 'STANDARD_IA');
  });
});

describe('RestoreObject', () => {
  test('says of every object that it is read at once', async () => {
    await put('restore', 'GLACIER_IR');
    const restore = (Key: string, RestoreRequest = {}) =>
      s3.send(new RestoreObjectCommand({ Bucket, Key, RestoreRequest }));
    await assert.rejects(restore('restore', { Days: 1 }), (error: unknown) => {
      assert.ok(error instanceof InvalidObjectState);
      assert.deepEqual([error.$metadata.httpStatusCode, error.StorageClass], [403, 'GLACIER_IR']);
      return true;
    });
    await assertRefused(restore('absent'), 404, 'NoSuchKey');
    const answer = await server.ask({ method: 'POST', target: `/${Bucket}/restore?restore` });
    assertXmlRefused(answer, 403, 'InvalidObjectState', ['StorageClass=GLACIER_IR']);
    await put('tiered', 'INTELLIGENT_TIERING');
    await assertRefused(restore('tiered', { Days: 1 }), 400, 'InvalidArgument', /Do not specify Days/);
    await assertRefused(restore('tiered'), 403, 'InvalidObjectState', /INTELLIGENT_TIERING/);
  });
});
