import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetBucketTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
  type Tag,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { assertRefused, assertXmlRefused, startS3 } from './s3-server.ts';

const Bucket = 'tagged';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

const put = (Key: string, Tagging?: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging }));
const tag = (Key: string, TagSet: Tag[]) => s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet } }));
const tagsOf = async (Key: string, VersionId?: string) =>
  (await s3.send(new GetObjectTaggingCommand({ Bucket, Key, VersionId }))).TagSet;

test('an object is tagged with its header, counted, tagged anew and untagged', async () => {
  await put('k', 'team=red%20one&empty');
  assert.deepEqual(await tagsOf('k'), [
    { Key: 'empty', Value: '' },
    { Key: 'team', Value: 'red one' },
  ]);
  assert.equal((await s3.send(new GetObjectCommand({ Bucket, Key: 'k' }))).TagCount, 2);
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).TagCount, 2);
  await put('k', '&a=1&&&b=2&');
  assert.deepEqual(await tagsOf('k'), [
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: '2' },
  ]);
  await tag('k', [{ Key: 'é:/=+-@._ ', Value: 'ü' }]);
  assert.deepEqual(await tagsOf('k'), [{ Key: 'é:/=+-@._ ', Value: 'ü' }]);
  const { $metadata } = await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: 'k' }));
  assert.equal($metadata.httpStatusCode, 204);
  assert.deepEqual(await tagsOf('k'), []);
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).TagCount, undefined);
});

test('tags beyond the limits are refused, and the last that were set stay', async () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => ({ Key: `k${index}`, Value: 'v' }));
  await put('limits');
  await tag('limits', many(10));
  await assertRefused(tag('limits', many(11)), 400, 'BadRequest', /greater than 10; you sent 11/);
  await assertRefused(tag('limits', [{ Key: 'x'.repeat(129), Value: '' }]), 400, 'InvalidTag', /TagKey/);
  await assertRefused(tag('limits', [{ Key: 'x', Value: 'v'.repeat(257) }]), 400, 'InvalidTag', /TagValue/);
  await assertRefused(tag('limits', [{ Key: 'a#b', Value: '' }]), 400, 'InvalidTag', /TagKey/);
  await assertRefused(tag('limits', [{ Key: 'aws:x', Value: '' }]), 400, 'InvalidTag', /System tags/);
  await assertRefused(
    tag('limits', [
      { Key: 'twice', Value: '1' },
      { Key: 'twice', Value: '2' },
    ]),
    400,
    'InvalidTag',
    /same key/,
  );
  assert.equal((await tagsOf('limits'))?.length, 10);
  await tag('limits', [{ Key: 'x'.repeat(128), Value: 'v'.repeat(256) }]);
  await assertRefused(put('limits', 'a=1&a=2'), 400, 'InvalidArgument', /x-amz-tagging/);
  await assertRefused(put('limits', 'a=%zz'), 400, 'InvalidArgument', /x-amz-tagging/);
  await assertRefused(tag('absent', []), 404, 'NoSuchKey');
});

test('a copy has the tags of its source, or those it is told to have', async () => {
  await put('source', 'a=1');
  const copy = (Key: string, more: object) =>
    s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/source`, ...more }));
  await copy('same', {});
  assert.deepEqual(await tagsOf('same'), [{ Key: 'a', Value: '1' }]);
  await copy('other', { TaggingDirective: 'REPLACE', Tagging: 'b=2' });
  assert.deepEqual(await tagsOf('other'), [{ Key: 'b', Value: '2' }]);
  await copy('none', { TaggingDirective: 'REPLACE' });
  assert.deepEqual(await tagsOf('none'), []);
});

test('an upload in parts brings its tags from its start', async () => {
  const Key = 'parts';
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, Tagging: 'a=1' }));
  const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
  const MultipartUpload = { Parts: [{ ETag, PartNumber: 1 }] };
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }));
  assert.deepEqual(await tagsOf(Key), [{ Key: 'a', Value: '1' }]);
});

test('each version has tags of its own', async () => {
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const { VersionId: first } = await put('versions', 'v=1');
  const { VersionId: second } = await put('versions', 'v=2');
  const answer = await tag('versions', [{ Key: 'v', Value: 'two' }]);
  assert.equal(answer.VersionId, second);
  assert.deepEqual(await tagsOf('versions', first), [{ Key: 'v', Value: '1' }]);
  assert.deepEqual(await tagsOf('versions'), [{ Key: 'v', Value: 'two' }]);
});

test('a policy may look at the tags that an object has and that a request brings', async () => {
  await put('open', 'security=public');
  await put('closed', 'security=private');
  const Resource = `arn:aws:s3:::${Bucket}/*`;
  const statement = (Action: string | string[], key: string) => ({
    ...{ Effect: 'Allow', Action, Resource },
    Condition: { StringEquals: { [key]: 'public' } },
  });
  const user = server.client(
    await server.user('reader', [
      statement('s3:GetObject', 's3:ExistingObjectTag/security'),
      statement(['s3:PutObject', 's3:PutObjectTagging'], 's3:RequestObjectTag/security'),
    ]),
  );
  await user.send(new GetObjectCommand({ Bucket, Key: 'open' }));
  await assertRefused(user.send(new GetObjectCommand({ Bucket, Key: 'closed' })), 403, 'AccessDenied');
  const write = (Tagging?: string) => user.send(new PutObjectCommand({ Bucket, Key: 'new', Body: '', Tagging }));
  await write('security=public');
  await assertRefused(write('security=private'), 403, 'AccessDenied');
  await assertRefused(write(), 403, 'AccessDenied');
});

test('a bucket has tags, or says that it has none', async () => {
  const tags = () => s3.send(new GetBucketTaggingCommand({ Bucket }));
  await assertRefused(tags(), 404, 'NoSuchTagSet');
  const TagSet = [{ Key: 'team', Value: 'red' }];
  const answer = await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  assert.equal(answer.$metadata.httpStatusCode, 204);
  assert.deepEqual((await tags()).TagSet, TagSet);
  await s3.send(new DeleteBucketTaggingCommand({ Bucket }));
  await assertRefused(tags(), 404, 'NoSuchTagSet');
  await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [] } }));
  await assertRefused(tags(), 404, 'NoSuchTagSet');
  const made = { Bucket: 'tagged-from-the-start', CreateBucketConfiguration: { Tags: TagSet } };
  await s3.send(new CreateBucketCommand(made));
  assert.deepEqual((await s3.send(new GetBucketTaggingCommand({ Bucket: made.Bucket }))).TagSet, TagSet);
});

test('the tags of a key that a delete marker hides are those of no object', async () => {
  const hidden = 'hidden-tags';
  await s3.send(new CreateBucketCommand({ Bucket: hidden }));
  const VersioningConfiguration = { Status: 'Enabled' as const };
  await s3.send(new PutBucketVersioningCommand({ Bucket: hidden, VersioningConfiguration }));
  await s3.send(new PutObjectCommand({ Bucket: hidden, Key: 'k', Body: 'x' }));
  await s3.send(new DeleteObjectCommand({ Bucket: hidden, Key: 'k' }));
  const body = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
  for (const [method, more] of [['GET'], ['PUT', { body }], ['DELETE']] as const) {
    const answer = await server.ask({ method, target: `/${hidden}/k?tagging`, ...more });
    assertXmlRefused(answer, 405, 'MethodNotAllowed', [`Method=${method}`, 'ResourceType=DeleteMarker']);
    assert.equal(answer.headers['x-amz-delete-marker'], 'true');
  }
});
