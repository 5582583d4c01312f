import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  createJob,
  getJob,
  newProduct,
  type Product,
  waitFor,
  waitForEvent,
  whyNoSmallDisk,
} from '../crash/product.ts';
import { openBrowser, photograph, violations, visit, whySkipped } from './console.ts';

const MEBIBYTE = 1024 * 1024;
/** Room for a small training, and little to fill. */
const DISK_BYTES = 600 * MEBIBYTE;

test('A person sees why a training stands still on a full disk, and it goes on once there is room', {
  skip: whySkipped ?? whyNoSmallDisk() ?? false,
}, async context => {
  const product = newProduct(context, DISK_BYTES);
  await product.up();
  const browser = await openBrowser(context);
  const { page, open, complaints } = await visit(browser, product);
  const jobArn = await createJob(product, 60);
  await waitForEvent(product, jobArn, { attempt: 1, type: 'checkpoint', step: 10 });
  await open('/custom-models/jobs/crash-job');
  const filler = fillDisk(product);

  await page.getByText('The job waits').waitFor({ timeout: 120_000 });
  await page.getByText(/disk or its quota is full.*free some space/).waitFor();
  assert.equal((await getJob(product, jobArn)).status, 'InProgress');
  assert.deepEqual(await violations(page, 'job on a full disk'), []);
  await photograph(page, 'job-full-disk');

  rmSync(filler);
  await waitFor(product, jobArn, 'Completed');
  await page.getByText('The job waits').waitFor({ state: 'hidden' });
  assert.deepEqual(complaints, []);
});

/** @returns the file that took all the room */
function fillDisk(product: Product): string {
  const path = join(product.data, 'filler');
  for (const size of [MEBIBYTE, 4096])
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  return path;
}
