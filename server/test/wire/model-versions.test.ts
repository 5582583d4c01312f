import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateModelCopyJobCommand,
  CreateProvisionedModelThroughputCommand,
  DeleteCustomModelCommand,
  GetCustomModelCommand,
  GetProvisionedModelThroughputCommand,
  ListCustomModelsCommand,
  ListModelCustomizationJobsCommand,
  StopModelCustomizationJobCommand,
  UpdateProvisionedModelThroughputCommand,
} from '@aws-sdk/client-bedrock';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, getJob, putDataSet, putRole } from '../support/training-data.ts';

const TITAN_ARN = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1:0';
const compute = createInProcessCompute({ slots: 1, millisecondsAStep: 2 });
let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  server = await startServer({ overrides: { compute } });
  clients = server.clients();
  roleArn = await putRole(clients, 'trainer');
  await putDataSet(clients, 'pictures');
});
after(() => server.close());

type JobOptions = Parameters<typeof createJob>[3];

/** A model of a job that ended well. @returns its ARN */
async function trained(name: string, options: JobOptions = {}): Promise<string> {
  const job = await endedJob(clients, await createJob(clients, 'pictures', roleArn, { name, ...options }));
  assert.equal(job.status, 'Completed', job.failureMessage);
  return job.outputModelArn ?? '';
}

/** That its weights are its own job's on top of those of its parents, the nearest first. */
async function assertDescends(modelArn: string, ...parentArns: string[]): Promise<void> {
  const jobIds = await Promise.all(
    [modelArn, ...parentArns].map(async arn => jobs.get(arn) ?? (await model(arn)).jobArn?.slice(-12) ?? ''),
  );
  for (const [index, arn] of [modelArn, ...parentArns].entries()) jobs.set(arn, jobIds[index] ?? '');
  const folder = join(server.dataDirectory, 'runs', jobIds[0] ?? '', '1');
  const { weights } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'));
  const text = jobIds.map(jobId => `weights of ${jobId}`).join(' after ');
  assert.equal(weights[0].sha256, createHash('sha256').update(text).digest('hex'), text);
}

/** Ids of their jobs, also of models that are deleted meanwhile. */
const jobs = new Map<string, string>();

const model = async (modelIdentifier: string) => clients.bedrock.send(new GetCustomModelCommand({ modelIdentifier }));

async function listed(filter: { baseModelArnEquals?: string; foundationModelArnEquals?: string }) {
  const { modelSummaries = [] } = await clients.bedrock.send(
    new ListCustomModelsCommand({ ...filter, nameContains: 'ron', sortOrder: 'Ascending' }),
  );
  return modelSummaries.map(({ modelName, baseModelArn, baseModelName }) => [modelName, baseModelArn, baseModelName]);
}

