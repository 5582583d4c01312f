/** The order in which waiting jobs are taken: by priority, then fairly between accounts, then by age. */

import { Fault } from './fault.ts';

interface QueuedJob {
  accountId: string;
  /** 0 to 9; a greater one goes first. */
  priority: number;
  createdAt: number;
}

/** A tag of this key at a job's creation sets its priority: AWS's requests have no member for it. */
const PRIORITY_TAG = 'likeness:priority';
export const DEFAULT_PRIORITY = 5;

/** @throws Fault invalid for a value that is no priority */
export function readPriority(tags: readonly { key: string; value: string }[]): number {
  const tag = tags.find(({ key }) => key === PRIORITY_TAG);
  if (tag === undefined) return DEFAULT_PRIORITY;
  if (/^[0-9]$/.test(tag.value)) return Number(tag.value);
  throw new Fault(
    'invalid',
    `The tag ${PRIORITY_TAG} must be a digit from 0 (last) to 9 (first); you sent ${JSON.stringify(tag.value)}.`,
  );
}

/**
 * The job to take next: of the highest priority; among those, of the account with the fewest jobs running, then of the one
 * whose turn was longest ago (where one job runs at a time, nobody has any running when the next is taken); then the oldest.
 * @param running the account of every job that has a slot
 * @param lastTakenAt when a job of an account was taken last; of accounts that it lacks, never
 */
export function nextInQueue<Job extends QueuedJob>(
  waiting: readonly Job[],
  running: readonly { accountId: string }[],
  lastTakenAt: ReadonlyMap<string, number>,
): Job | undefined {
  const load = new Map<string, number>();
  for (const { accountId } of running) load.set(accountId, (load.get(accountId) ?? 0) + 1);
  const loadOf = (job: Job) => load.get(job.accountId) ?? 0;
  const turnOf = (job: Job) => lastTakenAt.get(job.accountId) ?? 0;
  return waiting.toSorted(
    (one, other) =>
      other.priority - one.priority ||
      loadOf(one) - loadOf(other) ||
      turnOf(one) - turnOf(other) ||
      one.createdAt - other.createdAt,
  )[0];
}
