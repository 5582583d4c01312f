import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openFileObjects } from '../../adapters/objects-fs/objects-fs.ts';
import { systemIds } from '../../adapters/system.ts';
import { createBlobKeeper } from './blobs.ts';

test('many blobs that are given up together are deleted one after another, and one that fails holds up none', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-blobs-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const objects = await openFileObjects(folder, systemIds());
  const put = () => objects.put((async function* () {})(), 0);
  const blobIds = (await Promise.all(Array.from({ length: 20 }, put))).map(({ blobId }) => blobId);
  let atOnce = 0;
  let most = 0;
  const keeper = createBlobKeeper({
    ...objects,
    async delete(blobId) {
      most = Math.max(most, ++atOnce);
      await objects.delete(blobId).finally(() => {
        atOnce -= 1;
      });
    },
  });
  keeper.discard(['no id of a blob', ...blobIds]);
  const hasSome = async () => {
    for await (const _ of objects.list()) return true;
    return false;
  };
  while (await hasSome()) await delay(5);
  assert.equal(most, 1);
});
