import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { startS3 } from './s3-server.ts';

const Bucket = 'listing';
const keys = ['asdf', 'boo/bar', 'boo/baz/xyzzy', 'cquux/bla', 'cquux/thud', 'ü b+', 'z(1)&<'];
let server: Awaited<ReturnType<typeof startS3>>;
let s3: ReturnType<typeof server.client>;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
});
after(() => server.stop());

const list = (input: Partial<ListObjectsV2CommandInput> = {}) =>
  s3.send(new ListObjectsV2Command({ Bucket, ...input }));
const entries = ({ Contents, CommonPrefixes }: Pick<ListObjectsV2CommandOutput, 'Contents' | 'CommonPrefixes'>) => [
  ...(Contents ?? []).map(({ Key }) => Key),
  ...(CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
];

test('all keys, in the order of their bytes, with what a list tells', async () => {
  const answer = await list();
  assert.deepEqual(entries(answer), ['asdf', 'boo/bar', 'boo/baz/xyzzy', 'cquux/bla', 'cquux/thud', 'z(1)&<', 'ü b+']);
  assert.deepEqual([answer.KeyCount, answer.IsTruncated, answer.MaxKeys, answer.Name], [7, false, 1000, Bucket]);
  const [first] = answer.Contents ?? [];
  assert.deepEqual(
    [first?.Size, first?.StorageClass, first?.ChecksumAlgorithm, first?.ChecksumType, first?.Owner],
    [4, 'STANDARD', ['CRC32'], 'FULL_OBJECT', undefined],
  );
  assert.match(first?.ETag ?? '', /^"[0-9a-f]{32}"$/);
  assert.equal(first?.LastModified?.getMilliseconds(), 0);
});

test('the owner only when asked for', async () => {
  assert.match((await list({ FetchOwner: true })).Contents?.[0]?.Owner?.ID ?? '', /^[0-9a-f]{64}$/);
});

test('a prefix, and a start behind a key', async () => {
  assert.deepEqual(entries(await list({ Prefix: 'boo/' })), ['boo/bar', 'boo/baz/xyzzy']);
  assert.deepEqual(entries(await list({ StartAfter: 'cquux/bla' })), ['cquux/thud', 'z(1)&<', 'ü b+']);
  assert.deepEqual(entries(await list({ Prefix: 'none' })), []);
});

for (const MaxKeys of [1, 2, 3])
  test(`common prefixes appear once, in pages of ${MaxKeys}`, async () => {
    const pages: (string | undefined)[][] = [];
    let token: string | undefined;
    do {
      const page: ListObjectsV2CommandOutput = await list({
        Delimiter: '/',
        MaxKeys,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      assert.equal(page.KeyCount, entries(page).length);
      assert.equal(page.IsTruncated, page.NextContinuationToken !== undefined);
      pages.push(entries(page));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    assert.ok(pages.every(page => page.length <= MaxKeys && page.length > 0));
    assert.deepEqual(pages.flat().sort(), ['asdf', 'boo/', 'cquux/', 'z(1)&<', 'ü b+'].sort());
  });

test('version 1 goes on from NextMarker with a delimiter, from the last key without', async () => {
  const first = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 2 }));
  assert.deepEqual([entries(first), first.NextMarker], [['asdf', 'boo/'], 'boo/']);
  const second = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 2, Marker: 'boo/' }));
  assert.deepEqual(entries(second).sort(), ['cquux/', 'z(1)&<']);
  const plain = await s3.send(new ListObjectsCommand({ Bucket, MaxKeys: 2 }));
  assert.deepEqual([entries(plain), plain.NextMarker, plain.IsTruncated], [['asdf', 'boo/bar'], undefined, true]);
});

test('no keys wanted are none given', async () => {
  const answer = await list({ MaxKeys: 0 });
  assert.deepEqual([answer.KeyCount, answer.IsTruncated, answer.Contents], [0, false, undefined]);
});

test('encoding-type=url encodes keys, prefixes and delimiters', async () => {
  const answer = await list({ EncodingType: 'url', Delimiter: ' ', Prefix: 'ü' });
  assert.deepEqual(
    [answer.CommonPrefixes, answer.Prefix, answer.Delimiter, answer.EncodingType],
    [[{ Prefix: '%C3%BC+' }], '%C3%BC', '+', 'url'],
  );
  assert.deepEqual(entries(await list({ EncodingType: 'url', Prefix: 'z' })), ['z%281%29%26%3C']);
});

