// Gaps: none known.
// By design: the rows of the retired model keep AWS's fields, because notebooks filter on them; what answers behind an
//   id is said elsewhere (/_likeness/v1/base-models).
// Client quirks: the image rows of AWS carry no responseStreamingSupported, so these carry none.
import type {
  FoundationModelSummary,
  GetFoundationModelRequest,
  GetFoundationModelResponse,
  ListFoundationModelsRequest,
  ListFoundationModelsResponse,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import { foundationModelArn, foundationModelId } from '../../domain/foundation-model.ts';
import type { Operation } from '../../domain/operation.ts';
import type { CatalogueEntry } from '../../ports/base-models.ts';
import type { BedrockDependencies } from './dependencies.ts';

export function foundationModels({ baseModels }: Pick<BedrockDependencies, 'baseModels'>) {
  return {
    ListFoundationModels: {
      authorize: () => [{ resource: '*' }],
      async handle(input, ctx) {
        const modelSummaries = baseModels
          .catalogue()
          .filter(row => matches(row, input))
          .map(row => summary(row, ctx.region));
        return { modelSummaries };
      },
    } satisfies Operation<ListFoundationModelsRequest, ListFoundationModelsResponse>,

    GetFoundationModel: {
      authorize(input, ctx) {
        const identifier = input.modelIdentifier ?? '';
        const modelId = foundationModelId(identifier, ctx.region);
        return [{ resource: modelId === undefined ? identifier : foundationModelArn(ctx.region, modelId) }];
      },
      async handle(input, ctx) {
        const modelId = foundationModelId(input.modelIdentifier ?? '', ctx.region);
        const row = baseModels.catalogue().find(candidate => candidate.modelId === modelId);
        if (!row)
          throw new Fault('notFound', 'Could not resolve the foundation model from the provided model identifier.', {
            resource: input.modelIdentifier ?? '',
          });
        return { modelDetails: summary(row, ctx.region) };
      },
    } satisfies Operation<GetFoundationModelRequest, GetFoundationModelResponse>,
  };
}

function matches(row: CatalogueEntry, input: ListFoundationModelsRequest): boolean {
  const { byProvider, byCustomizationType, byOutputModality, byInferenceType } = input;
  return (
    (byProvider === undefined || row.providerName.toLowerCase() === byProvider.toLowerCase()) &&
    (byCustomizationType === undefined || row.customizationsSupported.some(type => type === byCustomizationType)) &&
    (byOutputModality === undefined || byOutputModality === 'IMAGE') &&
    (byInferenceType === undefined || row.inferenceTypesSupported.some(type => type === byInferenceType))
  );
}

function summary(row: CatalogueEntry, region: string): FoundationModelSummary {
  return {
    modelArn: foundationModelArn(region, row.modelId),
    modelId: row.modelId,
    modelName: row.modelName,
    providerName: row.providerName,
    inputModalities: ['TEXT', 'IMAGE'],
    outputModalities: ['IMAGE'],
    customizationsSupported: [...row.customizationsSupported],
    inferenceTypesSupported: [...row.inferenceTypesSupported],
    modelLifecycle: { status: 'ACTIVE' },
  };
}