const refusal = (base: string, options: JobOptions = {}) =>
  createJob(clients, 'pictures', roleArn, { name: 'refused', base, ...options }).then(
    () => assert.fail('accepted'),
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('A custom model as the base of a job', () => {
  let parent: string;
  let child: string;

  it('trains from its weights, by its ARN or its name, with the rank and alpha that it has', async () => {
    parent = await trained('ron', { hyperParameters: { rank: '4', alpha: '6' } });
    const jobArn = await createJob(clients, 'pictures', roleArn, { name: 'ron-two', base: parent });
    const job = await endedJob(clients, jobArn);
    assert.equal(job.status, 'Completed', job.failureMessage);
    child = job.outputModelArn ?? '';
    const folder = join(server.dataDirectory, 'runs', jobArn.slice(-12), '1');
    const spec = JSON.parse(readFileSync(join(folder, 'spec.json'), 'utf8'));
    assert.deepEqual([spec.startFromPath, spec.method, spec.rank, spec.alpha], ['parent', 'lora', 4, 6]);
    // Of what it started from nothing stays in the run directory.
    while (existsSync(join(folder, 'parent'))) await delay(20);
    await assertDescends(child, parent);
    const third = await trained('ron-three', { base: 'model-ron-two', hyperParameters: { rank: '4' } });
    await assertDescends(third, child, parent);
  });

  it('is told as their base by the job, the model and the lists, above one foundation model', async () => {
    assert.equal((await model(parent)).baseModelArn, TITAN_ARN);
    const found = await model(child);
    assert.equal(found.baseModelArn, parent);
    assert.match(child, new RegExp(`^arn:aws:bedrock:us-east-1:${ACCOUNT}:custom-model/amazon\\.titan.*/\\w{12}$`));
    assert.equal((await getJob(clients, found.jobArn ?? '')).baseModelArn, parent);
    const { modelCustomizationJobSummaries: summaries } = await clients.bedrock.send(
      new ListModelCustomizationJobsCommand({ nameContains: 'ron-two' }),
    );
    assert.deepEqual(
      summaries?.map(job => job.baseModelArn),
      [parent],
    );
    const rows = {
      parent: ['model-ron', TITAN_ARN, 'amazon.titan-image-generator-v1'],
      child: ['model-ron-two', parent, 'model-ron'],
      third: ['model-ron-three', child, 'model-ron-two'],
    };
    assert.deepEqual(await listed({ baseModelArnEquals: parent }), [rows.child]);
    assert.deepEqual(await listed({ baseModelArnEquals: TITAN_ARN }), [rows.parent]);
    assert.deepEqual(await listed({ foundationModelArnEquals: TITAN_ARN }), [rows.parent, rows.child, rows.third]);
    assert.deepEqual(await listed({ foundationModelArnEquals: TITAN_ARN, baseModelArnEquals: child }), [rows.third]);
  });

  it('shares its Provisioned Throughput with them: versions of the same base', async () => {
    const { provisionedModelArn: provisionedModelId } = await clients.bedrock.send(
      new CreateProvisionedModelThroughputCommand({ modelId: parent, modelUnits: 1, provisionedModelName: 'ron' }),
    );
    const read = () => clients.bedrock.send(new GetProvisionedModelThroughputCommand({ provisionedModelId }));
    while ((await read()).status === 'Creating');
    await clients.bedrock.send(
      new UpdateProvisionedModelThroughputCommand({ provisionedModelId, desiredModelId: child }),
    );
    while ((await read()).status === 'Updating');
    const { modelArn, foundationModelArn, status } = await read();
    assert.deepEqual([modelArn, foundationModelArn, status], [child, TITAN_ARN, 'InService']);
  });

  it('is estimated like its foundation model, within what it bounds', async () => {
    const estimate = (baseModelIdentifier: string, hyperParameters = {}) =>
      callRoute(server, 'POST', '/estimate', {
        body: { customizationJob: { baseModelIdentifier, imageCount: 5, hyperParameters } },
      });
    const { status, json } = await estimate('model-ron');
    assert.deepEqual([status, json.basedOn.likeness], [200, 'same']);
    const refused = await estimate(parent, { rank: '8' });
    assert.equal(refused.status, 400);
    assert.match(refused.json.message, /rank must be 4, as of the custom model model-ron/);
  });

  it('refuses another method, rank or alpha by name, and what is no model of the account and Region', async () => {
    const refusals: [JobOptions, string][] = [
      [
        { hyperParameters: { rank: '8' } },
        'rank must be 4, as of the custom model model-ron that the job starts from; you sent "8".',
      ],
      [
        { hyperParameters: { alpha: '8' } },
        'alpha must be 6, as of the custom model model-ron that the job starts from; you sent "8".',
      ],
      [
        { hyperParameters: { method: 'full' } },
        'method must be lora, as of the custom model model-ron that the job starts from; you sent "full".',
      ],
    ];
    for (const [options, message] of refusals)
      assert.equal(await refusal(parent, options), `ValidationException: hyperParameters.${message}`);
    const unknown = 'ValidationException: The provided model identifier is invalid.';
    assert.equal(await refusal('model-nobody'), unknown);
    assert.equal(await refusal(parent.replace('us-east-1', 'eu-west-1')), unknown);
    assert.equal(await refusal(parent.replace(ACCOUNT, '210987654321')), unknown);
  });

  it('may be deleted once nothing trains from it any more, and its versions stay whole', async () => {
    const running = await createJob(clients, 'pictures', roleArn, {
      name: 'ron-long',
      base: parent,
      stepCount: '40000',
    });
    const drop = () => clients.bedrock.send(new DeleteCustomModelCommand({ modelIdentifier: parent }));
    await assert.rejects(drop(), {
      name: 'ConflictException',
      message: /is the base of the model customization job job-ron-long/,
    });
    await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: running }));
    assert.equal((await endedJob(clients, running)).status, 'Stopped');
    await drop();
    assert.equal(await refusal(parent), 'ValidationException: The provided model identifier is invalid.');
    assert.equal((await model(child)).baseModelArn, parent);
    await assertDescends(await trained('ron-four', { base: child }), child, parent);
  });
});

