/** Registered base models (folders in diffusers layout) and the ids that answer with them. */
export interface BaseModel {
  /** `likeness.art-v1`, or what the user registered. */
  id: string;
  name: string;
  licence: string;
  path: string;
  family: string;
  /** Multiplies a request's learningRate into the family's own scale. */
  learningRateFactor: number;
  /** Images are trained and drawn at about resolution² pixels, in sides of multiples of sizeMultiple. */
  resolution: number;
  sizeMultiple: number;
  lora: { rank: number; alpha: number; maximumRank: number };
  training: {
    captionDropout: number;
    /** Of what a picture without its caption teaches, the share that is the base's own prediction; 0 to 1. */
    unconditionalPrior: number;
    warmupSteps: number;
    /** Steps of 8 that a LoRA of a few dozen pictures usually takes at the default rate; null: nobody measured. */
    usualSteps: number | null;
    minSnrGamma: number | null;
    learningRateSchedule: 'constant' | 'cosine';
    /** What takes the place of the first two where a data set teaches a style. */
    style: { captionDropout: number; unconditionalPrior: number };
  };
}

/** A row of the foundation-model catalogue: what AWS's fields say, and which base model answers. */
export interface CatalogueEntry {
  modelId: string;
  modelName: string;
  providerName: string;
  baseModelId: string;
  customizationsSupported: 'FINE_TUNING'[];
  inferenceTypesSupported: ('ON_DEMAND' | 'PROVISIONED')[];
  /** Which task types the id answers once they are built (design.md §4). */
  tasks: 'v1' | 'all';
}

/** What a look at every part of a base model's folder says. */
export interface BaseModelFacts {
  family: string;
  /** Pixels: it draws about resolution x resolution, scaled to the size asked for. */
  resolution: number;
  tasks: string[];
  parameters: number;
  /** Of its weights as files. */
  sizeBytes: number;
  /** That its weights take while they are loaded; pictures come on top. */
  memoryBytes: number;
}

/** A base model that was registered in the data folder, not by a setting. */
export interface Registration {
  id: string;
  path: string;
  licence: string;
  facts: BaseModelFacts;
  registeredAt: string;
}

export interface ListedBaseModel {
  id: string;
  path: string;
  licence: string;
  origin: 'embedded' | 'setting' | 'registered';
  /** Kept from the registration; null of the others. */
  facts: BaseModelFacts | null;
  /** Why it does not answer; null: it does. */
  problem: string | null;
}

export interface BaseModels {
  catalogue(): readonly CatalogueEntry[];
  /** By base model id; undefined when not registered. */
  get(baseModelId: string): BaseModel | undefined;
  /** What prepares pictures where a request names no model: what was registered last for that, else the embedded one. */
  preparer(task: 'CAPTION' | 'MASK'): BaseModel;
  /** sha256 of the weights in a base model's folder, or in a copy of it: what a custom model was trained on. */
  weightsDigest(folder: string): Promise<string>;
  /** The layers of a registered base's denoiser that a LoRA may touch: shapes of their weights, by module. */
  denoiser(base: BaseModel): Promise<{ part: 'unet' | 'transformer'; layers: ReadonlyMap<string, readonly number[]> }>;
}

/** The base models, and what registers more of them. */
export interface BaseModelRegistry extends BaseModels {
  /** The embedded one first. */
  list(): readonly ListedBaseModel[];
  /**
   * Registers a folder, durably, and serves it from now on. The caller has inspected it.
   * @param request id and licence: null takes what the folder's likeness.json says
   * @throws Fault invalid where the folder or the id is none; conflict where the id is taken
   */
  register(request: {
    path: string;
    id: string | null;
    licence: string | null;
    facts: BaseModelFacts;
    registeredAt: string;
  }): Promise<ListedBaseModel>;
  /**
   * Forgets a registered one, durably; a folder that was downloaded into the data folder is deleted, no other.
   * @throws Fault notFound; conflict for what a setting registers, or a compatibility id is mapped to
   */
  deregister(baseModelId: string): Promise<void>;
}

/**
 * Looks at every part of a folder: its weights are whole and safetensors, its family is known, nothing lies elsewhere.
 * @throws Fault invalid with everything that is wrong
 */
export type InspectBaseModel = (path: string) => Promise<BaseModelFacts>;
