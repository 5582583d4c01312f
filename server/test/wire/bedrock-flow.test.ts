import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  CreateModelCustomizationJobCommand,
  type CreateModelCustomizationJobCommandInput,
  CreateProvisionedModelThroughputCommand,
  DeleteCustomModelCommand,
  DeleteProvisionedModelThroughputCommand,
  GetCustomModelCommand,
  GetFoundationModelCommand,
  GetModelCustomizationJobCommand,
  GetProvisionedModelThroughputCommand,
  ListCustomModelsCommand,
  ListFoundationModelsCommand,
  ListModelCustomizationJobsCommand,
  ListProvisionedModelThroughputsCommand,
  ListTagsForResourceCommand,
  paginateListModelCustomizationJobs,
  StopModelCustomizationJobCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateProvisionedModelThroughputCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  ACCOUNT,
  assertRefused,
  bringIntoService,
  completeJob,
  endJob,
  makeServiceRole,
  startBedrock,
} from './bedrock-server.ts';

const titan = 'amazon.titan-image-generator-v1:0';
const fm = `arn:aws:bedrock:us-east-1::foundation-model/${titan}`;
let server: Awaited<ReturnType<typeof startBedrock>>;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'AmazonBedrockFineTuning');
});
after(() => server.stop());

function jobInput(jobName: string, change: Partial<CreateModelCustomizationJobCommandInput> = {}) {
  return {
    jobName,
    customModelName: jobName,
    roleArn,
    baseModelIdentifier: titan,
    hyperParameters: { stepCount: '10' },
    trainingDataConfig: { s3Uri: 's3://ron-and-smila/train.jsonl' },
    outputDataConfig: { s3Uri: 's3://ron-and-smila/output/' },
    ...change,
  };
}

async function createJob(jobName: string, change: Partial<CreateModelCustomizationJobCommandInput> = {}) {
  const { jobArn = '' } = await server
    .control()
    .send(new CreateModelCustomizationJobCommand(jobInput(jobName, change)));
  return jobArn;
}

async function createModel(name: string, change: Partial<CreateModelCustomizationJobCommandInput> = {}) {
  const jobArn = await createJob(name, change);
  await completeJob(server.store, jobArn);
  const { modelArn = '' } = await server.control().send(new GetCustomModelCommand({ modelIdentifier: name }));
  return { jobArn, modelArn };
}

/** Without the SDK's metadata and its absent members. */
function plain<Output extends object>({ $metadata, ...output }: Output & { $metadata: unknown }) {
  return Object.fromEntries(Object.entries(output).filter(([, value]) => value !== undefined));
}

