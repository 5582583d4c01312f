/** When lifecycle rules of a bucket take effect. https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html */
import type { StorageClass } from './storage-class.ts';

/** Which objects a rule is about: all that it names must hold. */
export interface LifecycleFilter {
  prefix?: string;
  tags: Readonly<Record<string, string>>;
  greaterThanBytes?: number;
  lessThanBytes?: number;
}

export interface LifecycleRule {
  id: string;
  enabled: boolean;
  filter: LifecycleFilter;
  /** How the filter was written, to answer it alike: the rule's own Prefix, one condition, or several in And. */
  form: 'prefix' | 'filter' | 'and';
  /** Of the current version: one of the three. `date`: ISO 8601. */
  expiration?: { days?: number; date?: string; expiredObjectDeleteMarker?: boolean };
  /** Of the others, `days` after a newer one came, but for the `keep` newest of them. */
  noncurrentExpiration?: { days: number; keep?: number };
  /** Of the current version: `days` or `date`, as with expiration. */
  transitions?: readonly Transition[];
  /** Of the others, as with noncurrentExpiration. */
  noncurrentTransitions?: readonly NoncurrentTransition[];
  abortUploadDays?: number;
}

export interface Transition {
  storageClass: StorageClass;
  days?: number;
  date?: string;
}

export interface NoncurrentTransition {
  storageClass: StorageClass;
  days: number;
  keep?: number;
}

export interface LifecycleConfiguration {
  rules: readonly LifecycleRule[];
  transitionDefaultMinimumObjectSize: string;
}

export interface LifecycleSubject {
  key: string;
  sizeBytes: number;
  modifiedAt: Date;
  tags: Readonly<Record<string, string>>;
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** AWS: that many days later, and then the next midnight UTC. */
export function dueAt(since: Date, days: number): Date {
  return new Date(Math.ceil((since.getTime() + days * DAY_MILLISECONDS) / DAY_MILLISECONDS) * DAY_MILLISECONDS);
}

export function concerns({ filter }: LifecycleRule, { key, sizeBytes, tags }: LifecycleSubject): boolean {
  return (
    key.startsWith(filter.prefix ?? '') &&
    (filter.greaterThanBytes === undefined || sizeBytes > filter.greaterThanBytes) &&
    (filter.lessThanBytes === undefined || sizeBytes < filter.lessThanBytes) &&
    Object.entries(filter.tags).every(([name, value]) => tags[name] === value)
  );
}

/** When a rule ends a current version; undefined where it never does. */
export function expiresAt(rule: LifecycleRule, object: LifecycleSubject): Date | undefined {
  const { days, date } = rule.expiration ?? {};
  if (!rule.enabled || (days === undefined && date === undefined) || !concerns(rule, object)) return undefined;
  return days === undefined ? new Date(date ?? 0) : dueAt(object.modifiedAt, days);
}

/** The rule that ends a current version first. */
export function nextExpiration(
  rules: readonly LifecycleRule[],
  object: LifecycleSubject,
): { at: Date; ruleId: string } | undefined {
  let first: { at: Date; ruleId: string } | undefined;
  for (const rule of rules) {
    const at = expiresAt(rule, object);
    if (at && (!first || at < first.at)) first = { at, ruleId: rule.id };
  }
  return first;
}

/** @param newer how many noncurrent versions of the key are newer than this one */
export function endsNoncurrent(
  rule: LifecycleRule,
  version: LifecycleSubject,
  { since, newer }: { since: Date; newer: number },
  now: Date,
): boolean {
  const { noncurrentExpiration: expiration } = rule;
  if (!rule.enabled || !expiration || newer < (expiration.keep ?? 0)) return false;
  return dueAt(since, expiration.days) <= now && concerns(rule, version);
}

/** Whether a delete marker that hides nothing any more may go. */
export function endsMarker(rule: LifecycleRule, marker: LifecycleSubject, now: Date): boolean {
  if (!rule.enabled || !rule.expiration) return false;
  if (rule.expiration.expiredObjectDeleteMarker) return marker.key.startsWith(rule.filter.prefix ?? '');
  const at = expiresAt(rule, marker);
  return at !== undefined && at <= now;
}

export function endsUpload(rule: LifecycleRule, upload: { key: string; startedAt: Date }, now: Date): boolean {
  const { enabled, abortUploadDays: days, filter } = rule;
  if (!enabled || days === undefined || !upload.key.startsWith(filter.prefix ?? '')) return false;
  return dueAt(upload.startedAt, days) <= now;
}
