/** Says when the service stops answering, and when it answers again: what is shown is then asked for anew. */
import { dismiss, notify } from './notices.ts';

const HEALTH = '/_likeness/v1/health';
const PROBE_MILLISECONDS = 2000;

const listeners = new Set<() => void>();
let isLost = false;

/** @param listener is called when the service answers again */
export function onReturn(listener: () => void): void {
  listeners.add(listener);
}

/** A request did not arrive. */
export function connectionLost(): void {
  if (isLost) return;
  isLost = true;
  const notice = notify(
    'warning',
    'The connection to the service is lost. Nothing you typed is lost; this page goes on by itself once it is back.',
  );
  probe(notice);
}

function probe(notice: string): void {
  setTimeout(async () => {
    const isBack = await fetch(HEALTH, { cache: 'no-store' }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (!isBack) return probe(notice);
    isLost = false;
    dismiss(notice);
    notify('success', 'The service answers again.');
    for (const listener of listeners) listener();
  }, PROBE_MILLISECONDS);
}

window.addEventListener('offline', connectionLost);
