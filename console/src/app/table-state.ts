import { useCallback, useEffect, useState } from 'react';
import { navigate, usePlace } from './router.ts';

/** What a list shows, as its address says: a link opens the same, and back and reload keep it. */
export interface TableState {
  filter: string;
  /** The first is 1. */
  page: number;
  pageSize: number;
  descending: boolean;
  /** Of the list's choice (a status, say); '' is all of them. */
  choice: string;
}

export const PAGE_SIZES = [10, 25, 50, 100];
const DEFAULTS: TableState = { filter: '', page: 1, pageSize: 50, descending: true, choice: '' };
const TYPING_MILLISECONDS = 300;

/** @returns the state, and a function that writes a change of it into the address; what is asked for anew begins at page 1 */
export function useTableState(): [TableState, (change: Partial<TableState>) => void] {
  const { path, query } = usePlace();
  const state = readState(query);
  const change = useCallback(
    (part: Partial<TableState>) => {
      const next = { ...readState(query), page: 1, ...part };
      const written = writeState(query, next).toString();
      // Each letter of a filter is not a place to come back to.
      navigate(written === '' ? path : `${path}?${written}`, { replace: part.filter !== undefined });
    },
    [path, query],
  );
  return [state, change];
}

export function readState(query: URLSearchParams): TableState {
  const page = Number(query.get('page'));
  const pageSize = Number(query.get('size'));
  return {
    filter: query.get('find') ?? DEFAULTS.filter,
    page: Number.isInteger(page) && page > 0 ? page : DEFAULTS.page,
    pageSize: PAGE_SIZES.includes(pageSize) ? pageSize : DEFAULTS.pageSize,
    descending: query.get('order') !== 'ascending',
    choice: query.get('only') ?? DEFAULTS.choice,
  };
}

/** @returns the query with the state in it; what is as it begins is left out, and all else stays */
export function writeState(query: URLSearchParams, state: TableState): URLSearchParams {
  const next = new URLSearchParams(query);
  const values: Record<string, string | undefined> = {
    find: state.filter || undefined,
    only: state.choice || undefined,
    order: state.descending ? undefined : 'ascending',
    size: state.pageSize === DEFAULTS.pageSize ? undefined : String(state.pageSize),
    page: state.page === DEFAULTS.page ? undefined : String(state.page),
  };
  for (const [name, value] of Object.entries(values))
    if (value === undefined) next.delete(name);
    else next.set(name, value);
  return next;
}

/** A text field for the filter: what is typed settles into the address once the typing stops for a moment. */
export function useFilterText(filter: string, settle: (filter: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(filter);
  // Back and forward, or the button that clears it.
  useEffect(() => setTyped(filter), [filter]);
  useEffect(() => {
    if (typed.trim() === filter) return;
    const timer = setTimeout(() => settle(typed.trim()), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [typed, filter, settle]);
  return [typed, setTyped];
}
