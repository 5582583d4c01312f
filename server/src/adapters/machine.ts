import { statfs } from 'node:fs/promises';
import type { Machine } from '../ports/machine.ts';

/** The machine as this process sees it. */
export function createMachine(settings: {
  dataDirectory: string;
  sandboxProblem: string | null;
  modelUnits: number;
  trainingSlots: number;
}): Machine {
  return {
    async facts() {
      const disk = await statfs(settings.dataDirectory);
      return {
        nodeVersion: process.versions.node,
        freeDiskBytes: disk.bavail * disk.bsize,
        sandboxProblem: settings.sandboxProblem,
        modelUnitCapacity: settings.modelUnits,
        trainingSlots: settings.trainingSlots,
      };
    },
  };
}
