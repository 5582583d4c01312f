import { useSyncExternalStore } from 'react';
import { onLeave } from './router.ts';

export interface Notice {
  id: string;
  type: 'success' | 'error' | 'info' | 'warning' | 'in-progress';
  content: string;
}

let notices: readonly Notice[] = [];
let count = 0;
const listeners = new Set<() => void>();

function set(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

/**
 * Says something above the page: trouble until it is dismissed, all else until another page is shown, or newer good news. What
 * goes on to another page itself goes there first.
 * @returns its id
 */
export function notify(type: Notice['type'], content: string): string {
  count += 1;
  const id = String(count);
  set([{ id, type, content }, ...notices.filter(isTrouble)].slice(0, 5));
  return id;
}

function isTrouble({ type }: Notice): boolean {
  return type === 'error' || type === 'warning';
}

onLeave(() => {
  if (!notices.every(isTrouble)) set(notices.filter(isTrouble));
});

export function dismiss(id: string): void {
  set(notices.filter(notice => notice.id !== id));
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
}
