import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { assertRefused, startS3, textOf } from './s3-server.ts';

let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;
let buckets = 0;

before(async () => {
  server = await startS3();
  s3 = server.client();
});
after(() => server.stop());

const setVersioning = (Bucket: string, Status: 'Enabled' | 'Suspended') =>
  s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));

async function versionedBucket(): Promise<string> {
  buckets += 1;
  const Bucket = `versioned-${buckets}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  await setVersioning(Bucket, 'Enabled');
  return Bucket;
}

async function put(Bucket: string, Key: string, Body: string): Promise<string> {
  return (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId ?? '';
}

const get = async (Bucket: string, Key: string, VersionId?: string) =>
  textOf(await s3.send(new GetObjectCommand({ Bucket, Key, VersionId })));

/** `key version latest?` of each version and marker. */
async function listed(Bucket: string, options: object = {}) {
  const page = await s3.send(new ListObjectVersionsCommand({ Bucket, ...options }));
  return {
    page,
    versions: (page.Versions ?? []).map(row => [row.Key, row.VersionId, row.IsLatest]),
    markers: (page.DeleteMarkers ?? []).map(row => [row.Key, row.VersionId, row.IsLatest]),
  };
}

async function empty(Bucket: string, pageSize: number): Promise<void> {
  let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: pageSize, ...marker }));
    const Objects = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
      Key: Key ?? '',
      VersionId,
    }));
    if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    if (!page.IsTruncated) return;
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
}

test('a bucket keeps no versions until it is told to, and says so', async () => {
  const Bucket = 'never-versioned';
  await s3.send(new CreateBucketCommand({ Bucket }));
  const status = async () => (await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status;
  assert.equal(await status(), undefined);
  const written = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '1' }));
  assert.equal(written.VersionId, undefined);
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).VersionId, undefined);
  assert.deepEqual((await listed(Bucket)).versions, [['k', 'null', true]]);
  assert.equal((await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))).DeleteMarker, undefined);
  assert.deepEqual((await listed(Bucket)).versions, []);
  await setVersioning(Bucket, 'Enabled');
  assert.equal(await status(), 'Enabled');
  await setVersioning(Bucket, 'Suspended');
  assert.equal(await status(), 'Suspended');
  await assertRefused(
    s3.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled', MFADelete: 'Enabled' } }),
    ),
    501,
    'NotImplemented',
    /MfaDelete/,
  );
  await assertRefused(
    s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: {} })),
    400,
    'IllegalVersioningConfigurationException',
  );
});

test('every write is a version that stays readable by its id', async () => {
  const Bucket = await versionedBucket();
  const [first, second] = [await put(Bucket, 'k', 'one'), await put(Bucket, 'k', 'two')];
  assert.notEqual(first, second);
  assert.deepEqual([await get(Bucket, 'k'), await get(Bucket, 'k', first)], ['two', 'one']);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId: first }));
  assert.deepEqual([head.VersionId, head.ContentLength], [first, 3]);
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).VersionId, second);
  assert.deepEqual((await listed(Bucket)).versions, [
    ['k', second, true],
    ['k', first, false],
  ]);
  const copy = await s3.send(new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/k?versionId=${first}` }));
  assert.equal(copy.CopySourceVersionId, first);
  assert.equal(await get(Bucket, 'k', copy.VersionId), 'one');
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: copy.VersionId }));
  assert.equal(await get(Bucket, 'k'), 'two');
});

test('a delete marker hides its key, is no object, and gives it back when it goes', async () => {
  const Bucket = await versionedBucket();
  const version = await put(Bucket, 'k', 'one');
  const { VersionId: marker, DeleteMarker } = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  assert.equal(DeleteMarker, true);
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: 'k' })), (error: { $response?: unknown }) => {
    const { headers } = error.$response as { headers: Record<string, string> };
    assert.deepEqual([headers['x-amz-delete-marker'], headers['x-amz-version-id']], ['true', marker]);
    return true;
  });
  await assertRefused(s3.send(new GetObjectCommand({ Bucket, Key: 'k' })), 404, 'NoSuchKey');
  await assertRefused(s3.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId: marker })), 405, 'MethodNotAllowed');
  const copy = { Bucket, Key: 'copy', CopySource: `${Bucket}/k?versionId=${marker}` };
  await assertRefused(s3.send(new CopyObjectCommand(copy)), 400, 'InvalidRequest', /delete marker/);
  await assert.rejects(
    s3.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId: marker })),
    (error: { $metadata?: { httpStatusCode?: number } }) => error.$metadata?.httpStatusCode === 405,
  );
  assert.equal((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
  const { versions, markers } = await listed(Bucket);
  assert.deepEqual([versions, markers], [[['k', version, false]], [['k', marker, true]]]);
  const again = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'never there' }));
  assert.equal(again.DeleteMarker, true);
  const gone = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: marker }));
  assert.deepEqual([gone.DeleteMarker, gone.VersionId], [true, marker]);
  assert.equal(await get(Bucket, 'k'), 'one');
});

