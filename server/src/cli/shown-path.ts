import { relative } from 'node:path';

/** A path as a person would type it from here: relative inside this folder, whole elsewhere. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere || '.';
}
