import { callRoute } from './clients.ts';

/** Which base model answers behind a foundation model's id. */
export interface BaseModel {
  modelId: string;
  modelName: string;
  baseModelName: string;
  baseModelId: string;
  family: string | null;
  licence: string;
  customizable: boolean;
  inferenceTypes: string[];
  tasks: string[];
}

/** @throws ServiceError */
export async function listBaseModels(): Promise<BaseModel[]> {
  const { baseModels } = await callRoute<{ baseModels: BaseModel[] }>({ method: 'GET', path: '/base-models' });
  return baseModels;
}
