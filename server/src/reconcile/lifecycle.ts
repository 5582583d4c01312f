/**
 * Carries out the lifecycle rules of buckets. Each deletion looks again inside its transaction whether the version is
 * still what the rule was about. The bytes follow with the sweep of blobs, so that readers of them end in peace.
 */
import {
  endsMarker,
  endsNoncurrent,
  endsUpload,
  expiresAt,
  type LifecycleConfiguration,
  type LifecycleRule,
} from '../domain/lifecycle.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { BucketRow, ListPosition, ObjectRow, S3Rows, VersionSummary } from '../ports/store-s3.ts';
import type { Time } from '../ports/time.ts';
import { type SweepLoop, startLoop } from './sweep-loop.ts';

export interface LifecycleDependencies {
  store: Store;
  time: Time;
  log: Log;
  /** Deletes the current version of a key as DeleteObject does: under a marker where the bucket keeps versions. */
  deleteCurrent(s3: S3Rows, bucket: BucketRow, key: string, now: Date): Promise<unknown>;
}

/** Rules count in days, and end at midnight UTC. */
const INTERVAL_SECONDS = 60 * 60;
const PAGE = 1000;
/** Deletions that may share a commit: more would be sooner done, and others' requests would wait longer behind them. */
const AT_ONCE = 16;

/** Looks at the start and then every hour. */
export function startLifecycleLoop(dependencies: LifecycleDependencies): SweepLoop {
  return startLoop(
    dependencies,
    { intervalSeconds: INTERVAL_SECONDS, failure: 'lifecycle rules could not be applied; it is tried again later' },
    async signal => {
      const ended = await applyLifecycles(dependencies, signal);
      if (ended > 0) dependencies.log.info({ ended }, 'lifecycle rules ended versions, markers or uploads');
    },
  );
}

/** @returns how many versions, markers and uploads it ended */
export async function applyLifecycles(
  dependencies: Omit<LifecycleDependencies, 'log'>,
  signal?: AbortSignal,
): Promise<number> {
  const { store } = dependencies;
  let ended = 0;
  for (const name of await store.read(({ s3 }) => s3.bucketsWithSetting('lifecycle'))) {
    const kept = await store.read(({ s3 }) => s3.bucketSetting(name, 'lifecycle'));
    const rules = ((kept as LifecycleConfiguration | undefined)?.rules ?? []).filter(({ enabled }) => enabled);
    if (rules.length === 0 || signal?.aborted) continue;
    ended += await endVersions(dependencies, name, rules, signal);
    ended += await endUploads(dependencies, name, rules);
  }
  return ended;
}

interface Place {
  /** When a newer version came; undefined for the latest. */
  since: Date | undefined;
  newer: number;
  isAlone: boolean;
}

async function endVersions(
  { store, time, deleteCurrent }: Omit<LifecycleDependencies, 'log'>,
  bucket: string,
  rules: readonly LifecycleRule[],
  signal: AbortSignal | undefined,
): Promise<number> {
  let ended = 0;
  let position: ListPosition = { key: '', inclusive: true };
  let previous: VersionSummary | undefined;
  let noncurrent = 0;
  const now = time.now();

  async function end(row: VersionSummary, place: Place): Promise<void> {
    const applies = (object: ObjectRow) => rules.some(rule => isDue(rule, object, place, now));
    const done = await store.transaction(async ({ s3 }) => {
      const owner = await s3.bucket(bucket);
      const object = await s3.version(bucket, row.key, row.versionId);
      if (!owner || !object || object.rank !== row.rank || object.isLatest !== row.isLatest || !applies(object))
        return false;
      if (object.isLatest && !object.isDeleteMarker) await deleteCurrent(s3, owner, row.key, now);
      else await s3.deleteVersion(bucket, row.key, row.versionId);
      return true;
    });
    if (done) ended += 1;
  }

  for (;;) {
    let ending: Promise<void>[] = [];
    const page: VersionSummary[] = await store.read(({ s3 }) =>
      s3.versions(bucket, { from: position, end: undefined, limit: PAGE + 1 }),
    );
    for (const [index, row] of page.slice(0, PAGE).entries()) {
      if (signal?.aborted) break;
      const isFurther = previous?.key === row.key;
      noncurrent = isFurther ? noncurrent + 1 : 0;
      const place: Place = {
        since: isFurther ? previous?.modifiedAt : undefined,
        newer: noncurrent - 1,
        isAlone: !isFurther && page[index + 1]?.key !== row.key,
      };
      previous = row;
      // Tags are not in the list: a rule that may apply with them is looked at again with the whole version.
      const withoutTags = rules.map(rule => ({ ...rule, filter: { ...rule.filter, tags: {} } }));
      if (withoutTags.some(rule => isDue(rule, { ...row, tags: {} }, place, now))) ending.push(end(row, place));
      if (ending.length < AT_ONCE) continue;
      await Promise.all(ending);
      ending = [];
    }
    await Promise.all(ending);
    const last = page[PAGE - 1];
    if (page.length <= PAGE || !last || signal?.aborted) return ended;
    position = { key: last.key, inclusive: false, rank: last.rank };
  }
}

function isDue(
  rule: LifecycleRule,
  row: VersionSummary & Pick<ObjectRow, 'tags'>,
  { since, newer, isAlone }: Place,
  now: Date,
): boolean {
  if (since !== undefined) return endsNoncurrent(rule, row, { since, newer }, now);
  if (row.isDeleteMarker) return isAlone && endsMarker(rule, row, now);
  const at = expiresAt(rule, row);
  return at !== undefined && at <= now;
}

async function endUploads(
  { store, time }: Omit<LifecycleDependencies, 'log'>,
  bucket: string,
  rules: readonly LifecycleRule[],
): Promise<number> {
  const now = time.now();
  let ended = 0;
  let position: ListPosition = { key: '', inclusive: true };
  for (;;) {
    const page = await store.read(({ s3 }) => s3.uploads(bucket, { from: position, end: undefined, limit: PAGE }));
    for (const upload of page) {
      if (!rules.some(rule => endsUpload(rule, upload, now))) continue;
      await store.transaction(async ({ s3 }) => {
        // Completed in between: its segments belong to an object now.
        if (!(await s3.upload(upload.uploadId))) return;
        await s3.endUpload(upload.uploadId);
        await s3.deleteSegments(upload.uploadId);
        ended += 1;
      });
    }
    const last = page.at(-1);
    if (page.length < PAGE || !last) return ended;
    position = { key: last.key, inclusive: false, uploadId: last.uploadId };
  }
}
