import { isNoRoom, RESERVED_DISK_BYTES } from '../domain/disk-room.ts';
import { Fault } from '../domain/fault.ts';
import type { Machine } from '../ports/machine.ts';
import type { DataErrors } from '../ports/training-records.ts';

/** Ends a job as Failed; the message is for the user (GetModelCustomizationJob's failureMessage, at most 2,048 characters). */
export class JobFailure extends Error {
  /** The records behind it, where it was records. */
  readonly dataErrors: DataErrors | undefined;

  constructor(message: string, options: { cause?: unknown; dataErrors?: DataErrors } = {}) {
    super(message, { cause: options.cause });
    this.dataErrors = options.dataErrors;
  }
}

/** AWS's own text for what is no fault of the user's. */
export const UNEXPECTED_ERROR = 'Encountered an unexpected error when processing the request, please try again';

const MAXIMUM_LENGTH = 2048;

export function failureText(message: string): string {
  return message.length <= MAXIMUM_LENGTH ? message : `${message.slice(0, MAXIMUM_LENGTH - 1)}…`;
}

/** Whether another try may end better: S3, the disk or this server had a moment's trouble. */
export function isTransient(error: unknown): boolean {
  return error instanceof Fault && (error.kind === 'unavailable' || error.kind === 'throttled');
}

/** A full disk said as what to do about it; any other error as it is. */
export function explainDiskFault(error: unknown): unknown {
  const cause = error instanceof Fault ? error.cause : error;
  return isNoRoom(cause)
    ? new JobFailure("The service's disk or its quota is full: free some space and create the job again.")
    : error;
}

/** A job that found the disk full waits so many times as long as after any other fault before it looks again. */
export const ROOM_WAITS = 5;

/**
 * Whether a job that has work to lose should wait for room instead of ending. What it could not write whole is removed by
 * then: a job that is itself too large for the disk finds room again, and fails.
 * @param wantedBytes what it is about to upload
 */
export async function isDiskFull(machine: Machine, wantedBytes = 0): Promise<boolean> {
  return !(await machine.hasRoom(RESERVED_DISK_BYTES + wantedBytes));
}
