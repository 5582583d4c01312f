import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { Page } from 'playwright-core';
import { newProduct, type Product, projectRoot, until } from '../crash/product.ts';
import {
  NARROW,
  openBrowser,
  photograph,
  reload,
  samplePath,
  storyTeller,
  violations,
  visit,
  whySkipped,
} from './console.ts';

const WAIT_MILLISECONDS = 180_000;

test('A person paints a mask, draws within it, extends a picture, and takes the request along as code', {
  skip: whySkipped ?? false,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const step = storyTeller(page);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const canvas = page.getByRole('application', { name: 'Paint over the part that is meant' });
  const drawn = page.getByAltText(/, 1 of 1$/);
  const share = async () => (await page.getByText(/of the picture is painted/).textContent()) ?? '';

  await open('/image-playground');
  await step('a mask is painted with the pointer, taken back and brought again', async () => {
    await choose(page, 'Action', 'Replace object');
    await page.getByLabel('Input pictures').setInputFiles(join(samplePath, 'ron_01.jpg'));
    await page.getByRole('radio', { name: 'Painted' }).or(button('Painted')).first().click();
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.4, { steps: 5 });
    await page.mouse.up();
    await page.getByText(/of the picture is painted/).waitFor();
    await button('Undo').click();
    await page.getByText('Nothing is painted yet').waitFor();
    await button('Redo').click();
    await page.getByText(/of the picture is painted/).waitFor();
  });

  await step('the keyboard paints as well, and erases', async () => {
    const before = await share();
    await canvas.focus();
    await press('Space', 'Shift+ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown', 'Space');
    await page.waitForFunction(`!document.body.innerText.includes(${JSON.stringify(before)})`);
    await press('Control+z');
    await page.getByText(before).waitFor();
    await button('Invert').click();
    await page.waitForFunction(`!document.body.innerText.includes(${JSON.stringify(before)})`);
    await button('Undo').click();
    await page.getByText(before).waitFor();
    assert.deepEqual(await violations(page, 'mask painter'), []);
  });

  await step('a reload keeps the prompt, the picture and what was painted', async () => {
    await page.getByLabel('Prompt', { exact: true }).fill('a cat sitting on the floor');
    const before = await share();
    // Pictures are written a moment after the last change, before axe had looked; the prompt at once.
    await keptInBrowser(page, 'playground-form');
    await reload(page);
    assert.equal(await page.getByLabel('Prompt', { exact: true }).inputValue(), 'a cat sitting on the floor');
    await page.getByText(before).waitFor();
    await photograph(page, 'playground-mask');
  });

  await step('what is painted is drawn anew, and stays in the history after a reload', async () => {
    await button('Run').click();
    await drawn.waitFor({ timeout: WAIT_MILLISECONDS });
    await button('Bring back: a cat sitting on the floor').waitFor();
    await keptInBrowser(page, 'playground-run ');
    await reload(page);
    await button('Bring back: a cat sitting on the floor').click();
    await drawn.waitFor();
    assert.deepEqual(await violations(page, 'playground with history'), []);
  });

  await step('a frame is dragged outwards, and what is between is drawn', async () => {
    await choose(page, 'Action', 'Extend image');
    const edge = page.getByRole('slider', { name: 'Extend to the right' });
    await edge.scrollIntoViewIfNeeded();
    const box = await edge.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 4);
    await page.mouse.down();
    await page.mouse.move(box.x + 40, box.y + box.height / 4, { steps: 4 });
    await page.mouse.up();
    assert.ok(Number(await edge.getAttribute('aria-valuenow')) > 10);
    await edge.focus();
    const dragged = Number(await edge.getAttribute('aria-valuenow'));
    await press('ArrowLeft');
    assert.equal(Number(await edge.getAttribute('aria-valuenow')), dragged - 5);
    assert.deepEqual(await violations(page, 'frame editor'), []);
    await photograph(page, 'playground-frame');
    await page.setViewportSize(NARROW);
    await photograph(page, 'playground-frame-narrow');
    assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
    await page.setViewportSize({ width: 1280, height: 900 });
    await button('Run').click();
    await page.getByText(/^After/).waitFor({ timeout: WAIT_MILLISECONDS });
    const size = await page.evaluate(
      "(image => [image.naturalWidth, image.naturalHeight])(document.querySelector('.pictures img'))",
    );
    const [width = 0, height = 0] = size as number[];
    assert.ok(width > height, `${width} x ${height}`);
  });

  await step('the request runs as the AWS CLI, Python and JavaScript that are shown', async () => {
    await button('View API request').click();
    const folder = mkdtempSync(join(tmpdir(), 'likeness-request-'));
    context.after(() => rmSync(folder, { recursive: true }));
    for (const name of ['input-1.jpg', 'mask.png']) {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name, exact: true }).click(),
      ]);
      await file.saveAs(join(folder, name));
    }
    assert.deepEqual(await violations(page, 'API request'), []);
    const keys = (await page.getByText(/^npx --no-install likeness env/).textContent()) ?? '';
    const printed = execFileSync('bash', ['-euc', keys], { cwd: projectRoot, encoding: 'utf8' });
    assert.ok(printed.includes(`AWS_ACCESS_KEY_ID='${product.access().accessKeyId}'`), keys);
    const shown = async (tab: string) => {
      await page.getByRole('tab', { name: tab }).click();
      return (await page.getByRole('tabpanel', { name: tab }).locator('pre').textContent()) ?? '';
    };
    runShown(product, folder, 'bash', 'request.sh', await shown('AWS CLI'));
    runShown(product, folder, join(projectRoot, '.venv-test/bin/python'), 'request.py', await shown('Python'));
    runShown(product, folder, process.execPath, 'request.mjs', await shown('JavaScript'));
  });

  await step('a background is removed, and a picture is cropped around its subject', async () => {
    await page.keyboard.press('Escape');
    await bring('Remove background');
    assert.deepEqual(await run(), [640, 640]);
    await bring('Smart crop');
    await choose(page, 'Aspect ratio', '16:9');
    const [width = 0, height = 0] = await run();
    assert.ok(Math.abs(width / height - 16 / 9) < 0.05, `${width} x ${height}`);
  });

  await step('colours lead a picture, and the edges of another one do', async () => {
    await bring('Colour-guided generation');
    await choose(page, 'Size', '512 x 512');
    await button('Add a colour').click();
    await page.getByLabel(/^Colour 3/).fill('#3366cc');
    assert.deepEqual(await run(), [512, 512]);
    await bring('Generate image');
    await page.getByRole('radio', { name: 'Its edges' }).or(button('Its edges')).first().click();
    assert.deepEqual(await run(), [512, 512]);
  });

  await step('in a narrow window, where pictures are below the request, they come into sight', async () => {
    await page.setViewportSize(NARROW);
    await page.getByLabel('Prompt', { exact: true }).fill('a cat on a couch');
    await page.evaluate('scrollTo(0, 0)');
    await run();
    const box = await drawn.first().boundingBox();
    assert.ok(box && box.y > 0 && box.y < NARROW.height / 2, `the picture is at ${box?.y}`);
  });

  assert.deepEqual(complaints, []);

  async function bring(action: string): Promise<void> {
    await choose(page, 'Action', action);
    await page.getByLabel('Input pictures').setInputFiles(join(samplePath, 'ron_02.jpg'));
    await page.getByAltText('ron_02.jpg').waitFor();
  }

  /** Draws anew. @returns width and height of the picture */
  async function run(): Promise<number[]> {
    const shown = "document.querySelector('.pictures img')?.src";
    const before = await page.evaluate(shown);
    await button('Run').click();
    await until('another picture is shown', async () => ![undefined, before].includes(await page.evaluate(shown)), 180);
    return (await page.evaluate(`(async () => {
      const image = document.querySelector('.pictures img');
      await image.decode();
      return [image.naturalWidth, image.naturalHeight];
    })()`)) as number[];
  }

  async function press(...keys: string[]): Promise<void> {
    for (const key of keys) await page.keyboard.press(key);
  }
});

