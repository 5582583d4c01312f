import { createHash } from 'node:crypto';
import { readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { formatArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import type { KeyOwner } from '../../ports/keys.ts';
import type { ModelStore } from '../../ports/model-store.ts';
import type { Time } from '../../ports/time.ts';
import type { TrainingCacheKey, TrainingCaches } from '../../ports/training-caches.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/**
 * Caches of ended trainings as encrypted folders of a model store of their own. When one was used last is its folder's time.
 * @param deps.folder the model store's
 * @param deps.keepDays 0: nothing is kept
 * @param deps.maximumBytes of all accounts together
 */
export function createTrainingCaches(deps: {
  folder: string;
  files: ModelStore;
  time: Time;
  keepDays: number;
  maximumBytes: number;
}): TrainingCaches {
  const { folder, files, time, keepDays, maximumBytes } = deps;

  async function kept(): Promise<{ id: string; sizeBytes: number; usedAt: number }[]> {
    const ids = await files.list();
    return Promise.all(
      ids.map(async id => ({
        id,
        sizeBytes: await sizeOf(join(folder, id)),
        usedAt: (await stat(join(folder, id))).mtimeMs,
      })),
    );
  }

  async function sweep(): Promise<void> {
    const oldest = time.now().getTime() - keepDays * DAY_MILLISECONDS;
    let totalBytes = 0;
    for (const { id, sizeBytes, usedAt } of (await kept()).toSorted((one, other) => other.usedAt - one.usedAt)) {
      totalBytes += sizeBytes;
      if (keepDays === 0 || usedAt < oldest || totalBytes > maximumBytes) await files.delete(id);
    }
  }

  async function use(id: string): Promise<void> {
    await utimes(join(folder, id), time.now(), time.now());
  }

  return {
    isOn: keepDays > 0,
    async open(key, target) {
      const { id, owner } = placeOf(key);
      try {
        await files.open(id, target, owner);
        await use(id);
        return true;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        // Damaged ones are no loss: the next training computes them anew.
        if (error.kind !== 'notFound') await files.delete(id);
        return false;
      }
    },
    async keep(key, source) {
      const { id, owner } = placeOf(key);
      const sizeBytes = await sizeOf(source);
      if (keepDays === 0 || sizeBytes > maximumBytes) return;
      // What a training adds, it adds behind what is there: the same size is the same content.
      const before = await files.files(id, owner).catch(() => []);
      if (before.reduce((total, file) => total + file.sizeBytes, 0) !== sizeBytes) await files.save(id, source, owner);
      await use(id);
      await sweep();
    },
    sweep,
  };
}

/** The account is in the name and in what the bytes are sealed with: another's key opens nothing. */
function placeOf({ accountId, region, contentSha256 }: TrainingCacheKey): { id: string; owner: KeyOwner } {
  const id = createHash('sha256').update(`${accountId} ${region} ${contentSha256}`).digest('hex');
  const resourceArn = formatArn({ service: 'bedrock', region, accountId, resource: `training-cache/${id}` });
  return { id, owner: { accountId, region, keyArn: null, resourceArn } };
}

async function sizeOf(path: string): Promise<number> {
  const entries = await readdir(path, { withFileTypes: true });
  const sizes = entries.filter(entry => entry.isFile()).map(async entry => (await stat(join(path, entry.name))).size);
  return (await Promise.all(sizes)).reduce((total, size) => total + size, 0);
}
