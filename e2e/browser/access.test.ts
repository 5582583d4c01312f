import assert from 'node:assert/strict';
import test from 'node:test';
import { GetUserCommand, UpdateLoginProfileCommand } from '@aws-sdk/client-iam';
import { createJob, createRole, getJob, newProduct } from '../crash/product.ts';
import {
  createReader,
  NARROW,
  openBrowser,
  photograph,
  signInByPassword,
  violations,
  visit,
  WIDE,
  whySkipped,
} from './console.ts';

test('A user with read-only rights signs in by password, and is told which permission is missing', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const reader = await createReader(product, ['s3:List*', 's3:Get*', 'bedrock:List*', 'bedrock:Get*']);
  const jobArn = await createJob(product, 4000);
  const browser = await openBrowser(context);
  const page = await browser.newPage({ viewport: WIDE, reducedMotion: 'reduce' });
  page.setDefaultTimeout(30_000);
  await signInByPassword(page, product, '/s3', { ...reader, Password: 'wrong' });
  await page.getByTestId('fault').getByText('You are not signed in').waitFor();
  await page.setViewportSize(NARROW);
  const hidden = Number(
    await page.evaluate("(list => list.scrollWidth - list.clientWidth)(document.querySelector('[role=tablist]'))"),
  );
  assert.ok(hidden <= 1, `both ways to sign in are in sight; ${hidden} pixels are not`);
  await page.setViewportSize(WIDE);
  const signIn = page.getByRole('button', { name: 'Sign in' });
  const again = page.getByLabel('New password again');
  await page.getByLabel('Password', { exact: true }).fill(reader.Password);
  await product.iam().send(new UpdateLoginProfileCommand({ ...reader, PasswordResetRequired: true }));
  await signIn.click();
  await page.getByText('Choose a new password').waitFor();
  assert.equal(await page.getByTestId('fault').count(), 0, 'a step of signing in is no fault');
  await page.getByLabel('New password', { exact: true }).fill('short');
  await again.fill('shirt');
  await page.getByText('This is another password than the one above.').waitFor();
  assert.equal(await signIn.isDisabled(), true, 'the two differ');
  assert.deepEqual(await violations(page, 'new password'), []);
  await photograph(page, 'sign-in-new-password');
  await again.fill('short');
  await signIn.click();
  await page.getByTestId('fault').getByText('The password is not good enough').waitFor();
  await page.getByLabel('New password', { exact: true }).fill('another long Password 2!');
  await again.fill('another long Password 2!');
  await signIn.click();
  await page.getByRole('heading', { name: 'S3', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Create bucket' }).first().click();
  await page.getByLabel('Bucket name').fill('Not-for-readers');
  await page.getByText('A capital letter is not allowed.').waitFor();
  await page.getByLabel('Bucket name').fill('not-for-readers');
  await page.getByRole('button', { name: 'Create bucket' }).last().click();
  await page.getByText('s3:CreateBucket').waitFor();
  await page.getByTestId('fault').getByText('You may not do this').waitFor();
  await page.getByTestId('fault').getByText('AccessDenied', { exact: true }).waitFor();
  assert.equal(await page.getByLabel('Bucket name').inputValue(), 'not-for-readers', 'what was typed is still there');
  await page.getByRole('button', { name: 'Cancel' }).click();

  // The job is to be looked at; what would change it, and what its own routes say, is not theirs.
  await page.evaluate(
    "history.pushState(null, '', '/_console/custom-models/jobs/crash-job'); dispatchEvent(new PopStateEvent('popstate'))",
  );
  await page.getByRole('heading', { name: 'crash-job', level: 1 }).waitFor();
  await page.getByText(/likeness:StreamJobEvents/).waitFor();
  await page.getByText(/likeness:ListJobSamples/).waitFor();
  await page.getByRole('button', { name: 'Stop job' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Stop job' }).click();
  await dialog.getByText(/bedrock:StopModelCustomizationJob/).waitFor();
  assert.equal((await getJob(product, jobArn)).status, 'InProgress');
  assert.deepEqual(await violations(page, 'a job of another'), []);

  await page.evaluate(
    "history.pushState(null, '', '/_console/accounts'); dispatchEvent(new PopStateEvent('popstate'))",
  );
  await page.getByText(/is not authorized to perform: likeness:ListAccounts/).waitFor();
});

test('A policy is checked as it is typed, and an account made and disabled', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = page.getByRole('dialog');
  const { Arn: root = '' } = (await product.iam().send(new GetUserCommand({}))).User ?? {};

  await open('/iam?tab=policies');
  await button('Create policy').first().click();
  await dialog.getByLabel('Policy name').fill('look at it');
  await dialog.getByText('A space is not allowed.').waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Create policy' }).isDisabled(), true, 'no name');
  await dialog.getByLabel('Policy name').fill('look');
  const document = dialog.getByLabel('Policy document');
  const create = dialog.getByRole('button', { name: 'Create policy' });
  await document.fill('{ "Version": "2012-10-17", "Statement": [ }');
  await dialog.getByText(/JSON/).waitFor();
  assert.equal(await create.isDisabled(), true, 'no JSON');
  await document.fill(
    '{"Version":"2012-10-17","Statement":[{"Effect":"Permit","Action":"s3:GetObject","Resource":"*"}]}',
  );
  await dialog.getByText(/Effect of Statement 1 must be "Allow" or "Deny"/).waitFor();
  assert.equal(await create.isDisabled(), true, 'no policy');
  await document.fill(
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}',
  );
  await dialog.getByRole('button', { name: 'Format' }).click();
  assert.match(await document.inputValue(), /\n {4}\{\n {6}"Effect": "Allow"/);
  assert.deepEqual(await violations(page, 'policy editor'), []);
  await create.click();
  await page.getByText('Created policy look.').waitFor();
  await page.getByRole('radio', { name: 'Select look' }).check();
  await button('Edit').click();
  await document.fill((await document.inputValue()).replace('s3:GetObject', 's3:ListBucket'));
  await dialog.getByRole('button', { name: 'Save changes' }).click();
  await page.getByText('Saved policy look.').waitFor();

  await createRole(product);
  await open('/iam?tab=roles');
  await page.getByRole('radio', { name: 'Select crash-role' }).check();
  await button('Actions').click();
  await page.getByRole('menuitem', { name: 'Edit who may assume it' }).click();
  const trust = await document.inputValue();
  const save = dialog.getByRole('button', { name: 'Save changes' });
  await document.fill(trust.replace('"Allow",', '"Allow", "Resource": "*",'));
  await dialog.getByText(/Has prohibited field Resource/).waitFor();
  assert.equal(await save.isDisabled(), true, 'no trust policy');
  await document.fill(
    trust.replace('"Service": "bedrock.amazonaws.com"', `"AWS": "${root.replace(/root$/, 'user/nobody')}"`),
  );
  await dialog.getByText(/Invalid principal in policy/).waitFor();
  await document.fill(trust.replace('"Service": "bedrock.amazonaws.com"', `"AWS": "${root}"`));
  await dialog.getByText(/Invalid principal in policy/).waitFor({ state: 'detached' });
  await save.click();
  await page.getByText('Saved the trust policy of crash-role.').waitFor();

  await page.getByRole('tab', { name: 'Policies' }).click();
  await page.getByText('Saved the trust policy of crash-role.').waitFor();
  await open('/invocation-logging');
  await page.getByLabel('Model invocation logging', { exact: true }).check();
  await page.getByText('Still missing or to mend: bucket').waitFor();
  assert.equal(await button('Save settings').isDisabled(), true, 'without a bucket');
  await open('/accounts');
  assert.equal(await page.getByText('Saved the trust policy of crash-role.').count(), 0, 'news of another page');
  await button('Create account').click();
  await dialog.getByLabel('Account ID').fill('12345');
  await dialog.getByRole('button', { name: 'Create account' }).click();
  await dialog.getByText(/accountId must be 12 digits/).waitFor();
  await dialog.getByLabel('Account ID').fill('210987654321');
  await dialog.getByRole('button', { name: 'Create account' }).click();
  await page.getByText('This is shown once.', { exact: false }).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('radio', { name: `Select ${root.split(':')[4]}` }).check();
  assert.equal(await button('Disable').isDisabled(), true, 'it administers the others');
  await page.getByRole('radio', { name: 'Select 210987654321' }).check();
  await button('Disable').click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await page.getByText('Account 210987654321 is disabled.').waitFor();
  await page.getByText('Disabled', { exact: true }).waitFor();

  await open('/audit-trail');
  const calls = page.getByRole('table', { name: 'Events' });
  await page.getByLabel('Find by operation, service, person or error').fill('disableacc');
  await calls.getByRole('rowheader', { name: 'DisableAccount' }).waitFor();
  await calls.getByRole('rowheader', { name: 'ListAccounts' }).first().waitFor({ state: 'detached' });
  await page.getByLabel('Find by operation, service, person or error').fill('account');
  await calls.getByRole('rowheader', { name: 'ListAccounts' }).first().waitFor();
  await button('Calls: all').click();
  await page.getByRole('menuitemcheckbox', { name: 'Changes alone' }).click();
  await calls.getByRole('rowheader', { name: 'ListAccounts' }).first().waitFor({ state: 'detached' });
  await calls.getByRole('rowheader', { name: 'CreateAccount' }).first().waitFor();
  assert.deepEqual(await violations(page, 'audit trail'), []);

  await open('/health');
  await page
    .getByRole('row', { name: /^Trainings at once/ })
    .getByText('What the machine has')
    .waitFor();
  assert.deepEqual(complaints, []);
});
