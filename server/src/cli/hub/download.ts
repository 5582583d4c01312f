import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CliFailure } from '../failure.ts';
import { type HubClient, type HubFile, HubUnavailable } from './client.ts';

/** Without a byte in between. */
const TRIES = 5;

/** @returns the bytes of a file that are there already, whole or in part */
export async function presentBytes(folder: string, file: HubFile): Promise<number> {
  const size = (path: string) =>
    stat(path).then(
      found => found.size,
      () => 0,
    );
  return (await size(join(folder, file.path))) || Math.min(await size(partOf(folder, file)), file.sizeBytes);
}

/**
 * Downloads one file, going on where an earlier try ended, and checks its hash. It has its name once it is whole.
 * @param onBytes told of each piece; negative where the server began anew
 * @throws CliFailure where the bytes are others than the hub says, or the server stays away
 */
export async function downloadFile(
  hub: HubClient,
  commit: string,
  file: HubFile,
  folder: string,
  onBytes: (count: number) => void,
): Promise<void> {
  const target = join(folder, file.path);
  if (await stat(target).catch(() => undefined)) return;
  const part = partOf(folder, file);
  await mkdir(dirname(target), { recursive: true });
  for (let tries = 1, before = -1; ; tries += 1) {
    const present = await stat(part).then(
      found => found.size,
      () => 0,
    );
    if (present === file.sizeBytes) break;
    if (present > before) tries = 1;
    before = present;
    try {
      await append(hub, commit, file, part, present, onBytes);
    } catch (error) {
      if (error instanceof CliFailure) throw error;
      if (tries >= TRIES)
        throw new CliFailure(`${file.path} could not be downloaded: ${reason(error)}. Run the same command to go on.`);
      await delay(250 * 2 ** tries);
    }
  }
  await checkHash(file, part);
  const handle = await open(part, 'r+');
  await handle.sync();
  await handle.close();
  await rename(part, target);
}

async function append(
  hub: HubClient,
  commit: string,
  file: HubFile,
  part: string,
  present: number,
  onBytes: (count: number) => void,
): Promise<void> {
  if (file.sizeBytes === 0) return await (await open(part, 'a')).close();
  const response = await hub.fetchFile(commit, file.path, present > 0 ? { from: present } : undefined);
  const goesOn = response.status === 206;
  if (!goesOn) onBytes(-present);
  const handle = await open(part, goesOn ? 'a' : 'w');
  try {
    let size = goesOn ? present : 0;
    for await (const bytes of response.body ?? []) {
      size += bytes.length;
      if (size > file.sizeBytes)
        throw new CliFailure(`${file.path} has more than the ${file.sizeBytes} bytes that the hub says.`);
      await handle.write(bytes);
      onBytes(bytes.length);
    }
    if (size < file.sizeBytes) throw new HubUnavailable('the connection ended early');
  } finally {
    await handle.close();
  }
}

/** git hashes a blob with its size before it. */
async function checkHash(file: HubFile, part: string): Promise<void> {
  const hash = file.sha256 === null ? createHash('sha1').update(`blob ${file.sizeBytes}\0`) : createHash('sha256');
  for await (const bytes of createReadStream(part, { highWaterMark: 1024 * 1024 })) hash.update(bytes as Buffer);
  if (hash.digest('hex') === (file.sha256 ?? file.gitBlobSha1)) return;
  await rm(part);
  throw new CliFailure(
    `${file.path} came with other bytes than the hub's hash says, and was deleted. Run the same command again.`,
  );
}

function partOf(folder: string, file: HubFile): string {
  return join(folder, `${file.path}.part`);
}

/** What fetch wraps. */
function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}
