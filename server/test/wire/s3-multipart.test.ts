import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  AbortMultipartUploadCommand,
  type ChecksumAlgorithm,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { assertRefused, assertXmlRefused, root, startS3, textOf } from './s3-server.ts';

const Bucket = 'multipart';
const MEBIBYTE = 1024 * 1024;
const first = randomBytes(5 * MEBIBYTE);
const second = randomBytes(5 * MEBIBYTE + 7);
const last = Buffer.from('the tail');
const whole = Buffer.concat([first, second, last]);
let server: Awaited<ReturnType<typeof startS3>>;
let s3: ReturnType<typeof server.client>;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
});
after(() => server.stop());

async function create(Key: string, input = {}): Promise<string> {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...input }));
  return UploadId ?? '';
}

async function upload(Key: string, UploadId: string, PartNumber: number, Body: Uint8Array, input = {}) {
  const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ...input }));
  return { ...part, PartNumber };
}

const complete = (
  Key: string,
  UploadId: string,
  Parts: CompletedPart[],
  input: Partial<CompleteMultipartUploadCommandInput> = {},
) => s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...input }));

const named = ({ PartNumber, ETag }: CompletedPart): CompletedPart => ({ PartNumber, ETag });

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

test('parts, uploaded in any order and one of them twice, become one object', async () => {
  const blobsBefore = await blobCount();
  const id = await create('whole', { ContentType: 'video/x', Metadata: { of: 'parts' } });
  const three = await upload('whole', id, 9, last);
  await upload('whole', id, 1, last);
  const [one, two] = [await upload('whole', id, 1, first), await upload('whole', id, 4, second)];
  await upload('whole', id, 7, last);
  const listed = await s3.send(new ListPartsCommand({ Bucket, Key: 'whole', UploadId: id, MaxParts: 2 }));
  assert.deepEqual(
    listed.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size]),
    [
      [1, first.length],
      [4, second.length],
    ],
  );
  assert.deepEqual([listed.IsTruncated, listed.NextPartNumberMarker], [true, '4']);
  const rest = await s3.send(
    new ListPartsCommand({ Bucket, Key: 'whole', UploadId: id, PartNumberMarker: listed.NextPartNumberMarker }),
  );
  assert.deepEqual([rest.IsTruncated, rest.Parts?.map(part => part.PartNumber)], [false, [7, 9]]);
  const bad = new ListPartsCommand({ Bucket, Key: 'whole', UploadId: id, PartNumberMarker: 'x' });
  await assertRefused(s3.send(bad), 400, 'InvalidArgument');
  const done = await complete('whole', id, [one, two, three].map(named), { MpuObjectSize: whole.length });
  const digests = [first, second, last].map(part => createHash('md5').update(part).digest());
  assert.equal(done.ETag, `"${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-3"`);
  assert.equal(done.Location, `${server.endpoint}/${Bucket}/whole`);

  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'whole' }));
  assert.equal(Buffer.compare((await got.Body?.transformToByteArray()) ?? Buffer.of(), whole), 0);
  assert.deepEqual([got.ContentType, got.Metadata, got.ETag], ['video/x', { of: 'parts' }, done.ETag]);
  // The part that was not named is gone, and so is the one that was replaced.
  await assertBlobs(blobsBefore + 3);
  await assertRefused(s3.send(new ListPartsCommand({ Bucket, Key: 'whole', UploadId: id })), 404, 'NoSuchUpload');
  // A client that lost the answer asks again.
  assert.equal((await complete('whole', id, [one, two, three].map(named))).ETag, done.ETag);
});

test('ranges and parts of such an object are read across its pieces', async () => {
  const Range = `bytes=${first.length - 2}-${first.length + second.length + 1}`;
  const across = await s3.send(new GetObjectCommand({ Bucket, Key: 'whole', Range }));
  const bytes = (await across.Body?.transformToByteArray()) ?? Buffer.of();
  assert.equal(Buffer.compare(bytes, whole.subarray(first.length - 2, first.length + second.length + 2)), 0);
  const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'whole', PartNumber: 3 }));
  assert.deepEqual(
    [await textOf(part), part.PartsCount, part.ContentRange, part.$metadata.httpStatusCode],
    ['the tail', 3, `bytes ${whole.length - 8}-${whole.length - 1}/${whole.length}`, 206],
  );
  await assertRefused(s3.send(new GetObjectCommand({ Bucket, Key: 'whole', PartNumber: 4 })), 416, 'InvalidPartNumber');
});

