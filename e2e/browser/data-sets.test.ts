import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { CreateModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import { DeleteObjectCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { createRole, newProduct, projectRoot, waitFor } from '../crash/product.ts';
import {
  bringCopies,
  bringPhotographs,
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

const WAIT_MILLISECONDS = 180_000;
const IMAGES = 8;
const SIDE_PIXELS = 640;
/** For what a person waits for with the hand on the key. */
const MOST_MILLISECONDS = 3000;

test('A person finds masks and paints one, and a job takes what was saved', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const step = storyTeller(page);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = page.getByRole('dialog');
  const canvas = dialog.getByRole('application', { name: 'Paint over the part that is meant' });
  let manifestUri = '';
  const masks = new Map<string, string>();
  const refused: string[] = [];
  page.on('response', response => {
    if (response.status() >= 400) refused.push(`${response.request().method()} ${response.url()}`);
  });
  page.on('requestfailed', request => {
    if (request.url().startsWith('blob:')) refused.push(request.url());
  });

  await open('/data-sets/edit');
  await step('the subject of one picture is found, looked at, and erased in part', async () => {
    const names = Array.from({ length: IMAGES }, (_, index) => `ron_0${index + 1}.jpg`);
    await page
      .getByLabel('Picture files')
      .setInputFiles([...names, 'captions.jsonl'].map(name => join(samplePath, name)));
    await unfold('All captions');
    await page.getByLabel('Trigger words').fill('Ron the dog');
    await button('Add mask to ron_01.jpg').click();
    assert.equal(await dialog.getByLabel('Subject').inputValue(), 'the dog');
    assert.equal(await button('Keep mask').isDisabled(), true, 'nothing is painted');
    await button('Find the subject').click();
    await dialog.getByText(/of the picture is painted/).waitFor({ timeout: WAIT_MILLISECONDS });
    const found = await share();
    assert.ok(found > 5 && found < 80, `${found} % were found`);
    await dialog.getByText('Eraser', { exact: true }).click();
    await drag(0.4, 0.5, 0.6, 0.5);
    await page.waitForFunction(`!document.body.innerText.includes('${found} % of the picture is painted')`);
    assert.ok((await share()) < found);
    assert.deepEqual(await violations(page, 'mask editor'), []);
    await photograph(page, 'data-set-mask');
    await photographed('data-set-mask-narrow');
    await button('Keep mask').click();
    await button('Edit mask of ron_01.jpg').waitFor();
    assert.equal(await page.getByText('These look like photographs').count(), 0, 'drawings are none');
  });

  await step('a picture is pasted, and text that is pasted is none', async () => {
    await page.evaluate(`(async () => {
      const pasted = new DataTransfer();
      const canvas = new OffscreenCanvas(512, 512);
      canvas.getContext('2d').fillRect(0, 0, 512, 256);
      pasted.items.add(new File([await canvas.convertToBlob()], 'pasted.png', { type: 'image/png' }));
      const text = new DataTransfer();
      text.setData('text/plain', 'Ron the dog');
      for (const clipboardData of [text, pasted])
        document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    })()`);
    await page.getByLabel('Caption of pasted.png').waitFor();
    assert.equal(await page.getByLabel(/^Caption of /).count(), IMAGES + 1);
    await button('Remove pasted.png').click();
  });

  await step('another is painted, and a third painted and removed again', async () => {
    await button('Add mask to ron_02.jpg').click();
    await drag(0.3, 0.3, 0.7, 0.7);
    await page.keyboard.press('Escape');
    await page.getByText('Discard what you painted?').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Discard what you painted?').waitFor({ state: 'detached' });
    await dialog.getByText(/of the picture is painted/).waitFor();
    await button('Keep mask').click();
    await button('Add mask to ron_03.jpg').click();
    await page.keyboard.press('Escape');
    await canvas.waitFor({ state: 'detached' });
    await button('Add mask to ron_03.jpg').click();
    await drag(0.3, 0.3, 0.7, 0.7);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await button('Discard it').click();
    await button('Add mask to ron_03.jpg').click();
    await dialog.getByText('Nothing is painted yet.').waitFor();
    await drag(0.3, 0.3, 0.7, 0.7);
    await button('Keep mask').click();
    await button('Edit mask of ron_03.jpg').click();
    await dialog.getByText(/of the picture is painted/).waitFor();
    await dialog.getByRole('button', { name: 'Clear', exact: true }).click();
    await button('Remove mask').click();
    await button('Add mask to ron_03.jpg').waitFor();
  });

  await step('all others are found, what was painted stays, and it can be stopped between', async () => {
    await unfold('Masks - optional');
    await button(`Find ${IMAGES - 2} missing masks`).click();
    await button('Stop finding masks').click();
    await page.getByText(/^Masks found: /).waitFor({ timeout: WAIT_MILLISECONDS });
    await button('Stop finding masks').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /^Find [1-6] missing masks?$/ }).click();
    await button('Find 0 missing masks').waitFor({ timeout: WAIT_MILLISECONDS });
    await button('Edit mask of ron_03.jpg').waitFor();
    assert.deepEqual(await violations(page, 'data set with masks'), []);
    await page.locator('.record-mask-over').nth(2).waitFor();
    await photograph(page, 'data-set-masks');
    await photographed('data-set-masks-narrow');
  });

  await step('train.jsonl names each mask, a grey PNG of its picture’s size', async () => {
    await page.getByLabel('Data set name').fill('ron');
    await button('Save data set').click();
    manifestUri = (await page.getByText(/^s3:\/\/.*\/0001\/train\.jsonl$/).textContent()) ?? '';
    const records = (await textAt(manifestUri))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.equal(records.length, IMAGES);
    for (const record of records) {
      assert.match(record['mask-ref'], /^s3:\/\/[^/]+\/data-sets\/ron\/masks\/[0-9a-f]{32}\.png$/);
      masks.set(record['image-ref'], record['mask-ref']);
      const png = await bytesAt(record['mask-ref']);
      assert.equal(png.toString('latin1', 1, 4), 'PNG');
      assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [SIDE_PIXELS, SIDE_PIXELS]);
    }
  });

  await step('opened again, the masks are there and stay where they are', async () => {
    await open(`/data-sets/edit?${new URLSearchParams({ bucket: bucketOf(manifestUri), name: 'ron', version: '1' })}`);
    await page.getByText('Edit mask').first().waitFor();
    for (const name of ['ron_01.jpg', 'ron_08.jpg']) await page.getByText(name, { exact: true }).waitFor();
    assert.equal(await page.getByLabel('Trigger words').inputValue(), 'Ron the dog');
    assert.equal(await page.title(), 'ron – Likeness');
    await page.locator('.record-mask-over').first().waitFor();
    await button('Save data set').click();
    const second = manifestUri.replace('0001', '0002');
    await page.getByText(second).waitFor();
    for (const line of (await textAt(second)).trim().split('\n')) {
      const record = JSON.parse(line);
      assert.equal(record['mask-ref'], masks.get(record['image-ref']));
    }
  });

  await step('a version that says nothing of its files’ names is opened as well', async () => {
    const Key = manifestUri
      .replace('0001/train.jsonl', '0002/editor.json')
      .slice(`s3://${bucketOf(manifestUri)}/`.length);
    await product.s3().send(new DeleteObjectCommand({ Bucket: bucketOf(manifestUri), Key }));
    await open(`/data-sets/edit?${new URLSearchParams({ bucket: bucketOf(manifestUri), name: 'ron', version: '2' })}`);
    await page
      .getByText(/^[0-9a-f]{32}\.jpg$/)
      .first()
      .waitFor();
    // Pictures that leave the page while they are read are read to their end.
    for (const path of ['/data-sets', '/data-sets/edit', '/data-sets'])
      await open(path === '/data-sets' ? path : `${path}?bucket=${bucketOf(manifestUri)}&name=ron&version=2`);
    assert.deepEqual(refused, [], 'what is not there is not asked for');
  });

  await step('the check and a job take it', async () => {
    const { endpoint, accessKeyId, secretAccessKey } = product.access();
    const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: 'us-east-1' };
    const program = join(projectRoot, 'server/likeness.js');
    execFileSync(process.execPath, [program, 'dataset', 'check', manifestUri], {
      env: { ...process.env, ...keys, AWS_ENDPOINT_URL: endpoint },
    });
    const bedrock = product.bedrock();
    const { jobArn = '' } = await bedrock.send(
      new CreateModelCustomizationJobCommand({
        ...{ jobName: 'masked', customModelName: 'masked-model', roleArn: await createRole(product) },
        ...{ baseModelIdentifier: 'amazon.titan-image-generator-v1:0', hyperParameters: { stepCount: '10' } },
        trainingDataConfig: { s3Uri: manifestUri },
        outputDataConfig: { s3Uri: `s3://${bucketOf(manifestUri)}/output` },
      }),
    );
    await waitFor(product, jobArn, 'Completed');
  });

  await step('photographs are told from drawings, and captions of them are not written unasked', async () => {
    await open('/data-sets/edit');
    await bringPhotographs(page, 5);
    assert.equal(await page.getByLabel('Data set name').inputValue(), '', 'another data set has another name');
    await page.getByText('These look like photographs').waitFor();
    const seen = page.getByText(/^5 of 5 looked at/);
    await seen.waitFor();
    assert.match((await seen.getByRole('link').getAttribute('href')) ?? '', /guides\/data-sets#photographs$/);
    await photographed('data-set-photographs-narrow');
    await button('Write 5 missing captions').click();
    await dialog.getByText(/^The embedded model writes them, and it knows its own drawings only/).waitFor();
    assert.deepEqual(await violations(page, 'captions of photographs'), []);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await button('Write 5 missing captions').waitFor();
  });

  assert.deepEqual(complaints, []);

  async function unfold(section: string): Promise<void> {
    await page.getByRole('button', { name: new RegExp(`^${section}`) }).click();
  }

  /** Percent of the picture that is painted. */
  async function share(): Promise<number> {
    return Number.parseInt((await dialog.getByText(/of the picture is painted/).textContent()) ?? '', 10);
  }

  async function drag(fromX: number, fromY: number, toX: number, toY: number): Promise<void> {
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width * fromX, box.y + box.height * fromY);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * toX, box.y + box.height * toY, { steps: 5 });
    await page.mouse.up();
  }

  /** Narrow, and dark; nothing sticks out to the right. */
  async function photographed(name: string): Promise<void> {
    await page.setViewportSize(NARROW);
    await page.emulateMedia({ colorScheme: 'dark' });
    await photograph(page, name);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(WIDE);
  }

  async function bytesAt(uri: string): Promise<Buffer> {
    const Bucket = bucketOf(uri);
    const Key = uri.slice(`s3://${Bucket}/`.length);
    const { Body } = await product.s3().send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async function textAt(uri: string): Promise<string> {
    return (await bytesAt(uri)).toString('utf8');
  }
});

