import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { DataFolderInUse, lockDataFolder } from '../../data-folder.ts';
import { CliFailure } from '../failure.ts';
import { chooseFiles } from './choice.ts';
import { type HubClient, type HubFile, type HubPlace, HubUnavailable, hubClient } from './client.ts';
import { downloadFile, presentBytes } from './download.ts';
import { memoryNeed } from './memory.ts';
import { progressBar } from './progress.ts';

/** Left free on the disk: the service needs some beside the model. */
const SPARE_DISK_BYTES = 512 * 1024 ** 2;

/** `Stability-AI/sdxl_base.1.0` -> `stability-ai.sdxl-base-1-0`: an id in AWS's form. */
export function hubModelId({ owner, name }: HubPlace): string {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9-]/g, '-')
      .slice(0, 63);
  return `${plain(owner)}.${plain(name)}`;
}

/**
 * Downloads a base model into the data folder; an interrupted download goes on when it is asked for again.
 * @param id that it will have: names the folder
 * @param licence null: what the repository says
 * @returns the folder, whole and with every hash checked, and the licence
 * @throws CliFailure before the download where the repository, the disk or the memory will not do
 */
export async function downloadModel(
  config: Config,
  place: HubPlace,
  id: string,
  licence: string | null,
): Promise<{ path: string; licence: string | null }> {
  const downloads = join(config.dataDirectory, 'base-models');
  await mkdir(downloads, { recursive: true, mode: 0o700 });
  const unlock = takeDownloads(downloads);
  try {
    return await locked(config, place, id, licence, downloads);
  } catch (error) {
    if (error instanceof HubUnavailable) throw new CliFailure(error.message);
    if (error instanceof TypeError && error.cause instanceof Error)
      throw new CliFailure(
        `${config.hubEndpoint} cannot be reached: ${error.cause.message}. HF_ENDPOINT names another.`,
      );
    throw error;
  } finally {
    unlock();
  }
}

async function locked(config: Config, place: HubPlace, id: string, licence: string | null, downloads: string) {
  const hub = hubClient({ endpoint: config.hubEndpoint, token: config.hubToken }, place);
  const repository = await hub.repository();
  const { commit } = repository;
  const index = await readIndex(hub, commit, repository.files);
  const files = chooseFiles(index, repository.files);
  const known = licence ?? repository.licence;
  if (known === null && !files.some(file => file.path === 'likeness.json'))
    throw new CliFailure('the repository names no licence: read it, and say which one binds the model with --licence.');
  const path = join(downloads, `${id}.${commit.slice(0, 12)}`);
  if (await stat(path).catch(() => undefined)) return { path, licence: known };

  const partial = `${path}.partial`;
  // Of other revisions: they will not be gone on with.
  for (const name of await readdir(downloads))
    if (name.startsWith(`${id}.`) && name.endsWith('.partial') && join(downloads, name) !== partial)
      await rm(join(downloads, name), { recursive: true });
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let doneBytes = 0;
  for (const file of files) doneBytes += await presentBytes(partial, file);
  await refuseLittleDisk(downloads, totalBytes - doneBytes);
  const memoryBytes = await memoryNeed(hub, commit, files);
  if (memoryBytes > totalmem())
    throw new CliFailure(
      `its weights take ${gibibytes(memoryBytes)} of memory while they load, and this machine has ${gibibytes(totalmem())}. Nothing was downloaded.`,
    );
  console.error(
    `Downloading ${files.length} files, ${gibibytes(totalBytes)}, of ${place.owner}/${place.name} at ${commit.slice(0, 12)}. Ctrl-C stops it; the same command goes on.`,
  );
  const bar = progressBar(totalBytes, doneBytes);
  for (const file of files) await downloadFile(hub, commit, file, partial, bar.add);
  bar.end();
  await rename(partial, path);
  return { path, licence: known };
}

async function readIndex(hub: HubClient, commit: string, files: readonly HubFile[]): Promise<Record<string, unknown>> {
  if (!files.some(file => file.path === 'model_index.json'))
    throw new CliFailure('the repository has no model_index.json: it is no base model in diffusers layout.');
  const index: unknown = await (await hub.fetchFile(commit, 'model_index.json')).json().catch(() => null);
  if (typeof index !== 'object' || index === null)
    throw new CliFailure("the repository's model_index.json is no JSON object.");
  return index as Record<string, unknown>;
}

async function refuseLittleDisk(folder: string, neededBytes: number): Promise<void> {
  const disk = await statfs(folder);
  const freeBytes = disk.bavail * disk.bsize;
  if (neededBytes + SPARE_DISK_BYTES > freeBytes)
    throw new CliFailure(
      `${gibibytes(neededBytes)} are still to be downloaded, and only ${gibibytes(freeBytes)} are free. Nothing was downloaded.`,
    );
}

function takeDownloads(folder: string): () => void {
  try {
    return lockDataFolder(folder);
  } catch (error) {
    if (error instanceof DataFolderInUse) throw new CliFailure('another download into this data folder is under way.');
    throw error;
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}
