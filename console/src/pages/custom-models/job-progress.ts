/** What is known of a job from its events. */

/** The events of docs/guides/likeness-routes.md that the page shows. */
export interface Evaluation {
  step: number;
  validationLoss: number;
  score: number;
  isBest: boolean;
  subjectFidelity: number | null;
  promptFidelity: number | null;
}

export interface JobProgress {
  /** Training loss of each step. */
  losses: readonly { step: number; loss: number }[];
  evaluations: readonly Evaluation[];
  checkpoints: readonly number[];
  /** Each kind once: what the newest says, and how many there were. */
  warnings: readonly { kind: string; message: string; count: number }[];
  /** What happened and when, the newest last; steps are in the curve, and of all checkpoints the newest is told. */
  log: readonly { at: string; text: string; isCheckpoint: boolean }[];
  phase: string | undefined;
  secondsLeft: number | undefined;
  imagesPerSecond: number | undefined;
  /** Why the stream stopped, where it was not the job's end. */
  error: unknown;
}

export const NOTHING: JobProgress = {
  losses: [],
  evaluations: [],
  checkpoints: [],
  warnings: [],
  log: [],
  phase: undefined,
  secondsLeft: undefined,
  imagesPerSecond: undefined,
  error: undefined,
};
export type JobEvent = { at: string } & (
  | { type: 'phase'; phase: string; done: number; total: number }
  | { type: 'step'; step: number; loss: number; secondsLeft: number; imagesPerSecond: number }
  | { type: 'checkpoint'; step: number }
  | ({ type: 'evaluation' } & Evaluation)
  | { type: 'warning'; message: string }
);

export function withEvent(progress: JobProgress, event: JobEvent): JobProgress {
  const next = withMembers(progress, event);
  const text = textOf(event, next);
  if (text === undefined || text === progress.log.at(-1)?.text) return next;
  const isCheckpoint = event.type === 'checkpoint';
  const before = isCheckpoint ? progress.log.filter(line => !line.isCheckpoint) : progress.log;
  return { ...next, log: [...before, { at: event.at, text, isCheckpoint }] };
}

const PHASES: Readonly<Record<string, string>> = {
  loading: 'Loads the base model',
  caching: 'Prepares images and captions',
  training: 'Trains',
  saving: 'Saves the model',
};

/** A line of the log; undefined for what comes many times a second, and for what another line says better. */
function textOf(event: JobEvent, { checkpoints }: JobProgress): string | undefined {
  switch (event.type) {
    case 'phase':
      return PHASES[event.phase];
    case 'checkpoint':
      return checkpoints.length === 1
        ? `Wrote a checkpoint after ${event.step.toLocaleString()} steps`
        : `Wrote ${checkpoints.length.toLocaleString()} checkpoints, the newest after ${event.step.toLocaleString()} steps`;
    case 'evaluation':
      return `Evaluated after ${event.step.toLocaleString()} steps: score ${event.score.toFixed(3)}${event.isBest ? ', the best so far' : ''}`;
    case 'warning':
      return `Warning: ${event.message}`;
    default:
      return undefined;
  }
}

function withMembers(progress: JobProgress, event: JobEvent): JobProgress {
  switch (event.type) {
    case 'phase': {
      const of = event.total > 1 ? ` (${event.done} of ${event.total})` : '';
      return { ...progress, phase: `${PHASES[event.phase] ?? 'Evaluates what it has learnt'}${of}` };
    }
    case 'step': {
      const { step, loss, secondsLeft, imagesPerSecond } = event;
      // Another attempt takes steps again, from its newest checkpoint on.
      const last = progress.losses.at(-1);
      const losses =
        last && last.step >= step ? progress.losses.filter(earlier => earlier.step < step) : progress.losses;
      return { ...progress, losses: [...losses, { step, loss }], secondsLeft, imagesPerSecond };
    }
    case 'checkpoint':
      return { ...progress, checkpoints: [...progress.checkpoints.filter(step => step < event.step), event.step] };
    case 'evaluation':
      return {
        ...progress,
        evaluations: [...progress.evaluations.filter(({ step }) => step < event.step), event],
      };
    case 'warning':
      return { ...progress, warnings: withWarning(progress.warnings, event.message) };
    default:
      return progress;
  }
}

/** Those that differ in their numbers alone are of one kind. */
function withWarning(warnings: JobProgress['warnings'], message: string): JobProgress['warnings'] {
  const kind = message.replaceAll(/\d+(?:[.,]\d+)*/g, '#');
  const same = warnings.find(warning => warning.kind === kind);
  return [...warnings.filter(warning => warning !== same), { kind, message, count: 1 + (same?.count ?? 0) }];
}
