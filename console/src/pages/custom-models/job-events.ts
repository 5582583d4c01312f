import { useEffect, useState } from 'react';
import { openRoute } from '../../aws/clients.ts';
import { readEvents } from '../../aws/event-stream.ts';
import { type JobProgress, NOTHING, withEvent } from './job-progress.ts';

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
