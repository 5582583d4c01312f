import { existsSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import type { Registration } from '../../ports/base-models.ts';

/** The folder beside the file that holds what was downloaded. */
export const DOWNLOADS = 'base-models';

/** @returns those of the data folder's base-models.json, in the order of their registration; none where it is missing */
export async function readRegistrations(path: string): Promise<Registration[]> {
  try {
    const { models } = JSON.parse(await readFile(path, 'utf8')) as { models: Registration[] };
    return models.map(model => ({ ...model, path: pathHere(model.path, dirname(path)) }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** What was downloaded lies in the data folder, which may be restored in another place. */
function pathHere(written: string, dataFolder: string): string {
  if (!isAbsolute(written)) return join(dataFolder, written);
  // Earlier versions wrote the whole path.
  const moved = join(dataFolder, DOWNLOADS, written.split(`${sep}${DOWNLOADS}${sep}`).at(-1) ?? '');
  return written.includes(`${sep}${DOWNLOADS}${sep}`) && !existsSync(written) && existsSync(moved) ? moved : written;
}

function pathToWrite(path: string, dataFolder: string): string {
  const inside = relative(dataFolder, path);
  return inside.startsWith(`${DOWNLOADS}${sep}`) ? inside : path;
}

/** Durable when it resolves: written beside the file, synced, and renamed. */
export async function writeRegistrations(path: string, registrations: readonly Registration[]): Promise<void> {
  const models = registrations.map(model => ({ ...model, path: pathToWrite(model.path, dirname(path)) }));
  const file = await open(`${path}.tmp`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ v: 1, models }, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