describe('checksums', () => {
  const cases: [ChecksumAlgorithm, 'FULL_OBJECT' | 'COMPOSITE'][] = [
    ['CRC32', 'FULL_OBJECT'],
    ['CRC32', 'COMPOSITE'],
    ['CRC32C', 'FULL_OBJECT'],
    ['CRC64NVME', 'FULL_OBJECT'],
    ['SHA1', 'COMPOSITE'],
    ['SHA256', 'COMPOSITE'],
  ];
  for (const [ChecksumAlgorithm, ChecksumType] of cases)
    test(`${ChecksumAlgorithm}, ${ChecksumType}`, async () => {
      const member = `Checksum${ChecksumAlgorithm}` as 'ChecksumCRC32';
      const Key = `sum/${ChecksumAlgorithm}/${ChecksumType}`;
      const id = await create(Key, { ChecksumAlgorithm, ChecksumType });
      const parts = [
        await upload(Key, id, 1, first, { ChecksumAlgorithm }),
        await upload(Key, id, 2, last, { ChecksumAlgorithm }),
      ];
      assert.ok(parts.every(part => part[member]));
      const shown = ({ PartNumber, ETag, [member]: sum }: CompletedPart) => ({ PartNumber, ETag, [member]: sum });
      const done = await complete(Key, id, parts.map(shown), { ChecksumType });
      assert.equal(done.ChecksumType, ChecksumType);
      const once = await s3.send(
        new PutObjectCommand({ Bucket, Key: 'once', Body: Buffer.concat([first, last]), ChecksumAlgorithm }),
      );
      if (ChecksumType === 'FULL_OBJECT') assert.equal(done[member], once[member]);
      else assert.match(done[member] ?? '', /^[\w+/]+=*-2$/);
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
      assert.deepEqual([head[member], head.ChecksumType], [done[member], ChecksumType]);
      const facts = await s3.send(
        new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['Checksum', 'ObjectParts'] }),
      );
      assert.equal(facts.Checksum?.[member], done[member]);
      if (ChecksumType === 'FULL_OBJECT') {
        assert.deepEqual(facts.ObjectParts, { TotalPartsCount: 2 });
        return;
      }
      assert.deepEqual(
        facts.ObjectParts?.Parts?.map(part => [part.PartNumber, part.Size, part[member]]),
        parts.map((part, index) => [index + 1, [first, last][index]?.length, part[member]]),
      );
      const rest = await s3.send(
        new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ObjectParts'], PartNumberMarker: '1' }),
      );
      assert.deepEqual(
        rest.ObjectParts?.Parts?.map(part => part.PartNumber),
        [2],
      );
    });

  test('what cannot go together, or is not what was sent, is refused', async () => {
    const impossible = (ChecksumAlgorithm: ChecksumAlgorithm, ChecksumType: 'FULL_OBJECT' | 'COMPOSITE') =>
      assertRefused(create('no', { ChecksumAlgorithm, ChecksumType }) as Promise<unknown>, 400, 'InvalidRequest');
    await impossible('SHA256', 'FULL_OBJECT');
    await impossible('CRC64NVME', 'COMPOSITE');
    const id = await create('no', { ChecksumAlgorithm: 'SHA256' });
    await assertRefused(upload('no', id, 1, last, { ChecksumAlgorithm: 'CRC32' }), 400, 'InvalidRequest', /sha256/);
    const part = await upload('no', id, 1, last, { ChecksumAlgorithm: 'SHA256' });
    await assertRefused(complete('no', id, [named(part)]), 400, 'InvalidRequest', /missing for part 1/);
    await assertRefused(complete('no', id, [{ ...named(part), ChecksumSHA256: 'x' }]), 400, 'InvalidPart');
    await assertRefused(complete('no', id, [part], { ChecksumType: 'FULL_OBJECT' }), 400, 'InvalidRequest', /mode/);
    await assertRefused(complete('no', id, [part], { ChecksumSHA256: 'x-1' }), 400, 'BadDigest');
  });
});

