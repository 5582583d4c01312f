/** What a training will take, by those that were completed here: nothing is guessed of a machine that has trained nothing. */

/** A completed training. */
export interface PastTraining {
  baseModelId: string;
  method: 'lora' | 'full';
  resolution: number;
  batchSize: number;
  /** Steps times the batch. */
  imagesSeen: number;
  trainingSeconds: number;
  /** From the start of data processing to the end of the job, without the training itself. */
  otherSeconds: number;
  peakMemoryBytes: number | null;
  bestScore: number | null;
  encoder: string | null;
  /** Of the account that asks: scores of others are theirs. */
  isOwn: boolean;
}

export type TrainingPlan = Pick<PastTraining, 'baseModelId' | 'method' | 'resolution' | 'batchSize' | 'imagesSeen'>;

export interface TrainingEstimate {
  minutes: { low: number; expected: number; high: number } | null;
  peakMemoryBytes: number | null;
  score: { low: number; high: number; encoder: string; jobs: number } | null;
  /** How like the jobs were that it is made of: also in batch size and resolution, or in base model and method alone. */
  basedOn: { jobs: number; likeness: 'same' | 'similar' | 'none' };
}

/** @param past newest first: a machine that was made faster is known by its last trainings */
export function estimateTraining(plan: TrainingPlan, past: readonly PastTraining[]): TrainingEstimate {
  const usable = past.filter(job => job.imagesSeen > 0 && job.trainingSeconds > 0);
  const similar = usable.filter(job => job.baseModelId === plan.baseModelId && job.method === plan.method);
  const same = similar.filter(job => job.batchSize === plan.batchSize && job.resolution === plan.resolution);
  const chosen = (same.length > 0 ? same : similar).slice(0, NEWEST);
  if (chosen.length === 0)
    return { minutes: null, peakMemoryBytes: null, score: null, basedOn: { jobs: 0, likeness: 'none' } };
  const rates = chosen.map(job => job.trainingSeconds / job.imagesSeen);
  const others = chosen.map(job => job.otherSeconds);
  const minutes = (pick: (values: readonly number[]) => number) => (plan.imagesSeen * pick(rates) + pick(others)) / 60;
  const peaks = chosen.flatMap(job => job.peakMemoryBytes ?? []);
  return {
    minutes: {
      low: minutes(values => Math.min(...values)),
      expected: minutes(median),
      high: minutes(values => Math.max(...values)),
    },
    peakMemoryBytes: peaks.length === 0 ? null : Math.max(...peaks),
    score: scoreBand(chosen),
    basedOn: { jobs: chosen.length, likeness: same.length > 0 ? 'same' : 'similar' },
  };
}

const NEWEST = 20;

function scoreBand(jobs: readonly PastTraining[]): TrainingEstimate['score'] {
  const own = jobs.filter(job => job.isOwn && job.bestScore !== null && job.encoder !== null);
  const encoder = own[0]?.encoder ?? null;
  if (encoder === null) return null;
  const scores = own.filter(job => job.encoder === encoder).flatMap(job => job.bestScore ?? []);
  return { low: Math.min(...scores), high: Math.max(...scores), encoder, jobs: scores.length };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
