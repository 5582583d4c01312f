import limits from '../../../../contract/limits.json' with { type: 'json' };
import type { Route } from '../../domain/route.ts';
import type { CatalogueEntry } from '../../ports/base-models.ts';
import type { LikenessDependencies } from './dependencies.ts';

const TASKS: Readonly<Record<CatalogueEntry['tasks'], readonly string[]>> = {
  v1: ['TEXT_IMAGE', 'IMAGE_VARIATION', 'INPAINTING', 'OUTPAINTING'],
  all: [
    'TEXT_IMAGE',
    'IMAGE_VARIATION',
    'INPAINTING',
    'OUTPAINTING',
    'COLOR_GUIDED_GENERATION',
    'BACKGROUND_REMOVAL',
    'SMART_CROP',
  ],
};

/** Which base model answers behind each foundation-model id: AWS's catalogue has no field for that. */
export function baseModelRoutes({ baseModels }: Pick<LikenessDependencies, 'baseModels'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/base-models',
      action: 'ListBaseModels',
      async handle() {
        const models = baseModels.catalogue().map(row => {
          const model = baseModels.get(row.baseModelId);
          return {
            modelId: row.modelId,
            modelName: row.modelName,
            baseModelId: row.baseModelId,
            baseModelName: model?.name ?? row.baseModelId,
            family: model?.family ?? null,
            licence: model?.licence ?? 'unknown',
            usualSteps: model?.training.usualSteps ?? null,
            customizable: row.customizationsSupported.length > 0,
            inferenceTypes: row.inferenceTypesSupported,
            tasks: TASKS[row.tasks],
            sizes: limits.imageGenerationConfig.sizes.map(([width = 0, height = 0]) => ({ width, height })),
          };
        });
        return { json: { baseModels: models } };
      },
    },
  ];
}
