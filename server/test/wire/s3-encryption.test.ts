import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateKeyCommand,
  DecryptCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import Sqlite from 'better-sqlite3';
import { ACCOUNT, assertRefused, root, startS3, textOf } from './s3-server.ts';

const MEBIBYTE = 1024 * 1024;
const Bucket = 'sealed';
const md5 = (bytes: Uint8Array | string) => createHash('md5').update(bytes).digest('hex');
const pattern = (sizeBytes: number) => createHash('shake128', { outputLength: sizeBytes }).update('likeness').digest();

let server: Awaited<ReturnType<typeof startS3>>;
let s3: S3Client;
let kms: KMSClient;
let keyArn: string;

before(async () => {
  server = await startS3();
  s3 = server.client();
  kms = new KMSClient({ endpoint: server.endpoint, credentials: root, region: 'us-east-1', maxAttempts: 1 });
  await s3.send(new CreateBucketCommand({ Bucket }));
  keyArn = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
});
after(async () => {
  kms.destroy();
  await server.stop();
});

const get = async (Key: string, more: object = {}) => {
  const output = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return { ...output, bytes: Buffer.from((await output.Body?.transformToByteArray()) ?? []) };
};

/** Every file under objects/, by its path. */
async function blobs(): Promise<Map<string, Buffer>> {
  const folder = join(server.folder, 'objects');
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name));
  return new Map(await Promise.all(paths.map(async path => [path, await readFile(path)] as const)));
}

describe('what lies on the disk', () => {
  it('is ciphertext, whatever the request says, and the answer says AES256', async () => {
    const secret = Buffer.from('a secret of the customer '.repeat(10_000));
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: secret }));
    assert.equal(put.ServerSideEncryption, 'AES256');
    assert.equal(put.ETag, `"${md5(secret)}"`);
    for (const [path, bytes] of await blobs()) assert.ok(!bytes.includes('secret of the customer'), path);
    const got = await get('plain');
    assert.ok(got.bytes.equals(secret));
    assert.equal(got.ServerSideEncryption, 'AES256');
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'plain' }))).ServerSideEncryption, 'AES256');
  });

  for (const sizeBytes of [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000])
    it(`gives back every range of ${sizeBytes} bytes`, async () => {
      const bytes = pattern(sizeBytes);
      const Key = `sizes/${sizeBytes}`;
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: bytes }));
      assert.ok((await get(Key)).bytes.equals(bytes));
      for (const [start, end] of [
        [0, 0],
        [65_535, 65_536],
        [65_536, 131_071],
        [1, sizeBytes - 1],
        [sizeBytes - 1, sizeBytes - 1],
        [100_000, 200_000],
      ] as const) {
        if (start < 0 || start >= sizeBytes || end < start) continue;
        const { bytes: part } = await get(Key, { Range: `bytes=${start}-${end}` });
        assert.ok(part.equals(bytes.subarray(start, end + 1)), `${start}-${end}`);
      }
    });

  it('is not taken for the object where somebody changed it', async () => {
    const before = new Set((await blobs()).keys());
    await s3.send(new PutObjectCommand({ Bucket, Key: 'changed', Body: pattern(1000) }));
    const [path, bytes] = [...(await blobs())].find(([file]) => !before.has(file)) ?? ['', Buffer.alloc(0)];
    bytes[500] = (bytes[500] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await assert.rejects(get('changed'));
  });

  it('may be from before objects were encrypted', async () => {
    const before = new Set((await blobs()).keys());
    const bytes = pattern(100_000);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'earlier', Body: bytes }));
    const [path = ''] = [...(await blobs()).keys()].filter(file => !before.has(file));
    await writeFile(path, bytes);
    const database = new Sqlite(join(server.folder, 'likeness.sqlite'));
    const table = database.prepare("select name from sqlite_master where name in ('s3_objects', 's3_versions')").get();
    const changed = database
      .prepare(
        `update ${(table as { name: string }).name} set description = json_remove(description, '$.encryption') where key = 'earlier'`,
      )
      .run();
    assert.equal(changed.changes, 1);
    database.close();
    const got = await get('earlier', { Range: 'bytes=70000-80000' });
    assert.ok(got.bytes.equals(bytes.subarray(70_000, 80_001)));
    assert.equal(got.ServerSideEncryption, undefined);
    const copy = { Bucket, Key: 'earlier-copied', CopySource: `${Bucket}/earlier` };
    assert.equal((await s3.send(new CopyObjectCommand(copy))).ServerSideEncryption, 'AES256');
    assert.ok((await get('earlier-copied')).bytes.equals(bytes));
  });
});

