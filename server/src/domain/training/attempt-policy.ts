/** How one attempt at a training ended. */
export type AttemptExit =
  /** result.json says so. */
  | { kind: 'completed' }
  | { kind: 'stopped' }
  /** Asked to pause: a checkpoint was written. */
  | { kind: 'interrupted' }
  | { kind: 'failed'; message: string; userError: boolean }
  /** The process is gone and left no result: killed, out of memory, power loss. */
  | { kind: 'gone'; logTail: string }
  /** It lived, but said nothing for too long, and was ended. */
  | { kind: 'silent'; seconds: number };

export interface AttemptHistory {
  /** The attempt that ended; counts from 1. */
  attempt: number;
  /** Faulty ends in a row without a checkpoint newer than the one they began from, before this one. */
  failuresWithoutProgress: number;
  /** Finished steps of the checkpoint that this attempt began from; 0 at the beginning. */
  startedFromStep: number;
  /** Finished steps of the newest complete checkpoint of any attempt; null where there is none. */
  newestCheckpointStep: number | null;
  /** A user asked to stop the job. */
  stopping: boolean;
}

export interface AttemptPolicy {
  /** Faulty ends in a row without progress after which the job fails. */
  maximumFailures: number;
}

export type AttemptDecision =
  | { kind: 'finish' }
  | { kind: 'stopped' }
  | { kind: 'resume'; attempt: number; failuresWithoutProgress: number }
  | { kind: 'fail'; message: string };

export const DEFAULT_ATTEMPT_POLICY: AttemptPolicy = { maximumFailures: 3 };

const MAXIMUM_MESSAGE_LENGTH = 2048;

/**
 * What follows an attempt's end. A fault of the data or the request is never tried again; any other is, from the newest
 * complete checkpoint, until it happened `maximumFailures` times without a newer checkpoint in between.
 */
export function nextAttempt(history: AttemptHistory, exit: AttemptExit, policy: AttemptPolicy): AttemptDecision {
  // A job that is being stopped yields no model, even where the training ended at that very moment.
  if (history.stopping) return { kind: 'stopped' };
  const attempt = history.attempt + 1;
  switch (exit.kind) {
    case 'completed':
      return { kind: 'finish' };
    case 'stopped':
    case 'interrupted':
      // Nobody asked to stop the job: it was paused by a clean end of the server, or by someone's SIGTERM.
      return { kind: 'resume', attempt, failuresWithoutProgress: 0 };
    case 'failed':
      if (exit.userError) return { kind: 'fail', message: shorten(exit.message) };
      break;
    default:
  }
  const progressed = (history.newestCheckpointStep ?? 0) > history.startedFromStep;
  const failures = progressed ? 1 : history.failuresWithoutProgress + 1;
  if (failures < policy.maximumFailures) return { kind: 'resume', attempt, failuresWithoutProgress: failures };
  return { kind: 'fail', message: shorten(describe(exit, failures)) };
}

function describe(exit: AttemptExit, failures: number): string {
  const times = failures === 1 ? 'once' : `${failures} times in a row`;
  switch (exit.kind) {
    case 'failed':
      return `The training failed ${times}: ${exit.message}`;
    case 'gone': {
      const tail = exit.logTail.trim();
      const why = tail === '' ? 'Its log is empty; it may have run out of memory.' : `The end of its log: ${tail}`;
      return `The training process ended unexpectedly ${times}. ${why}`;
    }
    case 'silent':
      return `The training process made no progress for ${exit.seconds} seconds, ${times}, and was ended.`;
    default:
      return `The training ended as ${exit.kind}, ${times}.`;
  }
}

/** Keeps the beginning (what happened) and the end (of a log: the error itself). */
function shorten(message: string): string {
  if (message.length <= MAXIMUM_MESSAGE_LENGTH) return message;
  const head = message.slice(0, 200);
  return `${head} … ${message.slice(message.length - (MAXIMUM_MESSAGE_LENGTH - head.length - 3))}`;
}
