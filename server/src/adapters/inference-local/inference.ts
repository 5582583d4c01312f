import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../domain/fault.ts';
import type { Inference, Unit } from '../../ports/inference.ts';
import type { WorkerLauncher } from '../sandbox/worker-launcher.ts';
import { createRuntimeFolder } from './runtime-folder.ts';
import { startUnit } from './unit.ts';

/** sockaddr_un.sun_path of Linux, less its final zero. */
const MAXIMUM_SOCKET_PATH_BYTES = 107;
const DEFAULT_INVOKE_TIMEOUT_SECONDS = 900;

/** Model units as child processes that end with the server. */
export function createLocalInference(options: {
  launcher: WorkerLauncher;
  /** Short: $XDG_RUNTIME_DIR or /tmp. */
  runtimeParent: string;
  capacity: number;
  threads: number | null;
  invokeTimeoutSeconds?: number;
}): Inference & { close(): Promise<void> } {
  const runtime = createRuntimeFolder(options.runtimeParent);
  const longest = join(runtime.sockets, 'unit-00000000', 's');
  if (Buffer.byteLength(longest) > MAXIMUM_SOCKET_PATH_BYTES) {
    runtime.delete();
    throw new Fault(
      'unavailable',
      `The runtime folder ${options.runtimeParent} has too long a name for a Unix socket.`,
    );
  }
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
