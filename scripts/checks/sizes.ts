import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../setup/process.mjs';

/** A file longer than this holds two thoughts. */
export const MAXIMUM_LINES = 499;
/** Folders below a workspace (`server`, `worker`, `scripts`, …): deeper than this nobody finds anything. */
export const MAXIMUM_DEPTH = 3;

const SOURCE = /\.(ts|tsx|js|mjs|py|sh)$/;

/** @returns a line for each source that is too long or lies too deep */
export async function checkSizes(): Promise<string[]> {
  // Untracked files too, so that a file is measured before it is committed.
  const listing = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  const sources = listing.split('\n').filter(path => SOURCE.test(path));
  return sources.flatMap(path => violationsOf(path, lineCount(join(projectRoot, path))));
}

export function violationsOf(path: string, lines: number): string[] {
  const depth = path.split('/').length - 2;
  return [
    ...(lines > MAXIMUM_LINES
      ? [`${path} has ${lines} lines; the bound is ${MAXIMUM_LINES}. Split it by what it knows.`]
      : []),
    ...(depth > MAXIMUM_DEPTH
      ? [`${path} lies ${depth} folders below its workspace; the bound is ${MAXIMUM_DEPTH}.`]
      : []),
  ];
}

function lineCount(path: string): number {
  try {
    return readFileSync(path, 'utf8').split('\n').length - 1;
  } catch {
    // Listed by git, deleted on disk.
    return 0;
  }
}
