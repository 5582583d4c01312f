import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  BedrockClient,
  CreateProvisionedModelThroughputCommand,
  DeleteCustomModelCommand,
  DeleteProvisionedModelThroughputCommand,
  GetFoundationModelCommand,
  GetProvisionedModelThroughputCommand,
  ListFoundationModelsCommand,
  ListProvisionedModelThroughputsCommand,
  UpdateProvisionedModelThroughputCommand,
} from '@aws-sdk/client-bedrock';
import { systemTime } from '../../src/adapters/system.ts';
import {
  assertRefused,
  type BedrockServer,
  bringIntoService,
  createModel,
  makeServiceRole,
  plain,
  startBedrock,
  TITAN,
  TITAN_ARN,
} from './bedrock-server.ts';

let server: BedrockServer;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'AmazonBedrockFineTuning');
});
after(() => server.stop());

test('Provisioned Throughput moves to another version of the same base, and keeps its terms', async () => {
  const control = server.control();
  const [old, next, other] = [
    await createModel(server, roleArn, 'version-1'),
    await createModel(server, roleArn, 'version-2'),
    await createModel(server, roleArn, 'other-base', { baseModelIdentifier: 'likeness.art-v1' }),
  ];
  const { provisionedModelArn = '' } = await control.send(
    new CreateProvisionedModelThroughputCommand({
      modelUnits: 2,
      provisionedModelName: 'versions',
      modelId: 'version-1',
    }),
  );
  const update = (change: object) =>
    control.send(new UpdateProvisionedModelThroughputCommand({ provisionedModelId: 'versions', ...change }));
  const get = () => control.send(new GetProvisionedModelThroughputCommand({ provisionedModelId: provisionedModelArn }));
  await assertRefused(update({ desiredModelId: 'version-2' }), 'ValidationException', 400, /versions is Creating/);
  await bringIntoService(server.store, provisionedModelArn);
  await assertRefused(
    update({ desiredModelId: other.modelArn }),
    'ValidationException',
    400,
    /must be a custom model of/,
  );
  await assertRefused(
    update({ desiredModelId: 'version-9' }),
    'ResourceNotFoundException',
    404,
    /no custom model version-9/,
  );
  assert.deepEqual(plain(await update({ desiredModelId: next.modelArn })), {});
  const updating = await get();
  assert.deepEqual(
    [updating.status, updating.modelArn, updating.desiredModelArn],
    ['Updating', old.modelArn, next.modelArn],
  );
  await assertRefused(update({ desiredModelId: 'version-1' }), 'ValidationException', 400, /versions is Updating/);
  await assertRefused(
    control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'versions' })),
    'ConflictException',
    400,
    /versions is Updating/,
  );
  for (const modelIdentifier of ['version-1', 'version-2'])
    await assertRefused(
      control.send(new DeleteCustomModelCommand({ modelIdentifier })),
      'ConflictException',
      400,
      /used by a Provisioned Throughput/,
    );
  await bringIntoService(server.store, provisionedModelArn);
  assert.equal((await get()).modelArn, next.modelArn);
  await control.send(new DeleteCustomModelCommand({ modelIdentifier: 'version-1' }));
  await update({ desiredModelId: TITAN_ARN, desiredProvisionedModelName: 'versions-of-titan' });
  await bringIntoService(server.store, provisionedModelArn);
  const renamed = await get();
  assert.deepEqual([renamed.provisionedModelName, renamed.modelArn], ['versions-of-titan', TITAN_ARN]);
  const list = async (filter: object) =>
    (await control.send(new ListProvisionedModelThroughputsCommand(filter))).provisionedModelSummaries ?? [];
  assert.equal((await list({ modelArnEquals: TITAN_ARN, statusEquals: 'InService', nameContains: 'titan' })).length, 1);
  assert.equal((await list({ statusEquals: 'Creating' })).length, 0);
  await control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: provisionedModelArn }));
});

test('a commitment has an end, and no delete before it', async () => {
  const control = server.control();
  const { provisionedModelArn = '' } = await control.send(
    new CreateProvisionedModelThroughputCommand({
      modelUnits: 1,
      provisionedModelName: 'committed',
      modelId: 'likeness.art-v1',
      commitmentDuration: 'OneMonth',
    }),
  );
  const row = await control.send(new GetProvisionedModelThroughputCommand({ provisionedModelId: 'committed' }));
  assert.equal(row.commitmentDuration, 'OneMonth');
  const days = ((row.commitmentExpirationTime?.getTime() ?? 0) - (row.creationTime?.getTime() ?? 0)) / 86_400_000;
  assert.ok(days >= 28 && days <= 31, `${days} days`);
  await bringIntoService(server.store, provisionedModelArn);
  await assertRefused(
    control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'committed' })),
    'ConflictException',
    400,
    /commitmentDuration OneMonth; it can be deleted from 20/,
  );
  await assertRefused(
    control.send(
      new UpdateProvisionedModelThroughputCommand({
        provisionedModelId: 'committed',
        desiredModelId: 'likeness.art-v1',
      }),
    ),
    'ValidationException',
    400,
    /desiredModelId is not allowed/,
  );
});

