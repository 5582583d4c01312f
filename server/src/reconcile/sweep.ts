/**
 * The sweep of S3's bytes: deletes blobs that no row names. A crash between a blob's fsync and its row's commit leaves
 * one, and so does a crash before the deletion of what a write replaced.
 */
import type { Log } from '../ports/log.ts';
import type { Objects } from '../ports/objects.ts';
import type { Store } from '../ports/store.ts';
import type { Time } from '../ports/time.ts';
import { type SweepLoop, startLoop } from './sweep-loop.ts';

export interface SweepDependencies {
  store: Store;
  objects: Objects;
  time: Time;
  log: Log;
}

/** A blob younger than this may belong to a write whose row is still on its way, or to a reader of what was replaced. */
const GRACE_SECONDS = 24 * 60 * 60;
const INTERVAL_SECONDS = 6 * 60 * 60;
const BATCH = 1000;

/** Sweeps at the start and then every few hours. */
export function startSweepLoop(dependencies: SweepDependencies): SweepLoop {
  return startLoop(
    dependencies,
    { intervalSeconds: INTERVAL_SECONDS, failure: 'the sweep of S3 blobs failed; it is tried again later' },
    async signal => {
      const deleted = await sweep(dependencies, GRACE_SECONDS, signal);
      if (deleted > 0) dependencies.log.info({ deleted }, 'deleted S3 blobs that no object names');
    },
  );
}

/**
 * Deletes the blobs older than the grace that no row names. @returns how many
 */
export async function sweep(
  { store, objects, time }: Omit<SweepDependencies, 'log'>,
  graceSeconds: number,
  signal?: AbortSignal,
): Promise<number> {
  const before = time.now().getTime() - graceSeconds * 1000;
  let deleted = 0;
  let batch: string[] = [];
  const flush = async () => {
    const candidates = batch;
    batch = [];
    for (const blobId of await store.read(rows => rows.s3.orphans(candidates))) {
      await objects.delete(blobId);
      deleted += 1;
    }
  };
  for await (const { blobId, modifiedAt } of objects.list()) {
    if (signal?.aborted) return deleted;
    if (modifiedAt.getTime() >= before) continue;
    batch.push(blobId);
    if (batch.length >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return deleted;
}
