/** What an operator asks of the machine that the service runs on. */
export interface MachineFacts {
  nodeVersion: string;
  /** Free for the data folder. */
  freeDiskBytes: number;
  /** Why workers run without a sandbox; null: they run in one. */
  sandboxProblem: string | null;
  modelUnitCapacity: number;
  trainingSlots: number;
}

export interface Machine {
  facts(): Promise<MachineFacts>;
}
