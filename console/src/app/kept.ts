/**
 * What is too large for a tab's storage (pictures), kept in this browser's IndexedDB so that a reload brings it back. Each
 * person's things lie under their own name. Where the browser keeps nothing, everything lives as long as the page.
 */
import { useCallback, useEffect, useRef, useState } from 'react';
import { currentOwner } from './session.ts';

const DATABASE = 'likeness';
const STORE = 'kept';
/** Changes of a form come many a second. */
const WRITE_MILLISECONDS = 300;

let opening: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opening ??= new Promise((done, failed) => {
    const request = window.indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opening;
}

/** @returns undefined where the browser refuses */
async function ask<Answer>(
  mode: IDBTransactionMode,
  make: (store: IDBObjectStore) => IDBRequest<Answer>,
): Promise<Answer | undefined> {
  try {
    const database = await open();
    return await new Promise((done, failed) => {
      const transaction = database.transaction(STORE, mode);
      const request = make(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = () => failed(transaction.error);
    });
  } catch {
    // No storage, or no room in it.
    return undefined;
  }
}

const ownKey = (name: string) => `${currentOwner()} ${name}`;

export async function keep(name: string, value: unknown): Promise<void> {
  await ask('readwrite', store => store.put(value, ownKey(name)));
}

export async function forget(name: string): Promise<void> {
  await ask('readwrite', store => store.delete(ownKey(name)));
}

/** Everything whose name begins so, in the order of the names. */
export async function keptUnder<Value>(prefix: string): Promise<Value[]> {
  const range = IDBKeyRange.bound(ownKey(prefix), `${ownKey(prefix)}\uffff`);
  return (await ask<Value[]>('readonly', store => store.getAll(range))) ?? [];
}

/** State of a form that comes back after a reload. @returns the value, and a function that changes parts of it */
export function useKept<Value extends object>(name: string, initial: Value): [Value, (part: Partial<Value>) => void] {
  const [value, setValue] = useState(initial);
  const isChanged = useRef(false);
  useEffect(() => {
    ask<Value>('readonly', store => store.get(ownKey(name))).then(found => {
      if (found !== undefined && !isChanged.current) setValue(before => ({ ...before, ...found }));
    });
  }, [name]);
  useEffect(() => {
    if (!isChanged.current) return;
    const timer = setTimeout(() => keep(name, value), WRITE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [name, value]);
  const change = useCallback((part: Partial<Value>) => {
    isChanged.current = true;
    setValue(before => ({ ...before, ...part }));
  }, []);
  return [value, change];
}