function bucketOf(uri: string): string {
  return uri.split('/')[2] ?? '';
}

test('Who takes the sample sees its pictures and captions at once, and goes on to save it', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const { page, open, complaints } = await visit(await openBrowser(context), product);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  await open('/data-sets/edit');
  await button('Take the sample: Ron and Smila').click();
  const caption = page.getByLabel('Caption of ron_01.jpg');
  await page.getByText('Nothing to mend: a job takes every record.').waitFor();
  for (const size of [{ width: 1440, height: 900 }, NARROW]) {
    await page.setViewportSize(size);
    await page.evaluate('scrollTo(0, 0)');
    const box = await caption.boundingBox();
    assert.ok(box && box.y + box.height <= size.height, `at ${size.width} pixels the caption ends at ${box?.y}`);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
    assert.equal(await page.getByLabel('Trigger words').isVisible(), false, 'what edits them all is folded');
    assert.deepEqual(await violations(page, 'sample'), []);
    await photograph(page, `data-set-sample-${size.width}`);
  }
  await button('Name and save').click();
  await page.keyboard.type('pets');
  assert.equal(await page.getByLabel('Data set name').inputValue(), 'pets');
  await button('Save data set').click();
  await page.getByText(/^s3:\/\/.*data-sets\/pets\/versions\/0001\/train\.jsonl$/).waitFor();
  assert.deepEqual(complaints, []);
});

