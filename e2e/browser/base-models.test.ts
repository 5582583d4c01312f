import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { newProduct, projectRoot } from '../crash/product.ts';
import {
  createReader,
  openBrowser,
  photograph,
  signInByPassword,
  storyTeller,
  violations,
  visit,
  WIDE,
  whySkipped,
} from './console.ts';

const ID = 'acme.photos-v1';
const TINY = `
import sys
from pathlib import Path
from tests.tiny_families import stable_diffusion_1
stable_diffusion_1(Path(sys.argv[1]))
`;

test('An administrator adds a folder as a base model, is told what is missing in another, draws with it and deletes it', {
  skip: whySkipped ?? false,
}, async context => {
  const root = mkdtempSync(join(tmpdir(), 'likeness-folders-'));
  context.after(() => rmSync(root, { recursive: true }));
  const whole = join(root, 'photos');
  execFileSync(join(projectRoot, '.venv/bin/python'), ['-c', TINY, whole], { cwd: join(projectRoot, 'worker') });
  const broken = join(root, 'broken');
  cpSync(whole, broken, { recursive: true });
  unlinkSync(join(broken, 'vae/config.json'));
  renameSync(join(broken, 'tokenizer'), join(broken, 'tokeniser'));
  const secret = join(root, 'model_index.json');
  writeFileSync(secret, 'swordfish-4711');

  const product = newProduct(context);
  await product.up();
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const step = storyTeller(page);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = page.getByRole('dialog');
  const add = dialog.getByRole('button', { name: 'Add base model' });
  const folder = dialog.getByLabel('Folder on the machine of the service');

  await step('a folder that is none, and one that holds something else, are refused without its contents', async () => {
    await open('/base-models');
    await page.getByRole('rowheader', { name: 'likeness.art-v1' }).waitFor();
    await button('Add base model').click();
    await dialog.getByText(/is one of the machine that the service runs on, not of yours/).waitFor();
    assert.deepEqual(await violations(page, 'add base model'), []);
    await folder.fill(join(root, 'nowhere'));
    await add.click();
    await dialog.getByText(/There is no folder .*nowhere on the machine of the service/).waitFor();
    await folder.fill(root);
    await add.click();
    await dialog.getByText(/model_index\.json of the base model cannot be read/).waitFor();
    assert.equal(await page.getByText('swordfish').count(), 0);
  });

  await step('what a folder lacks is named, all at once, with what was typed still there', async () => {
    await folder.fill(broken);
    await dialog.getByLabel('Model ID').fill(ID);
    await dialog.getByLabel('Licence').fill('openrail++');
    await add.click();
    await dialog.getByText(/part vae is missing.* part tokenizer is missing/).waitFor();
    await photograph(page, 'add-base-model');
    assert.equal(await dialog.getByLabel('Licence').inputValue(), 'openrail++');
  });

  await step('a whole one is shown with what was found in it', async () => {
    await folder.fill(whole);
    await add.click();
    for (const found of ['Stable Diffusion 1.x, 2.x', 'openrail++', whole, 'About 64 x 64 pixels, scaled to the size'])
      await dialog.getByText(found).waitFor();
    await dialog.getByText(/Text to image, Inpainting/).waitFor();
    await dialog.getByText(/[kM]B for the weights while they load/).waitFor();
    assert.deepEqual(await violations(page, 'facts of a base model'), []);
    await photograph(page, 'base-model-facts');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('rowheader', { name: ID }).waitFor();
    await photograph(page, 'base-models-folders');
    await page.getByRole('radio', { name: 'Select likeness.art-v1' }).check();
    assert.equal(await button('Delete').isDisabled(), true, 'the embedded one stays');
  });

  await step('it is in the catalogue at once, and draws', async () => {
    await page.getByRole('tab', { name: 'Models' }).click();
    await page.getByRole('radio', { name: `Select ${ID}` }).check();
    await page.getByRole('link', { name: 'Open in Image playground' }).click();
    await page.getByRole('heading', { name: 'Image playground', level: 1 }).waitFor();
    await page.getByLabel('Prompt', { exact: true }).fill('Ron the dog');
    await button('Run').click();
    await page.getByAltText(/, 1 of 1$/).waitFor({ timeout: 240_000 });
  });

  await step('it is deleted after a word, and its folder stays', async () => {
    await open('/base-models?tab=folders');
    await page.getByRole('radio', { name: `Select ${ID}` }).check();
    await button('Delete').click();
    await dialog.getByText(`The folder ${whole} stays`, { exact: false }).waitFor();
    await dialog.getByLabel(/To confirm, type/).fill('delete');
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('rowheader', { name: ID }).waitFor({ state: 'detached' });
  });
  assert.deepEqual(complaints, []);
});

test('Who may not administer base models is told so, and which permission is missing', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const reader = await createReader(product, ['likeness:ListBaseModels']);
  const browser = await openBrowser(context);
  const page = await browser.newPage({ viewport: WIDE });
  page.setDefaultTimeout(30_000);
  await signInByPassword(page, product, '/base-models?tab=folders', reader);
  await page.getByText(/is not authorized to perform: likeness:ListRegisteredModels/).waitFor();
  await page.getByRole('button', { name: 'Add base model' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Folder on the machine of the service').fill('/etc');
  await dialog.getByLabel('Model ID').fill(ID);
  await dialog.getByRole('button', { name: 'Add base model' }).click();
  await dialog.getByText(/You may not do this/).waitFor();
  await dialog.getByText(/is not authorized to perform: likeness:RegisterModel/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  await page.evaluate(
    "history.pushState(null, '', '/_console/data-sets'); dispatchEvent(new PopStateEvent('popstate'))",
  );
  await page.getByText(/is not authorized to perform: s3:ListAllMyBuckets/).waitFor();
  assert.equal(await page.getByText(/^No data sets yet/).count(), 0, 'nobody knows whether there are some');
});
