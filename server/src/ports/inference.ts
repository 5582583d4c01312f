/** What a worker process must hold to serve. */
export interface UnitModel {
  baseModelPath: string;
  /** Folder of decrypted weights, deleted by the caller once the unit is ready; null: the base alone. */
  adapter: { id: string; folder: string; method: 'lora' | 'full' } | null;
}

/** One request of contract/schemas/invoke.schema.json without `v`. */
export interface InvokeRequest {
  requestId: string;
  adapterId: string | null;
  task: 'TEXT_IMAGE' | 'IMAGE_VARIATION';
  text: string | null;
  negativeText: string | null;
  images: string[];
  similarityStrength: number | null;
  numberOfImages: number;
  width: number;
  height: number;
  cfgScale: number;
  seed: number;
  quality: 'standard' | 'premium';
}

/** One model unit: a worker process that speaks HTTP (/health, /invoke) on a Unix socket. */
export interface Unit {
  readonly id: string;
  /** Resolves when the process is gone, whoever ended it, with the end of its log. */
  readonly ended: Promise<string>;
  health(): Promise<{ status: 'loading' | 'ready' | 'failed' | 'gone'; message: string | null }>;
  /**
   * Base64 PNGs. Rejects with Fault: invalid (the worker's 400), notReady, modelError (the process died, or 500),
   * modelTimeout.
   */
  invoke(request: InvokeRequest, signal: AbortSignal): Promise<{ images: string[] }>;
  /** Ends the process; resolves when it is gone. Requests in hand are finished within the grace, then fail. */
  stop(graceSeconds: number): Promise<void>;
}

export interface Inference {
  /** Resolves when the process runs; `health` tells when it has loaded. @throws Fault unavailable */
  start(model: UnitModel): Promise<Unit>;
  /** How many units this machine can hold at once. */
  capacity(): number;
  /** A new empty private folder (mode 0700, in memory where there is such a place) for decrypted weights. */
  createWeightsFolder(): Promise<string>;
  deleteWeightsFolder(folder: string): Promise<void>;
}

/** What services need of the running capacity (reconcile/throughput.ts provides it). */
export interface Capacity {
  /** On demand, on a registered base model. */
  invokeBase(
    baseModelId: string,
    request: Omit<InvokeRequest, 'adapterId'>,
    signal: AbortSignal,
  ): Promise<{ images: string[] }>;
  /** On a provisioned model's units; Fault notReady while Creating, throttled when the queue is full. */
  invokeProvisioned(
    provisionedModelArn: string,
    request: Omit<InvokeRequest, 'adapterId'>,
    signal: AbortSignal,
  ): Promise<{ images: string[] }>;
  /** ARNs of provisioned models of which no unit answers now: new ones, and all after a start of the server. */
  loadingModels(): Promise<readonly string[]>;
  /** Wakes the loops: a row changed. */
  wake(): void;
}
