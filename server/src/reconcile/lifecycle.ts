/**
 * Carries out the lifecycle rules of buckets. Each deletion, and each change of storage class, looks again inside its
 * transaction whether the version is still what the rule was about. The bytes follow with the sweep of blobs, so that
 * readers of them end in peace.
 */
import {
  endsMarker,
  endsNoncurrent,
  endsUpload,
  expiresAt,
  type LifecycleConfiguration,
  type LifecycleRule,
} from '../domain/lifecycle.ts';
import { transitionOf } from '../domain/lifecycle-transitions.ts';
import type { StorageClass } from '../domain/storage-class.ts';
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
/** Rows looked at in one go: a request needs several turns of the event loop, and waits for such a page at each of them. */
const PAGE = 100;
/** Versions that may share a commit: more would be sooner done, and others' requests would wait longer behind them. */
const AT_ONCE = 16;
/** How long the loop rests, as a multiple of what it took to look at a page, so that others have nearly all of the time. */
const REST_AFTER_PAGE = 8;
/** The same after changes: most of what they take is the disk's. */
const REST_AFTER_CHANGES = 2;
const LONGEST_REST_MILLISECONDS = 250;

/** Looks at the start and then every hour. */
export function startLifecycleLoop(dependencies: LifecycleDependencies): SweepLoop {
  return startLoop(
    dependencies,
    { intervalSeconds: INTERVAL_SECONDS, failure: 'lifecycle rules could not be applied; it is tried again later' },
    async signal => {
      const { ended, moved } = await applyLifecycles(dependencies, signal);
      if (ended > 0) dependencies.log.info({ ended }, 'lifecycle rules ended versions, markers or uploads');
      if (moved > 0) dependencies.log.info({ moved }, 'lifecycle rules moved versions to another storage class');
    },
  );
}

export interface Applied {
  /** Versions, markers and uploads. */
  ended: number;
  /** Versions that are in another storage class now. */
  moved: number;
}

type Dependencies = Omit<LifecycleDependencies, 'log'>;

/** Does what is due now. */
export async function applyLifecycles(dependencies: Dependencies, signal?: AbortSignal): Promise<Applied> {
  const { store, time } = dependencies;
  const applied: Applied = { ended: 0, moved: 0 };
  for (const name of await store.read(({ s3 }) => s3.bucketsWithSetting('lifecycle'))) {
    const kept = await store.read(({ s3 }) => s3.bucketSetting(name, 'lifecycle'));
    const rules = ((kept as LifecycleConfiguration | undefined)?.rules ?? []).filter(({ enabled }) => enabled);
    if (rules.length === 0 || signal?.aborted) continue;
    const rest = pauses(time, signal);
    await applyToVersions(dependencies, { bucket: name, rules, applied, rest }, signal);
    await endUploads(dependencies, { bucket: name, rules, applied, rest }, signal);
  }
  return applied;
}

interface Sweep {
  bucket: string;
  rules: readonly LifecycleRule[];
  applied: Applied;
  /** Called after each piece of work: waits for a multiple of the time since it last did. */
  rest(multiple: number): Promise<void>;
}

function pauses(time: Time, signal: AbortSignal | undefined): Sweep['rest'] {
  let beganAt = performance.now();
  return async multiple => {
    const tookMilliseconds = performance.now() - beganAt;
    await time.sleep(Math.min(multiple * tookMilliseconds, LONGEST_REST_MILLISECONDS), signal);
    beganAt = performance.now();
  };
}

interface Place {
  /** When a newer version came; undefined for the latest. */
  since: Date | undefined;
  newer: number;
  isAlone: boolean;
}

async function applyToVersions(
  { store, time, deleteCurrent }: Dependencies,
  { bucket, rules, applied, rest }: Sweep,
  signal: AbortSignal | undefined,
): Promise<void> {
  let position: ListPosition = { key: '', inclusive: true };
  let previous: VersionSummary | undefined;
  let noncurrent = 0;
  const now = time.now();
  // Tags are not in the list: a rule that may apply with them is looked at again with the whole version.
  const withoutTags = rules.map(rule => ({ ...rule, filter: { ...rule.filter, tags: {} } }));

  async function apply(row: VersionSummary, place: Place): Promise<void> {
    const done = await store.transaction(async ({ s3 }) => {
      const owner = await s3.bucket(bucket);
      const object = await s3.version(bucket, row.key, row.versionId);
      if (!owner || !object || object.rank !== row.rank || object.isLatest !== row.isLatest) return undefined;
      const action = actionFor(rules, object, place, now);
      if (action === undefined) return undefined;
      if (action !== 'end') await s3.setStorageClass(object, action);
      else if (object.isLatest && !object.isDeleteMarker) await deleteCurrent(s3, owner, row.key, now);
      else await s3.deleteVersion(bucket, row.key, row.versionId);
      return action;
    });
    if (done === 'end') applied.ended += 1;
    else if (done !== undefined) applied.moved += 1;
  }

  for (;;) {
    let due: Promise<void>[] = [];
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
      if (actionFor(withoutTags, { ...row, tags: {} }, place, now) !== undefined) due.push(apply(row, place));
      if (due.length < AT_ONCE) continue;
      await Promise.all(due);
      due = [];
      await rest(REST_AFTER_CHANGES);
    }
    await Promise.all(due);
    const last = page[PAGE - 1];
    if (page.length <= PAGE || !last || signal?.aborted) return;
    position = { key: last.key, inclusive: false, rank: last.rank };
    await rest(REST_AFTER_PAGE);
  }
}

/** What is due for a version. AWS: where it is to end it is not moved before. */
function actionFor(
  rules: readonly LifecycleRule[],
  row: VersionSummary & Pick<ObjectRow, 'tags'>,
  place: Place,
  now: Date,
): 'end' | StorageClass | undefined {
  if (rules.some(rule => ends(rule, row, place, now))) return 'end';
  if (row.isDeleteMarker) return undefined;
  const { since, newer } = place;
  return transitionOf(rules, row, since && { since, newer }, now);
}

function ends(
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
  { store, time }: Dependencies,
  { bucket, rules, applied, rest }: Sweep,
  signal: AbortSignal | undefined,
): Promise<void> {
  const now = time.now();
  let position: ListPosition = { key: '', inclusive: true };
  for (;;) {
    const page = await store.read(({ s3 }) => s3.uploads(bucket, { from: position, end: undefined, limit: PAGE }));
    for (const upload of page) {
      if (signal?.aborted) return;
      if (!rules.some(rule => endsUpload(rule, upload, now))) continue;
      await store.transaction(async ({ s3 }) => {
        // Completed in between: its segments belong to an object now.
        if (!(await s3.upload(upload.uploadId))) return;
        await s3.endUpload(upload.uploadId);
        await s3.deleteSegments(upload.uploadId);
        applied.ended += 1;
      });
    }
    const last = page.at(-1);
    if (page.length < PAGE || !last) return;
    position = { key: last.key, inclusive: false, uploadId: last.uploadId };
    await rest(REST_AFTER_PAGE);
  }
}
