import { join } from 'node:path';
import type { TrainingRecords } from '../ports/training-records.ts';
import { runFolder } from './run-folder.ts';
import { appliedHyperparameters } from './training-evaluations.ts';

/** @param runsPath `DATA/runs`; job ids come from rows, never from a request */
export function createTrainingRecords(runsPath: string): TrainingRecords {
  const folder = (jobId: string) => runFolder(join(runsPath, jobId));
  return {
    attempts: jobId => folder(jobId).allEvents(),
    eventsFrom: (jobId, attempt, offset) => folder(jobId).readEvents(attempt, offset),
    async applied(job) {
      const spec = await folder(job.jobId).readSpec(job.attempt);
      return spec && appliedHyperparameters(job, spec);
    },
    samples: jobId => folder(jobId).sampleFiles(),
    dataErrors: jobId => folder(jobId).readDataErrors(),
    log: (jobId, attempt, maximumBytes) => folder(jobId).logTail(attempt, maximumBytes),
  };
}