describe('a part without a checksum', () => {
  const bare = async (Key: string, input: object) => {
    const target = `/${Bucket}/${Key}?partNumber=1&uploadId=${await create(Key, input)}`;
    return server.ask({ method: 'PUT', target, body: 'part' });
  };

  test('is refused where the checksum of the whole is made of those of its parts', async () => {
    for (const ChecksumAlgorithm of ['SHA256', 'CRC32'])
      assertXmlRefused(await bare('bare', { ChecksumAlgorithm }), 400, 'InvalidRequest', [
        `Message=Checksum Type mismatch occurred, expected checksum Type: ${ChecksumAlgorithm.toLowerCase()}, actual checksum Type: null`,
      ]);
  });

  test('is taken where the server makes the checksum of the whole', async () => {
    const algorithms = [
      { ChecksumAlgorithm: 'CRC64NVME' },
      { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' },
    ];
    for (const input of algorithms) assert.equal((await bare('bare', input)).status, 200);
    const without = server.client(root, 'us-east-1', { requestChecksumCalculation: 'WHEN_REQUIRED' });
    const { UploadId } = await without.send(new CreateMultipartUploadCommand({ Bucket, Key: 'bare' }));
    await without.send(new UploadPartCommand({ Bucket, Key: 'bare', UploadId, PartNumber: 1, Body: 'part' }));
  });
});

describe('refusals', () => {
  let id: string;
  let small: CompletedPart;
  let tail: CompletedPart;
  before(async () => {
    id = await create('refused');
    small = named(await upload('refused', id, 1, last));
    tail = named(await upload('refused', id, 2, last));
  });

  test('a part but the last under 5 MiB', () =>
    assertRefused(complete('refused', id, [small, tail]), 400, 'EntityTooSmall'));
  test('a part that is not there, even behind one that is too small', () =>
    assertRefused(complete('refused', id, [small, { ...tail, PartNumber: 9 }]), 400, 'InvalidPart'));
  test('parts out of order, or twice', async () => {
    await assertRefused(complete('refused', id, [tail, small]), 400, 'InvalidPartOrder');
    await assertRefused(complete('refused', id, [tail, tail]), 400, 'InvalidPartOrder');
  });
  test('a part that is not there, or another than named', async () => {
    await assertRefused(complete('refused', id, [{ ...small, PartNumber: 3 }]), 400, 'InvalidPart');
    await assertRefused(complete('refused', id, [{ ...small, ETag: '"00"' }]), 400, 'InvalidPart');
  });
  test('no parts', () => assertRefused(complete('refused', id, []), 400, 'MalformedXML'));
  test('another size than announced', () =>
    assertRefused(complete('refused', id, [small], { MpuObjectSize: 1 }), 400, 'InvalidRequest', /mp-object-size/));
  test('another key than the upload is for', () => assertRefused(complete('other', id, [small]), 404, 'NoSuchUpload'));
  test('part numbers outside 1 to 10,000', async () => {
    await assertRefused(upload('refused', id, 0, last), 400, 'InvalidArgument', /1 and 10000/);
    await assertRefused(upload('refused', id, 10_001, last), 400, 'InvalidArgument', /1 and 10000/);
  });
  test('a write where something is already', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'taken', Body: 'x' }));
    const other = await create('taken');
    const part = named(await upload('taken', other, 1, last));
    await assertRefused(complete('taken', other, [part], { IfNoneMatch: '*' }), 412, 'PreconditionFailed');
    await complete('taken', other, [part]);
  });
});

test('an aborted upload leaves nothing, and takes no more parts', async () => {
  const before = await blobCount();
  const id = await create('aborted');
  await upload('aborted', id, 1, last);
  await assertBlobs(before + 1);
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'aborted', UploadId: id }));
  await assertBlobs(before);
  await assertRefused(upload('aborted', id, 2, last), 404, 'NoSuchUpload');
  await assertRefused(
    s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'aborted', UploadId: id })),
    404,
    'NoSuchUpload',
  );
  await assertBlobs(before);
});

test('parts can be copied from objects, whole or by range', async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'from', Body: whole }));
  const id = await create('copied');
  const copy = (PartNumber: number, input = {}) =>
    s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: 'copied',
        UploadId: id,
        PartNumber,
        CopySource: `${Bucket}/from`,
        ...input,
      }),
    );
  const one = await copy(1, { CopySourceRange: `bytes=0-${first.length - 1}` });
  const two = await copy(2, { CopySourceRange: `bytes=${first.length}-${whole.length - 1}` });
  await complete('copied', id, [
    { PartNumber: 1, ETag: one.CopyPartResult?.ETag },
    { PartNumber: 2, ETag: two.CopyPartResult?.ETag },
  ]);
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'copied' }));
  assert.equal(Buffer.compare((await got.Body?.transformToByteArray()) ?? Buffer.of(), whole), 0);
  const again = await create('copied');
  await assertRefused(
    s3.send(
      new UploadPartCopyCommand({
        ...{ Bucket, Key: 'copied', UploadId: again, PartNumber: 1, CopySource: `${Bucket}/from` },
        CopySourceRange: `bytes=0-${whole.length}`,
      }),
    ),
    400,
    'InvalidArgument',
    /not valid for source object/,
  );
});

test('a bucket with nothing but an unfinished upload can be deleted, and its bytes go', async () => {
  const before = await blobCount();
  await s3.send(new CreateBucketCommand({ Bucket: 'unfinished' }));
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'unfinished', Key: 'k' }));
  await s3.send(new UploadPartCommand({ Bucket: 'unfinished', Key: 'k', UploadId, PartNumber: 1, Body: 'x' }));
  await s3.send(new DeleteBucketCommand({ Bucket: 'unfinished' }));
  await assertBlobs(before);
});
