/**
 * Where training runs. The contract with the worker is the run directory (design.md, decision 6); compute only starts
 * `likeness_worker train --run-dir DIR`, tells whether it lives, and ends it.
 */
export interface Compute {
  /** Starts detached, in a process group of its own, sandboxed where that works; writes nothing but log.txt. */
  start(run: { runDirectory: string; baseModelPath: string; jobId: string }): Promise<ComputeLease>;
  /** `alive` only for the very process of the lease (pid and start time), never for a reused pid. */
  probe(lease: ComputeLease): Promise<'alive' | 'gone'>;
  /** Ends it for good: SIGTERM to the group, SIGKILL after the grace; resolves when no process is left. */
  end(lease: ComputeLease, graceSeconds: number): Promise<void>;
  /** How many trainings may run at once here. */
  slots(): number;
}

/** Serialised as lease.json. */
export interface ComputeLease {
  kind: 'local';
  pid: number;
  /** Kernel start time of the pid (clock ticks since boot), so that a reused pid is not taken for it. */
  startTicks: number;
  /** Of the boot, since ticks start again with it. */
  bootId: string;
}
