import assert from 'node:assert/strict';
import test from 'node:test';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { newProduct } from '../crash/product.ts';
import { openBrowser, reload, violations, visit, whySkipped } from './console.ts';

const BUCKETS = 24;
const bucketName = (index: number) => `pictures-${String(index).padStart(2, '0')}`;

test('A list shows what its address says: after a link, a reload, and going back', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const s3 = product.s3();
  for (let index = 0; index < BUCKETS; index += 1)
    await s3.send(new CreateBucketCommand({ Bucket: bucketName(index) }));
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const link = (name: string) => page.getByRole('link', { name, exact: true });
  const address = () => new URL(page.url()).search;

  await open('/s3?size=10&page=3');
  await link(bucketName(23)).waitFor();
  assert.equal(await link(bucketName(19)).count(), 0, 'the third page alone');

  await page.getByRole('button', { name: 'Previous page' }).click();
  await link(bucketName(10)).waitFor();
  assert.equal(address(), '?size=10&page=2');
  await page.goBack();
  await link(bucketName(23)).waitFor();

  await reload(page);
  await link(bucketName(23)).waitFor();

  await page.getByLabel('Find by the beginning of the name').fill('pictures-0');
  await link(bucketName(9)).waitFor();
  await page.waitForURL(url => url.searchParams.get('find') === 'pictures-0');
  assert.equal(address(), '?size=10&find=pictures-0', 'what is asked for anew begins at its first page');
  assert.equal(await link(bucketName(23)).count(), 0);

  await page.getByRole('button', { name: /^Rows on a page/ }).click();
  await page.getByRole('menuitemcheckbox', { name: '25 on a page' }).click();
  await page.waitForURL(url => url.searchParams.get('size') === '25');
  await page.getByLabel('Find by the beginning of the name').fill('nothing');
  await page.getByRole('button', { name: 'Clear the filter' }).click();
  await link(bucketName(23)).waitFor();
  assert.deepEqual(await violations(page, 'a long list'), []);

  await open('/iam?tab=policies');
  await page.getByText('AdministratorAccess').first().waitFor();
  await page.getByRole('button', { name: 'Kind: all' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Customer managed' }).click();
  await page.getByText('Nothing matches.').waitFor();
  assert.equal(address(), '?tab=policies&only=Local');
  assert.deepEqual(complaints, []);
});
