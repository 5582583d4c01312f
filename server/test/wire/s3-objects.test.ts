import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { assertRefused, startS3, textOf } from './s3-server.ts';

const Bucket = 'objects';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: ReturnType<typeof server.client>;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

const put = (Key: string, input: Partial<PutObjectCommandInput> = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'hello world', ...input }));
const get = (Key: string, input = {}) => s3.send(new GetObjectCommand({ Bucket, Key, ...input }));

/** Blobs on the disk. */
async function blobCount(): Promise<number> {
  const entries = await readdir(join(server.folder, 'objects'), { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).length;
}

/** What a write replaced goes right after its answer, so the disk is given a moment. */
async function assertBlobs(expected: number): Promise<void> {
  const deadline = Date.now() + 5000;
  while ((await blobCount()) !== expected && Date.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 10));
  assert.equal(await blobCount(), expected);
}

describe('what was put is what one gets', () => {
  test('bytes, ETag, length and every header that describes them', async () => {
    const sent = await put('a/described', {
      ContentType: 'image/png',
      CacheControl: 'max-age=3',
      ContentDisposition: 'attachment; filename="x y"',
      ContentLanguage: 'de',
      ContentEncoding: 'gzip',
      Expires: new Date('2030-01-01T00:00:00Z'),
      Metadata: { Caption: 'Ron', empty: '' },
    });
    assert.equal(sent.ETag, `"${createHash('md5').update('hello world').digest('hex')}"`);
    const got = await get('a/described');
    assert.equal(await textOf(got), 'hello world');
    assert.equal(got.ETag, sent.ETag);
    assert.equal(got.ContentLength, 11);
    assert.equal(got.ContentType, 'image/png');
    assert.equal(got.CacheControl, 'max-age=3');
    assert.equal(got.ContentDisposition, 'attachment; filename="x y"');
    assert.equal(got.ContentLanguage, 'de');
    assert.equal(got.ContentEncoding, 'gzip');
    assert.equal(got.ExpiresString, 'Tue, 01 Jan 2030 00:00:00 GMT');
    assert.deepEqual(got.Metadata, { caption: 'Ron', empty: '' });
    assert.equal(got.AcceptRanges, 'bytes');
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'a/described' }));
    assert.deepEqual(
      [head.ContentLength, head.ETag, head.ContentType, head.LastModified],
      [11, sent.ETag, 'image/png', got.LastModified],
    );
  });

  test('a type that nobody named is binary/octet-stream', async () => {
    await put('untyped', { Body: Buffer.from('x') });
    assert.equal((await get('untyped')).ContentType, 'application/octet-stream');
  });

  test('an empty object', async () => {
    await put('empty', { Body: '' });
    const got = await get('empty');
    assert.deepEqual([await textOf(got), got.ContentLength, got.ETag], ['', 0, '"d41d8cd98f00b204e9800998ecf8427e"']);
  });

  test('a stream with a trailing checksum, chunk by chunk', async () => {
    const bytes = randomBytes(700_000);
    const Body = Readable.from([bytes.subarray(0, 3), bytes.subarray(3, 400_000), bytes.subarray(400_000)]);
    const sent = await put('streamed', { Body, ContentLength: bytes.length });
    assert.ok(sent.ChecksumCRC32);
    const got = await get('streamed');
    assert.equal(Buffer.compare((await got.Body?.transformToByteArray()) ?? Buffer.of(), bytes), 0);
    assert.equal(got.ContentEncoding, undefined);
  });

  test('keys are any text: spaces, plus, slashes, dots, percent, emoji, markup', async () => {
    for (const key of ['a b', 'a+b', '/lead', 'x//y', '../up', './.', '%41', 'ü€🐶', `<&>"'`, 'a?b#c', 'k\u0001']) {
      await put(`any/${key}`, { Body: key });
      assert.equal(await textOf(await get(`any/${key}`)), key);
    }
  });

  test('a replaced or deleted object leaves no bytes on the disk', async () => {
    const before = await blobCount();
    for (const body of ['one', 'two', 'three']) await put('replaced', { Body: body });
    assert.equal(await textOf(await get('replaced')), 'three');
    await assertBlobs(before + 1);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'replaced' }));
    await assertBlobs(before);
  });

  test('readers beside writers see one write or another, whole', async () => {
    const written = Array.from({ length: 12 }, (_, index) => randomBytes(20_000 + index));
    await put('contended', { Body: written[0] ?? '' });
    const writing = Promise.all(written.map(Body => put('contended', { Body })));
    const read = async () => {
      for (let round = 0; round < 10; round++) {
        const got = await get('contended');
        const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
        assert.ok(written.some(candidate => candidate.equals(bytes)));
      }
    };
    await Promise.all([writing, read(), read(), read()]);
  });

  test('an upload that its client gives up leaves nothing', async () => {
    const before = await blobCount();
    const abort = new AbortController();
    const Body = Readable.from(
      (async function* () {
        yield randomBytes(100_000);
        // The server has the first bytes by then, and waits for the rest.
        setTimeout(() => abort.abort(), 100);
        await new Promise(resolve => setTimeout(resolve, 300));
        yield randomBytes(100_000);
      })(),
    );
    const input = { Bucket, Key: 'given up', Body, ContentLength: 200_000 };
    await assert.rejects(s3.send(new PutObjectCommand(input), { abortSignal: abort.signal }), { name: 'AbortError' });
    await assertBlobs(before);
    await assertRefused(get('given up'), 404, 'NoSuchKey');
  });

  test('a reader gets the object that it asked for, though it is replaced meanwhile', async () => {
    const bytes = randomBytes(6_000_000);
    await put('slow', { Body: bytes });
    const got = await get('slow');
    await put('slow', { Body: 'new' });
    assert.equal(Buffer.compare((await got.Body?.transformToByteArray()) ?? Buffer.of(), bytes), 0);
    assert.equal(await textOf(await get('slow')), 'new');
  });
});

