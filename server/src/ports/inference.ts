/** What a worker process must hold to serve. */
export interface UnitModel {
  baseModelPath: string;
  /** Folder of decrypted weights, deleted by the caller once the unit is ready; null: the base alone. */
  adapter: { id: string; folder: string; method: 'lora' | 'full' } | null;
  /** A folder below which LoRAs for `Unit.load` will lie; null: there will be none. */
  adaptersFolder: string | null;
}

export type ImageTask =
  | 'TEXT_IMAGE'
  | 'INPAINTING'
  | 'OUTPAINTING'
  | 'IMAGE_VARIATION'
  | 'COLOR_GUIDED_GENERATION'
  | 'BACKGROUND_REMOVAL'
  | 'SMART_CROP';

/** What prepares a picture for a training: `text` is what it is known to show, or what to find in it. */
export type PreparingTask = 'CAPTION' | 'MASK';

/** One request of contract/schemas/invoke.schema.json without `v`. */
export interface InvokeRequest {
  requestId: string;
  adapterId: string | null;
  task: ImageTask | 'DETECTION' | PreparingTask;
  text: string | null;
  negativeText: string | null;
  images: string[];
  similarityStrength: number | null;
  /** Exactly one of `image` (base64) and `prompt` is not null. */
  mask: { image: string | null; prompt: string | null; isReturned: boolean } | null;
  outPaintingMode: 'DEFAULT' | 'PRECISE' | null;
  /** #RRGGBB */
  colors: string[];
  control: { mode: 'CANNY_EDGE' | 'SEGMENTATION'; strength: number } | null;
  numberOfImages: number;
  width: number;
  height: number;
  cfgScale: number;
  seed: number;
  quality: 'standard' | 'premium';
}

/** What a caller asks for, before it has an id and a unit. */
export type ImageRequest = Omit<InvokeRequest, 'adapterId' | 'requestId' | 'task'> & { task: ImageTask };

/** What answers it: base64 PNGs, and what the task gives beside them. */
export interface InvokeAnswer {
  images: string[];
  maskImage: string | null;
  /** In pixels of the input image. */
  cropBox: { left: number; top: number; width: number; height: number } | null;
  watermark: Watermark | null;
  /** Whether what was drawn carries the watermark: cut-outs and parts that are too small do not. */
  isWatermarked: boolean;
  /** Of CAPTION: one line. */
  caption: string | null;
}

/** An answer, and what drew it: the ARN of a custom model, null for a base model. */
export interface DrawnAnswer extends InvokeAnswer {
  customModelArn: string | null;
}

/** What was found of this product's watermark in an image. */
export interface Watermark {
  isFound: boolean;
  /** The highest correlation, in standard deviations of what an unmarked image gives: found from 7 on, about 20 when intact. */
  score: number;
  /** Of 64. */
  rightBits: number;
}

/** One model unit: a worker process that speaks HTTP (/health, /invoke) on a Unix socket. */
export interface Unit {
  readonly id: string;
  /** Resolves when the process is gone, whoever ended it, with the end of its log. */
  readonly ended: Promise<string>;
  health(): Promise<{ status: 'loading' | 'ready' | 'failed' | 'gone'; message: string | null }>;
  /**
   * Rejects with Fault: invalid (the worker's 400), notReady, modelError (the process died, or 500),
   * modelTimeout.
   */
  invoke(request: InvokeRequest, signal: AbortSignal): Promise<InvokeAnswer>;
  /**
   * Adds a LoRA from a folder below `adaptersFolder`; the folder may go afterwards. Rejects with Fault: invalid (it is no
   * adapter of this base), notReady, modelError.
   */
  load(adapterId: string, folder: string): Promise<void>;
  /** Lets go of a LoRA of which no request is in hand. */
  unload(adapterId: string): Promise<void>;
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

/** A custom model as it is served, on demand or on units of its own. */
export interface ServableModel {
  accountId: string;
  region: string;
  modelId: string;
  modelArn: string;
  baseModelId: string;
  /** `whole`: it is a base of its own, all its parts. */
  method: 'lora' | 'full' | 'whole';
  /** Of the base's weights that it was trained on; null or absent: unknown. */
  baseWeightsSha256?: string | null;
  keyArn: string | null;
}

/** The units that answer for one model, or for the models that share them. */
export interface PoolFigures {
  kind: 'base' | 'provisioned' | 'onDemand';
  /** Base model's id, provisioned model's ARN, or `account/base` of a shared process. */
  modelId: string;
  /** Requests that wait. */
  waiting: number;
  /** Units that take requests. */
  units: number;
}

/** What services need of the running capacity (reconcile/throughput.ts provides it). */
export interface Capacity {
  /** On demand, on a registered base model. */
  invokeBase(baseModelId: string, request: Omit<InvokeRequest, 'adapterId'>, signal: AbortSignal): Promise<DrawnAnswer>;
  /** On a provisioned model's units; Fault notReady while Creating, throttled when the queue is full. */
  invokeProvisioned(
    provisionedModelArn: string,
    request: Omit<InvokeRequest, 'adapterId'>,
    signal: AbortSignal,
  ): Promise<DrawnAnswer>;
  /** On the process that the account's custom models of that base share; it starts, and loads the model, where needed. */
  invokeOnDemand(
    model: ServableModel,
    request: Omit<InvokeRequest, 'adapterId'>,
    signal: AbortSignal,
  ): Promise<DrawnAnswer>;
  /** ARNs of provisioned models of which no unit answers now: new ones, and all after a start of the server. */
  loadingModels(): Promise<readonly string[]>;
  /** Why the units of a provisioned model could not be started at the last try; undefined where they serve or were not tried. */
  loadProblem(provisionedModelArn: string): string | undefined;
  /** Looks for the watermark in an image (base64 of a JPEG or PNG), on a registered base model's unit. */
  detectWatermark(baseModelId: string, image: string, signal: AbortSignal): Promise<Watermark>;
  /** The on-demand unit of a base model that is registered no more finishes what it has in hand, and ends. */
  endBase(baseModelId: string): void;
  /** Wakes the loops: a row changed. */
  wake(): void;
}