describe('a KMS key', () => {
  const kmsMembers = () => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn }) as const;

  it('is named in the answers, and the ETag is no MD5', async () => {
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'kms', Body: 'hello', ...kmsMembers(), BucketKeyEnabled: true }),
    );
    assert.deepEqual([put.ServerSideEncryption, put.SSEKMSKeyId, put.BucketKeyEnabled], ['aws:kms', keyArn, true]);
    assert.match(put.ETag ?? '', /^"[0-9a-f]{32}"$/);
    assert.notEqual(put.ETag, `"${md5('hello')}"`);
    const got = await get('kms');
    assert.equal(got.bytes.toString(), 'hello');
    assert.deepEqual([got.ETag, got.SSEKMSKeyId], [put.ETag, keyArn]);
  });

  it('is the account’s own for S3 where none is named, which KMS shows and nobody uses by itself', async () => {
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'managed', Body: 'hello', ServerSideEncryption: 'aws:kms' }),
    );
    const again = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'managed', Body: 'hello', ServerSideEncryption: 'aws:kms' }),
    );
    assert.match(put.SSEKMSKeyId ?? '', new RegExp(`^arn:aws:kms:us-east-1:${ACCOUNT}:key/`));
    assert.equal(again.SSEKMSKeyId, put.SSEKMSKeyId);
    assert.equal((await get('managed')).bytes.toString(), 'hello');
    await assert.rejects(kms.send(new DisableKeyCommand({ KeyId: put.SSEKMSKeyId })), {
      name: 'AccessDeniedException',
    });
    const ciphertext = { KeyId: put.SSEKMSKeyId, CiphertextBlob: randomBytes(64) };
    await assert.rejects(kms.send(new DecryptCommand(ciphertext)));
  });

  it('decides over each caller, by way of S3', async () => {
    const s3Only = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
    const via = (action: string, service: string) => ({
      ...{ Effect: 'Allow', Action: action, Resource: keyArn },
      Condition: { StringEquals: { 'kms:ViaService': `${service}.us-east-1.amazonaws.com` } },
    });
    const without = server.client(await server.user('without-key', [s3Only]));
    const writer = server.client(await server.user('writer', [s3Only, via('kms:GenerateDataKey', 's3')]));
    const reader = server.client(await server.user('reader', [s3Only, via('kms:Decrypt', 's3')]));
    const elsewhere = server.client(await server.user('elsewhere', [s3Only, via('kms:*', 'bedrock')]));
    const object = { Bucket, Key: 'decided' };
    const put = new PutObjectCommand({ ...object, Body: 'hello', ...kmsMembers() });
    for (const client of [without, reader, elsewhere])
      await assertRefused(client.send(put), 403, 'AccessDenied', /kms:GenerateDataKey on resource/);
    await writer.send(put);
    for (const client of [without, writer, elsewhere])
      await assertRefused(client.send(new GetObjectCommand(object)), 403, 'AccessDenied', /kms:Decrypt/);
    assert.equal(await textOf(await reader.send(new GetObjectCommand(object))), 'hello');
    // What is said of an object is not encrypted.
    assert.equal((await without.send(new HeadObjectCommand(object))).SSEKMSKeyId, keyArn);
    // AWS: but for its checksum, which tells of the bytes.
    const summed = new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' });
    await assertRefused(without.send(summed), 403, 'Unknown');
    assert.ok((await reader.send(summed)).ChecksumCRC32);
    const copy = new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/decided` });
    await assertRefused(writer.send(copy), 403, 'AccessDenied', /kms:Decrypt/);
    assert.equal((await reader.send(copy)).ServerSideEncryption, 'AES256');
  });

  it('binds the object to its place: a key policy may ask for it', async () => {
    const own = await kms.send(new CreateKeyCommand({}));
    const KeyId = own.KeyMetadata?.Arn ?? '';
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          ...{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Resource: '*' },
          Action: ['kms:GenerateDataKey', 'kms:Decrypt', 'kms:PutKeyPolicy'],
          Condition: { StringLikeIfExists: { 'kms:EncryptionContext:aws:s3:arn': 'arn:aws:s3:::sealed/here/*' } },
        },
      ],
    });
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    const put = (Key: string) =>
      s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId }));
    await put('here/it-goes');
    await assertRefused(put('there/it-does-not'), 403, 'AccessDenied');
  });

  it('closes what it encrypted while it is disabled, and when it goes', async () => {
    const own = await kms.send(new CreateKeyCommand({}));
    const KeyId = own.KeyMetadata?.Arn ?? '';
    const members = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId } as const;
    const write = () => s3.send(new PutObjectCommand({ Bucket, Key: 'closed', Body: 'hello', ...members }));
    await write();
    await kms.send(new DisableKeyCommand({ KeyId }));
    await assertRefused(get('closed'), 400, 'KMS.DisabledException', /is disabled/);
    await assertRefused(write(), 400, 'KMS.DisabledException');
    await kms.send(new EnableKeyCommand({ KeyId }));
    assert.equal((await get('closed')).bytes.toString(), 'hello');
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    await assertRefused(get('closed'), 400, 'KMS.KMSInvalidStateException', /pending deletion/);
    const missing = { ...members, SSEKMSKeyId: KeyId.replace(/.{12}$/, '000000000000') };
    const put = new PutObjectCommand({ Bucket, Key: 'x', Body: 'x', ...missing });
    await assertRefused(s3.send(put), 400, 'KMS.NotFoundException');
  });

  it('encrypts an upload in parts', async () => {
    const target = { Bucket, Key: 'kms-parts' };
    const { UploadId, SSEKMSKeyId } = await s3.send(new CreateMultipartUploadCommand({ ...target, ...kmsMembers() }));
    assert.equal(SSEKMSKeyId, keyArn);
    const bytes = pattern(5 * MEBIBYTE + 70_000);
    const Parts = [];
    for (const [index, Body] of [bytes.subarray(0, 5 * MEBIBYTE), bytes.subarray(5 * MEBIBYTE)].entries()) {
      const part = await s3.send(new UploadPartCommand({ ...target, UploadId, PartNumber: index + 1, Body }));
      assert.equal(part.SSEKMSKeyId, keyArn);
      Parts.push({ PartNumber: index + 1, ETag: part.ETag });
    }
    const copied = { ...target, UploadId, PartNumber: 3, CopySource: `${Bucket}/kms` };
    const { CopyPartResult } = await s3.send(new UploadPartCopyCommand(copied));
    Parts.push({ PartNumber: 3, ETag: CopyPartResult?.ETag });
    Parts.splice(1, 1);
    const done = await s3.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
    assert.equal(done.SSEKMSKeyId, keyArn);
    const whole = Buffer.concat([bytes.subarray(0, 5 * MEBIBYTE), Buffer.from('hello')]);
    assert.ok((await get('kms-parts')).bytes.equals(whole));
    const range = await get('kms-parts', { Range: `bytes=${5 * MEBIBYTE - 3}-${5 * MEBIBYTE + 1}` });
    assert.ok(range.bytes.equals(whole.subarray(5 * MEBIBYTE - 3, 5 * MEBIBYTE + 2)));
  });

  it('is refused where the members do not go together', async () => {
    const put = (more: object) => s3.send(new PutObjectCommand({ Bucket, Key: 'x', Body: 'x', ...more }));
    await assertRefused(put({ SSEKMSKeyId: keyArn }), 400, 'InvalidArgument', /requires HTTP header/);
    await assertRefused(put({ SSEKMSKeyId: keyArn, ServerSideEncryption: 'AES256' }), 400, 'InvalidArgument');
    await assertRefused(put({ ServerSideEncryption: 'AES512' }), 400, 'InvalidArgument');
    await assertRefused(put({ ServerSideEncryption: 'aws:kms:dsse' }), 501, 'NotImplemented');
    await assertRefused(
      put({ ...kmsMembers(), SSEKMSEncryptionContext: Buffer.from('["no"]').toString('base64') }),
      400,
      'InvalidArgument',
    );
  });
});

describe('a bucket’s default', () => {
  it('is AES256 until it is set, and again when that is deleted', async () => {
    const rules = async () =>
      (await s3.send(new GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration?.Rules;
    const usual = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }];
    assert.deepEqual(await rules(), usual);
    const own = {
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keyArn },
      BucketKeyEnabled: true,
    } as const;
    const ServerSideEncryptionConfiguration = { Rules: [own] };
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
    assert.deepEqual(await rules(), [own]);
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'by-default', Body: 'hello' }));
    assert.deepEqual([put.SSEKMSKeyId, put.BucketKeyEnabled], [keyArn, true]);
    const explicit = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'by-wish', Body: 'hello', ServerSideEncryption: 'AES256' }),
    );
    assert.equal(explicit.ServerSideEncryption, 'AES256');
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
    assert.deepEqual(await rules(), usual);
    assert.equal((await get('by-default')).bytes.toString(), 'hello');
  });

  it('takes one rule that makes sense', async () => {
    const put = (Rules: object[]) =>
      s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: Rules as never } }));
    await assertRefused(put([{}, {}]), 400, 'MalformedXML');
    await assertRefused(
      put([{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256', KMSMasterKeyID: keyArn } }]),
      400,
      'InvalidArgument',
    );
  });
});

describe('a customer’s key', () => {
  const key = (seed: string) => ({
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: createHash('sha256').update(seed).digest() as never,
  });

  it('opens the object alone, and is kept nowhere', async () => {
    const Key = 'theirs';
    const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ...key('one') }));
    assert.deepEqual([put.SSECustomerAlgorithm, put.ServerSideEncryption], ['AES256', undefined]);
    assert.equal((await get(Key, key('one'))).bytes.toString(), 'hello');
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key, ...key('one') }))).SSECustomerAlgorithm, 'AES256');
    await assertRefused(get(Key), 400, 'InvalidRequest', /stored using a form of Server Side Encryption/);
    await assertRefused(get(Key, key('another')), 403, 'AccessDenied');
    await assertRefused(get('plain', key('one')), 400, 'InvalidRequest', /not applicable/);
  });

  it('goes along with copies and parts', async () => {
    const target = { Bucket, Key: 'their-parts' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...target, ...key('one') }));
    const part = { ...target, UploadId, PartNumber: 1, Body: 'in parts' };
    await assertRefused(s3.send(new UploadPartCommand(part)), 400, 'InvalidRequest');
    await assertRefused(s3.send(new UploadPartCommand({ ...part, ...key('another') })), 403, 'AccessDenied');
    const { ETag } = await s3.send(new UploadPartCommand({ ...part, ...key('one') }));
    await s3.send(
      new CompleteMultipartUploadCommand({
        ...target,
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
    assert.equal((await get('their-parts', key('one'))).bytes.toString(), 'in parts');
    const copy = { Bucket, Key: 'their-copy', CopySource: `${Bucket}/their-parts` };
    await assertRefused(s3.send(new CopyObjectCommand(copy)), 400, 'InvalidRequest');
    const source = { CopySourceSSECustomerAlgorithm: 'AES256', CopySourceSSECustomerKey: key('one').SSECustomerKey };
    await s3.send(new CopyObjectCommand({ ...copy, ...source, ...key('two') }));
    assert.equal((await get('their-copy', key('two'))).bytes.toString(), 'in parts');
  });

  it('must come whole, and be one', async () => {
    const put = (headers: Record<string, string>) => {
      const command = new PutObjectCommand({ Bucket, Key: 'x', Body: 'x' });
      command.middlewareStack.add(
        next => args => {
          const request = args.request as { headers: Record<string, string> };
          for (const [name, value] of Object.entries(headers))
            request.headers[`x-amz-server-side-encryption-customer-${name}`] = value;
          return next(args);
        },
        { step: 'build' },
      );
      return s3.send(command);
    };
    const bytes = Buffer.alloc(32, 7);
    const whole = {
      algorithm: 'AES256',
      key: bytes.toString('base64'),
      'key-md5': createHash('md5').update(bytes).digest('base64'),
    };
    await put(whole);
    for (const missing of ['algorithm', 'key', 'key-md5'] as const) {
      const { [missing]: _, ...rest } = whole;
      await assertRefused(put(rest), 400, 'InvalidArgument', /must provide/);
    }
    await assertRefused(put({ ...whole, 'key-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }), 400, 'InvalidArgument');
    await assertRefused(put({ ...whole, key: 'c2hvcnQ=' }), 400, 'InvalidArgument');
    await assertRefused(put({ ...whole, algorithm: 'AES128' }), 400, 'InvalidEncryptionAlgorithmError');
  });

  it('is refused where the bucket blocks it', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'blocks' }));
    const BlockedEncryptionTypes = { EncryptionType: ['SSE-C' as const] };
    const ServerSideEncryptionConfiguration = { Rules: [{ BlockedEncryptionTypes }] };
    await s3.send(new PutBucketEncryptionCommand({ Bucket: 'blocks', ServerSideEncryptionConfiguration }));
    const put = new PutObjectCommand({ Bucket: 'blocks', Key: 'x', Body: 'x', ...key('one') });
    await assertRefused(s3.send(put), 403, 'AccessDenied', /blocks/);
  });
});

it('a bucket policy may insist on encryption by the condition keys of S3', async () => {
  const own = 'insists';
  await s3.send(new CreateBucketCommand({ Bucket: own }));
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        ...{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: `arn:aws:s3:::${own}/*` },
        Condition: { StringNotEquals: { 's3:x-amz-server-side-encryption': 'aws:kms' } },
      },
      {
        ...{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: `arn:aws:s3:::${own}/*` },
        Condition: { StringNotEquals: { 's3:x-amz-server-side-encryption-aws-kms-key-id': keyArn } },
      },
    ],
  });
  await s3.send(new PutBucketPolicyCommand({ Bucket: own, Policy }));
  const put = (more: object) => s3.send(new PutObjectCommand({ Bucket: own, Key: 'x', Body: 'x', ...more }));
  await assertRefused(put({}), 403, 'AccessDenied');
  await assertRefused(put({ ServerSideEncryption: 'aws:kms' }), 403, 'AccessDenied');
  await put({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
});
