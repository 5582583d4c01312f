import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateModelCopyJobCommand,
  type CreateModelCopyJobCommandInput,
  DeleteCustomModelCommand,
  GetCustomModelCommand,
  GetModelCopyJobCommand,
  ListCustomModelsCommand,
  ListModelCopyJobsCommand,
  PutResourcePolicyCommand,
} from '@aws-sdk/client-bedrock';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { pino } from 'pino';
import { createInspection } from '../../src/adapters/base-models-fs/inspection.ts';
import { createS3CustomerData } from '../../src/adapters/customer-data-s3/customer-data.ts';
import { type ModelJobLoop, startModelJobLoop } from '../../src/reconcile/model-jobs.ts';
import {
  ACCOUNT,
  assertRefused,
  type BedrockServer,
  createModel,
  makeServiceRole,
  startBedrock,
  TITAN,
} from './bedrock-server.ts';

const OTHER = '210987654321';
let server: BedrockServer;
let roleArn: string;
let loop: ModelJobLoop;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'AmazonBedrockFineTuning');
  start();
});
after(async () => {
  await loop.stop();
  await server.stop();
});

function start(): void {
  loop = startModelJobLoop({
    ...server,
    log: pino({ level: 'silent' }),
    inspect: createInspection({ pythonPath: '' }),
    customerData: createS3CustomerData({ endpoint: () => '', privateAddress: () => undefined }),
    vpcNetworks: [],
    importsPath: join(server.folder, 'imports'),
  });
}

/** A custom model whose weights are stored as a training's are. */
async function storedModel(name: string, customModelKmsKeyId?: string): Promise<string> {
  const key = customModelKmsKeyId === undefined ? {} : { customModelKmsKeyId };
  const { modelArn } = await createModel(server, roleArn, name, key);
  const folder = join(server.folder, name);
  await mkdir(folder);
  await writeFile(join(folder, 'adapter_model.safetensors'), `weights of ${name}`);
  await server.modelStore.save(modelArn.slice(-12), folder, await ownerOf(modelArn));
  return modelArn;
}

async function ownerOf(modelArn: string) {
  const row = await server.store.read(rows => rows.bedrock.modelByArn(modelArn));
  const { accountId = '', region = '', keyArn = null } = row ?? {};
  return { accountId, region, keyArn, resourceArn: modelArn };
}

async function weightsOf(modelArn: string): Promise<string> {
  const [file] = await server.modelStore.files(modelArn.slice(-12), await ownerOf(modelArn));
  const parts: Uint8Array[] = [];
  for await (const bytes of file?.read() ?? []) parts.push(bytes);
  return Buffer.concat(parts).toString();
}

async function copy(input: CreateModelCopyJobCommandInput, control = server.control()): Promise<string> {
  const { jobArn = '' } = await control.send(new CreateModelCopyJobCommand(input));
  loop.wake();
  return jobArn;
}

async function ended(jobArn: string, control = server.control()) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(20)) {
    const job = await control.send(new GetModelCopyJobCommand({ jobArn }));
    if (job.status !== 'InProgress') return job;
  }
  throw new Error('the copy did not end');
}

const share = (resourceArn: string, Action: string | string[]) =>
  server.control().send(
    new PutResourcePolicyCommand({
      resourceArn,
      resourcePolicy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: OTHER }, Action, Resource: resourceArn }],
      }),
    }),
  );

