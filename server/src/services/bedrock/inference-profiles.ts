// Gaps: application inference profiles (refused by name).
// By design: a profile spreads requests over Regions, and one server is all there is: the list is empty.
// Client quirks: AWS's agents list profiles at their start, and take an empty list.
import type {
  CreateInferenceProfileRequest,
  DeleteInferenceProfileRequest,
  GetInferenceProfileRequest,
  ListInferenceProfilesRequest,
  ListInferenceProfilesResponse,
} from '@aws-sdk/client-bedrock';
import { formatArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import { emptyList } from './absent-things.ts';

interface ProfileInput {
  inferenceProfileIdentifier: string | undefined;
}

/** None exists, whatever the identifier. */
const absent: Operation<ProfileInput, never> = {
  authorize({ inferenceProfileIdentifier: identifier = '' }: ProfileInput, ctx: RequestContext) {
    const { region, accountId } = ctx;
    const arn = formatArn({ service: 'bedrock', region, accountId, resource: `inference-profile/${identifier}` });
    return [{ resource: identifier.startsWith('arn:') ? identifier : arn }];
  },
  async handle({ inferenceProfileIdentifier: identifier = '' }: ProfileInput, ctx: RequestContext) {
    throw new Fault('notFound', `There is no inference profile ${identifier} in ${ctx.region} of this account.`, {
      resource: identifier,
    });
  },
};

export const inferenceProfiles = {
  ListInferenceProfiles: emptyList<ListInferenceProfilesRequest, ListInferenceProfilesResponse>({
    inferenceProfileSummaries: [],
  }),

  GetInferenceProfile: absent satisfies Operation<GetInferenceProfileRequest, never>,

  DeleteInferenceProfile: absent satisfies Operation<DeleteInferenceProfileRequest, never>,

  CreateInferenceProfile: {
    authorize: () => [{ resource: '*' }],
    async handle() {
      throw new Fault(
        'unsupported',
        'Application inference profiles are not supported by this server: it is one Region of one machine. Invoke the model by its own ID.',
      );
    },
  } satisfies Operation<CreateInferenceProfileRequest, never>,
};
