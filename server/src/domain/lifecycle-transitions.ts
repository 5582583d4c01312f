/**
 * When lifecycle rules move a version to another storage class.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 */
import { concerns, dueAt, type LifecycleRule, type LifecycleSubject } from './lifecycle.ts';
import { mayTransition, type StorageClass, TRANSITION_CLASSES } from './storage-class.ts';

/** AWS: what is smaller stays where it is, but for a rule whose filter speaks of sizes itself. */
const MINIMUM_SIZE_BYTES = 128 * 1024;

/** The place of a version that is not its key's latest. */
export interface Noncurrent {
  /** When a newer version came. */
  since: Date;
  /** How many noncurrent versions of the key are newer than this one. */
  newer: number;
}

/**
 * The class that a version is due for: AWS takes the lowest where several are.
 * @param noncurrent undefined for the key's latest version @returns undefined where it stays in its own
 */
export function transitionOf(
  rules: readonly LifecycleRule[],
  version: LifecycleSubject & { storageClass: StorageClass },
  noncurrent: Noncurrent | undefined,
  now: Date,
): StorageClass | undefined {
  let lowest: StorageClass | undefined;
  for (const rule of rules) {
    if (!isLargeEnough(rule, version)) continue;
    for (const storageClass of dueClasses(rule, version, noncurrent, now)) {
      if (!mayTransition(version.storageClass, storageClass) || !concerns(rule, version)) continue;
      if (lowest === undefined || TRANSITION_CLASSES.indexOf(storageClass) > TRANSITION_CLASSES.indexOf(lowest))
        lowest = storageClass;
    }
  }
  return lowest;
}

function isLargeEnough({ filter }: LifecycleRule, { sizeBytes }: LifecycleSubject): boolean {
  if (filter.greaterThanBytes !== undefined || filter.lessThanBytes !== undefined) return true;
  return sizeBytes >= MINIMUM_SIZE_BYTES;
}

function dueClasses(
  { enabled, transitions = [], noncurrentTransitions = [] }: LifecycleRule,
  { modifiedAt }: LifecycleSubject,
  noncurrent: Noncurrent | undefined,
  now: Date,
): StorageClass[] {
  if (!enabled) return [];
  if (noncurrent === undefined)
    return transitions
      .filter(({ days, date }) => (days === undefined ? new Date(date ?? 0) : dueAt(modifiedAt, days)) <= now)
      .map(({ storageClass }) => storageClass);
  const { since, newer } = noncurrent;
  return noncurrentTransitions
    .filter(({ days, keep }) => newer >= (keep ?? 0) && dueAt(since, days) <= now)
    .map(({ storageClass }) => storageClass);
}
