import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../setup/process.mjs';

/** Bytes of gzip that signing in and the frame of the console may need, before any page. The goal is 350 kB; this is what it came to. */
const MAXIMUM_BYTES = 300_000;
/** What is loaded before a page: the address, and what is fetched at once beside the form to sign in. */
const FIRST = ['index.html', 'src/app/shell.tsx'];

interface Chunk {
  file: string;
  css?: string[];
  /** Keys of the chunks that it cannot start without. */
  imports?: string[];
}

/** @param folder a built console, with its manifest @returns a line where the first load is too large, or not built */
export async function checkFirstLoad(folder = join(projectRoot, 'console/dist'), maximumBytes = MAXIMUM_BYTES) {
  const path = join(folder, '.vite/manifest.json');
  if (!existsSync(path)) return [`${path} is missing: run npm run setup`];
  const chunks = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Chunk>;
  const files = filesOf(chunks, FIRST)
    .map(file => ({ file, bytes: statSync(join(folder, `${file}.gz`)).size }))
    .sort((one, other) => other.bytes - one.bytes);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= maximumBytes) return [];
  const largest = files.slice(0, 5).map(({ file, bytes }) => `${file} ${kilobytes(bytes)}`);
  return [
    `The console's first load is ${kilobytes(total)} of gzip; the bound is ${kilobytes(maximumBytes)}. The largest: ${largest.join(', ')}.`,
  ];
}

function filesOf(chunks: Readonly<Record<string, Chunk>>, keys: readonly string[]): string[] {
  const seen = new Set<string>();
  const files = new Set<string>();
  const waiting = [...keys];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    const chunk = chunks[key];
    if (chunk === undefined) throw new Error(`The console's manifest has no ${key}.`);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    waiting.push(...(chunk.imports ?? []));
  }
  return [...files];
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
