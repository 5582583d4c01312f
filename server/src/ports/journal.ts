/** Between two lines of a journal. */
export interface JournalPosition {
  /** Name of its file; later files sort behind earlier ones. */
  file: string;
  /** Bytes from the start of the file to the start of a line. */
  offset: number;
}

/** Lines that are only ever added, in the order in which they were written. Each is a JSON object without a line break. */
export interface Journal {
  /**
   * Resolves when the lines are in the file, so that a killed process does not lose them; within a second a crash of the
   * machine does not either. @throws where they are not
   */
  append(lines: readonly string[]): Promise<void>;
  /**
   * Lines from the newest to the oldest. A line that a crash cut off is not among them.
   * @param before where an earlier reading stopped; undefined: the end
   * @param since lines that were surely written before may be left out
   */
  backwards(before: JournalPosition | undefined, since: Date): AsyncIterable<{ line: string; at: JournalPosition }>;
  /** Lines behind a position, some hundred kilobytes of them. @returns `next`: where to go on; the same: no more yet */
  forwards(after: JournalPosition | undefined): Promise<{ lines: string[]; next: JournalPosition | undefined }>;
  /** How far the lines were delivered elsewhere; it stands after a crash. */
  delivered(): Promise<JournalPosition | undefined>;
  setDelivered(position: JournalPosition): Promise<void>;
  /** Resolves when all that was appended is safe from a crash of the machine too. */
  sync(): Promise<void>;
  /** Deletes files whose every line is older. */
  deleteBefore(at: Date): Promise<void>;
  close(): Promise<void>;
}
