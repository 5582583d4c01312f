import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type BedrockClient,
  CreateFoundationModelAgreementCommand,
  CreateInferenceProfileCommand,
  DeleteFoundationModelAgreementCommand,
  DeleteInferenceProfileCommand,
  GetFoundationModelAvailabilityCommand,
  GetInferenceProfileCommand,
  GetUseCaseForModelAccessCommand,
  ListAdvancedPromptOptimizationJobsCommand,
  ListAutomatedReasoningPoliciesCommand,
  ListEnforcedGuardrailsConfigurationCommand,
  ListEvaluationJobsCommand,
  ListFoundationModelAgreementOffersCommand,
  ListFoundationModelsCommand,
  ListGuardrailsCommand,
  ListInferenceProfilesCommand,
  ListMarketplaceModelEndpointsCommand,
  ListPromptRoutersCommand,
  PutUseCaseForModelAccessCommand,
} from '@aws-sdk/client-bedrock';
import { CreateAccessKeyCommand, CreateUserCommand } from '@aws-sdk/client-iam';
import { assertRefused, type BedrockServer, plain, startBedrock, TITAN } from './bedrock-server.ts';

let server: BedrockServer;

before(async () => {
  server = await startBedrock();
});
after(() => server.stop());

test('every registered model is available, and its offer is taken once it was read', async () => {
  const control = server.control();
  for (const modelId of [TITAN, 'amazon.titan-image-generator-v1', 'likeness.art-v1']) {
    const available = await control.send(new GetFoundationModelAvailabilityCommand({ modelId }));
    assert.deepEqual(plain(available), {
      modelId,
      agreementAvailability: { status: 'AVAILABLE' },
      authorizationStatus: 'AUTHORIZED',
      entitlementAvailability: 'AVAILABLE',
      regionAvailability: 'AVAILABLE',
    });
  }
  const { offers } = await control.send(new ListFoundationModelAgreementOffersCommand({ modelId: TITAN }));
  const offerToken = offers?.[0]?.offerToken ?? '';
  const agreed = await control.send(new CreateFoundationModelAgreementCommand({ modelId: TITAN, offerToken }));
  assert.deepEqual([agreed.modelId, agreed.$metadata.httpStatusCode], [TITAN, 202]);
  await assertRefused(
    control.send(new CreateFoundationModelAgreementCommand({ modelId: 'likeness.art-v1', offerToken })),
    'ValidationException',
    400,
    /offerToken is not one/,
  );
  await control.send(new DeleteFoundationModelAgreementCommand({ modelId: TITAN }));
  const modelId = 'amazon.nova-canvas-v1:0';
  for (const call of [
    control.send(new GetFoundationModelAvailabilityCommand({ modelId })),
    control.send(new ListFoundationModelAgreementOffersCommand({ modelId })),
    control.send(new DeleteFoundationModelAgreementCommand({ modelId })),
  ])
    await assertRefused(call, 'ResourceNotFoundException', 404, /Could not resolve the foundation model/);
  await assertRefused(
    control.send(new GetFoundationModelAvailabilityCommand({ modelId: 'no-dots' })),
    'ValidationException',
    400,
    /modelId.*regular expression/,
  );
});

test('the form of a use case is kept', async () => {
  const control = server.control();
  const get = () => control.send(new GetUseCaseForModelAccessCommand({}));
  await assertRefused(get(), 'ResourceNotFoundException', 404, /has sent no use case/);
  const put = (text: string) =>
    control.send(new PutUseCaseForModelAccessCommand({ formData: new TextEncoder().encode(text) }));
  await put('{"companyName": "Ron and Smila"}');
  const sent = '{"companyName": "Ron and Smila Ltd"}';
  assert.equal((await put(sent)).$metadata.httpStatusCode, 201);
  assert.equal(new TextDecoder().decode((await get()).formData), sent);
  assert.equal(
    new TextDecoder().decode(
      (await server.control('eu-west-1').send(new GetUseCaseForModelAccessCommand({}))).formData,
    ),
    sent,
    'it is of the account, whatever the Region',
  );
  await assertRefused(put('short'), 'ValidationException', 400, /formData/);
});