describe('checksums', () => {
  for (const [algorithm, value] of [
    ['CRC32', 'DUoRhQ=='],
    ['CRC32C', 'yZRlqg=='],
    ['CRC64NVME', 'jSnVw/bqjr4='],
    ['SHA1', 'Kq5sNclPz7QV2+lfQIuc6R7oRu0='],
    ['SHA256', 'uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek='],
  ] as const)
    test(`${algorithm} is verified, kept and shown when asked for`, async () => {
      const sent = await put(`sum/${algorithm}`, { ChecksumAlgorithm: algorithm });
      const member = `Checksum${algorithm}` as const;
      assert.deepEqual([sent[member], sent.ChecksumType], [value, 'FULL_OBJECT']);
      const got = await get(`sum/${algorithm}`, { ChecksumMode: 'ENABLED' });
      assert.deepEqual([got[member], got.ChecksumType, await textOf(got)], [value, 'FULL_OBJECT', 'hello world']);
      const quiet = server.client();
      quiet.middlewareStack.remove('flexibleChecksumsInputMiddleware');
      const silent = await quiet.send(new HeadObjectCommand({ Bucket, Key: `sum/${algorithm}` }));
      assert.equal(silent[member], undefined);
    });

  test('where the client sends none, CRC64NVME is computed', async () => {
    const plain = server.client();
    plain.config.requestChecksumCalculation = async () => 'WHEN_REQUIRED';
    const sent = await plain.send(new PutObjectCommand({ Bucket, Key: 'sum/none', Body: 'hello world' }));
    assert.equal(sent.ChecksumCRC64NVME, 'jSnVw/bqjr4=');
  });

  test('what does not match is refused, and nothing is kept', async () => {
    const before = await blobCount();
    await assertRefused(put('bad', { ChecksumCRC32: 'AAAAAA==' }), 400, 'BadDigest', /CRC32/);
    await assertRefused(put('bad', { ChecksumSHA256: 'AAAA' }), 400, 'InvalidRequest', /x-amz-checksum-sha256/);
    await assertRefused(put('bad', { ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg==' }), 400, 'BadDigest', /Content-MD5/);
    await assertRefused(put('bad', { ContentMD5: 'no' }), 400, 'InvalidDigest');
    await assertRefused(get('bad'), 404, 'NoSuchKey');
    await assertBlobs(before);
  });
});

describe('ranges', () => {
  before(() => put('range', { Body: '0123456789' }));

  for (const [Range, text, contentRange] of [
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-300', '0123456789', 'bytes 0-9/10'],
    ['bytes=5-999', '56789', 'bytes 5-9/10'],
  ] as const)
    test(`${Range} is a 206`, async () => {
      const got = await get('range', { Range });
      assert.deepEqual(
        [got.$metadata.httpStatusCode, await textOf(got), got.ContentRange, got.ContentLength],
        [206, text, contentRange, text.length],
      );
    });

  for (const Range of ['bytes=0-1,3-4', 'bytes=4-2', 'lines=1-2', 'bytes=-'])
    test(`${Range} is no range of S3's and is ignored`, async () => {
      const got = await get('range', { Range });
      assert.deepEqual([got.$metadata.httpStatusCode, await textOf(got)], [200, '0123456789']);
    });

  test('a range that is the whole has its checksum, one that is less has none', async () => {
    const whole = await get('range', { Range: 'bytes=0-', ChecksumMode: 'ENABLED' });
    assert.deepEqual([whole.$metadata.httpStatusCode, whole.ChecksumType], [206, 'FULL_OBJECT']);
    assert.equal(whole.ChecksumCRC32, (await get('range', { ChecksumMode: 'ENABLED' })).ChecksumCRC32);
    const less = await get('range', { Range: 'bytes=1-', ChecksumMode: 'ENABLED' });
    assert.deepEqual([less.ChecksumCRC32, less.ChecksumType], [undefined, undefined]);
  });

  test('a range behind the end is InvalidRange', async () => {
    await assertRefused(get('range', { Range: 'bytes=10-' }), 416, 'InvalidRange');
    await assertRefused(get('range', { Range: 'bytes=-0' }), 416, 'InvalidRange');
  });
});

describe('conditions', () => {
  let etag: string;
  const past = new Date(Date.now() - 3600_000);
  const future = new Date(Date.now() + 3600_000);
  before(async () => {
    etag = (await put('conditional')).ETag ?? '';
  });

  test('a condition that holds answers', async () => {
    for (const input of [
      { IfMatch: etag },
      { IfMatch: etag.replaceAll('"', '') },
      { IfMatch: '*' },
      { IfNoneMatch: '"other"' },
      { IfModifiedSince: past },
      // AWS: since a moment that has not come is no condition.
      { IfModifiedSince: future },
      { IfUnmodifiedSince: future },
      // RFC 9110: If-Match that matches outweighs If-Unmodified-Since; the same for the other pair.
      { IfMatch: etag, IfUnmodifiedSince: past },
      { IfNoneMatch: '"other"', IfModifiedSince: new Date() },
    ])
      assert.equal((await get('conditional', input)).$metadata.httpStatusCode, 200, JSON.stringify(input));
  });

  test('a condition that does not is 412, or 304 with the validators', async () => {
    await assertRefused(get('conditional', { IfMatch: '"other"' }), 412, 'PreconditionFailed');
    await assertRefused(get('conditional', { IfUnmodifiedSince: past }), 412, 'PreconditionFailed');
    for (const input of [
      { IfNoneMatch: etag },
      { IfModifiedSince: new Date() },
      { IfNoneMatch: etag, IfModifiedSince: past },
    ])
      await assert.rejects(get('conditional', input), error => {
        const { $metadata, $response } = error as {
          $metadata: { httpStatusCode: number };
          $response: { headers: Record<string, string> };
        };
        assert.deepEqual([$metadata.httpStatusCode, $response.headers.etag], [304, etag]);
        return true;
      });
  });

  test('a write can be made only where nothing is, or only over what one has read', async () => {
    await assertRefused(put('conditional', { IfNoneMatch: '*' }), 412, 'PreconditionFailed');
    await assertRefused(put('conditional', { IfMatch: '"other"' }), 412, 'PreconditionFailed');
    await assertRefused(put('absent', { IfMatch: etag }), 404, 'NoSuchKey');
    await put('absent', { IfNoneMatch: '*' });
    await put('conditional', { IfMatch: etag, Body: 'second' });
    assert.equal(await textOf(await get('conditional')), 'second');
  });

  test('of many writes at once that must be the first, one is', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => put('race', { IfNoneMatch: '*', Body: `writer ${index}` })),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  });
});

describe('copies', () => {
  before(() => put('source', { ContentType: 'text/x-own', Metadata: { a: '1' }, ChecksumAlgorithm: 'SHA256' }));
  const copy = (Key: string, input = {}) =>
    s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/source`, ...input }));

  test('a copy is the bytes with what describes them', async () => {
    const { CopyObjectResult } = await copy('copy ü+');
    const got = await get('copy ü+');
    assert.deepEqual(
      [await textOf(got), got.ContentType, got.Metadata, got.ETag],
      ['hello world', 'text/x-own', { a: '1' }, CopyObjectResult?.ETag],
    );
    assert.equal(CopyObjectResult?.ChecksumSHA256, 'uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=');
  });

  test('REPLACE describes the copy anew', async () => {
    await copy('copy-2', { MetadataDirective: 'REPLACE', ContentType: 'a/b', Metadata: { b: '2' } });
    const got = await get('copy-2');
    assert.deepEqual([got.ContentType, got.Metadata], ['a/b', { b: '2' }]);
  });

  test('a source with an encoded key', async () => {
    await put('quellen/ü +?', { Body: 'umlaut' });
    await copy('copy-3', { CopySource: `/${Bucket}/quellen/${encodeURIComponent('ü +?')}` });
    await copy('copy-3', { CopySource: encodeURIComponent(`/${Bucket}/quellen/ü +?`) });
    assert.equal(await textOf(await get('copy-3')), 'umlaut');
  });

  test('a plus in the name of a source is a space, and an encoded one a plus', async () => {
    await put('a b+c', { Body: 'spaced' });
    await copy('copy-4', { CopySource: `${Bucket}/a+b%2Bc` });
    assert.equal(await textOf(await get('copy-4')), 'spaced');
    await assertRefused(copy('copy-4', { CopySource: `${Bucket}/a%20b+c` }), 404, 'NoSuchKey');
  });

  test('a copy onto itself must change something', async () => {
    await assertRefused(copy('source'), 400, 'InvalidRequest', /itself/);
    await copy('source', { MetadataDirective: 'REPLACE', Metadata: { a: '2' } });
    assert.deepEqual((await get('source')).Metadata, { a: '2' });
  });

  test('conditions on the source are 412, whichever fails', async () => {
    const etag = (await get('source')).ETag ?? '';
    await assertRefused(copy('c', { CopySourceIfMatch: '"other"' }), 412, 'PreconditionFailed');
    await assertRefused(copy('c', { CopySourceIfNoneMatch: etag }), 412, 'PreconditionFailed');
    await copy('c', { CopySourceIfMatch: etag });
  });
});

describe('deleting', () => {
  test('what is not there is deleted as well', async () => {
    const { $metadata } = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'never' }));
    assert.equal($metadata.httpStatusCode, 204);
  });

  test('many at once, each with its own outcome', async () => {
    for (const key of ['m/1', 'm/2', 'm/3']) await put(key);
    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [{ Key: 'm/1' }, { Key: 'm/none' }, { Key: 'm/2', ETag: '"other"' }] },
      }),
    );
    assert.deepEqual(
      Deleted?.map(({ Key }) => Key),
      ['m/1', 'm/none'],
    );
    assert.deepEqual(
      Errors?.map(({ Key, Code }) => [Key, Code]),
      [['m/2', 'PreconditionFailed']],
    );
    // Every condition must hold, also of an object that is not there.
    const m3 = await s3.send(new HeadObjectCommand({ Bucket, Key: 'm/3' }));
    const conditions = [{ Size: 1 }, { LastModifiedTime: new Date(0) }, { ETag: '*', Size: 1 }];
    const failing = await s3.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [...conditions.map(one => ({ Key: 'm/3', ...one })), { Key: 'm/none', Size: 1 }] },
      }),
    );
    assert.deepEqual(
      failing.Errors?.map(({ Code }) => Code),
      ['PreconditionFailed', 'PreconditionFailed', 'PreconditionFailed', 'NoSuchKey'],
    );
    const holding = { Size: m3.ContentLength, LastModifiedTime: m3.LastModified, ETag: m3.ETag };
    const removed = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'm/3', ...holding }] } }),
    );
    assert.equal(removed.Deleted?.length, 1);
    await put('m/3');
    const single = (more: object) => s3.send(new DeleteObjectCommand({ Bucket, Key: 'm/3', ...more }));
    await assertRefused(single({ IfMatchSize: 0 }), 412, 'PreconditionFailed');
    await assertRefused(single({ IfMatchLastModifiedTime: new Date(0) }), 412, 'PreconditionFailed');
    const quiet = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'm/2' }, { Key: 'm/3' }], Quiet: true } }),
    );
    assert.equal(quiet.Deleted, undefined);
    await assertRefused(get('m/3'), 404, 'NoSuchKey');
  });
});

test('GetObjectAttributes tells what it is asked for, the ETag without quotes', async () => {
  await put('facts', { ChecksumAlgorithm: 'SHA1' });
  const facts = await s3.send(
    new GetObjectAttributesCommand({ Bucket, Key: 'facts', ObjectAttributes: ['ETag', 'Checksum', 'ObjectSize'] }),
  );
  assert.equal(facts.ETag, createHash('md5').update('hello world').digest('hex'));
  assert.equal(facts.Checksum?.ChecksumSHA1, 'Kq5sNclPz7QV2+lfQIuc6R7oRu0=');
  assert.deepEqual([facts.ObjectSize, facts.StorageClass, facts.ObjectParts], [11, undefined, undefined]);
});
