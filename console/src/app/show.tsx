/** How values of the services are shown. */
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import { hrefOf } from './router.ts';

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const minutes = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const seconds = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** To the minute. In a narrow column its lines are the date and the time. */
export function when(date: Date | undefined): string {
  return date ? inTwoParts(date, minutes) : '–';
}

/** To the second. */
export function whenExactly(date: Date): string {
  return inTwoParts(date, seconds);
}

function inTwoParts(date: Date, times: Intl.DateTimeFormat): string {
  return [dates.format(date), times.format(date)].map(part => part.replaceAll(/\s/g, '\u00a0')).join(', ');
}

/** The last part of an ARN or of an identifier like it. */
export function lastOf(arn: string | undefined): string {
  return arn === undefined ? '' : arn.slice(arn.lastIndexOf('/') + 1);
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB'];

export function size(bytes: number | undefined): string {
  if (bytes === undefined) return '–';
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)}\u00a0${SIZES[unit]}`;
}

/** What a service says -> the console's words for it, and how it looks. */
const STATUSES: Readonly<Record<string, [text: string, type: StatusIndicatorProps.Type]>> = {
  InProgress: ['In progress', 'in-progress'],
  Stopping: ['Stopping', 'in-progress'],
  Creating: ['Creating', 'in-progress'],
  Updating: ['Updating', 'in-progress'],
  Submitted: ['Submitted', 'pending'],
  Scheduled: ['Scheduled', 'pending'],
  Validating: ['Validating', 'in-progress'],
  NotStarted: ['Not started', 'pending'],
  Completed: ['Completed', 'success'],
  PartiallyCompleted: ['Partly completed', 'warning'],
  InService: ['In service', 'success'],
  Active: ['Active', 'success'],
  ACTIVE: ['Active', 'success'],
  DISABLED: ['Disabled', 'stopped'],
  Enabled: ['Enabled', 'success'],
  Disabled: ['Disabled', 'stopped'],
  Inactive: ['Inactive', 'stopped'],
  PendingDeletion: ['Pending deletion', 'warning'],
  Stopped: ['Stopped', 'stopped'],
  Failed: ['Failed', 'error'],
  Expired: ['Expired', 'error'],
};

/** The choice of a status, for lists that can be asked for one. */
export function statusChoice(...statuses: readonly string[]) {
  return { label: 'Status', options: statuses.map(status => [status, STATUSES[status]?.[0] ?? status] as const) };
}

export function Status({ status }: { status: string | undefined }) {
  const [text, type] = STATUSES[status ?? ''] ?? [status ?? '–', 'info' as const];
  return (
    <span className="status">
      <StatusIndicator type={type}>{text}</StatusIndicator>
    </span>
  );
}

/** A link inside the console. */
export function To({ to, children }: { to: string; children: string }) {
  return (
    <a className="link" href={hrefOf(to)}>
      {children}
    </a>
  );
}
