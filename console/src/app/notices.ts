import { useSyncExternalStore } from 'react';

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

/** Says something above whatever page is shown, until it is dismissed; good news takes the place of older good news. @returns its id */
export function notify(type: Notice['type'], content: string): string {
  count += 1;
  const kept = notices.filter(notice => notice.type === 'error' || notice.type === 'warning');
  const id = String(count);
  set([{ id, type, content }, ...kept].slice(0, 5));
  return id;
}

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