test('a model is copied into another Region, under a key of that Region, and is a model of its own there', async () => {
  const sourceModelArn = await storedModel('ron');
  const elsewhere = server.control('eu-west-1');
  const kms = new KMSClient({ ...server.settings, region: 'eu-west-1' });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const token = { clientRequestToken: 'once' };
  const input = { sourceModelArn, targetModelName: 'ron-in-europe', modelKmsKeyId: KeyMetadata?.KeyId, ...token };
  const tags = { targetModelTags: [{ key: 'team', value: 'pets' }] };
  const jobArn = await copy({ ...input, ...tags }, elsewhere);
  assert.match(jobArn, new RegExp(`^arn:aws:bedrock:eu-west-1:${ACCOUNT}:model-copy-job/[a-z0-9]{12}$`));
  assert.equal(await copy({ ...input, ...tags }, elsewhere), jobArn, 'the same request makes nothing new');
  const other = copy({ ...input, targetModelName: 'another' }, elsewhere);
  await assertRefused(other, 'ValidationException', 400, /once was used before with other parameters/);
  const job = await ended(jobArn, elsewhere);
  assert.deepEqual(
    [job.status, job.sourceModelArn, job.sourceModelName, job.sourceAccountId, job.targetModelName],
    ['Completed', sourceModelArn, 'ron', ACCOUNT, 'ron-in-europe'],
  );
  assert.equal(job.targetModelKmsKeyArn, KeyMetadata?.Arn);
  assert.deepEqual(job.targetModelTags, tags.targetModelTags);
  const target = await elsewhere.send(new GetCustomModelCommand({ modelIdentifier: 'ron-in-europe' }));
  assert.equal(target.modelArn, job.targetModelArn);
  assert.match(target.modelArn ?? '', new RegExp(`:eu-west-1:${ACCOUNT}:custom-model/${TITAN}/[a-z0-9]{12}$`));
  assert.equal(target.baseModelArn, `arn:aws:bedrock:eu-west-1::foundation-model/${TITAN}`);
  assert.deepEqual([target.modelStatus, target.modelKmsKeyArn], ['Active', KeyMetadata?.Arn]);
  assert.equal(target.trainingDataConfig?.s3Uri, 's3://ron-and-smila/train.jsonl');
  assert.equal(await weightsOf(target.modelArn ?? ''), 'weights of ron');
  const plain = await readdir(join(server.folder, 'models', (target.modelArn ?? '').slice(-12)));
  assert.deepEqual(plain.sort(), ['00000.bin', 'manifest.json']);

  await server.control().send(new DeleteCustomModelCommand({ modelIdentifier: 'ron' }));
  assert.equal(await weightsOf(target.modelArn ?? ''), 'weights of ron', 'the source may go');
  await kms.send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
  await assert.rejects(weightsOf(target.modelArn ?? ''), /Disabled|disabled/);
  kms.destroy();
});

test("another account copies what its owner's policy lets it copy, and learns nothing of the training", async () => {
  const sourceModelArn = await storedModel('smila');
  const other = server.control('us-east-1', await server.accounts.create({ accountId: OTHER, name: null }));
  const input = { sourceModelArn, targetModelName: 'borrowed' };
  await assertRefused(copy(input, other), 'ResourceNotFoundException', 404, /no custom model .* may copy/);
  await share(sourceModelArn, 'bedrock:GetCustomModel');
  await assertRefused(copy(input, other), 'AccessDeniedException', 403, /no resource-based policy allows/);
  await share(sourceModelArn, 'bedrock:CreateModelCopyJob');
  const job = await ended(await copy(input, other), other);
  assert.deepEqual([job.status, job.sourceAccountId], ['Completed', ACCOUNT], job.failureMessage);
  const target = await other.send(new GetCustomModelCommand({ modelIdentifier: 'borrowed' }));
  assert.match(target.modelArn ?? '', new RegExp(`:us-east-1:${OTHER}:custom-model/`));
  assert.deepEqual(
    [target.jobArn, target.jobName, target.trainingDataConfig, target.outputDataConfig],
    [undefined, undefined, undefined, undefined],
  );
  assert.equal(await weightsOf(target.modelArn ?? ''), 'weights of smila');
  await assertRefused(
    server.control().send(new GetModelCopyJobCommand({ jobArn: job.jobArn ?? '' })),
    'ResourceNotFoundException',
    404,
    /no model copy job/,
  );
});