test('the seed flow: a job, its model, Provisioned Throughput, an image, and away again', async () => {
  const control = server.control();
  const created = await control.send(new CreateModelCustomizationJobCommand(jobInput('ron-1')));
  assert.equal(created.$metadata.httpStatusCode, 201);
  const { jobArn = '' } = created;
  assert.match(
    jobArn,
    new RegExp(
      `^arn:aws:bedrock:us-east-1:${ACCOUNT}:model-customization-job/amazon\\.titan-image-generator-v1:0/[a-z0-9]{12}$`,
    ),
  );
  const running = await control.send(new ListModelCustomizationJobsCommand({ nameContains: 'ron-1' }));
  const [first] = running.modelCustomizationJobSummaries ?? [];
  assert.equal(first?.status, 'InProgress');
  assert.equal(first?.customModelName, 'ron-1');
  assert.equal(first?.customModelArn, undefined);
  assert.ok(first?.creationTime instanceof Date);

  await completeJob(server.store, jobArn);
  const job = plain(await control.send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn })));
  const { modelArn = '', ...model } = plain(
    await control.send(new GetCustomModelCommand({ modelIdentifier: 'ron-1' })),
  ) as Record<string, unknown> & { modelArn?: string };
  assert.equal(job.outputModelArn, modelArn);
  assert.notEqual(modelArn.split('/').at(-1), jobArn.split('/').at(-1), 'a model has an id of its own');
  assert.deepEqual(model, {
    modelName: 'ron-1',
    jobName: 'ron-1',
    jobArn,
    baseModelArn: fm,
    customizationType: 'FINE_TUNING',
    hyperParameters: { stepCount: '10', batchSize: '8', learningRate: '0.00001' },
    trainingDataConfig: { s3Uri: 's3://ron-and-smila/train.jsonl' },
    validationDataConfig: { validators: [] },
    outputDataConfig: { s3Uri: 's3://ron-and-smila/output/' },
    trainingMetrics: { trainingLoss: 0.0871 },
    validationMetrics: [],
    creationTime: job.creationTime,
    modelStatus: 'Active',
  });

  const bought = await control.send(
    new CreateProvisionedModelThroughputCommand({ modelUnits: 1, provisionedModelName: 'ron-1', modelId: modelArn }),
  );
  assert.equal(bought.$metadata.httpStatusCode, 201);
  const { provisionedModelArn = '' } = bought;
  const get = () => control.send(new GetProvisionedModelThroughputCommand({ provisionedModelId: provisionedModelArn }));
  assert.equal((await get()).status, 'Creating');
  const draw = () =>
    server.runtime().send(
      new InvokeModelCommand({
        modelId: provisionedModelArn,
        body: JSON.stringify({
          taskType: 'TEXT_IMAGE',
          textToImageParams: { text: 'Ron the dog on the moon' },
          imageGenerationConfig: { numberOfImages: 2, width: 512, height: 512, seed: 7 },
        }),
      }),
    );
  await assertRefused(draw(), 'ModelNotReadyException', 429, /ron-1 is Creating/);
  await bringIntoService(server.store, provisionedModelArn);
  const throughput = plain(await get());
  assert.deepEqual(throughput, {
    modelUnits: 1,
    desiredModelUnits: 1,
    provisionedModelName: 'ron-1',
    provisionedModelArn,
    modelArn,
    desiredModelArn: modelArn,
    foundationModelArn: fm,
    status: 'InService',
    creationTime: throughput.creationTime,
    lastModifiedTime: throughput.lastModifiedTime,
  });
  const drawn = await draw();
  assert.equal(drawn.contentType, 'application/json');
  const answer = JSON.parse(new TextDecoder().decode(drawn.body)) as { images: string[]; error: null };
  assert.deepEqual(Object.keys(answer), ['images', 'error']);
  assert.equal(answer.error, null);
  assert.equal(answer.images.length, 2);
  const png = Buffer.from(answer.images[0] ?? '', 'base64');
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [512, 512]);

  const remove = () => control.send(new DeleteCustomModelCommand({ modelIdentifier: 'ron-1' }));
  await assertRefused(remove(), 'ConflictException', 400, /used by a Provisioned Throughput/);
  await control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'ron-1' }));
  await assertRefused(get(), 'ResourceNotFoundException', 404, /There is no provisioned model/);
  assert.deepEqual(plain(await remove()), {});
  await assertRefused(
    control.send(new GetCustomModelCommand({ modelIdentifier: modelArn })),
    'ResourceNotFoundException',
    404,
    /There is no custom model/,
  );
  const later = await control.send(new GetModelCustomizationJobCommand({ jobIdentifier: 'ron-1' }));
  assert.equal(later.outputModelArn, modelArn, 'the job remembers what it made');
});

test('a job reads back everything that it was made with', async () => {
  const input = jobInput('echo', {
    customModelName: 'echo-model',
    clientRequestToken: 'token-of-echo',
    customizationType: 'FINE_TUNING',
    hyperParameters: { stepCount: 'Auto', batchSize: '16', learningRate: '1e-4' },
    validationDataConfig: { validators: [] },
    vpcConfig: { subnetIds: ['subnet-1'], securityGroupIds: ['sg-1', 'sg-2'] },
  });
  const jobArn = await createJob('echo', input);
  const job = plain(await server.control().send(new GetModelCustomizationJobCommand({ jobIdentifier: 'echo' })));
  const notStarted = { status: 'NotStarted' };
  assert.deepEqual(job, {
    jobArn,
    jobName: 'echo',
    outputModelName: 'echo-model',
    clientRequestToken: 'token-of-echo',
    roleArn,
    status: 'InProgress',
    statusDetails: {
      validationDetails: notStarted,
      dataProcessingDetails: notStarted,
      trainingDetails: notStarted,
    },
    creationTime: job.creationTime,
    lastModifiedTime: job.creationTime,
    baseModelArn: fm,
    hyperParameters: { stepCount: 'auto', batchSize: '16', learningRate: '1e-4' },
    trainingDataConfig: { s3Uri: 's3://ron-and-smila/train.jsonl' },
    validationDataConfig: { validators: [] },
    outputDataConfig: { s3Uri: 's3://ron-and-smila/output/' },
    customizationType: 'FINE_TUNING',
    validationMetrics: [],
    vpcConfig: { subnetIds: ['subnet-1'], securityGroupIds: ['sg-1', 'sg-2'] },
  });
  await endJob(server.store, jobArn, 'Failed', 'The data are at fault.');
  const failed = await server.control().send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  assert.equal(failed.status, 'Failed');
  assert.equal(failed.failureMessage, 'The data are at fault.');
  assert.ok(failed.endTime instanceof Date);
  assert.equal(failed.outputModelArn, undefined);
});

