import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateModelCustomizationJobCommand,
  CreateProvisionedModelThroughputCommand,
  DeleteCustomModelCommand,
  DeleteProvisionedModelThroughputCommand,
  GetCustomModelCommand,
  GetFoundationModelCommand,
  GetModelCustomizationJobCommand,
  GetProvisionedModelThroughputCommand,
  ListCustomModelsCommand,
  ListModelCustomizationJobsCommand,
  ListProvisionedModelThroughputsCommand,
  ListTagsForResourceCommand,
  StopModelCustomizationJobCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateProvisionedModelThroughputCommand,
} from '@aws-sdk/client-bedrock';
import { ACCOUNT, assertRefused, completeJob, endJob, makeServiceRole, startBedrock } from './bedrock-server.ts';

const titan = 'amazon.titan-image-generator-v1:0';
let server: Awaited<ReturnType<typeof startBedrock>>;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'service');
  const { jobArn = '' } = await create({ jobName: 'taken', customModelName: 'taken-model' });
  await completeJob(server.store, jobArn);
  await server.store.transaction(rows =>
    rows.s3.createBucket({
      name: 'in-europe',
      accountId: ACCOUNT,
      region: 'eu-west-1',
      createdAt: new Date(),
      policy: null,
      versioning: null,
    }),
  );
});
after(() => server.stop());

function create(change: object) {
  return server.control().send(
    new CreateModelCustomizationJobCommand({
      jobName: 'refused',
      customModelName: 'refused',
      roleArn,
      baseModelIdentifier: titan,
      hyperParameters: { stepCount: '10' },
      trainingDataConfig: { s3Uri: 's3://ron-and-smila/train.jsonl' },
      outputDataConfig: { s3Uri: 's3://ron-and-smila/output' },
      ...change,
    }),
  );
}

const hyper = (change: object) => ({ hyperParameters: { stepCount: '10', ...change } });
const invalid = 'ValidationException';

