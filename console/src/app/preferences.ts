import { applyMode, Mode } from '@cloudscape-design/global-styles';
import { useSyncExternalStore } from 'react';

/** What a person prefers, kept in the browser: nothing secret. */
interface Preferences {
  mode: 'light' | 'dark' | 'system';
  region: string;
  /** Who signed in last, so that the form is half filled. */
  account: string;
  userName: string;
}

const KEY = 'likeness-preferences';
const DEFAULTS: Preferences = { mode: 'system', region: 'us-east-1', account: '', userName: '' };
const darkSystem = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let preferences = read();

function read(): Preferences {
  const asked = new URLSearchParams(window.location.search).get('region');
  let stored: Partial<Preferences> = {};
  try {
    stored = JSON.parse(window.localStorage.getItem(KEY) ?? '{}');
  } catch {
    // Storage may be forbidden or damaged: the defaults do.
  }
  return { ...DEFAULTS, ...stored, ...(asked ? { region: asked } : {}) };
}

export function prefer(change: Partial<Preferences>): void {
  preferences = { ...preferences, ...change };
  try {
    window.localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // They hold until the page is closed.
  }
  showMode();
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => preferences,
  );
}

export function currentRegion(): string {
  return preferences.region;
}

/** Draws light or dark as preferred; called once before the first rendering. */
export function showMode(): void {
  const isDark = preferences.mode === 'dark' || (preferences.mode === 'system' && darkSystem.matches);
  applyMode(isDark ? Mode.Dark : Mode.Light);
  document.documentElement.style.colorScheme = isDark ? 'dark' : 'light';
}

darkSystem.addEventListener('change', showMode);