test('a bucket with versions under a marker is not empty', async () => {
  const Bucket = await versionedBucket();
  await put(Bucket, 'k', 'one');
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  await assertRefused(s3.send(new DeleteBucketCommand({ Bucket })), 409, 'BucketNotEmpty', /all versions/);
  await empty(Bucket, 1000);
  await s3.send(new DeleteBucketCommand({ Bucket }));
});

test('suspended versioning writes and deletes the null version and leaves the others', async () => {
  const Bucket = 'suspended';
  await s3.send(new CreateBucketCommand({ Bucket }));
  await put(Bucket, 'k', 'before');
  await setVersioning(Bucket, 'Enabled');
  const version = await put(Bucket, 'k', 'kept');
  assert.equal(await get(Bucket, 'k', 'null'), 'before');
  await setVersioning(Bucket, 'Suspended');
  assert.equal((await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'after' }))).VersionId, undefined);
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).VersionId, 'null');
  assert.deepEqual((await listed(Bucket)).versions, [
    ['k', 'null', true],
    ['k', version, false],
  ]);
  assert.equal(await get(Bucket, 'k'), 'after');
  const deleted = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  assert.deepEqual([deleted.DeleteMarker, deleted.VersionId], [true, 'null']);
  const { versions, markers } = await listed(Bucket);
  assert.deepEqual([versions, markers], [[['k', version, false]], [['k', 'null', true]]]);
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: 'null' }));
  assert.equal(await get(Bucket, 'k'), 'kept');
});

test('a list of deletions answers for each version and marker', async () => {
  const Bucket = await versionedBucket();
  const version = await put(Bucket, 'a', 'one');
  const marked = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a' }] } }));
  const [made] = marked.Deleted ?? [];
  assert.deepEqual([made?.Key, made?.VersionId, made?.DeleteMarker], ['a', undefined, true]);
  const marker = made?.DeleteMarkerVersionId;
  const answer = await s3.send(
    new DeleteObjectsCommand({
      Bucket,
      Delete: {
        Objects: [
          { Key: 'a', VersionId: version },
          { Key: 'a', VersionId: marker },
          { Key: 'a', VersionId: 'no version' },
        ],
      },
    }),
  );
  assert.deepEqual(answer.Deleted, [
    { Key: 'a', VersionId: version },
    { Key: 'a', VersionId: marker, DeleteMarker: true, DeleteMarkerVersionId: marker },
  ]);
  assert.deepEqual(
    answer.Errors?.map(({ Code, VersionId }) => [Code, VersionId]),
    [['NoSuchVersion', 'no version']],
  );
  assert.deepEqual((await listed(Bucket)).versions, []);
});

test('versions are listed in pages by key and version, with prefix and delimiter', async () => {
  const Bucket = await versionedBucket();
  const expected: [string, string][] = [];
  for (const key of ['a/1', 'b', 'c d']) {
    const ids: [string, string][] = [];
    for (const body of ['1', '2', '3']) ids.unshift([key, await put(Bucket, key, body)]);
    expected.push(...ids);
  }
  const seen: [string | undefined, string | undefined][] = [];
  let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const { page, versions } = await listed(Bucket, { MaxKeys: 2, ...marker });
    seen.push(...versions.map(([key, id]): [string, string] => [key as string, id as string]));
    if (!page.IsTruncated) break;
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
  assert.deepEqual(seen, expected);
  const rolled = await listed(Bucket, { Delimiter: '/' });
  assert.deepEqual(rolled.page.CommonPrefixes, [{ Prefix: 'a/' }]);
  assert.equal(rolled.versions.length, 6);
  const { page } = await listed(Bucket, { Delimiter: '/', MaxKeys: 1 });
  assert.deepEqual([page.NextKeyMarker, page.NextVersionIdMarker], ['a/', undefined]);
  const after = await listed(Bucket, { KeyMarker: 'b', EncodingType: 'url' });
  assert.deepEqual([after.versions.length, after.versions[0]?.[0]], [3, 'c+d']);
  assert.equal((await listed(Bucket, { Prefix: 'b' })).versions.length, 3);
  await assertRefused(listed(Bucket, { VersionIdMarker: 'null' }), 400, 'InvalidArgument', /without a key marker/);
  await assertRefused(listed(Bucket, { KeyMarker: 'a', VersionIdMarker: 'x' }), 400, 'InvalidArgument', /version id/);
});

