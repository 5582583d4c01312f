import type { TrainingEvent } from '../domain/training/events.ts';

/** What trainings have written of themselves; it stays after a job's end. */
export interface TrainingRecords {
  /** Events of every attempt of a job, oldest first; none of a job that has not begun. */
  attempts(jobId: string): Promise<TrainingEvent[][]>;
  /** Whole events of one attempt from a byte offset on; `nextOffset` equals `offset` where there is nothing new. */
  eventsFrom(jobId: string, attempt: number, offset: number): Promise<{ events: TrainingEvent[]; nextOffset: number }>;
  /** The hyperparameters that an attempt ran with; undefined before it began. */
  applied(jobId: string, attempt: number): Promise<Record<string, unknown> | undefined>;
}