test('every way to name a base model leads to the versioned one', async () => {
  const names = [
    'amazon.titan-image-generator-v1',
    titan,
    fm,
    'arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1',
  ];
  for (const [index, baseModelIdentifier] of names.entries()) {
    const jobArn = await createJob(`base-${index}`, { baseModelIdentifier });
    const job = await server.control().send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
    assert.equal(job.baseModelArn, fm);
    await endJob(server.store, jobArn, 'Stopped', null);
  }
  const own = await createJob('base-own', { baseModelIdentifier: 'likeness.art-v1' });
  assert.match(own, /:model-customization-job\/likeness\.art-v1\/[a-z0-9]{12}$/);
  await endJob(server.store, own, 'Stopped', null);
});

test('a stop shows Stopping at once, then Stopped, and leaves no model', async () => {
  const control = server.control();
  const jobArn = await createJob('stopped');
  const stop = () => control.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  const status = async () =>
    (await control.send(new GetModelCustomizationJobCommand({ jobIdentifier: 'stopped' }))).status;
  assert.deepEqual(plain(await stop()), {});
  assert.equal(await status(), 'Stopping');
  await assertRefused(stop(), 'ConflictException', 400, /stopped is Stopping; only a job that is InProgress/);
  await endJob(server.store, jobArn, 'Stopped', null);
  assert.equal(await status(), 'Stopped');
  await assertRefused(stop(), 'ConflictException', 400, /stopped is Stopped/);
  const models = await control.send(new ListCustomModelsCommand({ nameContains: 'stopped' }));
  assert.deepEqual(models.modelSummaries, []);
  const again = await createJob('stopped-2', { customModelName: 'stopped' });
  await endJob(server.store, again, 'Stopped', null);
});

test('the same token and parameters get the same answer, and nothing is made twice', async () => {
  const control = server.control();
  const input = jobInput('once', { clientRequestToken: 'token-once' });
  const first = await control.send(new CreateModelCustomizationJobCommand(input));
  const [second, third] = await Promise.all([
    control.send(new CreateModelCustomizationJobCommand(input)),
    control.send(new CreateModelCustomizationJobCommand(input)),
  ]);
  assert.equal(second.jobArn, first.jobArn);
  assert.equal(third.jobArn, first.jobArn);
  const parallel = jobInput('at-once', { clientRequestToken: 'token-at-once' });
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => control.send(new CreateModelCustomizationJobCommand(parallel))),
  );
  assert.equal(new Set(answers.map(answer => answer.jobArn)).size, 1);
  await assertRefused(
    control.send(new CreateModelCustomizationJobCommand({ ...input, jobName: 'once-more' })),
    'ConflictException',
    400,
    /token-once was used before with other parameters/,
  );
  for (const jobArn of [first.jobArn ?? '', answers[0]?.jobArn ?? ''])
    await endJob(server.store, jobArn, 'Stopped', null);
  const purchase = { modelUnits: 1, provisionedModelName: 'once', modelId: titan, clientRequestToken: 'token-once' };
  const bought = await control.send(new CreateProvisionedModelThroughputCommand(purchase));
  const repeated = await control.send(new CreateProvisionedModelThroughputCommand(purchase));
  assert.equal(repeated.provisionedModelArn, bought.provisionedModelArn, 'a token belongs to its operation');
  await control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'once' }));
});