test('a commitment ends with its term by the clock, and does not bind what never came into service', async () => {
  const clock = { offsetMilliseconds: 0 };
  const time = { ...systemTime(), now: () => new Date(Date.now() + clock.offsetMilliseconds) };
  const other = await startBedrock({ time });
  const client = (offset: number) => {
    clock.offsetMilliseconds = offset;
    return new BedrockClient({ ...other.settings, systemClockOffset: offset });
  };
  const buy = (name: string, commitmentDuration: 'OneMonth' | 'SixMonths') =>
    client(0).send(
      new CreateProvisionedModelThroughputCommand({
        modelUnits: 1,
        provisionedModelName: name,
        modelId: 'likeness.art-v1',
        commitmentDuration,
      }),
    );
  const end = (name: string, offset: number) =>
    client(offset).send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: name }));
  const month = await buy('one-month', 'OneMonth');
  await buy('six-months', 'SixMonths');
  const broken = await buy('broken', 'SixMonths');
  await bringIntoService(other.store, month.provisionedModelArn ?? '');
  await other.store.transaction(async rows => {
    const row = await rows.bedrock.throughputByArn(broken.provisionedModelArn ?? '');
    const patch = { status: 'Failed', failureMessage: 'no weights', lastModifiedAt: Date.now() } as const;
    await rows.bedrock.advanceThroughput(row?.provisionedModelId ?? '', 1, patch);
  });
  await end('broken', 0);
  const days = 86_400_000;
  await assertRefused(end('one-month', 27 * days), 'ConflictException', 400, /it can be deleted from 20/);
  await end('one-month', 32 * days);
  await assertRefused(end('six-months', 32 * days), 'ConflictException', 400, /commitmentDuration SixMonths/);
  const list = await client(190 * days).send(new ListProvisionedModelThroughputsCommand({}));
  assert.deepEqual(
    list.provisionedModelSummaries?.map(row => row.provisionedModelName),
    ['six-months'],
    'it stays after its term until it is deleted',
  );
  await end('six-months', 190 * days);
  await other.stop();
});

test('the owner of the machine may let commitments be ended early', async () => {
  const lenient = await startBedrock({ keepsCommitments: false });
  const control = lenient.control();
  await control.send(
    new CreateProvisionedModelThroughputCommand({
      modelUnits: 1,
      provisionedModelName: 'committed',
      modelId: 'likeness.art-v1',
      commitmentDuration: 'SixMonths',
    }),
  );
  await control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'committed' }));
  await lenient.stop();
});

test('the catalogue has the rows that AWS listed, and finds them by every filter', async () => {
  const control = server.control();
  const list = async (filter: object) =>
    (await control.send(new ListFoundationModelsCommand(filter))).modelSummaries?.map(model => model.modelId);
  const v1 = 'amazon.titan-image-generator-v1';
  const v2 = 'amazon.titan-image-generator-v2:0';
  assert.deepEqual(await list({}), ['likeness.art-v1', TITAN, v1, v2]);
  assert.deepEqual(await list({ byProvider: 'amazon', byCustomizationType: 'FINE_TUNING' }), [TITAN, v2]);
  assert.deepEqual(await list({ byProvider: 'Amazon', byInferenceType: 'ON_DEMAND' }), [v1, v2]);
  assert.deepEqual(await list({ byOutputModality: 'TEXT' }), []);
  for (const modelIdentifier of [TITAN, TITAN_ARN]) {
    const { modelDetails } = await control.send(new GetFoundationModelCommand({ modelIdentifier }));
    assert.deepEqual(modelDetails, {
      modelArn: TITAN_ARN,
      modelId: TITAN,
      modelName: 'Titan Image Generator G1',
      providerName: 'Amazon',
      inputModalities: ['TEXT', 'IMAGE'],
      outputModalities: ['IMAGE'],
      customizationsSupported: ['FINE_TUNING'],
      inferenceTypesSupported: ['PROVISIONED'],
      modelLifecycle: { status: 'ACTIVE' },
    });
  }
});