test('filters of the catalogue are exact', async () => {
  const control = server.control();
  const list = async (filter: object) =>
    (await control.send(new ListFoundationModelsCommand(filter))).modelSummaries?.map(model => model.modelId);
  const [v1, v2] = ['amazon.titan-image-generator-v1', 'amazon.titan-image-generator-v2:0'];
  assert.deepEqual(await list({ byInferenceType: 'PROVISIONED' }), ['likeness.art-v1', TITAN, v2]);
  assert.deepEqual(await list({ byInferenceType: 'ON_DEMAND' }), ['likeness.art-v1', v1, v2]);
  assert.deepEqual(await list({ byProvider: 'Likeness' }), ['likeness.art-v1']);
  for (const filter of [
    { byProvider: 'Amaz' },
    { byCustomizationType: 'DISTILLATION' },
    { byCustomizationType: 'CONTINUED_PRE_TRAINING' },
    { byOutputModality: 'EMBEDDING' },
  ])
    assert.deepEqual(await list(filter), [], JSON.stringify(filter));
  for (const [member, value] of [
    ['byProvider', 'not/one'],
    ['byCustomizationType', 'fine_tuning'],
    ['byOutputModality', 'VIDEO'],
    ['byInferenceType', 'RESERVED'],
  ] as const)
    await assertRefused(list({ [member]: value }), 'ValidationException', 400, new RegExp(member), member);
});

test('there is no inference profile, and none can be made', async () => {
  const control = server.control();
  const list = (input: object) => control.send(new ListInferenceProfilesCommand(input));
  assert.deepEqual(plain(await list({ typeEquals: 'SYSTEM_DEFINED', maxResults: 10 })), {
    inferenceProfileSummaries: [],
  });
  await assertRefused(list({ nextToken: 'made-up' }), 'ValidationException', 400, /nextToken is invalid/);
  await assertRefused(list({ typeEquals: 'MINE' }), 'ValidationException', 400, /type/);
  const inferenceProfileIdentifier = 'us.amazon.titan-image-generator-v1:0';
  for (const call of [
    control.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier })),
    control.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier })),
  ])
    await assertRefused(call, 'ResourceNotFoundException', 404, /no inference profile us\.amazon/);
  const copyFrom = `arn:aws:bedrock:us-east-1::foundation-model/${TITAN}`;
  await assertRefused(
    control.send(new CreateInferenceProfileCommand({ inferenceProfileName: 'mine', modelSource: { copyFrom } })),
    'ValidationException',
    400,
    /inference profiles are not supported/,
  );
});

test('what this server has none of is listed as empty to who may list it', async () => {
  const control = server.control();
  const { iam } = server;
  await iam.send(new CreateUserCommand({ UserName: 'lister' }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'lister' }));
  const credentials = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
  const lister = server.control('us-east-1', credentials);
  const lists: [(client: BedrockClient, input: object) => Promise<{ $metadata: unknown }>, object][] = [
    [(client, input) => client.send(new ListGuardrailsCommand(input)), { guardrails: [] }],
    [(client, input) => client.send(new ListEnforcedGuardrailsConfigurationCommand(input)), { guardrailsConfig: [] }],
    [(client, input) => client.send(new ListEvaluationJobsCommand(input)), { jobSummaries: [] }],
    [(client, input) => client.send(new ListPromptRoutersCommand(input)), { promptRouterSummaries: [] }],
    [
      (client, input) => client.send(new ListMarketplaceModelEndpointsCommand(input)),
      { marketplaceModelEndpoints: [] },
    ],
    [
      (client, input) => client.send(new ListAutomatedReasoningPoliciesCommand(input)),
      { automatedReasoningPolicySummaries: [] },
    ],
    [(client, input) => client.send(new ListAdvancedPromptOptimizationJobsCommand(input)), { jobSummaries: [] }],
  ];
  for (const [list, empty] of lists) {
    assert.deepEqual(plain(await list(control, {})), empty);
    await assertRefused(list(control, { nextToken: 'made-up' }), 'ValidationException', 400, /nextToken is invalid/);
    await assertRefused(list(lister, {}), 'AccessDeniedException', 403, /bedrock:List\w+ on resource: \*/);
  }
  await assertRefused(
    control.send(new ListGuardrailsCommand({ guardrailIdentifier: 'abcdefgh' })),
    'ResourceNotFoundException',
    404,
    /no guardrail arn:aws:bedrock:us-east-1:\d+:guardrail\/abcdefgh/,
  );
  await assertRefused(
    control.send(new ListEvaluationJobsCommand({ statusEquals: 'Done' as never })),
    'ValidationException',
    400,
    /statusEquals/,
  );
});
