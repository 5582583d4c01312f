import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateModelCustomizationJobCommand,
  CreateProvisionedModelThroughputCommand,
  DeleteProvisionedModelThroughputCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  ACCOUNT,
  assertRefused,
  type BedrockServer,
  createModel,
  jobInput,
  makeServiceRole,
  startBedrock,
} from './bedrock-server.ts';

let server: BedrockServer;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'AmazonBedrockFineTuning');
});
after(() => server.stop());

test('tags of a job, its model and a provisioned model are kept apart', async () => {
  const control = server.control();
  const { jobArn, modelArn } = await createModel(server, roleArn, 'tagged', {
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

test('a resource is tagged by its own ARN to the letter', async () => {
  const control = server.control();
  const { jobArn, modelArn } = await createModel(server, roleArn, 'exact');
  for (const resourceARN of [
    modelArn.replace('amazon.titan-image-generator-v1:0', 'likeness.art-v1'),
    jobArn.replace('us-east-1', 'eu-west-1'),
    modelArn.replace(ACCOUNT, '999999999999'),
    `arn:aws:bedrock:us-east-1:${ACCOUNT}:provisioned-model/${modelArn.slice(-12)}`,
    `arn:aws:bedrock:us-east-1:${ACCOUNT}:guardrail/abc`,
  ])
    await assertRefused(
      control.send(new TagResourceCommand({ resourceARN, tags: [{ key: 'a', value: 'b' }] })),
      'ResourceNotFoundException',
      404,
      /There is no resource arn:aws:bedrock/,
      resourceARN,
    );
});

test('creating takes at most 50 tags, none twice and none of AWS', async () => {
  const control = server.control();
  const fiftyOne = Array.from({ length: 51 }, (_, index) => ({ key: `k${index}`, value: '' }));
  const reserved = [{ key: 'aws:team', value: 'x' }];
  const twice = [
    { key: 'team', value: 'x' },
    { key: 'team', value: 'y' },
  ];
  const job = (change: object) =>
    control.send(new CreateModelCustomizationJobCommand(jobInput(roleArn, 'with-tags', change)));
  const unit = (tags: object) =>
    control.send(
      new CreateProvisionedModelThroughputCommand({
        modelUnits: 1,
        provisionedModelName: 'with-tags',
        modelId: 'likeness.art-v1',
        tags: tags as never,
      }),
    );
  for (const make of [
    (tags: object) => job({ jobTags: tags }),
    (tags: object) => job({ customModelTags: tags }),
    unit,
  ]) {
    await assertRefused(make(fiftyOne), 'TooManyTagsException', 400, /at most 50 tags; .* would have 51/);
    await assertRefused(make(reserved), 'ValidationException', 400, /aws:team; keys that begin with aws: are reserved/);
    await assertRefused(make(twice), 'ValidationException', 400, /the key team twice/);
  }
});

test('policies decide on the tags of a request and of a resource', async () => {
  await server.iam.send(new CreateUserCommand({ UserName: 'tagger' }));
  const { AccessKey } = await server.iam.send(new CreateAccessKeyCommand({ UserName: 'tagger' }));
  const dogs = { 'aws:RequestTag/team': 'dogs' };
  const Statement = [
    { Effect: 'Allow', Action: 'iam:PassRole', Resource: roleArn },
    {
      Effect: 'Allow',
      Action: ['bedrock:CreateModelCustomizationJob', 'bedrock:TagResource'],
      Resource: '*',
      Condition: { StringEquals: dogs, 'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'kind'] } },
    },
    {
      Effect: 'Allow',
      Action: ['bedrock:UntagResource', 'bedrock:ListTagsForResource'],
      Resource: '*',
      Condition: {
        StringEquals: { 'aws:ResourceTag/team': 'dogs' },
        'ForAllValues:StringEquals': { 'aws:TagKeys': ['kind'] },
      },
    },
  ];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await server.iam.send(new PutUserPolicyCommand({ UserName: 'tagger', PolicyName: 'only', PolicyDocument }));
  const control = server.control('us-east-1', {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  });
  const create = (name: string, change: object) =>
    control.send(new CreateModelCustomizationJobCommand(jobInput(roleArn, name, change)));
  const tags = (team: string) => [{ key: 'team', value: team }];
  const denied = (call: Promise<unknown>) =>
    assertRefused(call, 'AccessDeniedException', 403, /is not authorized to perform: bedrock:/);

  await denied(create('untagged', {}));
  await denied(create('of-cats', { jobTags: tags('cats') }));
  await denied(create('mixed', { jobTags: tags('dogs'), customModelTags: tags('cats') }));
  const { jobArn: resourceARN = '' } = await create('of-dogs', {
    jobTags: tags('dogs'),
    customModelTags: tags('dogs'),
  });
  await denied(control.send(new TagResourceCommand({ resourceARN, tags: [{ key: 'secret', value: 'x' }] })));
  await control.send(new TagResourceCommand({ resourceARN, tags: [...tags('dogs'), { key: 'kind', value: 'job' }] }));
  await denied(control.send(new UntagResourceCommand({ resourceARN, tagKeys: ['team'] })));
  await control.send(new UntagResourceCommand({ resourceARN, tagKeys: ['kind'] }));
  assert.deepEqual((await control.send(new ListTagsForResourceCommand({ resourceARN }))).tags, tags('dogs'));
  await server.control().send(new TagResourceCommand({ resourceARN, tags: tags('cats') }));
  await denied(control.send(new ListTagsForResourceCommand({ resourceARN })));
});
