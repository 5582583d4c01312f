import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { Machine } from '../ports/machine.ts';

/** The machine as this process sees it. */
export function createMachine(settings: {
  dataDirectory: string;
  sandboxProblem: string | null;
  modelUnits: number;
  trainingSlots: number;
}): Machine {
  const startedAt = new Date(Date.now() - process.uptime() * 1000);
  return {
    process() {
      const { rss, heapUsed } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      return { residentBytes: rss, heapBytes: heapUsed, cpuSeconds: (user + system) / 1e6, startedAt };
    },
    async facts() {
      const disk = await statfs(settings.dataDirectory);
      return {
        nodeVersion: process.versions.node,
        freeDiskBytes: disk.bavail * disk.bsize,
        memoryBytes: totalmem(),
        sandboxProblem: settings.sandboxProblem,
        modelUnitCapacity: settings.modelUnits,
        trainingSlots: settings.trainingSlots,
      };
    },
  };
}
