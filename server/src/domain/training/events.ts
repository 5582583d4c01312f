/** The worker's events (contract/schemas/event.schema.json), and what the server derives from them. */
export type WorkerPhase = 'loading' | 'caching' | 'evaluating' | 'training' | 'saving';

export type TrainingEvent =
  | { type: 'phase'; phase: WorkerPhase; done: number; total: number }
  | { type: 'step'; step: number; epoch: number; loss: number; imagesPerSecond: number; secondsLeft: number }
  | { type: 'checkpoint'; step: number }
  | EvaluationEvent
  | { type: 'warning'; message: string };

/** What the worker measured after so many finished steps (worker/likeness_worker/evaluate.py); null: not measured. */
export interface EvaluationEvent {
  type: 'evaluation';
  step: number;
  /** Folder of the pictures, below the attempt's. */
  path: string;
  validationLoss: number;
  validationSource: 'validation' | 'heldOut' | 'training';
  score: number;
  isBest: boolean;
  encoder: string | null;
  subjectFidelity: number | null;
  promptFidelity: number | null;
  priorDrift: number | null;
  diversity: number | null;
  nearestTraining: number | null;
  trainingNearest: number | null;
}

/** AWS's columns of step_wise_training_metrics.csv, in this order (facts §2.9). */
const METRICS_HEADER = 'step_number,epoch_number,training_loss,perplexity';
const WORKER_PHASES: readonly string[] = ['loading', 'caching', 'evaluating', 'training', 'saving'];

/**
 * @param text whole lines of events.jsonl
 * @returns the events, and how many lines were none (a worker of another version, a damaged disk): they are left out
 */
export function parseEvents(text: string): { events: TrainingEvent[]; unreadable: number } {
  const lines = text.split('\n').filter(line => line !== '');
  const events = lines.map(parseEvent).filter(event => event !== undefined);
  return { events, unreadable: lines.length - events.length };
}

/**
 * The metrics file: one row a step, from step 0. Steps that a later attempt took again are told as that attempt took
 * them. `perplexity` has no meaning for an image model; it is exp(training_loss), so that what reads the file keeps working.
 * @param attempts the events of each attempt, oldest first
 */
export function metricsCsv(attempts: readonly (readonly TrainingEvent[])[]): string {
  const rows = new Map<number, string>();
  for (const events of attempts)
    for (const event of events)
      if (event.type === 'step')
        rows.set(event.step, `${event.step},${event.epoch},${event.loss},${Math.exp(event.loss)}`);
  const ordered = [...rows].toSorted(([one], [other]) => one - other).map(([, row]) => row);
  return `${[METRICS_HEADER, ...ordered].join('\n')}\n`;
}

/** AWS's columns first, then ours. */
const VALIDATION_HEADER =
  'step_number,epoch_number,validation_loss,perplexity,score,is_best,subject_fidelity,prompt_fidelity,prior_drift,diversity,nearest_training,training_nearest,validation_source,encoder';

/**
 * The validation file: one row an evaluation. `step_number` is the number of finished steps, 0 before the first.
 * @param attempts the events of each attempt, oldest first
 */
export function validationCsv(attempts: readonly (readonly TrainingEvent[])[]): string {
  const epochs = new Map<number, number>();
  for (const event of attempts.flat()) if (event.type === 'step') epochs.set(event.step + 1, event.epoch);
  const rows = evaluationsOf(attempts).map(event =>
    [
      event.step,
      epochs.get(event.step) ?? 0,
      event.validationLoss,
      Math.exp(event.validationLoss),
      event.score,
      event.isBest,
      event.subjectFidelity,
      event.promptFidelity,
      event.priorDrift,
      event.diversity,
      event.nearestTraining,
      event.trainingNearest,
      event.validationSource,
      event.encoder?.replaceAll(/[",\r\n]/g, ' ') ?? '',
    ].join(','),
  );
  return `${[VALIDATION_HEADER, ...rows].join('\n')}\n`;
}

/** By step; where steps were taken again, as the last taker measured them. @param attempts oldest first */
export function evaluationsOf(attempts: readonly (readonly TrainingEvent[])[]): EvaluationEvent[] {
  const found = new Map<number, EvaluationEvent>();
  for (const event of attempts.flat()) if (event.type === 'evaluation') found.set(event.step, event);
  return [...found.values()].toSorted((one, other) => one.step - other.step);
}

/** What the worker warned of, each kind as it was said last: those that differ in their numbers alone are of one. */
export function warningsOf(attempts: readonly (readonly TrainingEvent[])[]): string[] {
  const found = new Map<string, string>();
  for (const event of attempts.flat())
    if (event.type === 'warning') found.set(event.message.replaceAll(/\d+(?:[.,]\d+)*/g, '#'), event.message);
  return [...found.values()];
}

function parseEvent(line: string): TrainingEvent | undefined {
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const numbers = (...names: string[]) => names.every(name => Number.isFinite(value[name]));
  switch (value.type) {
    case 'phase':
      if (!WORKER_PHASES.includes(String(value.phase)) || !numbers('done', 'total')) return undefined;
      break;
    case 'step':
      if (!numbers('step', 'epoch', 'loss', 'imagesPerSecond', 'secondsLeft')) return undefined;
      break;
    case 'checkpoint':
      if (!numbers('step')) return undefined;
      break;
    case 'evaluation':
      if (!numbers('step', 'validationLoss', 'score') || !/^evaluations\/step-\d+$/.test(String(value.path)))
        return undefined;
      break;
    case 'warning':
      if (typeof value.message !== 'string') return undefined;
      break;
    default:
      return undefined;
  }
  return value as unknown as TrainingEvent;
}