test('the caller needs the source, Decrypt with its key, and the key of the target', async () => {
  const { KeyMetadata } = await server.kms.send(new CreateKeyCommand({}));
  const sourceModelArn = await storedModel('sealed', KeyMetadata?.Arn);
  await server.iam.send(new CreateUserCommand({ UserName: 'copier' }));
  const allow = (...Statement: object[]) =>
    server.iam.send(
      new PutUserPolicyCommand({
        ...{ UserName: 'copier', PolicyName: 'only' },
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: Statement.map(statement => ({ Effect: 'Allow', ...statement })),
        }),
      }),
    );
  const { AccessKey } = await server.iam.send(new CreateAccessKeyCommand({ UserName: 'copier' }));
  const control = server.control('us-east-1', {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  });
  const input = { sourceModelArn, targetModelName: 'unsealed', modelKmsKeyId: KeyMetadata?.Arn };
  const denied = (action: string) =>
    assertRefused(copy(input, control), 'AccessDeniedException', 403, new RegExp(`perform: ${action} `));
  const copying = { Action: 'bedrock:CreateModelCopyJob', Resource: sourceModelArn };
  await allow({ Action: 'iam:GetUser', Resource: '*' });
  await denied('bedrock:CreateModelCopyJob');
  await allow(copying);
  await denied('kms:Decrypt');
  await allow(copying, { Action: 'kms:Decrypt', Resource: '*' });
  await denied('kms:DescribeKey');
  await allow(copying, { Action: 'kms:*', Resource: KeyMetadata?.Arn });
  assert.equal((await ended(await copy(input, control))).status, 'Completed');

  await server.kms.send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
  const failed = await ended(await copy({ sourceModelArn, targetModelName: 'closed' }));
  assert.equal(failed.status, 'Failed');
  assert.match(failed.failureMessage ?? '', /could not be copied: .*(Disabled|disabled)/);
  await server.kms.send(new EnableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
  const closed = server.control().send(new GetCustomModelCommand({ modelIdentifier: 'closed' }));
  await assertRefused(closed, 'ResourceNotFoundException', 404, /no custom model closed/);
});

test('a copy waits in its row through a stop; its model is Creating, holds its name, and cannot be used', async () => {
  const sourceModelArn = await storedModel('waiting');
  await loop.stop();
  const control = server.control();
  const jobArn = await copy({ sourceModelArn, targetModelName: 'under-way' });
  assert.equal((await control.send(new GetModelCopyJobCommand({ jobArn }))).status, 'InProgress');
  const creating = await control.send(new ListCustomModelsCommand({ modelStatus: 'Creating' }));
  assert.deepEqual(
    creating.modelSummaries?.map(model => model.modelName),
    ['under-way'],
  );
  await assertRefused(
    copy({ sourceModelArn, targetModelName: 'under-way' }),
    'ValidationException',
    400,
    /name is currently in use/,
  );
  const target = await control.send(new GetCustomModelCommand({ modelIdentifier: 'under-way' }));
  assert.equal(target.modelStatus, 'Creating');
  await assertRefused(
    copy({ sourceModelArn: target.modelArn ?? '', targetModelName: 'of-half-a-model' }),
    'ResourceNotFoundException',
    404,
    /no custom model/,
  );
  await assertRefused(
    control.send(new DeleteCustomModelCommand({ modelIdentifier: 'under-way' })),
    'ConflictException',
    400,
    /is Creating/,
  );
  start();
  assert.equal((await ended(jobArn)).status, 'Completed');
});

test('copies are listed by status, source and name; a source that goes meanwhile fails its copy', async () => {
  const control = server.control();
  const sourceModelArn = await storedModel('listed');
  await ended(await copy({ sourceModelArn, targetModelName: 'listed-one' }));
  await ended(await copy({ sourceModelArn, targetModelName: 'listed-two' }));
  const names = async (filter: object) =>
    (await control.send(new ListModelCopyJobsCommand(filter))).modelCopyJobSummaries?.map(job => job.targetModelName);
  assert.deepEqual(await names({ sourceModelArnEquals: sourceModelArn }), ['listed-two', 'listed-one']);
  assert.deepEqual(await names({ targetModelNameContains: 'ed-one' }), ['listed-one']);
  assert.deepEqual(await names({ sourceAccountEquals: OTHER }), []);
  assert.deepEqual(await names({ sourceModelArnEquals: sourceModelArn, maxResults: 1 }), ['listed-two']);
  await loop.stop();
  const jobArn = await copy({ sourceModelArn, targetModelName: 'orphan' });
  await control.send(new DeleteCustomModelCommand({ modelIdentifier: 'listed' }));
  start();
  assert.match((await ended(jobArn)).failureMessage ?? '', /was deleted before it was copied/);
  assert.deepEqual(await names({ statusEquals: 'Failed', targetModelNameContains: 'orphan' }), ['orphan']);
  await assertRefused(
    copy({ sourceModelArn: `arn:aws:bedrock:us-east-1::foundation-model/${TITAN}`, targetModelName: 'of-a-base' }),
    'ValidationException',
    400,
    /must name a custom model/,
  );
});
