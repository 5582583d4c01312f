/** What an operator asks of the machine that the service runs on. */
export interface MachineFacts {
  nodeVersion: string;
  /** Free for the data folder. */
  freeDiskBytes: number;
  /** All that it has, used or free. */
  memoryBytes: number;
  /** Why workers run without a sandbox; null: they run in one. */
  sandboxProblem: string | null;
  modelUnitCapacity: number;
  trainingSlots: number;
}

/** The server's own process, without its workers. */
export interface ProcessFacts {
  residentBytes: number;
  heapBytes: number;
  cpuSeconds: number;
  startedAt: Date;
}

export interface Machine {
  process(): ProcessFacts;
  facts(): Promise<MachineFacts>;
  /** Whether the data folder takes so many bytes more, by its disk and by this user's quota. */
  hasRoom(bytes: number): Promise<boolean>;
}
