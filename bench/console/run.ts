/**
 * Prints how soon the console shows what is largest (on the form to sign in, and on the overview with a warm cache of the
 * browser), and how long an edit of a caption takes in a data set of so many records, in headless Chromium:
 *
 *   node bench/console/run.ts [records, default 10000]
 *
 * An edit is timed in the page, from the key to the second frame after it: its work, and the drawing of it.
 */
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { bringCopies, openBrowser, visit, WIDE } from '../../e2e/browser/console.ts';
import { newProduct, until } from '../../e2e/crash/product.ts';

const VISITS = 3;
const EDITS = 20;

async function main(records: number): Promise<void> {
  const cleanUps: (() => unknown)[] = [];
  const context = { after: (cleanUp: () => unknown) => cleanUps.push(cleanUp) } as unknown as TestContext;
  const product = newProduct(context);
  try {
    const browser = await openBrowser(context);
    await product.up();
    await until('the link is printed', () => product.signInLink() !== '', 10);
    const { endpoint } = product.access();
    const paints: number[] = [];
    for (let index = 0; index < VISITS; index += 1) {
      // A window of its own has an empty cache.
      const window = await browser.newContext({ viewport: WIDE });
      const page = await window.newPage();
      await page.goto(`${endpoint}/_console/`);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      paints.push(await largestPaint(page));
      await window.close();
    }
    console.log(`largest contentful paint of the sign-in, cold: ${listed(paints)} ms (goal < 1500)`);
    const { page, open } = await visit(browser, product);
    console.log(`largest contentful paint up to the overview: ${(await largestPaint(page)).toFixed(0)} ms`);
    page.setDefaultTimeout(600_000);
    await open('/data-sets/edit');
    const edits = await timeEdits(page, records);
    console.log(`an edit among ${records} records: ${listed(edits)} ms (goal < 100)`);
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

/** Milliseconds since the navigation began. */
function largestPaint(page: Page): Promise<number> {
  return page.evaluate(
    `new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
      .observe({ type: 'largest-contentful-paint', buffered: true }))`,
  );
}

async function timeEdits(page: Page, records: number): Promise<number[]> {
  await bringCopies(page, records);
  return page.evaluate(`(async () => {
    const area = document.querySelector('textarea[aria-label="Caption of picture-00000.jpg"]');
    const write = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;
    const frame = () => new Promise(requestAnimationFrame);
    const times = [];
    for (let index = 0; index < ${EDITS}; index += 1) {
      await frame();
      const startedAt = performance.now();
      write.call(area, 'a dog, ' + index);
      area.dispatchEvent(new Event('input', { bubbles: true }));
      await frame();
      await frame();
      times.push(performance.now() - startedAt);
    }
    return times;
  })()`);
}

function listed(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]?.toFixed(0);
  return `median ${at(0.5)}, slowest ${at(1)}`;
}

await main(Number(process.argv[2] ?? 10_000));
process.exit(0);
