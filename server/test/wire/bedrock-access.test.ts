import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateCustomModelCommand,
  CreateCustomModelDeploymentCommand,
  CreateFoundationModelAgreementCommand,
  CreateModelCopyJobCommand,
  CreateModelCustomizationJobCommand,
  CreateModelImportJobCommand,
  CreateModelInvocationJobCommand,
  CreateProvisionedModelThroughputCommand,
  DeleteFoundationModelAgreementCommand,
  GetCustomModelCommand,
  GetFoundationModelAvailabilityCommand,
  GetModelCustomizationJobCommand,
  GetProvisionedModelThroughputCommand,
  ListFoundationModelAgreementOffersCommand,
  ListModelCustomizationJobsCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { CreateAliasCommand, CreateKeyCommand, DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import {
  ACCOUNT,
  assertRefused,
  bringIntoService,
  completeJob,
  makeServiceRole,
  startBedrock,
} from './bedrock-server.ts';

const titan = 'amazon.titan-image-generator-v1:0';
const fm = `arn:aws:bedrock:us-east-1::foundation-model/${titan}`;
const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Smila the cat on the snow' } });
const ours = (resource: string) => `arn:aws:bedrock:us-east-1:${ACCOUNT}:${resource}`;
let server: Awaited<ReturnType<typeof startBedrock>>;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'service');
});
after(() => server.stop());

interface Statement {
  Effect?: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: object;
}

