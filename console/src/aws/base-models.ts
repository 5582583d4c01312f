import { callRoute } from './clients.ts';

/** Which base model answers behind a foundation model's id. */
export interface BaseModel {
  modelId: string;
  modelName: string;
  baseModelName: string;
  baseModelId: string;
  family: string | null;
  licence: string;
  /** Steps of 8 that a few dozen pictures usually take; null where nobody measured. */
  usualSteps: number | null;
  customizable: boolean;
  inferenceTypes: string[];
  tasks: string[];
}

/** @throws ServiceError */
export async function listBaseModels(): Promise<BaseModel[]> {
  const { baseModels } = await callRoute<{ baseModels: BaseModel[] }>({ method: 'GET', path: '/base-models' });
  return baseModels;
}
