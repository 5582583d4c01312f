import { useEffect, useSyncExternalStore } from 'react';

/** What the page that is shown is called, where only the page knows. */
let named: string | undefined;
const listeners = new Set<() => void>();

function name(title: string | undefined): void {
  named = title;
  for (const listener of listeners) listener();
}

/** Names the page that calls it, once it knows its title, in the place of what `pages` calls it; until it is left. */
export function usePageTitle(title: string | undefined): void {
  useEffect(() => {
    name(title);
    return () => name(undefined);
  }, [title]);
}

/** @returns what the page that is shown calls itself */
export function useNamedTitle(): string | undefined {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => named,
  );
}
