import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateCustomModelDeploymentCommand,
  CreateProvisionedModelThroughputCommand,
  ListCustomModelsCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { ListUsersCommand } from '@aws-sdk/client-iam';
import { ListKeysCommand } from '@aws-sdk/client-kms';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { systemTime } from '../../src/adapters/system.ts';
import { callRoute } from '../support/routes.ts';
import { type Credentials, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { refused } from './access-support.ts';
import { assertRefused, type BedrockServer, createModel, makeServiceRole, startBedrock } from './bedrock-server.ts';

const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron the dog in a basket' } });

describe('requests a second', () => {
  let server: TestServer;
  let second: Credentials;

  before(async () => {
    const requestsPerSecond = { s3: 1, iam: 1, sts: 1, kms: 1, bedrock: 1, 'bedrock-runtime': 1, likeness: 2 };
    // A clock that stands still: no test waits for another second, and none is as slow as to see it.
    const at = new Date();
    server = await startServer({
      config: { requestsPerSecond },
      overrides: { time: { ...systemTime(), now: () => at } },
    });
    const { json } = await callRoute(server, 'POST', '/accounts', { body: { accountId: '111122223333' } });
    second = { accessKeyId: json.accessKeyId, secretAccessKey: json.secretAccessKey };
  });
  after(() => server.close());

  it("past an account's are refused in each service's own words, and no other account's", async () => {
    const [ours, theirs] = [server.clients(), server.clients({ credentials: second })];
    const calls: [string, number, (clients: TestClients) => Promise<unknown>][] = [
      ['SlowDown', 503, ({ s3 }) => s3.send(new ListBucketsCommand({}))],
      ['Throttling', 400, ({ iam }) => iam.send(new ListUsersCommand({}))],
      ['Throttling', 400, ({ sts }) => sts.send(new GetCallerIdentityCommand({}))],
      ['ThrottlingException', 400, ({ kms }) => kms.send(new ListKeysCommand({}))],
      ['ThrottlingException', 429, ({ bedrock }) => bedrock.send(new ListCustomModelsCommand({}))],
    ];
    for (const [code, status, call] of calls) {
      await call(ours);
      await refused(call(ours), code, status);
      await call(theirs);
    }
  });

  it('past them get a time to come back from a route', async () => {
    await callRoute(server, 'GET', '/base-models');
    const { status, headers, json } = await callRoute(server, 'GET', '/base-models');
    assert.deepEqual([status, json.__type, headers['retry-after']], [429, 'ThrottlingException', '1']);
    assert.match(json.message, /2 likeness requests a second .*LIKENESS_REQUESTS_PER_SECOND/);
  });
});

describe('quotas', () => {
  let server: BedrockServer;
  let modelArn: string;

  before(async () => {
    const quotas = { noCommitmentModelUnits: 1, modelUnitsEach: 2, deploymentsInProgress: 1, invocationsPerMinute: 1 };
    server = await startBedrock({ quotas });
    ({ modelArn } = await createModel(server, await makeServiceRole(server.iam, 'trainer'), 'ron'));
  });
  after(() => server.stop());

  const buy = (provisionedModelName: string, change: object = {}) =>
    server.control().send(
      new CreateProvisionedModelThroughputCommand({
        provisionedModelName,
        modelId: modelArn,
        modelUnits: 1,
        ...change,
      }),
    );

  it('of model units count those without a commitment for custom models, and those of one purchase', async () => {
    await assertRefused(
      buy('much', { modelUnits: 3 }),
      'ServiceQuotaExceededException',
      400,
      /2 model units, by Provisioned Throughput.*LIKENESS_UNITS_EACH/,
    );
    await buy('first');
    await assertRefused(
      buy('second'),
      'ServiceQuotaExceededException',
      400,
      /^Your account does not currently have any no commitment model units reserved for amazon\.titan-image-generator-v1:0\. The quota is 1 /,
    );
    await buy('committed', { commitmentDuration: 'OneMonth' });
    await buy('base', { modelId: 'amazon.titan-image-generator-v1:0' });
  });

  it('of deployments count those that are not Active yet', async () => {
    const deploy = (modelDeploymentName: string) =>
      server.control().send(new CreateCustomModelDeploymentCommand({ modelDeploymentName, modelArn }));
    await deploy('one');
    await assertRefused(deploy('two'), 'ServiceQuotaExceededException', 400, /LIKENESS_DEPLOYMENTS_IN_PROGRESS/);
  });

  it('of invocations on demand count by Region and model, whatever the model is called', async () => {
    const invoke = (modelId: string, region = 'us-east-1') =>
      server.runtime(region).send(new InvokeModelCommand({ modelId, body }));
    const modelId = 'amazon.titan-image-generator-v2:0';
    await invoke(modelId);
    const arn = `arn:aws:bedrock:us-east-1::foundation-model/${modelId}`;
    await assertRefused(invoke(arn), 'ThrottlingException', 429, /1 invocations on demand a minute/);
    await invoke('amazon.titan-image-generator-v1');
    await invoke(modelId, 'us-west-2');
  });
});