/** change of a good request -> code, status, message */
const jobRefusals: [string, object, string, number, string | RegExp][] = [
  ['a job name in use', { jobName: 'taken' }, invalid, 400, 'The provided job name is currently in use.'],
  ['a model name in use', { customModelName: 'taken-model' }, invalid, 400, /custom model name is currently in use/],
  ['a job name with a bad character', { jobName: 'no spaces' }, invalid, 400, /jobName.*regular expression/],
  ['a job name of 64 characters', { jobName: 'x'.repeat(64) }, invalid, 400, /jobName.*less than or equal to 63/],
  ['a model name with a dot', { customModelName: 'v1.0' }, invalid, 400, /customModelName.*regular expression/],
  [
    'a role that is no role',
    { roleArn: 'arn:aws:iam::123456789012:user/x' },
    invalid,
    400,
    /roleArn.*regular expression/,
  ],
  [
    'a role that does not exist',
    { roleArn: `arn:aws:iam::${ACCOUNT}:role/absent` },
    invalid,
    400,
    /^Could not assume provided IAM role arn:.*absent/,
  ],
  [
    'a role of another account',
    { roleArn: 'arn:aws:iam::999999999999:role/service' },
    invalid,
    400,
    /^Could not assume provided IAM role/,
  ],
  [
    'an unknown base model',
    { baseModelIdentifier: 'acme.nothing-v1' },
    invalid,
    400,
    'The provided model identifier is invalid.',
  ],
  [
    'a base model of another Region',
    { baseModelIdentifier: `arn:aws:bedrock:eu-west-1::foundation-model/${titan}` },
    invalid,
    400,
    'The provided model identifier is invalid.',
  ],
  ['no hyperparameters', { hyperParameters: undefined }, invalid, 400, /hyperParameters\.stepCount is required/],
  ['no stepCount', { hyperParameters: { batchSize: '8' } }, invalid, 400, /hyperParameters\.stepCount is required/],
  ['stepCount 9', hyper({ stepCount: '9' }), invalid, 400, /stepCount must be a whole number from 10 to 40000.*"9"/],
  ['stepCount 40001', hyper({ stepCount: '40001' }), invalid, 400, /stepCount must be .*"40001"/],
  ['stepCount 8.5', hyper({ stepCount: '8.5' }), invalid, 400, /stepCount must be a whole number.*"8\.5"/],
  ['batchSize 12', hyper({ batchSize: '12' }), invalid, 400, /batchSize must be a multiple of 8 from 8 to 192.*"12"/],
  ['batchSize 200', hyper({ batchSize: '200' }), invalid, 400, /batchSize must be .*"200"/],
  ['learningRate 0', hyper({ learningRate: '0' }), invalid, 400, /learningRate must be a number from 1e-7 to 1.*"0"/],
  ['learningRate 1.01', hyper({ learningRate: '1.01' }), invalid, 400, /learningRate must be .*"1\.01"/],
  ['an unknown hyperparameter', hyper({ epochCount: '2' }), invalid, 400, /hyperParameters\.epochCount is not/],
  ...(['CONTINUED_PRE_TRAINING', 'DISTILLATION', 'REINFORCEMENT_FINE_TUNING', 'IMPORTED'] as const).map(
    (type): [string, object, string, number, RegExp] => [
      type,
      { customizationType: type },
      invalid,
      400,
      new RegExp(`customizationType ${type} is not supported`),
    ],
  ),
  ['no customization type at all', { customizationType: 'MAGIC' }, invalid, 400, /customizationType.*enum value set/],
  [
    'two validators',
    {
      validationDataConfig: {
        validators: [{ s3Uri: 's3://ron-and-smila/a.jsonl' }, { s3Uri: 's3://ron-and-smila/b.jsonl' }],
      },
    },
    invalid,
    400,
    /validationDataConfig\.validators may have 1 entry for an image model; you sent 2/,
  ],
  [
    'a validator that is a folder',
    { validationDataConfig: { validators: [{ s3Uri: 's3://ron-and-smila/validation/' }] } },
    invalid,
    400,
    /validationDataConfig\.validators\[0\]\.s3Uri must name one object/,
  ],
  [
    'invocation logs as data',
    { trainingDataConfig: { invocationLogsConfig: { invocationLogSource: { s3Uri: 's3://ron-and-smila/logs/' } } } },
    invalid,
    400,
    /trainingDataConfig\.invocationLogsConfig is not supported/,
  ],
  ['no training data', { trainingDataConfig: {} }, invalid, 400, /trainingDataConfig\.s3Uri is required/],
  [
    'training data without a key',
    { trainingDataConfig: { s3Uri: 's3://ron-and-smila/' } },
    invalid,
    400,
    /must name one object/,
  ],
  [
    'training data that is no URI',
    { trainingDataConfig: { s3Uri: 'ron.jsonl' } },
    invalid,
    400,
    /trainingDataConfig\.s3Uri/,
  ],
  [
    'an output URI with a space',
    { outputDataConfig: { s3Uri: 's3://b/a b' } },
    invalid,
    400,
    /outputDataConfig\.s3Uri/,
  ],
  [
    "training data in another Region's bucket",
    { trainingDataConfig: { s3Uri: 's3://in-europe/train.jsonl' } },
    invalid,
    400,
    /bucket in-europe is in eu-west-1; a job in us-east-1/,
  ],
  [
    "output to another Region's bucket",
    { outputDataConfig: { s3Uri: 's3://in-europe/output' } },
    invalid,
    400,
    /outputDataConfig\.s3Uri: the bucket in-europe/,
  ],
  [
    'a network without security groups',
    { vpcConfig: { subnetIds: ['subnet-1'], securityGroupIds: [] } },
    invalid,
    400,
    /vpcConfig\.securityGroupIds/,
  ],
  [
    'an absent key',
    { customModelKmsKeyId: 'arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000' },
    invalid,
    400,
    /KMS key cannot be used/,
  ],
  [
    'a tag key twice',
    {
      jobTags: [
        { key: 'a', value: '1' },
        { key: 'a', value: '2' },
      ],
    },
    invalid,
    400,
    /jobTags has the key a twice/,
  ],
  ['a reserved tag key', { customModelTags: [{ key: 'aws:x', value: '' }] }, invalid, 400, /keys that begin with aws:/],
  [
    '51 tags',
    { jobTags: Array.from({ length: 51 }, (_, index) => ({ key: `k${index}`, value: '' })) },
    'TooManyTagsException',
    400,
    /at most 50 tags/,
  ],
];

for (const [what, change, code, status, message] of jobRefusals)
  test(`a job is refused: ${what}`, () => assertRefused(create(change), code, status, message));

