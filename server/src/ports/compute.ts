/**
 * Where training runs. The contract with the worker is the run directory (design.md, decision 6); compute only starts
 * `likeness_worker train --run-dir DIR`, tells whether it lives, and ends it.
 */
export interface Compute {
  /**
   * Starts detached, in a process group of its own, sandboxed where that works; writes nothing but log.txt and, before it
   * resolves, lease.json. Only the run directory is writable for the worker, and only it and the worker's code are visible;
   * there is no network unless the run shares this machine's.
   * @throws Fault unavailable when no process could be started
   */
  start(run: { runDirectory: string; jobId: string; sharesHostNetwork?: boolean }): Promise<ComputeLease>;
  /** What `start` began in that run directory, living or gone; undefined when nothing was started there. */
  find(runDirectory: string): Promise<ComputeLease | undefined>;
  /** `alive` only for the very processes of the lease (pid and start time), never for a reused pid. */
  probe(lease: ComputeLease): Promise<'alive' | 'gone'>;
  /** Ends it for good: SIGTERM to the group, SIGKILL after the grace; resolves when no process is left. */
  end(lease: ComputeLease, graceSeconds: number): Promise<void>;
  /** How many trainings may run at once here. */
  slots(): number;
}

/** Serialised as lease.json. */
export interface ComputeLease {
  kind: 'local';
  /** Of the process group's leader. */
  pid: number;
  /** Kernel start time of the pid (clock ticks since boot), so that a reused pid is not taken for it. */
  startTicks: number;
  /** Of the boot, since ticks start again with it. */
  bootId: string;
}
