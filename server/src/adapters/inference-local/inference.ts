import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inference, Unit } from '../../ports/inference.ts';
import type { WorkerLauncher } from '../sandbox/worker-launcher.ts';
import { createRuntimeFolder } from './runtime-folder.ts';
import { startUnit } from './unit.ts';

/** sockaddr_un.sun_path of Linux, less its final zero, less the longest that a runtime folder adds to it. */
const MAXIMUM_PARENT_BYTES = 107 - '/likeness-4294967295-4294967295-4194304-99999999999-abcdef/unit-99999999/s'.length;
const DEFAULT_INVOKE_TIMEOUT_SECONDS = 900;

/** Model units as child processes that end with the server. */
export function createLocalInference(options: {
  launcher: WorkerLauncher;
  /** Where sockets go; /tmp instead, where its name is too long for them. */
  runtimeParent: string;
  capacity: number;
  threads: number;
  invokeTimeoutSeconds?: number;
}): Inference & { close(): Promise<void> } {
  const runtime = createRuntimeFolder(isShort(options.runtimeParent) ? options.runtimeParent : '/tmp');
  const units = new Set<Unit>();
  let started = 0;

  return {
    async start(model) {
      started += 1;
      const id = `unit-${started}`;
      const folder = join(runtime.sockets, id);
      mkdirSync(folder, { mode: 0o700 });
      const unit = await startUnit(model, {
        id,
        folder,
        launcher: options.launcher,
        threads: options.threads,
        invokeTimeoutSeconds: options.invokeTimeoutSeconds ?? DEFAULT_INVOKE_TIMEOUT_SECONDS,
      });
      units.add(unit);
      void unit.ended.then(() => units.delete(unit));
      return unit;
    },
    capacity: () => options.capacity,
    createWeightsFolder: async () => mkdtempSync(join(runtime.weights, 'w-')),
    deleteWeightsFolder: folder => rm(folder, { recursive: true, force: true }),
    async close() {
      await Promise.all([...units].map(unit => unit.stop(0)));
      runtime.delete();
    },
  };
}

function isShort(parent: string): boolean {
  return Buffer.byteLength(parent) <= MAXIMUM_PARENT_BYTES;
}
