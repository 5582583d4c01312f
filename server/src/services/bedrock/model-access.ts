// Gaps: none known.
// By design: whoever runs the server has agreed to the licences of the models that are registered; every model is available,
//   its one offer costs nothing, and agreeing to it changes nothing. The form of a use case is kept by account, as AWS does.
// Client quirks: AWS's console and SDKs ask here before they let anyone invoke; modelId is an id, never an ARN.
import type {
  CreateFoundationModelAgreementRequest,
  CreateFoundationModelAgreementResponse,
  DeleteFoundationModelAgreementRequest,
  DeleteFoundationModelAgreementResponse,
  GetFoundationModelAvailabilityRequest,
  GetFoundationModelAvailabilityResponse,
  GetUseCaseForModelAccessRequest,
  GetUseCaseForModelAccessResponse,
  ListFoundationModelAgreementOffersRequest,
  ListFoundationModelAgreementOffersResponse,
  PutUseCaseForModelAccessRequest,
  PutUseCaseForModelAccessResponse,
} from '@aws-sdk/client-bedrock';
import { Fault } from '../../domain/fault.ts';
import type { Operation } from '../../domain/operation.ts';
import type { CatalogueEntry } from '../../ports/base-models.ts';
import type { BedrockDependencies } from './dependencies.ts';

interface ModelInput {
  modelId: string | undefined;
}

export function modelAccess({ baseModels, store }: Pick<BedrockDependencies, 'baseModels' | 'store'>) {
  // AWS: these actions know no resource.
  const question = () => [{ resource: '*' }];

  function find({ modelId = '' }: ModelInput): CatalogueEntry {
    const row = baseModels.catalogue().find(candidate => candidate.modelId === modelId);
    if (row) return row;
    throw new Fault('notFound', 'Could not resolve the foundation model from the provided model identifier.', {
      resource: modelId,
    });
  }

  return {
    GetFoundationModelAvailability: {
      authorize: question,
      async handle(input) {
        return {
          modelId: find(input).modelId,
          agreementAvailability: { status: 'AVAILABLE' },
          authorizationStatus: 'AUTHORIZED',
          entitlementAvailability: 'AVAILABLE',
          regionAvailability: 'AVAILABLE',
        };
      },
    } satisfies Operation<GetFoundationModelAvailabilityRequest, GetFoundationModelAvailabilityResponse>,

    ListFoundationModelAgreementOffers: {
      authorize: question,
      async handle(input) {
        const { modelId } = find(input);
        return {
          modelId,
          offers: [
            {
              offerId: offerOf(modelId),
              offerToken: offerOf(modelId),
              termDetails: {
                usageBasedPricingTerm: { rateCard: [] },
                legalTerm: {},
                supportTerm: {},
              },
            },
          ],
        };
      },
    } satisfies Operation<ListFoundationModelAgreementOffersRequest, ListFoundationModelAgreementOffersResponse>,

    CreateFoundationModelAgreement: {
      authorize: question,
      async handle(input) {
        const { modelId } = find(input);
        if (input.offerToken !== offerOf(modelId))
          throw new Fault(
            'invalid',
            `offerToken is not one that ListFoundationModelAgreementOffers gave for ${modelId}.`,
          );
        return { modelId };
      },
    } satisfies Operation<CreateFoundationModelAgreementRequest, CreateFoundationModelAgreementResponse>,

    DeleteFoundationModelAgreement: {
      authorize: question,
      async handle(input) {
        find(input);
        return {};
      },
    } satisfies Operation<DeleteFoundationModelAgreementRequest, DeleteFoundationModelAgreementResponse>,

    PutUseCaseForModelAccess: {
      authorize: () => [{ resource: '*' }],
      async handle({ formData = new Uint8Array() }, ctx) {
        const form = Buffer.from(formData).toString('base64');
        await store.transaction(rows => rows.bedrock.setUseCase(ctx.accountId, form));
        return {};
      },
    } satisfies Operation<PutUseCaseForModelAccessRequest, PutUseCaseForModelAccessResponse>,

    GetUseCaseForModelAccess: {
      authorize: () => [{ resource: '*' }],
      async handle(_input, ctx) {
        const form = await store.read(rows => rows.bedrock.useCaseOf(ctx.accountId));
        if (form === undefined)
          throw new Fault('notFound', 'This account has sent no use case; PutUseCaseForModelAccess sends one.');
        return { formData: Buffer.from(form, 'base64') };
      },
    } satisfies Operation<GetUseCaseForModelAccessRequest, GetUseCaseForModelAccessResponse>,
  };
}

/** The one offer of a model, the same at each asking. */
function offerOf(modelId: string): string {
  return `offer-${Buffer.from(modelId).toString('base64url')}`;
}
