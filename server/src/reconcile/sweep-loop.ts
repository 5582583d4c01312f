import type { Log } from '../ports/log.ts';
import type { Time } from '../ports/time.ts';

export interface SweepLoop {
  stop(): Promise<void>;
}

/**
 * Runs a sweep at the start and then at an interval, until it is stopped; stopping waits for the run in hand.
 * @param failure what the log says of a run that failed: the next one tries again
 */
export function startLoop(
  { time, log }: { time: Time; log: Log },
  { intervalSeconds, failure }: { intervalSeconds: number; failure: string },
  run: (signal: AbortSignal) => Promise<void>,
): SweepLoop {
  const stopping = new AbortController();

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await run(stopping.signal);
      } catch (error) {
        log.error({ error }, failure);
      }
      await time.sleep(intervalSeconds * 1000, stopping.signal);
    }
  }

  const running = loop();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