/** A user with these permissions; calling it again with its name changes them. */
async function allow(userName: string, statements: Statement[]): Promise<void> {
  const Statement = statements.map(statement => ({ Effect: 'Allow', ...statement }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await server.iam.send(new PutUserPolicyCommand({ UserName: userName, PolicyName: 'only', PolicyDocument }));
}

async function makeUser(userName: string, statements: Statement[]) {
  await server.iam.send(new CreateUserCommand({ UserName: userName }));
  await allow(userName, statements);
  const { AccessKey } = await server.iam.send(new CreateAccessKeyCommand({ UserName: userName }));
  const credentials = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
  return { control: server.control('us-east-1', credentials), runtime: server.runtime('us-east-1', credentials) };
}

const job = (name: string, change: object = {}) =>
  new CreateModelCustomizationJobCommand({
    jobName: name,
    customModelName: name,
    roleArn,
    baseModelIdentifier: titan,
    hyperParameters: { stepCount: '10' },
    trainingDataConfig: { s3Uri: 's3://ron-and-smila/train.jsonl' },
    outputDataConfig: { s3Uri: 's3://ron-and-smila/output' },
    ...change,
  });

const batchJob = (jobName: string, change: object = {}) =>
  new CreateModelInvocationJobCommand({
    ...{ jobName, roleArn, modelId: titan },
    inputDataConfig: { s3InputDataConfig: { s3Uri: 's3://ron-and-smila/prompts.jsonl' } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: 's3://ron-and-smila/pictures/' } },
    ...change,
  });

const units = { modelUnits: 1, provisionedModelName: 'tagless', modelId: titan };

test('a job needs its own permission, on base and custom model, and PassRole to this service', async () => {
  const create = { Action: 'bedrock:CreateModelCustomizationJob', Resource: [fm, ours('custom-model/*')] };
  const { control } = await makeUser('customizer', [create]);
  const passing = (condition: object) => ({ Action: 'iam:PassRole', Resource: roleArn, Condition: condition });
  const toService = (service: string) => passing({ StringEquals: { 'iam:PassedToService': service } });
  const denied = (action: string) =>
    assertRefused(
      control.send(job('by-user')),
      'AccessDeniedException',
      403,
      new RegExp(`not authorized to perform: ${action}`),
    );
  await denied('iam:PassRole');
  await allow('customizer', [create, toService('sagemaker.amazonaws.com')]);
  await denied('iam:PassRole');
  for (const Resource of [fm, [`${fm}x`, ours('custom-model/*')]]) {
    await allow('customizer', [{ ...create, Resource }, toService('bedrock.amazonaws.com')]);
    await denied('bedrock:CreateModelCustomizationJob');
  }
  await allow('customizer', [create, toService('bedrock.amazonaws.com')]);
  const { jobArn = '' } = await control.send(job('by-user'));

  const get = (jobIdentifier: string) => control.send(new GetModelCustomizationJobCommand({ jobIdentifier }));
  await assertRefused(
    get('by-user'),
    'AccessDeniedException',
    403,
    /GetModelCustomizationJob on resource: arn:aws:bedrock/,
  );
  await allow('customizer', [{ Action: 'bedrock:GetModelCustomizationJob', Resource: jobArn }]);
  assert.equal((await get('by-user')).jobArn, jobArn);
  await assertRefused(
    get('absent'),
    'AccessDeniedException',
    403,
    /model-customization-job\/absent/,
    'nothing is told',
  );
  await assertRefused(
    control.send(new ListModelCustomizationJobsCommand({})),
    'AccessDeniedException',
    403,
    /ListModelCustomizationJobs/,
  );
  await completeJob(server.store, jobArn);
});

test('a batch job needs its own permission on the model and on the jobs', async () => {
  const create = { Action: 'bedrock:CreateModelInvocationJob' };
  const pass = { Action: 'iam:PassRole', Resource: roleArn };
  const { control } = await makeUser('batcher', [pass]);
  const make = () => control.send(batchJob('of-batcher'));
  for (const [Resource, missing] of [
    [fm, ours('model-invocation-job/*')],
    [ours('model-invocation-job/*'), fm],
  ] as const) {
    await allow('batcher', [{ ...create, Resource }, pass]);
    const refused = /CreateModelInvocationJob on resource: (\S+)/;
    const told = await make().catch((error: Error) => refused.exec(error.message)?.[1]);
    assert.equal(told, missing);
  }
  await allow('batcher', [{ ...create, Resource: [fm, ours('model-invocation-job/*')] }, pass]);
  // Allowed: what is asked next is whether the role trusts batch jobs, and this one does not.
  await assertRefused(make(), 'ValidationException', 400, /Could not assume provided IAM role/);
});

test('nobody sets tags by creating who may not TagResource', async () => {
  const { jobArn = '' } = await server.control().send(job('untagged'));
  await completeJob(server.store, jobArn);
  const { modelArn = '' } = await server.control().send(new GetCustomModelCommand({ modelIdentifier: 'untagged' }));
  const { control } = await makeUser('tagless', [
    { Action: ['bedrock:*', 'iam:PassRole'], Resource: '*' },
    { Effect: 'Deny', Action: 'bedrock:TagResource', Resource: '*' },
  ]);
  const tags = [{ key: 'team', value: 'dogs' }];
  const s3DataSource = { s3Uri: 's3://ron-and-smila/lora.safetensors' };
  const creates: [string, (change: object) => Promise<unknown>, string, string][] = [
    ['jobTags', change => control.send(job('tagless', change)), 'model-customization-job', 'a job'],
    ['customModelTags', change => control.send(job('tagless', change)), 'custom-model', 'its model'],
    ['tags', change => control.send(batchJob('tagless', change)), 'model-invocation-job', 'a batch job'],
    [
      'tags',
      change => control.send(new CreateProvisionedModelThroughputCommand({ ...units, ...change })),
      'provisioned-model',
      'units',
    ],
    [
      'tags',
      change =>
        control.send(new CreateCustomModelDeploymentCommand({ modelDeploymentName: 'tagless', modelArn, ...change })),
      'custom-model-deployment',
      'a deployment',
    ],
    [
      'targetModelTags',
      change =>
        control.send(
          new CreateModelCopyJobCommand({ sourceModelArn: modelArn, targetModelName: 'tagless', ...change }),
        ),
      'custom-model',
      'a copy',
    ],
    [
      'modelTags',
      change =>
        control.send(
          new CreateCustomModelCommand({
            ...{ modelName: 'tagless-own', roleArn, modelSourceConfig: { s3DataSource }, ...change },
          }),
        ),
      'custom-model',
      'an own model',
    ],
    ...(['jobTags', 'importedModelTags'] as const).map(
      (member): [string, (change: object) => Promise<unknown>, string, string] => [
        member,
        change =>
          control.send(
            new CreateModelImportJobCommand({
              ...{
                jobName: `no-${member}`,
                importedModelName: `no-${member}`,
                roleArn,
                modelDataSource: { s3DataSource },
              },
              ...change,
            }),
          ),
        member === 'jobTags' ? 'model-import-job' : 'imported-model',
        member,
      ],
    ),
  ];
  for (const [member, create, kind, what] of creates) {
    const refused = new RegExp(`bedrock:TagResource on resource: ${ours(kind)}/\\*`);
    await assertRefused(create({ [member]: tags }), 'AccessDeniedException', 403, refused, what);
    // Whatever else may be wrong with it.
    await create({}).catch((error: Error) => assert.notEqual(error.name, 'AccessDeniedException', what));
  }
});

test('access to a model is asked for on no resource', async () => {
  const Action = [
    'bedrock:GetFoundationModelAvailability',
    'bedrock:ListFoundationModelAgreementOffers',
    'bedrock:CreateFoundationModelAgreement',
    'bedrock:DeleteFoundationModelAgreement',
  ];
  const { control } = await makeUser('reader', [{ Action, Resource: `arn:aws:bedrock:us-east-1::foundation-model/*` }]);
  const ask = () => control.send(new GetFoundationModelAvailabilityCommand({ modelId: titan }));
  const offers = () => control.send(new ListFoundationModelAgreementOffersCommand({ modelId: titan }));
  for (const call of [ask, offers]) await assertRefused(call(), 'AccessDeniedException', 403, /on resource: \*/);
  await allow('reader', [{ Action, Resource: '*' }]);
  assert.equal((await ask()).authorizationStatus, 'AUTHORIZED');
  const offerToken = (await offers()).offers?.[0]?.offerToken;
  await control.send(new CreateFoundationModelAgreementCommand({ modelId: titan, offerToken }));
  await control.send(new DeleteFoundationModelAgreementCommand({ modelId: titan }));
});

test('tags decide where a policy says so', async () => {
  const { control } = await makeUser('by-tag', [
    {
      Action: 'bedrock:GetModelCustomizationJob',
      Resource: '*',
      Condition: { StringEquals: { 'aws:ResourceTag/team': 'dogs' } },
    },
  ]);
  const make = async (name: string, team: string) => {
    const { jobArn = '' } = await server.control().send(job(name, { jobTags: [{ key: 'team', value: team }] }));
    await completeJob(server.store, jobArn);
  };
  await make('of-dogs', 'dogs');
  await make('of-cats', 'cats');
  const get = (jobIdentifier: string) => control.send(new GetModelCustomizationJobCommand({ jobIdentifier }));
  assert.equal((await get('of-dogs')).jobName, 'of-dogs');
  await assertRefused(get('of-cats'), 'AccessDeniedException', 403, /of-cats|model-customization-job/);
});

test('InvokeModel is authorised on the ARN in modelId', async () => {
  const onDemand = 'amazon.titan-image-generator-v1';
  const { runtime } = await makeUser('invoker', [
    { Action: 'bedrock:InvokeModel', Resource: `arn:aws:bedrock:us-east-1::foundation-model/${onDemand}` },
  ]);
  await runtime.send(new InvokeModelCommand({ modelId: onDemand, body }));
  await assertRefused(
    runtime.send(new InvokeModelCommand({ modelId: 'amazon.titan-image-generator-v2:0', body })),
    'AccessDeniedException',
    403,
    /bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model\/amazon\.titan-image-generator-v2:0/,
  );
});

test("a model under a customer's key needs the key to make, to buy for and to invoke", async () => {
  const { KeyMetadata } = await server.kms.send(new CreateKeyCommand({}));
  const keyArn = KeyMetadata?.Arn ?? '';
  await server.kms.send(new CreateAliasCommand({ AliasName: 'alias/likeness', TargetKeyId: keyArn }));
  const bedrock = { Action: 'bedrock:*', Resource: '*' };
  const pass = { Action: 'iam:PassRole', Resource: roleArn };
  const key = (...actions: string[]) => ({ Action: actions.map(action => `kms:${action}`), Resource: keyArn });
  const { control, runtime } = await makeUser('keyholder', [bedrock, pass]);

  const make = () => control.send(job('encrypted', { customModelKmsKeyId: 'alias/likeness' }));
  await assertRefused(make(), 'AccessDeniedException', 403, /kms:DescribeKey/);
  await allow('keyholder', [bedrock, pass, key('DescribeKey', 'GenerateDataKey', 'Decrypt')]);
  await assertRefused(make(), 'AccessDeniedException', 403, /kms:CreateGrant/);
  await allow('keyholder', [bedrock, pass, key('DescribeKey', 'GenerateDataKey', 'Decrypt', 'CreateGrant')]);
  const { jobArn = '' } = await make();
  const { outputModelKmsKeyArn } = await control.send(new GetModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  assert.equal(outputModelKmsKeyArn, keyArn, 'the alias is answered as the key');
  await completeJob(server.store, jobArn);
  const model = await control.send(new GetCustomModelCommand({ modelIdentifier: 'encrypted' }));
  assert.equal(model.modelKmsKeyArn, keyArn);

  await allow('keyholder', [bedrock]);
  const buy = () =>
    control.send(
      new CreateProvisionedModelThroughputCommand({
        modelUnits: 1,
        provisionedModelName: 'encrypted',
        modelId: 'encrypted',
      }),
    );
  await assertRefused(buy(), 'AccessDeniedException', 403, /kms:Decrypt/);
  await allow('keyholder', [bedrock, key('Decrypt')]);
  const { provisionedModelArn = '' } = await buy();
  await bringIntoService(server.store, provisionedModelArn);
  const invoke = () => runtime.send(new InvokeModelCommand({ modelId: provisionedModelArn, body }));
  await invoke();
  await allow('keyholder', [bedrock]);
  await assertRefused(invoke(), 'AccessDeniedException', 403, /kms:Decrypt/);
  await allow('keyholder', [bedrock, key('Decrypt')]);
  await server.kms.send(new DisableKeyCommand({ KeyId: keyArn }));
  await assertRefused(invoke(), 'ValidationException', 400, /KMS key .* its state is Disabled/);
  await assertRefused(
    server.control().send(job('with-a-disabled-key', { customModelKmsKeyId: keyArn })),
    'ValidationException',
    400,
    /its state is Disabled/,
  );
  await server.kms.send(new EnableKeyCommand({ KeyId: keyArn }));
  await invoke();
  const { status } = await control.send(new GetProvisionedModelThroughputCommand({ provisionedModelId: 'encrypted' }));
  assert.equal(status, 'InService');
});
