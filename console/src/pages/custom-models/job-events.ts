import { useEffect, useState } from 'react';
import { openRoute } from '../../aws/clients.ts';
import { readEvents } from '../../aws/event-stream.ts';

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
  warnings: readonly string[];
  /** What happened and when, the newest last; steps are in the curve. */
  log: readonly { at: string; text: string }[];
  phase: string | undefined;
  secondsLeft: number | undefined;
  imagesPerSecond: number | undefined;
  /** Why the stream stopped, where it was not the job's end. */
  error: unknown;
}

const NOTHING: JobProgress = {
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
const RETRY_MILLISECONDS = 3000;
/** Steps come many a second: the page is drawn again this often at most. */
const DRAW_MILLISECONDS = 500;

/** Follows a job's events from its first one, across lost connections, until its end. */
export function useJobProgress(jobId: string | undefined, ended: () => void): JobProgress {
  const [progress, setProgress] = useState(NOTHING);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `ended` is another function at each rendering
  useEffect(() => {
    if (jobId === undefined) return;
    const abort = new AbortController();
    let position = '';
    let now = NOTHING;
    let drawn: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      drawn ??= setTimeout(() => {
        drawn = undefined;
        setProgress(now);
      }, DRAW_MILLISECONDS);
    };

    async function follow(): Promise<boolean> {
      const path = `/jobs/${encodeURIComponent(jobId ?? '')}/events`;
      const response = await openRoute({ method: 'GET', path, query: { after: position }, signal: abort.signal });
      now = { ...now, error: undefined };
      if (!response.body) return true;
      for await (const { event, data, id } of readEvents(response.body)) {
        if (id !== '') position = id;
        if (event === 'end') return true;
        if (event !== '') now = withEvent(now, JSON.parse(data));
        draw();
      }
      return false;
    }

    async function run(): Promise<void> {
      while (!abort.signal.aborted) {
        try {
          if (await follow()) {
            ended();
            return;
          }
        } catch (error) {
          if (abort.signal.aborted) return;
          now = { ...now, error };
          draw();
          // Refused is refused; only a connection that was lost may come back.
          if (!(error instanceof TypeError)) return;
        }
        await new Promise(resolve => setTimeout(resolve, RETRY_MILLISECONDS));
      }
    }

    run();
    return () => {
      abort.abort();
      clearTimeout(drawn);
    };
  }, [jobId]);

  return progress;
}

type JobEvent = { at: string } & (
  | { type: 'phase'; phase: string; done: number; total: number }
  | { type: 'step'; step: number; loss: number; secondsLeft: number; imagesPerSecond: number }
  | { type: 'checkpoint'; step: number }
  | ({ type: 'evaluation' } & Evaluation)
  | { type: 'warning'; message: string }
);

function withEvent(progress: JobProgress, event: JobEvent): JobProgress {
  const text = textOf(event);
  const log =
    text === undefined || text === progress.log.at(-1)?.text ? progress.log : [...progress.log, { at: event.at, text }];
  return withMembers({ ...progress, log }, event);
}

const PHASES: Readonly<Record<string, string>> = {
  loading: 'Loads the base model',
  caching: 'Prepares images and captions',
  training: 'Trains',
  saving: 'Saves the model',
};

/** A line of the log; undefined for what comes many times a second, and for what another line says better. */
function textOf(event: JobEvent): string | undefined {
  switch (event.type) {
    case 'phase':
      return PHASES[event.phase];
    case 'checkpoint':
      return `Wrote a checkpoint after ${event.step.toLocaleString()} steps`;
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
      return { ...progress, phase: `${event.phase}${of}` };
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
      return { ...progress, warnings: [...progress.warnings, event.message] };
    default:
      return progress;
  }
}