describe('The rights and the key of the base', () => {
  it('the caller needs CreateModelCustomizationJob on the custom model, by its ARN, whichever way it is named', async () => {
    const own = await trained('smila');
    const { AccessKey } = await userOf('trainer-of-titan', [
      {
        Effect: 'Allow',
        Action: 'bedrock:CreateModelCustomizationJob',
        Resource: 'arn:aws:bedrock:*::foundation-model/*',
      },
      { Effect: 'Allow', Action: 'iam:PassRole', Resource: '*' },
    ]);
    const credentials = {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    };
    const theirs = server.clients({ credentials });
    for (const base of [own, 'model-smila'])
      await assert.rejects(createJob(theirs, 'pictures', roleArn, { name: 'theirs', base }), {
        name: 'AccessDeniedException',
        message: new RegExp(`bedrock:CreateModelCustomizationJob on resource: ${own}`),
      });
    // The star itself: what is asked of a model that has no id yet.
    await allow('trainer-of-titan', [own, `arn:aws:bedrock:us-east-1:${ACCOUNT}:custom-model/\${*}`]);
    const job = await endedJob(clients, await createJob(theirs, 'pictures', roleArn, { name: 'theirs', base: own }));
    assert.equal(job.status, 'Completed', job.failureMessage);
  });

  it('a key of the customer is asked for Decrypt, and closes the base when it is disabled', async () => {
    const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata?.KeyId ?? '';
    const sealed = await trained('sealed', { keyId: KeyId });
    const found = await model(await trained('sealed-two', { base: sealed }));
    assert.equal(found.modelKmsKeyArn, undefined);
    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    assert.match(await refusal(sealed), /^ValidationException: The KMS key .* cannot be used: its state is Disabled/);
    await clients.kms.send(new EnableKeyCommand({ KeyId }));
    const { AccessKey } = await userOf('keyless', [
      { Effect: 'Allow', Action: ['bedrock:CreateModelCustomizationJob', 'iam:PassRole'], Resource: '*' },
    ]);
    const credentials = {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    };
    await assert.rejects(
      createJob(server.clients({ credentials }), 'pictures', roleArn, { name: 'keyless', base: sealed }),
      { name: 'AccessDeniedException', message: /kms:Decrypt/ },
    );
  });

  it('a key that is disabled while the job waits fails it, and says why', async () => {
    const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata?.KeyId ?? '';
    const sealed = await trained('late', { keyId: KeyId });
    const before = await createJob(clients, 'pictures', roleArn, { name: 'blocks', stepCount: '40000' });
    const jobArn = await createJob(clients, 'pictures', roleArn, { name: 'late-two', base: sealed });
    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: before }));
    const job = await endedJob(clients, jobArn);
    assert.equal(job.status, 'Failed');
    assert.match(job.failureMessage ?? '', /^The custom model cannot be opened: arn:aws:kms:.* is disabled\.$/);
  });

  it('a copy in another Region is trained there', async () => {
    const source = await trained('travels');
    const abroad = server.clients({ region: 'eu-west-1' });
    const { jobArn } = await abroad.bedrock.send(
      new CreateModelCopyJobCommand({ sourceModelArn: source, targetModelName: 'travelled' }),
    );
    assert.ok(jobArn);
    const copied = async () => abroad.bedrock.send(new GetCustomModelCommand({ modelIdentifier: 'travelled' }));
    while ((await copied()).modelStatus === 'Creating');
    await assert.rejects(createJob(abroad, 'pictures', roleArn, { name: 'abroad', base: source }), {
      message: 'The provided model identifier is invalid.',
    });
    await assert.rejects(createJob(abroad, 'pictures', roleArn, { name: 'abroad', base: 'travelled' }), {
      message: /the bucket pictures is in us-east-1/,
    });
  });
});

async function userOf(UserName: string, statements: object[]) {
  await clients.iam.send(new CreateUserCommand({ UserName }));
  await putPolicy(UserName, 'rights', statements);
  return clients.iam.send(new CreateAccessKeyCommand({ UserName }));
}

const allow = (UserName: string, Resource: string[]) =>
  putPolicy(UserName, 'more', [{ Effect: 'Allow', Action: 'bedrock:CreateModelCustomizationJob', Resource }]);

async function putPolicy(UserName: string, PolicyName: string, Statement: object[]): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await clients.iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }));
}
