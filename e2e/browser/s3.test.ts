import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { CreateBucketCommand, GetObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { newProduct } from '../crash/product.ts';
import { openBrowser, violations, visit, whySkipped } from './console.ts';

const Bucket = 'uploads';
/** Two parts, the second of them small. */
const LARGE_BYTES = 9 * 1024 * 1024;
const WAIT_MILLISECONDS = 120_000;

test('A person uploads a large file and small ones, looks into one, deletes several; and sees the service leave and return', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  await product.s3().send(new CreateBucketCommand({ Bucket }));
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const row = (name: string) => page.getByRole('row', { name: new RegExp(name) });
  page.setDefaultTimeout(WAIT_MILLISECONDS);
  const large = Buffer.alloc(LARGE_BYTES, 'likeness');

  await open(`/s3/${Bucket}?prefix=${encodeURIComponent('folder/')}`);
  await page.getByLabel('Files to upload').setInputFiles([
    { name: 'large.bin', mimeType: 'application/octet-stream', buffer: large },
    { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('what lies here') },
  ]);
  assert.equal(await page.title(), `${Bucket} – Likeness`);
  await page.getByText('Uploaded 2 objects.').waitFor({ timeout: WAIT_MILLISECONDS });
  const { Body, ETag } = await product.s3().send(new GetObjectCommand({ Bucket, Key: 'folder/large.bin' }));
  assert.match(ETag ?? '', /-2"$/, 'in two parts');
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  assert.equal(digest((await Body?.transformToByteArray()) ?? new Uint8Array()), digest(large));
  const { Uploads = [] } = await product.s3().send(new ListMultipartUploadsCommand({ Bucket }));
  assert.deepEqual(Uploads, []);

  await row('note.txt').getByRole('checkbox').check();
  await button('Actions').click();
  await page.getByRole('menuitem', { name: 'View' }).click();
  await page.getByText('what lies here').waitFor();
  assert.deepEqual(await violations(page, 'a text'), []);
  await page.keyboard.press('Escape');

  await row('large.bin').getByRole('checkbox').check();
  assert.deepEqual(await violations(page, 'objects'), []);
  await button('Delete').first().click();
  await page.getByLabel(/^To confirm/).fill('delete');
  await button('Delete').last().click();
  await page.getByText('Nothing lies here.').waitFor();

  // The second part is held back, so that there is something to cancel.
  await page.route(/partNumber=2/, () => undefined);
  await page
    .getByLabel('Files to upload')
    .setInputFiles([{ name: 'large.bin', mimeType: 'application/octet-stream', buffer: large }]);
  await page.getByText(/^1 of 1; 8/).waitFor();
  await button('Cancel upload').click();
  await page.getByText('The upload was cancelled; nothing of its object stays.').waitFor();
  await page.unroute(/partNumber=2/);
  await page.getByText('Nothing lies here.').waitFor();
  const left = await product.s3().send(new ListMultipartUploadsCommand({ Bucket }));
  assert.deepEqual(left.Uploads ?? [], [], 'no part of it stays');

  const port = new URL(product.access().endpoint).port;
  await product.interrupt();
  await page.getByRole('button', { name: 'Refresh objects' }).click();
  await page.getByText(/connection to the service is lost/).waitFor();
  await product.up(Number(port));
  await page.getByText('The service answers again.').waitFor({ timeout: WAIT_MILLISECONDS });
  await page.getByText('Nothing lies here.').waitFor();
  assert.deepEqual(complaints, []);
});
