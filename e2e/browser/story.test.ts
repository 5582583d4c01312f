import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { newProduct } from '../crash/product.ts';
import {
  NARROW,
  openBrowser,
  photograph,
  reload,
  samplePath,
  storyTeller,
  violations,
  visit,
  WIDE,
  whySkipped,
} from './console.ts';

const IMAGES = 8;
const WAIT_MILLISECONDS = 180_000;

test('A person brings pictures, teaches a model, gives it capacity and draws with it', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const step = storyTeller(page);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const link = (name: string) => page.getByRole('link', { name, exact: true });
  const dialog = page.getByRole('dialog');
  const side = page.getByRole('navigation', { name: 'Side navigation' });

  await step('pictures with their captions become a data set in a new bucket', async () => {
    await link('Create data set').first().click();
    const names = Array.from({ length: IMAGES }, (_, index) => `ron_0${index + 1}.jpg`);
    const parent = mkdtempSync(join(tmpdir(), 'likeness-story-'));
    context.after(() => rmSync(parent, { recursive: true }));
    const folder = join(parent, 'ron');
    mkdirSync(folder);
    for (const name of [...names, 'captions.jsonl']) cpSync(join(samplePath, name), join(folder, name));
    writeFileSync(join(folder, 'contract.pdf'), 'not a picture');
    execFileSync('python3', ['-m', 'zipfile', '-c', `${folder}.zip`, folder]);
    await page.getByLabel('Picture files').setInputFiles(`${folder}.zip`);
    await page.getByText('1 file was not taken').waitFor();
    await page.getByText(/ron\/contract\.pdf: /).waitFor();
    const first = page.getByLabel('Caption of ron_01.jpg');
    assert.equal(await first.inputValue(), 'Ron the dog sitting on a tile floor');
    await first.fill('');
    await page.getByText('No caption', { exact: true }).waitFor();
    await page.setViewportSize(NARROW);
    const mend = await page
      .getByRole('list', { name: 'Checks' })
      .getByRole('button', { name: 'Write captions or a trigger word' })
      .boundingBox();
    assert.ok(mend && mend.x + mend.width < NARROW.width, 'what mends a record is in sight');
    assert.deepEqual(await violations(page, 'checks'), []);
    await photograph(page, 'story-checks-narrow');
    await page.setViewportSize(WIDE);
    await button('Write captions or a trigger word').click();
    assert.equal(await page.evaluate('document.activeElement.placeholder'), 'Ron the dog', 'ready to be typed into');
    await button('Write 1 missing caption').click();
    await page.getByText(/^1 caption written/).waitFor({ timeout: WAIT_MILLISECONDS });
    assert.match(await first.inputValue(), /\w+ \w+/);
    await first.fill('sitting on a tile floor');
    await page.getByLabel('Trigger words').fill('Ron the dog');
    await button('Put “Ron the dog” before captions without one').click();
    assert.equal(await first.inputValue(), 'Ron the dog sitting on a tile floor');
    assert.equal(await button('Put “Ron the dog” before captions without one').isDisabled(), true, 'none lacks it');

    // Captions that come later are taken where there is none, and asked about where there is another.
    const second = page.getByLabel('Caption of ron_02.jpg');
    const before = await second.inputValue();
    await page.getByLabel('Caption of ron_03.jpg').fill('');
    const table =
      'file,caption\nron_02.jpg,Ron the dog on the moon\nron_03.jpg,Ron the dog at sea\nnobody.jpg,nobody\n';
    const captions = { name: 'captions.csv', mimeType: 'text/csv', buffer: Buffer.from(table) };
    await page.getByLabel('Picture files').setInputFiles(captions);
    await page.getByText('1 caption is there already: replace?').waitFor();
    await page.getByText(/1 caption taken\. 1 caption names no picture that is here\.$/).waitFor();
    assert.equal(await page.getByLabel('Caption of ron_03.jpg').inputValue(), 'Ron the dog at sea');
    assert.deepEqual(await violations(page, 'captions brought'), []);
    await button('Keep what is there').click();
    assert.equal(await second.inputValue(), before);
    await page.getByLabel('Picture files').setInputFiles(captions);
    await button('Replace it').click();
    assert.equal(await second.inputValue(), 'Ron the dog on the moon');
    await button('Undo the last fix').click();
    assert.equal(await second.inputValue(), before);
    await open('/data-sets/edit?record=ron_08.jpg');
    await page.locator('li[aria-current]').getByLabel('Caption of ron_08.jpg').waitFor();
    await page.getByText('Still missing or to mend: data set name').waitFor();
    await page.getByLabel('Data set name').fill('my dog');
    await page.getByText('A space is not allowed.').waitFor();
    assert.equal(await button('Save data set').isDisabled(), true);
    await page.getByLabel('Data set name').fill('ron');
    assert.deepEqual(await violations(page, 'data set editor'), []);
    await photograph(page, 'story-data-set');
    await button('Save data set').click();
    await page.getByText(/^s3:\/\/.*train\.jsonl$/).waitFor();
  });

  await step('a fine-tuning job is created with a role that is made for it', async () => {
    await link('Create fine-tuning job').last().click();
    await page.getByLabel('Fine-tuned model name').fill('ron model');
    await page.getByText('A space is not allowed.').waitFor();
    await page.getByText(/^Still missing or to mend: fine-tuned model name, job name, /).waitFor();
    await page.getByLabel('Fine-tuned model name').fill('ron-model');
    await page.getByLabel('Job name').fill('ron-job');
    await page.getByText('8 images: Likeness Art, which answers here, usually takes about 500 steps of 8').waitFor();
    await page.getByText('At least 500 steps, 1,000 at most; ends when nothing gets better').waitFor();
    await page.getByText('each image is seen about 500 times.').waitFor();
    await page.getByText('A subject, by its captions').waitFor();
    await page.getByRole('radio', { name: 'Custom' }).check();
    await page.getByLabel('Steps', { exact: true }).fill('10');
    const bucket = /s3:\/\/([^/]+)/.exec(
      await page.getByPlaceholder('s3://bucket/prefix/train.jsonl').first().inputValue(),
    )?.[1];
    await page.getByPlaceholder('s3://bucket/prefix', { exact: true }).fill(`s3://${bucket}/output`);
    await page.getByLabel('Service role name').fill('ron/role');
    await page.getByText('“/” is not allowed.').waitFor();
    await page.getByText('Still missing or to mend: service role', { exact: true }).waitFor();
    await page.getByLabel('Service role name').fill('ron-role');
    assert.deepEqual(await violations(page, 'create job'), []);
    await photograph(page, 'story-create-job');
    await reload(page);
    assert.equal(await page.getByLabel('Job name').inputValue(), 'ron-job', 'a reload loses nothing');
    await button('Fine-tune model').click();
    await page.getByRole('heading', { name: 'ron-job', level: 1 }).waitFor();
  });

  await step('the job is watched until it is completed', async () => {
    await page.getByText('Step 10 of 10').waitFor({ timeout: WAIT_MILLISECONDS });
    await link('ron-model').waitFor({ timeout: WAIT_MILLISECONDS });
    assert.deepEqual(await violations(page, 'job'), []);
    await photograph(page, 'story-job');
    await link('Open the model').click();
    await page.getByRole('heading', { name: 'ron-model', level: 1 }).waitFor();
    assert.deepEqual(await violations(page, 'model'), []);
    await photograph(page, 'story-model');
  });

  await step('Provisioned Throughput is purchased for the model', async () => {
    await button('Set up inference').click();
    await page.getByRole('menuitem', { name: 'Purchase Provisioned Throughput' }).click();
    await page.getByText('Still missing or to mend: Provisioned Throughput name').waitFor();
    await page.getByLabel('Provisioned Throughput name').fill('ron-units');
    await page.getByLabel('Model units').fill('0');
    await page.getByText('This must be 1 or more.').waitFor();
    await page.getByText('Still missing or to mend: model units').waitFor();
    await page.getByLabel('Model units').fill('1');
    await button('Purchase Provisioned Throughput').click();
    await page.getByRole('checkbox').check();
    await button('Confirm purchase').click();
    await page.getByRole('cell', { name: 'ron-units' }).waitFor();
    await page.getByText('In service').waitFor({ timeout: WAIT_MILLISECONDS });
    await photograph(page, 'story-throughput');
    await page.getByRole('radio', { name: 'Select ron-units' }).check();
    await button('Actions').click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await dialog.getByRole('button', { name: 'Add new tag' }).click();
    await dialog.getByRole('textbox', { name: 'Key' }).fill('team');
    await dialog.getByRole('textbox', { name: 'Value' }).fill('pets');
    assert.deepEqual(await violations(page, 'edit throughput'), []);
    await button('Save edits').click();
    await page.getByText('Saved ron-units.').waitFor();
  });

  await step('base and custom model draw the same prompt side by side', async () => {
    const opener = button('Open side navigation');
    if (await opener.isVisible()) await opener.click();
    await side.getByRole('link', { name: 'Image', exact: true }).click();
    await choose('Compare with - optional', 'ron-units');
    await page.getByLabel('Prompt', { exact: true }).fill('Ron the dog wearing a superhero cape');
    await page.setViewportSize({ width: 1440, height: 900 });
    const run = await button('Run').boundingBox();
    assert.ok(run && run.y + run.height <= 900, 'what starts the drawing is in sight');
    await page.setViewportSize(WIDE);
    await choose('Size', '512 x 512');
    await button('Run').click();
    await page.getByAltText('ron-units, 1 of 1').waitFor({ timeout: WAIT_MILLISECONDS });
    await page
      .getByText(/^After/)
      .nth(1)
      .waitFor({ timeout: WAIT_MILLISECONDS });
    assert.deepEqual(await violations(page, 'playground'), []);
    await photograph(page, 'story-playground');
    await button('View API request').click();
    await page.getByText('aws bedrock-runtime invoke-model').waitFor();
    assert.deepEqual(await violations(page, 'API request'), []);
    await page.keyboard.press('Escape');
  });

  await step('the Provisioned Throughput is deleted, once that is confirmed', async () => {
    if (await button('Open side navigation').isVisible()) await button('Open side navigation').click();
    await side.getByRole('link', { name: 'Provisioned Throughput', exact: true }).click();
    await page.getByRole('radio', { name: 'Select ron-units' }).check();
    await button('Actions').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    assert.equal(await dialog.getByRole('button', { name: 'Delete', exact: true }).isDisabled(), true);
    await dialog.getByLabel(/To confirm, type/).fill('delete');
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Deleted Provisioned Throughput ron-units.').waitFor();
    await page.getByText(/^No Provisioned Throughput\./).waitFor();
  });

  assert.deepEqual(complaints, []);

  async function choose(label: string, option: string): Promise<void> {
    await page.getByLabel(label, { exact: true }).click();
    await page.getByRole('option', { name: option }).first().click();
  }
});
