import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateCustomModelDeploymentCommand,
  DeleteCustomModelCommand,
  DeleteCustomModelDeploymentCommand,
  GetCustomModelDeploymentCommand,
  ListCustomModelDeploymentsCommand,
  ListTagsForResourceCommand,
  paginateListCustomModelDeployments,
  TagResourceCommand,
  UpdateCustomModelDeploymentCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms';
import {
  ACCOUNT,
  assertRefused,
  type BedrockServer,
  createModel,
  makeServiceRole,
  plain,
  startBedrock,
} from './bedrock-server.ts';

const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron the dog in a basket' } });
let server: BedrockServer;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'AmazonBedrockFineTuning');
});
after(() => server.stop());

async function deploy(modelDeploymentName: string, modelArn: string, change: object = {}): Promise<string> {
  const { customModelDeploymentArn = '' } = await server
    .control()
    .send(new CreateCustomModelDeploymentCommand({ modelDeploymentName, modelArn, ...change }));
  return customModelDeploymentArn;
}

const get = (customModelDeploymentIdentifier: string) =>
  server.control().send(new GetCustomModelDeploymentCommand({ customModelDeploymentIdentifier }));

/** What the capacity loop does when the model draws, or does not. */
async function settle(arn: string, failureMessage: string | null = null): Promise<void> {
  await server.store.transaction(async rows => {
    const row = (await rows.bedrock.listAllDeployments()).find(({ deploymentArn }) => deploymentArn === arn);
    assert.ok(row);
    const lastUpdatedAt = Date.now();
    const update = row.status === 'Active' ? row.update : null;
    const patch = update
      ? failureMessage === null
        ? { modelArn: update.modelArn, update: { ...update, status: 'UpdateCompleted' as const } }
        : { failureMessage, update: { ...update, status: 'UpdateFailed' as const } }
      : { status: failureMessage === null ? ('Active' as const) : ('Failed' as const), failureMessage };
    await rows.bedrock.advanceDeployment(row.deploymentId, row.generation, { ...patch, lastUpdatedAt });
  });
}

test('a custom model is deployed, invoked by its deployment, updated and deleted', async () => {
  const control = server.control();
  const [one, two] = [await createModel(server, roleArn, 'one'), await createModel(server, roleArn, 'two')];
  const tags = [{ key: 'team', value: 'dogs' }];
  const request = { description: 'Ron, on demand', tags, clientRequestToken: 'a-token-of-mine' };
  const arn = await deploy('ron', one.modelArn, request);
  assert.match(arn, new RegExp(`^arn:aws:bedrock:us-east-1:${ACCOUNT}:custom-model-deployment/[a-z0-9]{12}$`));
  assert.equal(await deploy('ron', one.modelArn, request), arn, 'the same token makes nothing new');
  const other = deploy('other', one.modelArn, request);
  await assertRefused(other, 'ValidationException', 400, /a-token-of-mine was used before with other parameters/);
  const creating = await get('ron');
  assert.deepEqual(Object.keys(plain(creating)).sort(), [
    'createdAt',
    'customModelDeploymentArn',
    'description',
    'lastUpdatedAt',
    'modelArn',
    'modelDeploymentName',
    'status',
  ]);
  assert.deepEqual(
    [creating.status, creating.modelArn, creating.description],
    ['Creating', one.modelArn, 'Ron, on demand'],
  );
  const invoke = () => server.runtime().send(new InvokeModelCommand({ modelId: arn, body }));
  await assertRefused(invoke(), 'ModelNotReadyException', 429, /ron is Creating/);
  await settle(arn);
  assert.equal((await get(arn)).status, 'Active');
  await invoke();
  assert.equal(server.drawn.at(-1)?.target, one.modelArn);
  assert.deepEqual((await control.send(new ListTagsForResourceCommand({ resourceARN: arn }))).tags, tags);
  await control.send(new TagResourceCommand({ resourceARN: arn, tags: [{ key: 'more', value: '' }] }));
  assert.equal((await control.send(new ListTagsForResourceCommand({ resourceARN: arn }))).tags?.length, 2);

  const update = (modelArn: string) =>
    control.send(new UpdateCustomModelDeploymentCommand({ customModelDeploymentIdentifier: 'ron', modelArn }));
  const accepted = await update(two.modelArn);
  assert.deepEqual([accepted.$metadata.httpStatusCode, accepted.customModelDeploymentArn], [202, arn]);
  const updating = await get(arn);
  assert.deepEqual(
    [updating.status, updating.modelArn, updating.updateDetails],
    ['Active', one.modelArn, { modelArn: two.modelArn, updateStatus: 'Updating' }],
  );
  await assertRefused(update(one.modelArn), 'ValidationException', 400, /ron is Updating/);
  for (const modelIdentifier of ['one', 'two'])
    await assertRefused(
      control.send(new DeleteCustomModelCommand({ modelIdentifier })),
      'ConflictException',
      400,
      /used by a custom model deployment/,
    );
  await settle(arn);
  const updated = await get(arn);
  assert.deepEqual([updated.modelArn, updated.updateDetails?.updateStatus], [two.modelArn, 'UpdateCompleted']);
  await invoke();
  assert.equal(server.drawn.at(-1)?.target, two.modelArn);
  await update(one.modelArn);
  await settle(arn, 'The model could not be loaded.');
  const failed = await get(arn);
  assert.deepEqual(
    [failed.status, failed.modelArn, failed.updateDetails?.updateStatus, failed.failureMessage],
    ['Active', two.modelArn, 'UpdateFailed', 'The model could not be loaded.'],
  );
  await control.send(new DeleteCustomModelCommand({ modelIdentifier: 'one' }));

  await control.send(new DeleteCustomModelDeploymentCommand({ customModelDeploymentIdentifier: arn }));
  await assertRefused(get(arn), 'ResourceNotFoundException', 404, /no custom model deployment arn:aws/);
  await assertRefused(get('ron'), 'ResourceNotFoundException', 404, /no custom model deployment ron/);
  await assertRefused(invoke(), 'ResourceNotFoundException', 404, /no custom model deployment/);
  await control.send(new DeleteCustomModelCommand({ modelIdentifier: 'two' }));
});