test('lists page through everything once, newest first, and keep to their filters', async () => {
  const control = server.control('us-west-2');
  const west = await makeServiceRole(server.iam, 'west', { Condition: undefined });
  const names = ['a-1', 'a-2', 'a-3', 'b-4', 'b-5'];
  const arns: string[] = [];
  for (const name of names) {
    const { jobArn = '' } = await control.send(
      new CreateModelCustomizationJobCommand(jobInput(name, { roleArn: west })),
    );
    arns.push(jobArn);
  }
  const seen: (string | undefined)[] = [];
  for await (const page of paginateListModelCustomizationJobs({ client: control, pageSize: 2 }, {}))
    seen.push(...(page.modelCustomizationJobSummaries ?? []).map(job => job.jobName));
  assert.deepEqual(seen, [...names].reverse());
  const list = async (filter: object) =>
    (await control.send(new ListModelCustomizationJobsCommand(filter))).modelCustomizationJobSummaries?.map(
      job => job.jobName,
    );
  assert.deepEqual(await list({ sortBy: 'CreationTime', sortOrder: 'Ascending', nameContains: 'a-' }), [
    'a-1',
    'a-2',
    'a-3',
  ]);
  await completeJob(server.store, arns[1] ?? '');
  assert.deepEqual(await list({ statusEquals: 'Completed' }), ['a-2']);
  assert.deepEqual(await list({ creationTimeAfter: new Date(Date.now() + 60_000) }), []);
  assert.deepEqual((await list({ creationTimeBefore: new Date(Date.now() + 60_000) }))?.length, 5);
  const page = await control.send(new ListModelCustomizationJobsCommand({ maxResults: 1 }));
  assert.ok(page.nextToken);
  const bad: [object, string][] = [
    [{ nextToken: 'nonsense' }, 'made up'],
    [{ nextToken: `${page.nextToken}x` }, 'changed'],
    [{ nextToken: page.nextToken, nameContains: 'a-' }, 'of another list'],
    [{ nextToken: page.nextToken, sortOrder: 'Ascending' }, 'of another order'],
  ];
  for (const [input, what] of bad)
    await assertRefused(
      control.send(new ListModelCustomizationJobsCommand(input)),
      'ValidationException',
      400,
      /nextToken is invalid/,
      what,
    );
  for (const arn of arns.filter((_, index) => index !== 1)) await endJob(server.store, arn, 'Stopped', null);
});

test('a resource of one Region is invisible in another', async () => {
  const { jobArn, modelArn } = await createModel('local');
  const elsewhere = server.control('eu-west-1');
  for (const jobIdentifier of ['local', jobArn])
    await assertRefused(
      elsewhere.send(new GetModelCustomizationJobCommand({ jobIdentifier })),
      'ResourceNotFoundException',
      404,
      /in eu-west-1 of this account/,
    );
  for (const modelIdentifier of ['local', modelArn, modelArn.replace('us-east-1', 'eu-west-1')])
    await assertRefused(
      elsewhere.send(new GetCustomModelCommand({ modelIdentifier })),
      'ResourceNotFoundException',
      404,
      /in eu-west-1/,
    );
  assert.deepEqual((await elsewhere.send(new ListCustomModelsCommand({}))).modelSummaries, []);
  const models = await elsewhere.send(new ListFoundationModelsCommand({}));
  assert.ok(models.modelSummaries?.every(model => model.modelArn?.startsWith('arn:aws:bedrock:eu-west-1::')));
});

test('with a model go its weights', async () => {
  const { modelArn } = await createModel('weighty');
  const modelId = modelArn.split('/').at(-1) ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'likeness-weights-'));
  await writeFile(join(folder, 'adapter_model.safetensors'), 'weights');
  const owner = { accountId: ACCOUNT, region: 'us-east-1', keyArn: null, resourceArn: modelArn };
  await server.modelStore.save(modelId, folder, owner);
  await rm(folder, { recursive: true });
  assert.deepEqual(await server.modelStore.list(), [modelId]);
  await server.control().send(new DeleteCustomModelCommand({ modelIdentifier: modelArn }));
  assert.deepEqual(await server.modelStore.list(), []);
});

test('custom models list with every filter', async () => {
  const { modelArn } = await createModel('filter-one');
  await createModel('filter-two', { baseModelIdentifier: 'likeness.art-v1' });
  const control = server.control();
  const list = async (filter: object) =>
    (await control.send(new ListCustomModelsCommand({ nameContains: 'filter-', ...filter }))).modelSummaries ?? [];
  const [two, one] = await list({});
  assert.deepEqual([one?.modelName, two?.modelName], ['filter-one', 'filter-two']);
  assert.deepEqual(one, {
    modelArn,
    modelName: 'filter-one',
    creationTime: one?.creationTime,
    baseModelArn: fm,
    baseModelName: 'amazon.titan-image-generator-v1',
    customizationType: 'FINE_TUNING',
    ownerAccountId: ACCOUNT,
    modelStatus: 'Active',
  });
  const art = 'arn:aws:bedrock:us-east-1::foundation-model/likeness.art-v1';
  const names = async (filter: object) => (await list(filter)).map(model => model.modelName);
  assert.deepEqual(await names({ baseModelArnEquals: fm }), ['filter-one']);
  assert.deepEqual(await names({ foundationModelArnEquals: art }), ['filter-two']);
  assert.deepEqual(await names({ baseModelArnEquals: fm, foundationModelArnEquals: art }), []);
  assert.deepEqual(await names({ isOwned: true, modelStatus: 'Active' }), ['filter-two', 'filter-one']);
  assert.deepEqual(await names({ isOwned: false }), []);
  assert.deepEqual(await names({ modelStatus: 'Failed' }), []);
});

