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
  GetModelCustomizationJobCommand,
  GetProvisionedModelThroughputCommand,
  ListCustomModelsCommand,
  ListFoundationModelsCommand,
  ListModelCustomizationJobsCommand,
  paginateListModelCustomizationJobs,
  StopModelCustomizationJobCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  ACCOUNT,
  assertRefused,
  type BedrockServer,
  bringIntoService,
  completeJob,
  createModel,
  endJob,
  jobInput,
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

async function createJob(jobName: string, change: Partial<CreateModelCustomizationJobCommandInput> = {}) {
  const input = jobInput(roleArn, jobName, change);
  const { jobArn = '' } = await server.control().send(new CreateModelCustomizationJobCommand(input));
  return jobArn;
}

test('the seed flow: a job, its model, Provisioned Throughput, an image, and away again', async () => {
  const control = server.control();
  const created = await control.send(new CreateModelCustomizationJobCommand(jobInput(roleArn, 'ron-1')));
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
    baseModelArn: TITAN_ARN,
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
    foundationModelArn: TITAN_ARN,
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
  const input = jobInput(roleArn, 'echo', {
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
    baseModelArn: TITAN_ARN,
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
    TITAN,
    TITAN_ARN,
    'arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1',
  ];
  for (const [index, baseModelIdentifier] of names.entries()) {
    const jobArn = await createJob(`base-${index}`, { baseModelIdentifier });
    const job = await server.control().send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
    assert.equal(job.baseModelArn, TITAN_ARN);
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
  const input = jobInput(roleArn, 'once', { clientRequestToken: 'token-once' });
  const first = await control.send(new CreateModelCustomizationJobCommand(input));
  const [second, third] = await Promise.all([
    control.send(new CreateModelCustomizationJobCommand(input)),
    control.send(new CreateModelCustomizationJobCommand(input)),
  ]);
  assert.equal(second.jobArn, first.jobArn);
  assert.equal(third.jobArn, first.jobArn);
  const parallel = jobInput(roleArn, 'at-once', { clientRequestToken: 'token-at-once' });
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
  const purchase = { modelUnits: 1, provisionedModelName: 'once', modelId: TITAN, clientRequestToken: 'token-once' };
  const bought = await control.send(new CreateProvisionedModelThroughputCommand(purchase));
  const repeated = await control.send(new CreateProvisionedModelThroughputCommand(purchase));
  assert.equal(repeated.provisionedModelArn, bought.provisionedModelArn, 'a token belongs to its operation');
  await assertRefused(
    control.send(new CreateProvisionedModelThroughputCommand({ ...purchase, modelUnits: 2 })),
    'ValidationException',
    400,
    /token-once was used before with other parameters/,
    'AWS models no conflict here',
  );
  await control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'once' }));
});

test('lists page through everything once, newest first, and keep to their filters', async () => {
  const control = server.control('us-west-2');
  const west = await makeServiceRole(server.iam, 'west', { Condition: undefined });
  const names = ['a-1', 'a-2', 'a-3', 'b-4', 'b-5'];
  const arns: string[] = [];
  for (const name of names) {
    const { jobArn = '' } = await control.send(
      new CreateModelCustomizationJobCommand(jobInput(roleArn, name, { roleArn: west })),
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
  const { jobArn, modelArn } = await createModel(server, roleArn, 'local');
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
  const { modelArn } = await createModel(server, roleArn, 'weighty');
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
  const { modelArn } = await createModel(server, roleArn, 'filter-one');
  await createModel(server, roleArn, 'filter-two', { baseModelIdentifier: 'likeness.art-v1' });
  const control = server.control();
  const list = async (filter: object) =>
    (await control.send(new ListCustomModelsCommand({ nameContains: 'filter-', ...filter }))).modelSummaries ?? [];
  const [two, one] = await list({});
  assert.deepEqual([one?.modelName, two?.modelName], ['filter-one', 'filter-two']);
  assert.deepEqual(one, {
    modelArn,
    modelName: 'filter-one',
    creationTime: one?.creationTime,
    baseModelArn: TITAN_ARN,
    baseModelName: 'amazon.titan-image-generator-v1',
    customizationType: 'FINE_TUNING',
    ownerAccountId: ACCOUNT,
    modelStatus: 'Active',
  });
  const art = 'arn:aws:bedrock:us-east-1::foundation-model/likeness.art-v1';
  const names = async (filter: object) => (await list(filter)).map(model => model.modelName);
  assert.deepEqual(await names({ baseModelArnEquals: TITAN_ARN }), ['filter-one']);
  assert.deepEqual(await names({ foundationModelArnEquals: art }), ['filter-two']);
  assert.deepEqual(await names({ baseModelArnEquals: TITAN_ARN, foundationModelArnEquals: art }), []);
  assert.deepEqual(await names({ isOwned: true, modelStatus: 'Active' }), ['filter-two', 'filter-one']);
  assert.deepEqual(await names({ isOwned: false }), []);
  assert.deepEqual(await names({ modelStatus: 'Failed' }), []);
});
