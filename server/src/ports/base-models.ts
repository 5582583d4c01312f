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
    warmupSteps: number;
    minSnrGamma: number | null;
    learningRateSchedule: 'constant' | 'cosine';
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

export interface BaseModels {
  catalogue(): readonly CatalogueEntry[];
  /** By base model id; undefined when not registered. */
  get(baseModelId: string): BaseModel | undefined;
  /** sha256 of the weights in a base model's folder, or in a copy of it: what a custom model was trained on. */
  weightsDigest(folder: string): Promise<string>;
}