test('nothing that was refused left a row behind', async () => {
  const control = server.control();
  const { modelCustomizationJobSummaries: jobs } = await control.send(new ListModelCustomizationJobsCommand({}));
  assert.deepEqual(
    jobs?.map(job => job.jobName),
    ['taken'],
  );
});

test('a trust policy that names another service, account or job lets nothing start', async () => {
  const trusts: [string, object][] = [
    ['service', { Principal: { Service: 'sagemaker.amazonaws.com' } }],
    ['account', { Condition: { StringEquals: { 'aws:SourceAccount': '999999999999' } } }],
    ['source', { Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:bedrock:*:*:model-invocation-job/*' } } }],
    ['deny', { Effect: 'Deny' }],
  ];
  for (const [name, trust] of trusts) {
    const role = await makeServiceRole(server.iam, `bad-${name}`, trust);
    await assertRefused(create({ roleArn: role }), invalid, 400, /^Could not assume provided IAM role/, name);
  }
  const open = await makeServiceRole(server.iam, 'without-condition', { Condition: undefined });
  const { jobArn = '' } = await create({ jobName: 'open', customModelName: 'open', roleArn: open });
  await endJob(server.store, jobArn, 'Stopped', null);
});

test('a number where AWS wants a string is refused by name', async () => {
  const control = server.control();
  control.middlewareStack.add(
    next => args => {
      const request = args.request as { body: Uint8Array; headers: Record<string, string> };
      const changed = new TextDecoder().decode(request.body).replace('"stepCount":"10"', '"stepCount":10');
      request.body = Buffer.from(changed);
      request.headers['content-length'] = String(request.body.length);
      return next(args);
    },
    { step: 'build', priority: 'low' },
  );
  await assertRefused(
    control.send(
      new CreateModelCustomizationJobCommand({
        jobName: 'number',
        customModelName: 'number',
        roleArn,
        baseModelIdentifier: titan,
        hyperParameters: { stepCount: '10' },
        trainingDataConfig: { s3Uri: 's3://ron-and-smila/train.jsonl' },
        outputDataConfig: { s3Uri: 's3://ron-and-smila/output' },
      }),
    ),
    invalid,
    400,
    /stepCount/,
  );
});

test('the eleventh scheduled job is over the quota', async () => {
  const arns: string[] = [];
  for (let index = 0; index < 10; index++) {
    const name = `scheduled-${index}`;
    arns.push((await create({ jobName: name, customModelName: name })).jobArn ?? '');
  }
  await assertRefused(
    create({}),
    'ServiceQuotaExceededException',
    400,
    /The quota is 10 model customization jobs .*there are 10/,
  );
  await assertRefused(
    create({ customModelName: 'scheduled-0' }),
    invalid,
    400,
    /custom model name is currently in use/,
    'a name that an unfinished job holds',
  );
  for (const arn of arns) await endJob(server.store, arn, 'Failed', 'x');
});

test('what is not there is not found', async () => {
  const control = server.control();
  const arn = (resource: string) => `arn:aws:bedrock:us-east-1:${ACCOUNT}:${resource}`;
  const absent: [string, () => Promise<unknown>][] = [
    ['a job', () => control.send(new GetModelCustomizationJobCommand({ jobIdentifier: 'absent' }))],
    [
      'a job by ARN',
      () =>
        control.send(
          new GetModelCustomizationJobCommand({ jobIdentifier: arn(`model-customization-job/${titan}/abcdefghijkl`) }),
        ),
    ],
    ['a job to stop', () => control.send(new StopModelCustomizationJobCommand({ jobIdentifier: 'absent' }))],
    ['a model', () => control.send(new GetCustomModelCommand({ modelIdentifier: 'absent' }))],
    ['a model to delete', () => control.send(new DeleteCustomModelCommand({ modelIdentifier: 'absent' }))],
    [
      'a model of another account',
      () =>
        control.send(
          new GetCustomModelCommand({
            modelIdentifier: `arn:aws:bedrock:us-east-1:999999999999:custom-model/${titan}/abcdefghijkl`,
          }),
        ),
    ],
    ['capacity', () => control.send(new GetProvisionedModelThroughputCommand({ provisionedModelId: 'absent' }))],
    [
      'capacity to delete',
      () =>
        control.send(
          new DeleteProvisionedModelThroughputCommand({ provisionedModelId: arn('provisioned-model/abcdefghijkl') }),
        ),
    ],
    [
      'capacity to update',
      () =>
        control.send(
          new UpdateProvisionedModelThroughputCommand({
            provisionedModelId: 'absent',
            desiredProvisionedModelName: 'x',
          }),
        ),
    ],
    [
      'a model to buy capacity for',
      () =>
        control.send(
          new CreateProvisionedModelThroughputCommand({ modelUnits: 1, provisionedModelName: 'x', modelId: 'absent' }),
        ),
    ],
    ['a foundation model', () => control.send(new GetFoundationModelCommand({ modelIdentifier: 'acme.nothing-v1' }))],
    [
      'a resource to tag',
      () =>
        control.send(
          new TagResourceCommand({
            resourceARN: arn(`custom-model/${titan}/abcdefghijkl`),
            tags: [{ key: 'a', value: 'b' }],
          }),
        ),
    ],
    [
      'a resource to untag',
      () =>
        control.send(new UntagResourceCommand({ resourceARN: arn('provisioned-model/abcdefghijkl'), tagKeys: ['a'] })),
    ],
    [
      'tags',
      () => control.send(new ListTagsForResourceCommand({ resourceARN: arn(`custom-model/${titan}/abcdefghijkl`) })),
    ],
  ];
  for (const [what, call] of absent) await assertRefused(call(), 'ResourceNotFoundException', 404, /./, what);
});

test('Provisioned Throughput is refused where its request cannot be', async () => {
  const control = server.control();
  const buy = (change: object) =>
    control.send(
      new CreateProvisionedModelThroughputCommand({
        modelUnits: 1,
        provisionedModelName: 'bought',
        modelId: 'taken-model',
        ...change,
      }),
    );
  await buy({});
  const refusals: [string, object, string, RegExp][] = [
    ['a name in use', {}, invalid, /provisioned model name is currently in use/],
    ['no unit', { modelUnits: 0 }, invalid, /modelUnits/],
    [
      'more units than fit',
      { modelUnits: 4, provisionedModelName: 'x' },
      'ServiceQuotaExceededException',
      /4 model units.*1 are bought/,
    ],
    ['a bad name', { provisionedModelName: 'a b' }, invalid, /provisionedModelName/],
    ['an unknown model id', { modelId: 'acme.nothing-v1' }, invalid, /provided model identifier is invalid/],
    ['a term that AWS does not sell', { commitmentDuration: 'OneYear' }, invalid, /commitmentDuration/],
    [
      'a tag twice',
      {
        tags: [
          { key: 'a', value: '' },
          { key: 'a', value: '' },
        ],
        provisionedModelName: 'x',
      },
      invalid,
      /twice/,
    ],
  ];
  for (const [what, change, code, message] of refusals) await assertRefused(buy(change), code, 400, message, what);
  await assertRefused(
    control.send(
      new UpdateProvisionedModelThroughputCommand({ provisionedModelId: 'bought', desiredProvisionedModelName: 'a b' }),
    ),
    invalid,
    400,
    /desiredProvisionedModelName/,
  );
  await control.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: 'bought' }));
});

test('lists refuse what no page has', async () => {
  const control = server.control();
  const refusals: [string, () => Promise<unknown>, RegExp][] = [
    ['0 results', () => control.send(new ListCustomModelsCommand({ maxResults: 0 })), /maxResults/],
    ['1001 results', () => control.send(new ListModelCustomizationJobsCommand({ maxResults: 1001 })), /maxResults/],
    [
      'a token that is none',
      () => control.send(new ListCustomModelsCommand({ nextToken: 'bad' })),
      /nextToken is invalid/,
    ],
    [
      'a token of another list',
      () => control.send(new ListProvisionedModelThroughputsCommand({ nextToken: 'MTcuYQ.aaaa' })),
      /nextToken is invalid/,
    ],
    [
      'a status that no job has',
      () => control.send(new ListModelCustomizationJobsCommand({ statusEquals: 'Resting' as never })),
      /statusEquals/,
    ],
    ['another order', () => control.send(new ListCustomModelsCommand({ sortOrder: 'Random' as never })), /sortOrder/],
  ];
  for (const [what, call, message] of refusals) await assertRefused(call(), invalid, 400, message, what);
});
