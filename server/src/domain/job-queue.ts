/** The order in which waiting jobs are taken: by priority, then fairly between accounts, then by age. */

export interface QueuedJob {
  accountId: string;
  /** 0 to 9; a greater one goes first. */
  priority: number;
  createdAt: number;
}

/** A tag of this key at a job's creation sets its priority: AWS's requests have no member for it. */
export const PRIORITY_TAG = 'likeness:priority';
export const DEFAULT_PRIORITY = 5;

/** @returns undefined for a value that is no priority */
export function readPriority(tags: readonly { key: string; value: string }[]): number | undefined {
  const tag = tags.find(({ key }) => key === PRIORITY_TAG);
  if (tag === undefined) return DEFAULT_PRIORITY;
  return /^[0-9]$/.test(tag.value) ? Number(tag.value) : undefined;
}

/**
 * The job to take next: of the highest priority; among those, of the account with the fewest jobs running; then the oldest.
 * @param running the account of every job that has a slot
 */
export function nextInQueue<Job extends QueuedJob>(
  waiting: readonly Job[],
  running: readonly { accountId: string }[],
): Job | undefined {
  const load = new Map<string, number>();
  for (const { accountId } of running) load.set(accountId, (load.get(accountId) ?? 0) + 1);
  const loadOf = (job: Job) => load.get(job.accountId) ?? 0;
  return waiting.toSorted(
    (one, other) => other.priority - one.priority || loadOf(one) - loadOf(other) || one.createdAt - other.createdAt,
  )[0];
}
