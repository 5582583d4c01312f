import type { BedrockScope, ListOptions, Page, Tag } from './bedrock-lists.ts';

/** What CreateModelImportJob made: a model that is invoked by its own ARN. */
export interface ImportedModelRow extends BedrockScope {
  modelId: string;
  modelArn: string;
  modelName: string;
  jobArn: string;
  jobName: string;
  s3Uri: string;
  /** `stable-diffusion`, `flux`, …: of the base that it is, or that it fits. */
  family: string;
  /** The registered base that a LoRA fits; of a whole model its own id. */
  baseModelId: string;
  method: 'lora' | 'whole';
  baseWeightsSha256: string | null;
  keyArn: string | null;
  /** Of the encrypted weights. */
  sizeBytes: number;
  tags: Tag[];
  createdAt: number;
}

export interface ImportedModelRows {
  /** @throws (unique index) when the name is taken: look first, in the same transaction. */
  insertImportedModel(model: ImportedModelRow): Promise<void>;
  importedModelById(scope: BedrockScope, modelId: string): Promise<ImportedModelRow | undefined>;
  importedModelByName(scope: BedrockScope, modelName: string): Promise<ImportedModelRow | undefined>;
  listImportedModels(scope: BedrockScope, options: ListOptions): Promise<Page<ImportedModelRow>>;
  countImportedModels(scope: BedrockScope): Promise<number>;
  deleteImportedModel(modelId: string): Promise<void>;
}
