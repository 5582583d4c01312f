/** Who is signed in, over reloads and in other tabs, and what a page that S3 holds gets of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { newProduct } from '../crash/product.ts';
import {
  createReader,
  openBrowser,
  reload,
  signInByAccessKey,
  signInByPassword,
  visit,
  whySkipped,
} from './console.ts';

const BUCKET = 'strangers';
/** Tries what the console does after a reload, with all that a script can read. */
const PAGE = `<!doctype html><title>trying</title><script>
  const key = (() => { try { return localStorage.getItem('likeness-session-key') } catch { return 'none' } })();
  fetch('/_likeness/v1/sign-in/session', { method: 'POST', body: JSON.stringify({ sessionKey: key }) })
    .then(answer => answer.text()).then(text => { document.title = 'got ' + text }, () => { document.title = 'refused' });
</script>`;

test('A reload and another tab keep who is signed in, until they sign out; an access key lives as long as the page', {
  skip: whySkipped,
  timeout: 300_000,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const { page } = await visit(await openBrowser(context), product);
  const signInHeading = (of: typeof page) => of.getByRole('heading', { name: 'Sign in' });

  await reload(page);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await reload(page);
  assert.equal(await page.evaluate('document.cookie'), '');
  const storage = (await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')) as string;
  assert.doesNotMatch(storage, /ASIA|secret|sessionToken/i);

  const other = await page.context().newPage();
  await other.goto(product.signInLink());
  await other.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();

  // A page that somebody uploaded lies on the console's own origin, and runs in one of its own.
  const s3 = product.s3();
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'page.html', ContentType: 'text/html', Body: PAGE }));
  await s3.send(new DeletePublicAccessBlockCommand({ Bucket: BUCKET }));
  const statement = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${BUCKET}/*` };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await s3.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }));
  await other.goto(`${product.access().endpoint}/${BUCKET}/page.html`);
  await other.waitForFunction("document.title !== 'trying'");
  assert.equal(await other.title(), 'refused');
  await reload(page);
  await other.close();

  const second = await page.context().newPage();
  await second.goto(`${product.access().endpoint}/_console/s3`);
  await second.getByRole('heading', { name: BUCKET }).or(second.getByText(BUCKET)).first().waitFor();
  await second.getByRole('button', { name: 'root' }).click();
  await second.getByRole('menuitem', { name: 'Sign out' }).click();
  await signInHeading(second).waitFor();
  await signInHeading(page).waitFor();
  await page.reload();
  await signInHeading(page).waitFor();
  await second.close();

  await signInByAccessKey(page, product);
  await page.reload();
  await signInHeading(page).waitFor();

  const reader = await createReader(product, ['s3:ListAllMyBuckets']);
  await signInByPassword(page, product, '/s3', reader);
  await page.getByText(BUCKET).first().waitFor();
  await reload(page);
  await page.getByText(BUCKET).first().waitFor();
});
