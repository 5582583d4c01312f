import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../domain/fault.ts';
import type { Compute, ComputeLease } from '../../ports/compute.ts';
import { endGroup, findByArgument, leaderOf, livingMembers } from '../sandbox/process-group.ts';
import type { WorkerLauncher } from '../sandbox/worker-launcher.ts';

const LEASE_FILE = 'lease.json';

/**
 * Training as child processes that outlive the server: detached, leaders of their own group, with files instead of pipes.
 * Measured: after kill -9 of the parent a worker that writes files finishes, one on a pipe dies.
 */
export function createLocalCompute(options: { launcher: WorkerLauncher; slots: number }): Compute {
  return {
    async start(run) {
      const command = options.launcher.command({
        arguments: ['train', '--run-dir', run.runDirectory],
        writable: [run.runDirectory],
        readable: [],
        workingDirectory: run.runDirectory,
        diesWithParent: false,
        sharesHostNetwork: run.sharesHostNetwork ?? false,
      });
      const log = openSync(join(run.runDirectory, 'log.txt'), 'a', 0o600);
      try {
        const child = spawn(command.file, command.arguments, {
          cwd: run.runDirectory,
          env: command.environment,
          detached: true,
          stdio: ['ignore', log, log],
        });
        const failed = new Promise<never>((_, reject) => {
          child.once('error', error =>
            reject(new Fault('unavailable', `The training could not be started: ${error.message}`, { cause: error })),
          );
        });
        if (child.pid === undefined) return await failed;
        failed.catch(() => undefined);
        // In the same turn as the spawn: even a child that has ended by now is not yet reaped, so its start time is there.
        const lease: ComputeLease = { kind: 'local', ...leaderOf(child.pid) };
        writeLease(run.runDirectory, lease);
        child.unref();
        return lease;
      } finally {
        closeSync(log);
      }
    },
    async find(runDirectory) {
      const written = readLease(runDirectory);
      if (written) return written;
      // kill -9 between the spawn and the lease's rename: the trainer is known by its command line.
      const leader = findByArgument(runDirectory);
      return leader && { kind: 'local', ...leader };
    },
    async probe(lease) {
      return livingMembers(lease).length > 0 ? 'alive' : 'gone';
    },
    end: (lease, graceSeconds) => endGroup(lease, graceSeconds),
    slots: () => options.slots,
  };
}

function writeLease(runDirectory: string, lease: ComputeLease): void {
  const path = join(runDirectory, LEASE_FILE);
  const file = openSync(`${path}.tmp`, 'w', 0o600);
  try {
    writeSync(file, JSON.stringify(lease));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.tmp`, path);
}

function readLease(runDirectory: string): ComputeLease | undefined {
  try {
    return JSON.parse(readFileSync(join(runDirectory, LEASE_FILE), 'utf8')) as ComputeLease;
  } catch {
    return undefined;
  }
}
