import assert from 'node:assert/strict';
import test from 'node:test';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createRole, newProduct } from '../crash/product.ts';
import { NARROW, openBrowser, photograph, violations, visit, WIDE, whySkipped } from './console.ts';

test('A person draws a file of prompts with a model that is chosen by its name', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const s3 = product.s3();
  await s3.send(new CreateBucketCommand({ Bucket: 'prompts' }));
  const modelInput = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron the dog' } };
  const Body = JSON.stringify({ recordId: 'PROMPT00001', modelInput });
  await s3.send(new PutObjectCommand({ Bucket: 'prompts', Key: 'in.jsonl', Body }));
  await createRole(product);
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const dialog = page.getByRole('dialog');

  await open('/batch-inference');
  await page.getByRole('button', { name: 'Create job' }).first().click();
  const create = dialog.getByRole('button', { name: 'Create job' });
  await dialog.getByLabel('Job name').fill('hundred');
  await dialog.getByLabel('S3 URI').first().fill('s3://prompts/in.jsonl');
  const view = dialog.getByRole('link', { name: 'View' }).first();
  assert.equal(await view.getAttribute('href'), '/_console/s3/prompts?prefix=');
  await dialog.getByLabel('S3 URI').last().fill('s3://prompts/out/');
  await dialog.getByLabel('Service role').click();
  await page.getByRole('option', { name: 'crash-role' }).click();
  assert.equal(await create.isDisabled(), true, 'no model is chosen');
  await dialog.getByLabel('Model', { exact: true }).click();
  await page.getByRole('option', { name: /^Likeness Art/ }).click();
  assert.deepEqual(await violations(page, 'batch form'), []);
  await page.setViewportSize(NARROW);
  await photograph(page, 'create-batch-narrow');
  await page.setViewportSize(WIDE);
  await create.click();
  await page.getByText('The batch job hundred was created.').waitFor();
  await page.getByRole('rowheader', { name: 'hundred' }).waitFor();
  await page.getByRole('cell', { name: 'likeness.art-v1', exact: true }).waitFor();
  assert.deepEqual(complaints, []);
});
