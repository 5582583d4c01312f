import { randomBytes } from 'node:crypto';
import { open, statfs, unlink } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { isNoRoom } from '../domain/disk-room.ts';
import type { Machine } from '../ports/machine.ts';

const PROBE_BYTES = 1024 * 1024;

/** The machine as this process sees it. */
export function createMachine(settings: {
  dataDirectory: string;
  sandboxProblem: string | null;
  modelUnits: number;
  trainingSlots: number;
}): Machine {
  const freeDiskBytes = async () => {
    const { bavail, bsize } = await statfs(settings.dataDirectory);
    return bavail * bsize;
  };
  const startedAt = new Date(Date.now() - process.uptime() * 1000);
  return {
    process() {
      const { rss, heapUsed } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      return { residentBytes: rss, heapBytes: heapUsed, cpuSeconds: (user + system) / 1e6, startedAt };
    },
    async facts() {
      return {
        nodeVersion: process.versions.node,
        freeDiskBytes: await freeDiskBytes(),
        memoryBytes: totalmem(),
        sandboxProblem: settings.sandboxProblem,
        modelUnitCapacity: settings.modelUnits,
        trainingSlots: settings.trainingSlots,
      };
    },
    hasRoom: async bytes => (await freeDiskBytes()) >= bytes && (await takes(settings.dataDirectory, bytes)),
  };
}

/** Writes them: most file systems tell the room of the disk alone, and show a quota only to who runs into it. */
async function takes(folder: string, bytes: number): Promise<boolean> {
  // Random, for a file system that compresses has room for any number of zeros.
  const block = randomBytes(PROBE_BYTES);
  try {
    const path = join(folder, `room-probe-${block.toString('hex', 0, 8)}`);
    const file = await open(path, 'wx', 0o600);
    try {
      // Without a name its room comes back however this process ends.
      await unlink(path);
      for (let written = 0; written < bytes; written += block.length) await file.appendFile(block);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (isNoRoom(error)) return false;
    throw error;
  }
}