test('what cannot be deployed is refused by name', async () => {
  const control = server.control();
  const { modelArn } = await createModel(server, roleArn, 'refusals');
  await deploy('taken', modelArn);
  const create = (change: object) => deploy('refused', modelArn, change);
  const absent = modelArn.replace(/.{12}$/, 'zzzzzzzzzzzz');
  await assertRefused(create({ modelArn: absent }), 'ResourceNotFoundException', 404, /no custom model arn/);
  await assertRefused(
    create({ modelArn: modelArn.replace('us-east-1', 'eu-west-1') }),
    'ResourceNotFoundException',
    404,
    /no custom model arn/,
  );
  await assertRefused(create({ modelArn: 'refusals' }), 'ValidationException', 400, /modelArn/);
  await assertRefused(create({ modelDeploymentName: 'taken' }), 'ValidationException', 400, /name is currently in use/);
  await assertRefused(create({ modelDeploymentName: 'a.b' }), 'ValidationException', 400, /modelDeploymentName/);
  await assertRefused(create({ description: 'x'.repeat(2049) }), 'ValidationException', 400, /description/);
  const fiftyOne = Array.from({ length: 51 }, (_, index) => ({ key: `k${index}`, value: '' }));
  await assertRefused(create({ tags: fiftyOne }), 'TooManyTagsException', 400, /would have 51/);
  const update = (customModelDeploymentIdentifier: string) =>
    control.send(new UpdateCustomModelDeploymentCommand({ customModelDeploymentIdentifier, modelArn }));
  await assertRefused(update('taken'), 'ValidationException', 400, /taken is Creating/);
  await assertRefused(update('absent'), 'ResourceNotFoundException', 404, /no custom model deployment absent/);
  const arn = (await get('taken')).customModelDeploymentArn ?? '';
  await settle(arn, 'The model unit ended while it loaded.');
  assert.equal((await get('taken')).failureMessage, 'The model unit ended while it loaded.');
  await assertRefused(update('taken'), 'ValidationException', 400, /taken is Failed/);
  await assertRefused(
    server.runtime().send(new InvokeModelCommand({ modelId: arn, body })),
    'ValidationException',
    400,
    /taken is Failed and cannot be invoked: The model unit ended/,
  );
  await assertRefused(
    server.runtime('eu-west-1').send(new InvokeModelCommand({ modelId: arn, body })),
    'ResourceNotFoundException',
    404,
    /no custom model deployment/,
  );
  await control.send(new DeleteCustomModelDeploymentCommand({ customModelDeploymentIdentifier: 'taken' }));
});

