import { useCallback, useState } from 'react';

const PREFIX = 'likeness-draft ';

/**
 * State of a form half filled, kept for this tab: back, reload and a session that ended bring it back. Nothing secret may
 * go in here (objects of S3 are served on the same origin).
 * @param key names the form
 * @returns the value, a function that changes parts of it, and one that forgets it once it is used
 */
export function useDraft<Value extends object>(
  key: string,
  initial: Value,
): [Value, (change: Partial<Value>) => void, () => void] {
  const [value, setValue] = useState<Value>(() => ({ ...initial, ...stored<Value>(key) }));
  const change = useCallback(
    (part: Partial<Value>) =>
      setValue(before => {
        const next = { ...before, ...part };
        try {
          window.sessionStorage.setItem(PREFIX + key, JSON.stringify(next));
        } catch {
          // Without storage it lives as long as the page.
        }
        return next;
      }),
    [key],
  );
  const forget = useCallback(() => window.sessionStorage.removeItem(PREFIX + key), [key]);
  return [value, change, forget];
}

function stored<Value>(key: string): Partial<Value> {
  try {
    return JSON.parse(window.sessionStorage.getItem(PREFIX + key) ?? '{}');
  } catch {
    return {};
  }
}