test('Ten thousand captions are scrolled, edited, replaced and saved, with only those in sight in the page', {
  skip: whySkipped ?? false,
}, async context => {
  const records = 10_000;
  const product = newProduct(context);
  await product.up();
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const step = storyTeller(page);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const cards = () => page.locator('.record-grid li').count();

  await open('/data-sets/edit');
  await step('all are brought', async () => {
    await bringCopies(page, records);
    await button(`All ${records}`).waitFor();
    assert.ok((await cards()) < 60, `${await cards()} cards are in the page`);
  });

  await step('the last is scrolled to, and its caption is edited', async () => {
    await page.getByRole('region', { name: 'Images and captions' }).focus();
    await within('a scroll to the end', async () => {
      await page.keyboard.press('End');
      await page.getByLabel('Caption of picture-09999.jpg').waitFor();
    });
    assert.ok((await cards()) < 60, `${await cards()} cards are in the page`);
    await within('an edit', () => page.getByLabel('Caption of picture-09999.jpg').fill('a dog, the last of all'));
  });

  await step('a word is replaced in every caption', async () => {
    await page.getByRole('button', { name: /^All captions/ }).click();
    await page.getByLabel('Find in captions').fill('a dog');
    await page.getByLabel('Replace by').fill('Ron the dog');
    await within('a replacement', async () => {
      await button(`Replace in ${records} captions`).click();
      await page.getByText(`${records} captions changed.`).waitFor();
    });
    assert.equal(await page.getByLabel('Caption of picture-09999.jpg').inputValue(), 'Ron the dog, the last of all');
  });

  await step('all are saved, in their order', async () => {
    await page.getByLabel('Data set name').fill('many');
    await button('Save data set').click();
    const uri = (await page.getByText(/^s3:\/\/.*\/0001\/train\.jsonl$/).textContent({ timeout: 60_000 })) ?? '';
    const Bucket = bucketOf(uri);
    const { Body } = await product
      .s3()
      .send(new GetObjectCommand({ Bucket, Key: uri.slice(`s3://${Bucket}/`.length) }));
    const lines = ((await Body?.transformToString()) ?? '').trim().split('\n');
    const captions = lines.map(line => (JSON.parse(line) as { caption: string }).caption);
    assert.equal(captions.length, records);
    assert.deepEqual(captions.slice(-2), ['Ron the dog, number 9998', 'Ron the dog, the last of all']);
    assert.ok(captions.every(caption => caption.startsWith('Ron the dog, ')));
  });

  assert.deepEqual(complaints, []);

  /** Far above what it takes (bench/console tells that), far below what a page takes that draws all of them. */
  async function within(what: string, act: () => Promise<unknown>): Promise<void> {
    const startedAt = performance.now();
    await act();
    const milliseconds = performance.now() - startedAt;
    assert.ok(milliseconds < MOST_MILLISECONDS, `${what} took ${milliseconds.toFixed(0)} ms`);
  }
});

test('What a person is making stays in the page when the service goes, whether or not the page can get more of its own code', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const { port } = new URL(product.access().endpoint);
  const { page, open } = await visit(await openBrowser(context), product);
  for (const hasCode of [true, false]) {
    if (!hasCode) await page.route(/notice-bar/, route => route.abort());
    await reload(page);
    await page.waitForLoadState('networkidle');
    await open('/data-sets/edit');
    await page.getByLabel('Picture files').setInputFiles(join(samplePath, 'ron_01.jpg'));
    await page.getByLabel('Caption of ron_01.jpg').fill('Ron the dog');
    await product.crash();
    await page.getByLabel('Data set name').fill('ron');
    await page.evaluate("dispatchEvent(new Event('offline'))");
    await page.getByText(/connection to the service is lost/).waitFor();
    assert.equal(await page.getByLabel('Caption of ron_01.jpg').inputValue(), 'Ron the dog');
    await product.up(Number(port));
    await page.getByText('The service answers again.').waitFor();
    assert.equal(await page.getByLabel('Caption of ron_01.jpg').inputValue(), 'Ron the dog');
    page.once('dialog', dialog => dialog.accept());
  }
});
