import type { TrainingEvent } from '../domain/training/events.ts';
import type { RecordError } from '../domain/training/manifest.ts';
import type { StoredFile } from './model-store.ts';
import type { CustomizationJobRow } from './store-bedrock.ts';

/** The records of a data set that a job could not use. */
export interface DataErrors {
  /** Of the training's manifest, or the validation's. */
  manifestUri: string;
  /** By line. */
  errors: RecordError[];
}

/** What trainings have written of themselves; but for the samples it stays after a job's end. */
export interface TrainingRecords {
  /** Events of every attempt of a job, oldest first; none of a job that has not begun. */
  attempts(jobId: string): Promise<TrainingEvent[][]>;
  /** Whole events of one attempt from a byte offset on; `nextOffset` equals `offset` where there is nothing new. */
  eventsFrom(jobId: string, attempt: number, offset: number): Promise<{ events: TrainingEvent[]; nextOffset: number }>;
  /** The hyperparameters that a job's newest attempt ran with; undefined before it began. */
  applied(job: CustomizationJobRow): Promise<Record<string, unknown> | undefined>;
  /**
   * What the evaluations of a training that has not ended drew so far: `step-000350/sample-PP-SS.png` (prompt and seed by
   * their numbers) and `step-000350/metrics.json` with the prompts and seeds; none before the first and after the end.
   */
  samples(jobId: string): Promise<StoredFile[]>;
  /** Undefined where every record could be used, and before they were looked at. */
  dataErrors(jobId: string): Promise<DataErrors | undefined>;
  /** The end of what an attempt's worker wrote; '' where it wrote nothing. */
  log(jobId: string, attempt: number, maximumBytes: number): Promise<string>;
}
