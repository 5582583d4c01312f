import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import { useEffect, useSyncExternalStore } from 'react';
import { forget, keep, keptUnder } from '../../app/kept.ts';
import { currentOwner } from '../../app/session.ts';
import { pngUrl } from './input-image.ts';
import type { Settings } from './request.ts';
import type { FormPictures } from './request-pictures.ts';
import type { Side } from './results.tsx';

export interface Run {
  startedAt: number;
  settings: Settings;
  pictures: FormPictures;
  sides: readonly Side[];
}

/** Pictures are large: so many runs stay. */
const MOST_RUNS = 30;
const PREFIX = 'playground-run ';
const nameOf = ({ startedAt }: Run) => `${PREFIX}${String(startedAt).padStart(15, '0')}`;

/** The newest first, of the person who is signed in. */
let runs: readonly Run[] = [];
let readFor = '';
const listeners = new Set<() => void>();

function set(next: readonly Run[]): void {
  runs = next;
  for (const listener of listeners) listener();
}

export async function remember(run: Run): Promise<void> {
  const all = [run, ...runs];
  set(all.slice(0, MOST_RUNS));
  // What failed is told now and forgotten later; an Error of the SDK cannot be stored either.
  await keep(nameOf(run), { ...run, sides: run.sides.filter(({ state }) => state === 'drawn') });
  for (const old of all.slice(MOST_RUNS)) await forget(nameOf(old));
}

async function readKept(): Promise<void> {
  const owner = currentOwner();
  if (readFor === owner) return;
  readFor = owner;
  set([]);
  const found = await keptUnder<Run>(PREFIX);
  if (readFor === owner) set([...runs, ...found.reverse()].slice(0, MOST_RUNS));
}

async function clear(): Promise<void> {
  const all = runs;
  set([]);
  for (const run of all) await forget(nameOf(run));
}

/** Earlier runs, kept in this browser; choosing one brings its request and pictures back. */
export function HistoryStrip({ restore }: { restore: (run: Run) => void }) {
  const kept = useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => runs,
  );
  useEffect(() => {
    readKept();
  }, []);
  const shown = kept.flatMap(run => {
    const image = run.sides.flatMap(side => (side.state === 'drawn' ? side.images : []))[0];
    return image === undefined ? [] : [{ run, image }];
  });
  if (shown.length === 0) return null;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Kept in this browser alone."
          actions={<Button onClick={clear}>Clear history</Button>}
        >
          History
        </Header>
      }
    >
      <div className="history">
        {shown.map(({ run, image }) => (
          <button
            key={run.startedAt}
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
