import assert from 'node:assert/strict';
import test from 'node:test';
import { CreateRoleCommand, CreateUserCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import type { Page } from 'playwright-core';
import { newProduct, type Product } from '../crash/product.ts';
import { NARROW, openBrowser, photograph, violations, visit, WIDE, whySkipped } from './console.ts';

/** Every page that needs no resource to exist. */
const pages = {
  overview: '/',
  'base-models': '/base-models',
  'base-model-folders': '/base-models?tab=folders',
  'custom-models': '/custom-models',
  jobs: '/custom-models?tab=jobs',
  'imported-models': '/imported-models',
  'import-jobs': '/imported-models?tab=jobs',
  'create-job': '/custom-models/create',
  'data-sets': '/data-sets',
  'data-set-editor': '/data-sets/edit',
  'image-playground': '/image-playground',
  'watermark-detection': '/watermark-detection',
  'provisioned-throughput': '/provisioned-throughput',
  deployments: '/deployments',
  'purchase-throughput': '/provisioned-throughput/create',
  'batch-inference': '/batch-inference',
  s3: '/s3',
  users: '/iam',
  roles: '/iam?tab=roles',
  policies: '/iam?tab=policies',
  'kms-keys': '/kms',
  'api-keys': '/api-keys',
  'invocation-logging': '/invocation-logging',
  usage: '/usage',
  'audit-trail': '/audit-trail',
  accounts: '/accounts',
  health: '/health',
  guides: '/guides',
  guide: '/guides/aws-clients',
};

test('Every page is accessible and whole, light and dark, at 1280 and 390 pixels', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  await makeLongNames(product);
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);

  for (const [name, path] of Object.entries(pages))
    await context.test(name, async () => {
      await page.setViewportSize(WIDE);
      await open(path);
      await page.waitForLoadState('networkidle');
      const found: string[] = [];
      // To an account that may do everything, a page that opens with a refusal is broken, however accessible.
      for (const alert of await page.getByRole('button', { name: 'Try again' }).all())
        found.push(`${name} opens with an error: ${await alert.locator('xpath=ancestor::*[3]').textContent()}`);
      for (const mode of ['light', 'dark'] as const)
        for (const [width, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
          await page.emulateMedia({ colorScheme: mode });
          await page.setViewportSize(size);
          // Colours fade into the other mode, and a table learns a moment after its size that it scrolls.
          await page.waitForTimeout(150);
          // In the dark nothing but the colours is another.
          const rules = mode === 'dark' ? { rules: ['color-contrast'] } : {};
          found.push(...(await violations(page, `${name}, ${mode}, ${width}`, rules)));
          if ((mode === 'light') === (width === 'wide')) await photograph(page, `${name}-${mode}-${width}`);
          for (const label of await doubledLabels(page)) found.push(`${name} shows the label ${label} twice, ${width}`);
          for (const cell of await emptyCells(page)) found.push(`${name} has an empty cell in the row of ${cell}`);
          if (width === 'wide')
            for (const part of await cutParts(page)) found.push(`${name} cuts off what is right of ${part}`);
          const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
          if (overflow > 0) found.push(`${name} scrolls sideways by ${overflow} pixels, ${width}`);
        }
      assert.deepEqual(found, []);
    });

  assert.deepEqual(complaints, []);
});

/** Names as long as they may be: tables wrap them. */
async function makeLongNames(product: Product): Promise<void> {
  const iam = product.iam();
  const statement = { Effect: 'Allow', Principal: { Service: 'bedrock.amazonaws.com' }, Action: 'sts:AssumeRole' };
  await iam.send(
    new CreateRoleCommand({
      RoleName: 'ExecutionRoleForTheCustomModelsOfTheMarketingDepartment',
      Description: 'Reads the pictures of the marketing department, and writes what is made of them beside them',
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
    }),
  );
  await iam.send(new CreateUserCommand({ UserName: 'somebody.of.the.marketing.department@office.example.com' }));
  await product.s3().send(new CreateBucketCommand({ Bucket: `pictures-${'of-dogs-'.repeat(6)}2026` }));
}

/** The rows with a cell that says nothing, not even a dash. */
async function emptyCells(page: Page): Promise<string[]> {
  return (await page.evaluate(
    "[...document.querySelectorAll('tbody td')].filter(cell => cell.innerText.trim() === '' && !cell.querySelector('input, button, svg, img')).map(cell => cell.parentElement.innerText)",
  )) as string[];
}

/** What begins in boxes that scroll sideways: in a wide window a table shows all its columns. */
async function cutParts(page: Page): Promise<string[]> {
  return (await page.evaluate(
    "[...document.querySelectorAll('main *')].filter(box => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX === 'auto').map(box => box.innerText.slice(0, 80))",
  )) as string[];
}

/** Labels that are read twice, one below the other. */
async function doubledLabels(page: Page): Promise<string[]> {
  const labels = (await page.evaluate(
    "[...document.querySelectorAll('label')].filter(label => label.checkVisibility()).map(label => label.innerText.trim())",
  )) as string[];
  return labels.filter((label, index) => label !== '' && label === labels[index + 1]);
}