test('a list mixes versions and delete markers in their order, which clients read off the document', async () => {
  const Bucket = await versionedBucket();
  for (const Key of ['a', 'b']) {
    await put(Bucket, Key, '1');
    await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    await put(Bucket, Key, '<Version>2</Version>');
  }
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'b' }));
  const { body } = await server.ask({ target: `/${Bucket}?versions` });
  const elements = [...body.matchAll(/<(Version|DeleteMarker)>.*?<Key>(.)<\/Key>/g)].map(
    ([, name, key]) => `${key} ${name}`,
  );
  assert.deepEqual(elements, [
    ...['a Version', 'a DeleteMarker', 'a Version'],
    ...['b DeleteMarker', 'b Version', 'b DeleteMarker', 'b Version'],
  ]);
  const { page } = await listed(Bucket);
  assert.deepEqual([page.Versions?.length, page.DeleteMarkers?.length, page.IsTruncated], [4, 3, false]);
});

test('a bucket is emptied page by page, though each page deletes the place where the next begins', async () => {
  const Bucket = await versionedBucket();
  for (const key of ['a', 'b']) for (const body of ['1', '2', '3', '4']) await put(Bucket, key, body);
  await setVersioning(Bucket, 'Suspended');
  await put(Bucket, 'a', 'null version');
  await empty(Bucket, 1);
  await s3.send(new DeleteBucketCommand({ Bucket }));
});

test('a version that is not there differs from what can be no id', async () => {
  const Bucket = await versionedBucket();
  const version = await put(Bucket, 'k', 'one');
  const absent = `${version.slice(0, -1)}${version.endsWith('0') ? '1' : '0'}`;
  await assertRefused(get(Bucket, 'k', absent), 404, 'NoSuchVersion');
  for (const VersionId of ['short', `${version.slice(0, -1)}G`, 'Ab3.dEF_hij-lmnopqrstuvwxyz01234']) {
    await assertRefused(get(Bucket, 'k', VersionId), 400, 'InvalidArgument', /Invalid version id specified/);
    const head = await server.ask({ method: 'HEAD', target: `/${Bucket}/k?versionId=${VersionId}` });
    assert.equal(head.status, 400);
    const deletion = s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId }));
    await assertRefused(deletion, 400, 'InvalidArgument', /Invalid version id specified/);
    const list = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k', VersionId }] } }));
    assert.deepEqual([list.Deleted ?? [], list.Errors?.[0]?.Code], [[], 'NoSuchVersion']);
  }
  const deleted = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: absent }));
  assert.deepEqual([deleted.VersionId, deleted.DeleteMarker], [absent, undefined]);
});

test('an answer about an ACL names the version in its header', async () => {
  const Bucket = await versionedBucket();
  const first = await put(Bucket, 'k', 'one');
  const latest = await put(Bucket, 'k', 'two');
  for (const [query, version] of [
    ['acl', latest],
    [`acl&versionId=${first}`, first],
  ] as const) {
    const shown = await server.ask({ target: `/${Bucket}/k?${query}` });
    assert.deepEqual([shown.status, shown.headers['x-amz-version-id']], [200, version]);
    const set = await server.ask({ method: 'PUT', target: `/${Bucket}/k?${query}`, body: shown.body });
    assert.deepEqual([set.status, set.headers['x-amz-version-id']], [200, version], set.body);
  }
  await s3.send(new CreateBucketCommand({ Bucket: 'acl-unversioned' }));
  await put('acl-unversioned', 'k', 'one');
  const { status, headers } = await server.ask({ target: '/acl-unversioned/k?acl' });
  assert.deepEqual([status, headers['x-amz-version-id']], [200, undefined]);
});

test('reading and deleting a version are permissions of their own', async () => {
  const Bucket = await versionedBucket();
  const version = await put(Bucket, 'k', 'one');
  const resource = `arn:aws:s3:::${Bucket}/*`;
  const plain = server.client(
    await server.user('plain', [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:DeleteObject'], Resource: resource }]),
  );
  await plain.send(new GetObjectCommand({ Bucket, Key: 'k' }));
  await assertRefused(plain.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId: version })), 403, 'AccessDenied');
  await assertRefused(
    plain.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: version })),
    403,
    'AccessDenied',
  );
  const { Errors } = await plain.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k', VersionId: version }] } }),
  );
  assert.equal(Errors?.[0]?.Code, 'AccessDenied');
  const versioned = server.client(
    await server.user('versioned', [
      { Effect: 'Allow', Action: ['s3:GetObjectVersion', 's3:DeleteObjectVersion'], Resource: resource },
    ]),
  );
  await assertRefused(versioned.send(new GetObjectCommand({ Bucket, Key: 'k' })), 403, 'AccessDenied');
  await versioned.send(new GetObjectCommand({ Bucket, Key: 'k', VersionId: version }));
  await versioned.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: version }));
  await assertRefused(get(Bucket, 'k', version), 404, 'NoSuchVersion');
});
