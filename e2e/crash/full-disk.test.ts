import assert from 'node:assert/strict';
import test from 'node:test';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { newProduct, whyNoSmallDisk } from './product.ts';

const MEBIBYTE = 1024 * 1024;
const DISK_BYTES = 96 * MEBIBYTE;
const Bucket = 'filled';

test('On a disk that uploads have filled, small ones too, an object can be deleted, and then another be put', {
  skip: whyNoSmallDisk() ?? false,
}, async context => {
  const product = newProduct(context, DISK_BYTES);
  await product.up();
  const s3 = product.s3();
  const put = (Key: string, sizeBytes: number) =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(sizeBytes, Key) }));
  /** @returns how many objects of the size went in */
  const fill = async (sizeBytes: number): Promise<number> => {
    for (let count = 0; ; count += 1)
      try {
        await put(`${sizeBytes}/${count}`, sizeBytes);
      } catch (error) {
        assert.equal((error as Error).name, 'ServiceUnavailable', String(error));
        return count;
      }
  };
  await s3.send(new CreateBucketCommand({ Bucket }));

  assert.ok((await fill(2 * MEBIBYTE)) > 2);
  await fill(100_000);
  await fill(1);
  await assert.rejects(put('small', 1), {
    name: 'ServiceUnavailable',
    message: /no room for the object.*Free some space/,
  });

  await s3.send(new DeleteObjectCommand({ Bucket, Key: `${2 * MEBIBYTE}/0` }));
  await put('small', 1);
});
