/** What the actions of a lifecycle rule say of days, dates and numbers of versions. */
import { invalidArgument } from './faults.ts';

export const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
export const MAXIMUM_DAYS = 2 ** 31 - 1;
const MAXIMUM_KEPT_VERSIONS = 100;

/** A date of a rule as it is kept. @throws Fault InvalidArgument unless it is the beginning of a day */
export function midnight(date: Date | undefined): string {
  const at = date ?? new Date(0);
  if (at.getTime() % DAY_MILLISECONDS !== 0)
    throw invalidArgument('Date', at.toISOString(), "'Date' must be at midnight GMT");
  return at.toISOString();
}

/** How many noncurrent versions an action leaves alone. @throws Fault InvalidArgument out of its bounds */
export function parseKeep(keep: number | undefined, action: string): { keep?: number } {
  if (keep === undefined) return {};
  if (!Number.isInteger(keep) || keep < 1 || keep > MAXIMUM_KEPT_VERSIONS)
    throw invalidArgument(
      'NewerNoncurrentVersions',
      keep,
      `'NewerNoncurrentVersions' for ${action} action must be between 1 and ${MAXIMUM_KEPT_VERSIONS}`,
    );
  return { keep };
}