test('lists page through deployments in both orders, with every filter', async () => {
  const control = server.control('eu-west-1');
  const role = await makeServiceRole(server.iam, 'of-europe', { Condition: {} });
  const europe = { ...server, control: () => control };
  const [a, b] = [await createModel(europe, role, 'page-a'), await createModel(europe, role, 'page-b')];
  const arns: string[] = [];
  for (const [index, { modelArn }] of [a, a, b, a, b].entries()) {
    const command = new CreateCustomModelDeploymentCommand({ modelDeploymentName: `page-${index}`, modelArn });
    arns.push((await control.send(command)).customModelDeploymentArn ?? '');
    await new Promise(resolve => setTimeout(resolve, 3));
  }
  await settle(arns[0] ?? '');
  const names = async (filter: object) => {
    const found: (string | undefined)[] = [];
    for await (const page of paginateListCustomModelDeployments({ client: control, pageSize: 2 }, filter))
      found.push(...(page.modelDeploymentSummaries ?? []).map(row => row.customModelDeploymentName));
    return found;
  };
  const all = ['page-0', 'page-1', 'page-2', 'page-3', 'page-4'];
  assert.deepEqual(await names({ sortOrder: 'Ascending', sortBy: 'CreationTime' }), all);
  assert.deepEqual(await names({}), all.toReversed());
  assert.deepEqual(await names({ modelArnEquals: b.modelArn }), ['page-4', 'page-2']);
  assert.deepEqual(await names({ statusEquals: 'Active' }), ['page-0']);
  assert.deepEqual(await names({ nameContains: 'page-3' }), ['page-3']);
  const { createdAt } = await control.send(
    new GetCustomModelDeploymentCommand({ customModelDeploymentIdentifier: 'page-2' }),
  );
  // Whole seconds travel in the query, so all five lie on one side of them.
  assert.deepEqual(await names({ createdAfter: new Date((createdAt?.getTime() ?? 0) + 60_000) }), []);
  assert.equal((await names({ createdBefore: new Date((createdAt?.getTime() ?? 0) + 60_000) })).length, 5);
  assert.deepEqual(
    (await server.control().send(new ListCustomModelDeploymentsCommand({}))).modelDeploymentSummaries,
    [],
  );
  await assertRefused(
    control.send(new ListCustomModelDeploymentsCommand({ nextToken: 'made-up' })),
    'ValidationException',
    400,
    /nextToken is invalid/,
  );
});

test("policies decide on the model, the deployment and the customer's key", async () => {
  const { KeyMetadata } = await server.kms.send(new CreateKeyCommand({}));
  const keyArn = KeyMetadata?.Arn ?? '';
  const { modelArn } = await createModel(server, roleArn, 'locked', { customModelKmsKeyId: keyArn });
  await server.iam.send(new CreateUserCommand({ UserName: 'deployer' }));
  const { AccessKey } = await server.iam.send(new CreateAccessKeyCommand({ UserName: 'deployer' }));
  const credentials = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
  const allow = (...statements: object[]) => {
    const Statement = statements.map(statement => ({ Effect: 'Allow', ...statement }));
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    return server.iam.send(new PutUserPolicyCommand({ UserName: 'deployer', PolicyName: 'only', PolicyDocument }));
  };
  const [control, runtime] = [server.control('us-east-1', credentials), server.runtime('us-east-1', credentials)];
  const create = { Action: 'bedrock:CreateCustomModelDeployment', Resource: modelArn };
  const decrypt = { Action: 'kms:Decrypt', Resource: keyArn };
  const make = () => control.send(new CreateCustomModelDeploymentCommand({ modelDeploymentName: 'locked', modelArn }));
  const denied = (call: Promise<unknown>, action: string) =>
    assertRefused(call, 'AccessDeniedException', 403, new RegExp(`not authorized to perform: ${action}`));
  await allow(decrypt);
  await denied(make(), 'bedrock:CreateCustomModelDeployment');
  await allow(create);
  await denied(make(), 'kms:Decrypt');
  await allow(create, decrypt);
  const { customModelDeploymentArn: arn = '' } = await make();
  await settle(arn);
  const invoke = () => runtime.send(new InvokeModelCommand({ modelId: arn, body }));
  await denied(
    invoke(),
    'bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment',
  );
  await allow({ Action: 'bedrock:InvokeModel', Resource: arn });
  await denied(invoke(), 'kms:Decrypt');
  await allow({ Action: 'bedrock:InvokeModel', Resource: arn }, decrypt);
  await invoke();
  await denied(
    control.send(new GetCustomModelDeploymentCommand({ customModelDeploymentIdentifier: 'locked' })),
    'bedrock:GetCustomModelDeployment',
  );
  await server.kms.send(new DisableKeyCommand({ KeyId: keyArn }));
  await assertRefused(invoke(), 'ValidationException', 400, /its state is Disabled/);
});
