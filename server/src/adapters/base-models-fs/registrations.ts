import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Registration } from '../../ports/base-models.ts';

/** @returns those of the data folder's base-models.json, in the order of their registration; none where it is missing */
export async function readRegistrations(path: string): Promise<Registration[]> {
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as { models: Registration[] }).models;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** Durable when it resolves: written beside the file, synced, and renamed. */
export async function writeRegistrations(path: string, models: readonly Registration[]): Promise<void> {
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
