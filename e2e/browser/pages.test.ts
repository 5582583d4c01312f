import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { CreateLoginProfileCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { newProduct, type Product } from '../crash/product.ts';
import { NARROW, openBrowser, photograph, violations, visit, WIDE, whySkipped } from './console.ts';

/** Every page that needs no resource to exist. */
const pages = {
  overview: '/',
  'base-models': '/base-models',
  'custom-models': '/custom-models',
  jobs: '/custom-models?tab=jobs',
  'create-job': '/custom-models/create',
  'data-sets': '/data-sets',
  'data-set-editor': '/data-sets/edit',
  'image-playground': '/image-playground',
  'watermark-detection': '/watermark-detection',
  'provisioned-throughput': '/provisioned-throughput',
  'purchase-throughput': '/provisioned-throughput/create',
  'batch-inference': '/batch-inference',
  s3: '/s3',
  users: '/iam',
  roles: '/iam?tab=roles',
  policies: '/iam?tab=policies',
  'kms-keys': '/kms',
  'api-keys': '/api-keys',
  'invocation-logging': '/invocation-logging',
  'audit-trail': '/audit-trail',
  health: '/health',
};

test('Every page is accessible and whole, light and dark, at 1280 and 390 pixels', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const browser = await openBrowser();
  context.after(() => browser.close());
  const { page, open, complaints } = await visit(browser, product);

  for (const [name, path] of Object.entries(pages))
    await context.test(name, async () => {
      await page.setViewportSize(WIDE);
      await open(path);
      await page.waitForLoadState('networkidle');
      const found: string[] = [];
      for (const mode of ['light', 'dark'] as const)
        for (const [width, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
          await page.emulateMedia({ colorScheme: mode });
          await page.setViewportSize(size);
          // In the dark nothing but the colours is another.
          const rules = mode === 'dark' ? { rules: ['color-contrast'] } : {};
          found.push(...(await violations(page, `${name}, ${mode}, ${width}`, rules)));
          if ((mode === 'light') === (width === 'wide')) await photograph(page, `${name}-${mode}-${width}`);
          const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
          if (overflow > 0) found.push(`${name} scrolls sideways by ${overflow} pixels, ${width}`);
        }
      assert.deepEqual(found, []);
    });

  await context.test('a user with read-only rights looks, and is told which permission is missing', async () => {
    await readOnlyUser(product);
    const { endpoint } = product.access();
    const other = await browser.newPage({ viewport: WIDE });
    other.setDefaultTimeout(30_000);
    await other.goto(`${endpoint}/_console/s3`);
    await other.getByLabel('Account').fill(accountIdOf(product));
    await other.getByLabel('User name').fill(READER.UserName);
    await other.getByLabel('Password').fill('wrong');
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByTestId('fault').waitFor();
    await other.getByLabel('Password').fill(READER.Password);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByRole('heading', { name: 'S3', level: 1 }).waitFor();
    await other.getByRole('button', { name: 'Create bucket' }).first().click();
    await other.getByLabel('Bucket name').fill('not-for-readers');
    await other.getByRole('button', { name: 'Create bucket' }).last().click();
    await other.getByText('s3:CreateBucket').waitFor();
    assert.equal(
      await other.getByLabel('Bucket name').inputValue(),
      'not-for-readers',
      'what was typed is still there',
    );
  });

  assert.deepEqual(complaints, []);
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