/** Runs code as a person would, with the keys in the environment. @throws where it fails or writes no picture */
function runShown(product: Product, folder: string, program: string, name: string, code: string): void {
  const picture = join(folder, 'image-0.png');
  rmSync(picture, { force: true });
  writeFileSync(join(folder, name), code);
  if (!existsSync(join(folder, 'node_modules')))
    symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  const { accessKeyId, secretAccessKey } = product.access();
  execFileSync(program, [name], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${join(projectRoot, '.venv-test/bin')}:${process.env.PATH}`,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  });
  assert.ok(existsSync(picture), `${name} wrote no picture`);
}

/** Waits until something of a name that contains this lies in the browser's IndexedDB. */
async function keptInBrowser(page: Page, name: string): Promise<void> {
  await until(
    `${name} is kept`,
    async () =>
      (await page.evaluate(`new Promise((done, failed) => {
        const opening = indexedDB.open('likeness');
        opening.onerror = () => failed(opening.error);
        opening.onsuccess = () => {
          const asked = opening.result.transaction('kept').objectStore('kept').getAllKeys();
          asked.onsuccess = () => {
            opening.result.close();
            done(asked.result.some(key => key.includes(${JSON.stringify(name)})));
          };
        };
      })`)) === true,
    10,
  );
}

async function choose(page: Page, label: string, option: string): Promise<void> {
  await page.getByLabel(label, { exact: true }).click();
  await page.getByRole('option', { name: option }).first().click();
}
