import { Fault } from '../fault.ts';

/** AWS's statuses of a batch inference job. */
export type BatchStatus =
  | 'Submitted'
  | 'Validating'
  | 'Scheduled'
  | 'InProgress'
  | 'Stopping'
  | 'Completed'
  | 'PartiallyCompleted'
  | 'Failed'
  | 'Stopped'
  | 'Expired';

export type EndedBatchStatus = Extract<
  BatchStatus,
  'Completed' | 'PartiallyCompleted' | 'Failed' | 'Stopped' | 'Expired'
>;

/** Statuses in which a stop can be asked for. */
export const runningStatuses = ['Submitted', 'Validating', 'Scheduled', 'InProgress'] as const;
export const unfinishedStatuses: readonly BatchStatus[] = [...runningStatuses, 'Stopping'];

/** @throws Fault conflict where a job in that status cannot be stopped */
export function assertBatchStoppable(status: BatchStatus, jobName: string): void {
  if (!(runningStatuses as readonly BatchStatus[]).includes(status))
    throw new Fault(
      'conflict',
      `The batch inference job ${jobName} is ${status}; only a job that is ${runningStatuses.join(', ')} can be stopped.`,
    );
}

/**
 * How a job ends whose time is over. AWS: Expired is one that timed out before it began, PartiallyCompleted one that
 * timed out midway.
 */
export function timedOut(processedRecordCount: number): 'Expired' | 'PartiallyCompleted' {
  return processedRecordCount === 0 ? 'Expired' : 'PartiallyCompleted';
}