test('Provisioned Throughput moves to another version of the same base, and keeps its terms', async () => {
  const control = server.control();
  const [old, next, other] = [
    await createModel('version-1'),
    await createModel('version-2'),
    await createModel('other-base', { baseModelIdentifier: 'likeness.art-v1' }),
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
  await update({ desiredModelId: fm, desiredProvisionedModelName: 'versions-of-titan' });
  await bringIntoService(server.store, provisionedModelArn);
  const renamed = await get();
  assert.deepEqual([renamed.provisionedModelName, renamed.modelArn], ['versions-of-titan', fm]);
  const list = async (filter: object) =>
    (await control.send(new ListProvisionedModelThroughputsCommand(filter))).provisionedModelSummaries ?? [];
  assert.equal((await list({ modelArnEquals: fm, statusEquals: 'InService', nameContains: 'titan' })).length, 1);
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

test('the catalogue has the rows that AWS listed, and finds them by every filter', async () => {
  const control = server.control();
  const list = async (filter: object) =>
    (await control.send(new ListFoundationModelsCommand(filter))).modelSummaries?.map(model => model.modelId);
  const v1 = 'amazon.titan-image-generator-v1';
  const v2 = 'amazon.titan-image-generator-v2:0';
  assert.deepEqual(await list({}), ['likeness.art-v1', titan, v1, v2]);
  assert.deepEqual(await list({ byProvider: 'amazon', byCustomizationType: 'FINE_TUNING' }), [titan, v2]);
  assert.deepEqual(await list({ byProvider: 'Amazon', byInferenceType: 'ON_DEMAND' }), [v1, v2]);
  assert.deepEqual(await list({ byOutputModality: 'TEXT' }), []);
  for (const modelIdentifier of [titan, fm]) {
    const { modelDetails } = await control.send(new GetFoundationModelCommand({ modelIdentifier }));
    assert.deepEqual(modelDetails, {
      modelArn: fm,
      modelId: titan,
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

test('tags of a job, its model and a provisioned model are kept apart', async () => {
  const control = server.control();
  const { jobArn, modelArn } = await createModel('tagged', {
    jobTags: [{ key: 'kind', value: 'job' }],
    customModelTags: [{ key: 'kind', value: 'model' }],
  });
  const { provisionedModelArn = '' } = await control.send(
    new CreateProvisionedModelThroughputCommand({
      modelUnits: 1,
      provisionedModelName: 'tagged',
      modelId: modelArn,
      tags: [{ key: 'kind', value: 'capacity' }],
    }),
  );
  const tags = async (resourceARN: string) =>
    (await control.send(new ListTagsForResourceCommand({ resourceARN }))).tags;
  assert.deepEqual(await tags(jobArn), [{ key: 'kind', value: 'job' }]);
  assert.deepEqual(await tags(modelArn), [{ key: 'kind', value: 'model' }]);
  assert.deepEqual(await tags(provisionedModelArn), [{ key: 'kind', value: 'capacity' }]);
  const added = [
    { key: 'kind', value: 'new' },
    { key: 'more', value: '' },
  ];
  await control.send(new TagResourceCommand({ resourceARN: modelArn, tags: added }));
  assert.deepEqual(await tags(modelArn), added);
  await control.send(new UntagResourceCommand({ resourceARN: modelArn, tagKeys: ['kind', 'absent'] }));
  assert.deepEqual(await tags(modelArn), [{ key: 'more', value: '' }]);
  const fifty = Array.from({ length: 50 }, (_, index) => ({ key: `k${index}`, value: '' }));
  await assertRefused(
    control.send(new TagResourceCommand({ resourceARN: modelArn, tags: fifty })),
    'TooManyTagsException',
    400,
    /at most 50 tags/,
  );
  await control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'tagged' }));
});