test('buckets are listed in pages, by prefix and Region', async () => {
  for (const name of ['page-a', 'page-b', 'page-c']) await s3.send(new CreateBucketCommand({ Bucket: name }));
  await s3.send(
    new CreateBucketCommand({ Bucket: 'page-eu', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
  );
  const first = await s3.send(new ListBucketsCommand({ Prefix: 'page-', MaxBuckets: 2 }));
  assert.deepEqual(
    first.Buckets?.map(({ Name, BucketRegion }) => [Name, BucketRegion]),
    [
      ['page-a', 'us-east-1'],
      ['page-b', 'us-east-1'],
    ],
  );
  const rest = await s3.send(new ListBucketsCommand({ Prefix: 'page-', ContinuationToken: first.ContinuationToken }));
  assert.deepEqual(
    rest.Buckets?.map(({ Name }) => Name),
    ['page-c', 'page-eu'],
  );
  assert.equal(rest.ContinuationToken, undefined);
  const ofRegion = await s3.send(new ListBucketsCommand({ BucketRegion: 'eu-west-1' }));
  assert.deepEqual(
    ofRegion.Buckets?.map(({ Name }) => Name),
    ['page-eu'],
  );
});

test('uploads under way are listed by key and then by start, in pages', async () => {
  const ids: string[] = [];
  for (const Key of ['u/b', 'u/a', 'u/a', 'v'])
    ids.push((await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))).UploadId ?? '');
  const [b, a1, a2, v] = ids;
  const first = await s3.send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 2 }));
  assert.deepEqual(
    first.Uploads?.map(({ UploadId }) => UploadId),
    [a1, a2].sort(),
  );
  assert.deepEqual([first.IsTruncated, first.NextKeyMarker], [true, 'u/a']);
  const rest = await s3.send(
    new ListMultipartUploadsCommand({
      Bucket,
      KeyMarker: first.NextKeyMarker,
      UploadIdMarker: first.NextUploadIdMarker,
    }),
  );
  assert.deepEqual(
    rest.Uploads?.map(({ UploadId }) => UploadId),
    [b, v],
  );
  // AWS: the last page names its end as well.
  assert.deepEqual([rest.IsTruncated, rest.NextKeyMarker, rest.NextUploadIdMarker], [false, 'v', v]);
  const none = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'none/' }));
  assert.deepEqual([none.NextKeyMarker, none.NextUploadIdMarker], ['', '']);
  const folder = await s3.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', Prefix: 'u' }));
  assert.deepEqual([folder.NextKeyMarker, folder.NextUploadIdMarker], ['u/', '']);
  const grouped = await s3.send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/' }));
  assert.deepEqual([grouped.CommonPrefixes, grouped.Uploads?.map(({ Key }) => Key)], [[{ Prefix: 'u/' }], ['v']]);
});

test('keys that XML cannot hold are listed as in a URL though nobody asked, and the list says so', async () => {
  const [odd, Key] = ['listing-odd', 'a\u0001b\u001f'];
  await s3.send(new CreateBucketCommand({ Bucket: odd }));
  await s3.send(new PutObjectCommand({ Bucket: odd, Key, Body: '' }));
  await s3.send(new CreateMultipartUploadCommand({ Bucket: odd, Key }));
  const written = 'a%01b%1F';
  const [first, second, versions, uploads] = [
    await s3.send(new ListObjectsCommand({ Bucket: odd })),
    await list({ Bucket: odd }),
    await s3.send(new ListObjectVersionsCommand({ Bucket: odd })),
    await s3.send(new ListMultipartUploadsCommand({ Bucket: odd })),
  ];
  assert.deepEqual([first.EncodingType, first.Contents?.[0]?.Key], ['url', written]);
  assert.deepEqual([second.EncodingType, second.Contents?.[0]?.Key], ['url', written]);
  assert.deepEqual([versions.EncodingType, versions.Versions?.[0]?.Key], ['url', written]);
  assert.deepEqual([uploads.EncodingType, uploads.Uploads?.[0]?.Key], ['url', written]);
  assert.equal((await list()).EncodingType, undefined);
});
