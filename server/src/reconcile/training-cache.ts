/** The latents and text states that outlive a job: handed to its worker before the start, kept when it has ended. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../ports/log.ts';
import type { Time } from '../ports/time.ts';
import type { TrainingCacheKey, TrainingCaches } from '../ports/training-caches.ts';
import { type SweepLoop, startLoop } from './sweep-loop.ts';
import type { JobContext } from './training-context.ts';

/** In the run directory, and in spec.json. */
const KEPT = 'kept';
const PICTURES = ['data/images', 'data/validation/images'];
const SWEEP_SECONDS = 60 * 60;

/**
 * What an earlier job of the account left, or an empty folder for this one.
 * @returns the folder's path for spec.json, and the content's sha256 for `keepCache`; nulls where none is kept: caches are
 *   off, or the job has a key of the customer's, which must be able to close everything that is made of its pictures
 */
export async function openCache(
  attempt: number,
  basePath: string,
  resolution: number,
  { job, folder, baseModels, trainingCaches }: JobContext,
): Promise<{ keptCachePath: string | null; cacheSha256: string | null }> {
  if (!trainingCaches.isOn || job.keyArn !== null) return { keptCachePath: null, cacheSha256: null };
  const content = createHash('sha256').update(`${await baseModels.weightsDigest(basePath)} ${resolution}\n`);
  for (const digest of await pictureDigests(folder.path(attempt))) content.update(`${digest}\n`);
  const cacheSha256 = content.digest('hex');
  await folder.makeFolder(attempt, KEPT, async target => {
    if (!(await trainingCaches.open(keyOf(job, cacheSha256), target))) await mkdir(target, { mode: 0o700 });
  });
  return { keptCachePath: KEPT, cacheSha256 };
}

/** Never the reason why a job fails: what is not kept is computed again. */
export async function keepCache({ job, folder, trainingCaches, log }: JobContext): Promise<void> {
  try {
    const attempt = await folder.lastAttempt();
    const { cacheSha256 = null } = await folder.readRecord(attempt);
    const path = join(folder.path(attempt), KEPT);
    const names: string[] = await readdir(path).catch(() => []);
    if (cacheSha256 !== null && names.includes('index.json')) await trainingCaches.keep(keyOf(job, cacheSha256), path);
  } catch (error) {
    log.warn({ jobId: job.jobId, error }, 'the cache of a training could not be kept');
  }
}

/** Sweeps at the start and then every hour. */
export function startCacheSweepLoop(deps: { trainingCaches: TrainingCaches; time: Time; log: Log }): SweepLoop {
  const failure = 'the sweep of training caches failed; it is tried again later';
  return startLoop(deps, { intervalSeconds: SWEEP_SECONDS, failure }, () => deps.trainingCaches.sweep());
}

function keyOf({ accountId, region }: JobContext['job'], contentSha256: string): TrainingCacheKey {
  return { accountId, region, contentSha256 };
}

/** In the order of the digests: the manifest's order is no matter. */
async function pictureDigests(runDirectory: string): Promise<string[]> {
  const digests = new Set<string>();
  for (const place of PICTURES)
    for (const name of await readdir(join(runDirectory, place)).catch(() => [])) {
      const hash = createHash('sha256');
      await pipeline(createReadStream(join(runDirectory, place, name)), hash);
      digests.add(hash.digest('hex'));
    }
  return [...digests].sort();
}
