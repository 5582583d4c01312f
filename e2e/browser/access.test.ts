import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { CreateLoginProfileCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { newProduct, type Product } from '../crash/product.ts';
import { openBrowser, WIDE, whySkipped } from './console.ts';

test('A user with read-only rights signs in by password, and is told which permission is missing', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  await readOnlyUser(product);
  const { endpoint } = product.access();
  const browser = await openBrowser();
  context.after(() => browser.close());
  const page = await browser.newPage({ viewport: WIDE });
  page.setDefaultTimeout(30_000);
  await page.goto(`${endpoint}/_console/s3`);
  await page.getByLabel('Account').fill(accountIdOf(product));
  await page.getByLabel('User name').fill(READER.UserName);
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByTestId('fault').waitFor();
  await page.getByLabel('Password', { exact: true }).fill(READER.Password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'S3', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Create bucket' }).first().click();
  await page.getByLabel('Bucket name').fill('not-for-readers');
  await page.getByRole('button', { name: 'Create bucket' }).last().click();
  await page.getByText('s3:CreateBucket').waitFor();
  assert.equal(await page.getByLabel('Bucket name').inputValue(), 'not-for-readers', 'what was typed is still there');
});

const READER = { UserName: 'reader', Password: 'a long Password 1!' };

async function readOnlyUser(product: Product): Promise<void> {
  const iam = product.iam();
  await iam.send(new CreateUserCommand({ UserName: READER.UserName }));
  await iam.send(new CreateLoginProfileCommand(READER));
  const statement = {
    Effect: 'Allow',
    Action: ['s3:List*', 's3:Get*', 'bedrock:List*', 'bedrock:Get*'],
    Resource: '*',
  };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam.send(new PutUserPolicyCommand({ UserName: READER.UserName, PolicyName: 'look', PolicyDocument }));
}

function accountIdOf(product: Product): string {
  return JSON.parse(readFileSync(join(product.data, 'endpoint.json'), 'utf8')).accountId;
}
