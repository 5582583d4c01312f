import type { Call } from '../domain/call.ts';

/** Between two entries of the audit trail. */
export interface TrailPosition {
  /** Name of its file; later files sort behind earlier ones. */
  file: string;
  /** Bytes from the start of the file to the start of a line. */
  offset: number;
}

/** The lines of the audit trail, in the order in which they were written. Each is a JSON object without a line break. */
export interface TrailFiles {
  /** Resolves when the lines are in the file, so that a killed process does not lose them. @throws where they are not */
  append(lines: readonly string[]): Promise<void>;
  /**
   * Lines from the newest to the oldest. A line that a crash cut off is not among them.
   * @param before where an earlier reading stopped; undefined: the end
   * @param since lines that were surely written before may be left out
   */
  backwards(before: TrailPosition | undefined, since: Date): AsyncIterable<{ line: string; at: TrailPosition }>;
  /** Lines behind a position, some hundred kilobytes of them. @returns `next`: where to go on; the same: no more yet */
  forwards(after: TrailPosition | undefined): Promise<{ lines: string[]; next: TrailPosition | undefined }>;
  /** How far the lines were delivered elsewhere; it stands after a crash. */
  delivered(): Promise<TrailPosition | undefined>;
  setDelivered(position: TrailPosition): Promise<void>;
  /** Deletes files whose every line is older. */
  deleteBefore(at: Date): Promise<void>;
  close(): Promise<void>;
}

export interface Trail {
  /** Resolves when the call's entries are written, or could not be: then the log says so. */
  record(call: Call): Promise<void>;
}
