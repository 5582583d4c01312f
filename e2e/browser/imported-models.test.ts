import assert from 'node:assert/strict';
import test from 'node:test';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { newProduct } from '../crash/product.ts';
import { openBrowser, violations, visit, whySkipped } from './console.ts';

const trust = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'bedrock.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};

test('A person imports a model, and is told at the job what was wrong with its files', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  await product.s3().send(new CreateBucketCommand({ Bucket: 'brought' }));
  await product
    .iam()
    .send(new CreateRoleCommand({ RoleName: 'importer', AssumeRolePolicyDocument: JSON.stringify(trust) }));
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  await open('/imported-models');
  await page.getByRole('button', { name: 'Import model' }).first().click();
  await page.getByLabel('Imported model name').fill('ron');
  await page.getByLabel('Job name').fill('bring-ron');
  await page.getByLabel('S3 URI').fill('s3://brought/lora');
  await page.getByRole('link', { name: /View/ }).click();
  await page.getByRole('heading', { name: 'brought' }).first().waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'Import model' }).first().click();
  assert.equal(await page.getByLabel('Imported model name').inputValue(), 'ron');
  assert.equal(await page.getByLabel('S3 URI').inputValue(), 's3://brought/lora');
  await page.getByLabel('S3 URI').fill('s3://no-such-bucket-here/lora');
  await page.getByLabel('Service role').click();
  await page.getByRole('option', { name: 'importer' }).click();
  assert.deepEqual(await violations(page, 'import form', {}), []);
  await page.getByRole('button', { name: 'Import model' }).last().click();
  await page.getByText(/Could not validate ListBucket permissions .* no-such-bucket-here/).waitFor();
  assert.deepEqual(complaints, []);
});
