import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import { useSyncExternalStore } from 'react';
import { pngUrl } from './input-image.ts';
import type { Settings } from './request.ts';
import type { Side } from './results.tsx';

export interface Run {
  settings: Settings;
  sides: readonly Side[];
}

/** Pictures are large: so many runs stay, until the page is closed. */
const MOST_RUNS = 30;

let runs: readonly Run[] = [];
const listeners = new Set<() => void>();

export function remember(run: Run): void {
  runs = [run, ...runs].slice(0, MOST_RUNS);
  for (const listener of listeners) listener();
}

/** Earlier runs of this visit; choosing one brings its request and pictures back. */
export function HistoryStrip({ restore }: { restore: (run: Run) => void }) {
  const kept = useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => runs,
  );
  const shown = kept.flatMap((run, index) => {
    const image = run.sides.flatMap(side => (side.state === 'drawn' ? side.images : []))[0];
    return image === undefined ? [] : [{ run, image, index }];
  });
  if (shown.length === 0) return null;
  return (
    <Container header={<Header variant="h2">History</Header>}>
      <div className="history">
        {shown.map(({ run, image, index }) => (
          <button
            key={kept.length - index}
            type="button"
            title={run.settings.prompt}
            aria-label={`Bring back: ${run.settings.prompt || run.settings.action}`}
            onClick={() => restore(run)}
          >
            <img src={pngUrl(image)} alt="" />
          </button>
        ))}
      </div>
    </Container>
  );
}
