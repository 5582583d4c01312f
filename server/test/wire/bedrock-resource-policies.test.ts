import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateCustomModelDeploymentCommand,
  CreateProvisionedModelThroughputCommand,
  DeleteCustomModelCommand,
  DeleteResourcePolicyCommand,
  GetCustomModelCommand,
  GetResourcePolicyCommand,
  PutResourcePolicyCommand,
} from '@aws-sdk/client-bedrock';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  ACCOUNT,
  assertRefused,
  type BedrockServer,
  createModel,
  makeServiceRole,
  startBedrock,
} from './bedrock-server.ts';

const OTHER = '210987654321';
let server: BedrockServer;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'AmazonBedrockFineTuning');
});
after(() => server.stop());

const policy = (Principal: unknown, Action: string | string[], change: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal, Action, Resource: '*', ...change }],
  });

const put = (resourceArn: string, resourcePolicy: string) =>
  server.control().send(new PutResourcePolicyCommand({ resourceArn, resourcePolicy }));

async function makeUser(UserName: string, Statement: object[]) {
  await server.iam.send(new CreateUserCommand({ UserName }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await server.iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'only', PolicyDocument }));
  const { AccessKey } = await server.iam.send(new CreateAccessKeyCommand({ UserName }));
  return server.control('us-east-1', {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  });
}

test('a policy of a custom model is put, read, replaced and deleted, and goes with its model', async () => {
  const control = server.control();
  const { modelArn: resourceArn } = await createModel(server, roleArn, 'kept');
  const get = () => control.send(new GetResourcePolicyCommand({ resourceArn }));
  const end = () => control.send(new DeleteResourcePolicyCommand({ resourceArn }));
  await assertRefused(get(), 'ResourceNotFoundException', 404, /has no resource policy/);
  await assertRefused(end(), 'ResourceNotFoundException', 404, /has no resource policy/);
  const text = policy({ AWS: OTHER }, 'bedrock:GetCustomModel', { Resource: resourceArn });
  const answer = await put(resourceArn, text);
  assert.deepEqual([answer.$metadata.httpStatusCode, answer.resourceArn], [201, resourceArn]);
  assert.equal((await get()).resourcePolicy, text);
  await put(resourceArn, policy('*', 'bedrock:*'));
  assert.equal((await get()).resourcePolicy, policy('*', 'bedrock:*'));
  await end();
  await assertRefused(get(), 'ResourceNotFoundException', 404, /has no resource policy/);
  await put(resourceArn, text);
  await control.send(new DeleteCustomModelCommand({ modelIdentifier: 'kept' }));
  await assertRefused(get(), 'ResourceNotFoundException', 404, /no custom model/);
  assert.equal(await server.store.read(rows => rows.bedrock.resourcePolicyOf(resourceArn)), undefined);
});

test('what is no policy of a custom model is refused', async () => {
  const { modelArn, jobArn } = await createModel(server, roleArn, 'refusing');
  const refused = (resourceArn: string, text: string, message: RegExp) =>
    assertRefused(put(resourceArn, text), 'ValidationException', 400, message);
  await refused(modelArn, '{', /invalid Json/);
  await refused(modelArn, policy(undefined, 'bedrock:GetCustomModel'), /[Pp]rincipal/);
  await refused(modelArn, policy({ AWS: OTHER }, 'bedrock:*', { Resource: `${modelArn}x` }), /may only name/);
  await refused(jobArn, policy({ AWS: OTHER }, 'bedrock:*'), /must name a custom model of this account/);
  await refused('refusing', policy({ AWS: OTHER }, 'bedrock:*'), /must name a custom model of this account/);
  await refused(modelArn.replace(ACCOUNT, OTHER), policy('*', 'bedrock:*'), /must name a custom model of this account/);
});

test('within the account a policy adds its Allow, and its Deny wins', async () => {
  const { modelArn } = await createModel(server, roleArn, 'decided');
  const nobody = await makeUser('nobody', [{ Effect: 'Allow', Action: 'iam:Get*', Resource: '*' }]);
  const all = await makeUser('all', [{ Effect: 'Allow', Action: 'bedrock:*', Resource: '*' }]);
  const get = (control: typeof all) => control.send(new GetCustomModelCommand({ modelIdentifier: 'decided' }));
  const deploy = new CreateCustomModelDeploymentCommand({ modelDeploymentName: 'decided', modelArn });
  const buy = new CreateProvisionedModelThroughputCommand({
    provisionedModelName: 'decided',
    modelId: modelArn,
    modelUnits: 1,
  });
  const denied = (call: Promise<unknown>) => assertRefused(call, 'AccessDeniedException', 403, /not authorized/);
  await denied(get(nobody));
  await put(modelArn, policy({ AWS: `arn:aws:iam::${ACCOUNT}:user/nobody` }, 'bedrock:GetCustomModel'));
  assert.equal((await get(nobody)).modelArn, modelArn);
  await denied(nobody.send(deploy));
  await put(modelArn, policy('*', 'bedrock:*', { Effect: 'Deny' }));
  await denied(get(all));
  await denied(all.send(deploy));
  await denied(all.send(buy));
  await denied(all.send(new DeleteCustomModelCommand({ modelIdentifier: modelArn })));
  await all.send(new DeleteResourcePolicyCommand({ resourceArn: modelArn }));
  assert.equal((await get(all)).modelArn, modelArn);
});

test("another account reads a model by its ARN where its owner's policy says so, and finds none otherwise", async () => {
  const { modelArn } = await createModel(server, roleArn, 'shared');
  const credentials = await server.accounts.create({ accountId: OTHER, name: null });
  const other = server.control('us-east-1', credentials);
  const get = (modelIdentifier: string, control = other) =>
    control.send(new GetCustomModelCommand({ modelIdentifier }));
  await assertRefused(get(modelArn), 'ResourceNotFoundException', 404, /no custom model/);
  await put(modelArn, policy({ AWS: '333333333333' }, 'bedrock:GetCustomModel'));
  await assertRefused(get(modelArn), 'AccessDeniedException', 403, /no resource-based policy allows/);
  await put(modelArn, policy({ AWS: OTHER }, 'bedrock:GetCustomModel'));
  assert.equal((await get(modelArn)).modelName, 'shared');
  await assertRefused(get('shared'), 'ResourceNotFoundException', 404, /no custom model shared/);
  await assertRefused(
    get(modelArn, server.control('eu-west-1', credentials)),
    'ResourceNotFoundException',
    404,
    /no custom model/,
  );
  await assertRefused(
    other.send(new DeleteCustomModelCommand({ modelIdentifier: modelArn })),
    'AccessDeniedException',
    403,
    /no resource-based policy allows/,
  );
  await put(modelArn, policy({ AWS: OTHER }, 'bedrock:*'));
  await assertRefused(
    other.send(new DeleteCustomModelCommand({ modelIdentifier: modelArn })),
    'ResourceNotFoundException',
    404,
    /no custom model/,
  );
  assert.equal((await get('shared', server.control())).modelArn, modelArn, 'the owner has it still');
});
