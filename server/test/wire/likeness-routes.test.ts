import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CreateRoleCommand, GetAccessKeyLastUsedCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, type Credentials, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeUser, trust } from './access-support.ts';

describe("the product's own routes", () => {
  let server: TestServer;
  let nobody: Credentials;

  before(async () => {
    server = await startServer();
    nobody = await makeUser(server, 'nobody');
  });
  after(() => server.close());

  it('answer health to everyone', async () => {
    const { status, json } = await callRoute(server, 'GET', '/health', { credentials: null });
    assert.equal(status, 200);
    assert.equal(json.status, 'ready');
  });

  it('say which base model answers behind each id, with its licence, usual steps, tasks and sizes', async () => {
    const { status, json } = await callRoute(server, 'GET', '/base-models');
    assert.equal(status, 200);
    const titan = json.baseModels.find(
      (row: { modelId: string }) => row.modelId === 'amazon.titan-image-generator-v1:0',
    );
    assert.equal(titan.baseModelId, 'likeness.art-v1');
    assert.equal(titan.customizable, true);
    assert.equal(titan.usualSteps, 600);
    assert.ok(titan.tasks.includes('TEXT_IMAGE'));
    assert.deepEqual(titan.sizes[0], { width: 1024, height: 1024 });
  });

  it('say what the service has to work with, and no path of its machine', async () => {
    const { status, json } = await callRoute(server, 'GET', '/doctor');
    assert.equal(status, 200);
    assert.ok(json.freeDiskBytes > 0);
    assert.ok(json.memoryBytes > 2 ** 28);
    assert.ok(!JSON.stringify(json).includes(server.dataDirectory));
  });

  it('tell the first account where the data folder is, and nobody else', async () => {
    const { status, json } = await callRoute(server, 'GET', '/data-folder');
    assert.deepEqual([status, json], [200, { path: server.dataDirectory }]);
    assert.equal((await callRoute(server, 'GET', '/data-folder', { credentials: nobody })).status, 403);
    const body = { accountId: '444455556666' };
    const { json: credentials } = await callRoute(server, 'POST', '/accounts', { body });
    const denied = await callRoute(server, 'GET', '/data-folder', { credentials });
    assert.deepEqual([denied.status, denied.json.__type], [403, 'AccessDeniedException']);
    assert.match(denied.json.message, /^Only the first account of this installation is told its data folder/);
  });

  it("say the quotas, AWS's beside them, and what sets them", async () => {
    const { status, json } = await callRoute(server, 'GET', '/quotas');
    assert.equal(status, 200);
    const jobs = json.quotas.find((quota: { name: string }) => quota.name === 'scheduledJobs');
    assert.deepEqual([jobs.value, jobs.awsCode, jobs.setting], [10, 'L-0406044C', 'LIKENESS_SCHEDULED_JOBS']);
    assert.deepEqual(json.requestsPerSecond, {});
  });

  it('want a signature of service likeness', async () => {
    const cases: [Parameters<typeof callRoute>[3], number, string][] = [
      [{ credentials: null }, 403, 'MissingAuthenticationTokenException'],
      [{ service: 's3' }, 403, 'InvalidSignatureException'],
      [{ say: { signature: '0'.repeat(64) } }, 403, 'InvalidSignatureException'],
      [{ at: new Date(Date.now() - 16 * 60_000) }, 403, 'InvalidSignatureException'],
      [
        { credentials: { accessKeyId: 'AKIANOBODYNOBODYNOB0', secretAccessKey: 'x' } },
        403,
        'UnrecognizedClientException',
      ],
      [{ say: { authorization: 'Bearer some-token' } }, 403, 'IncompleteSignatureException'],
    ];
    for (const [options, status, type] of cases) {
      const answer = await callRoute(server, 'GET', '/base-models', options);
      assert.deepEqual([answer.status, answer.json.__type], [status, type], JSON.stringify(options));
      assert.ok(answer.json.message.length > 10);
    }
  });

  it('are authorised as likeness: actions by the same policies', async () => {
    const denied = await callRoute(server, 'GET', '/base-models', { credentials: nobody });
    assert.deepEqual([denied.status, denied.json.__type], [403, 'AccessDeniedException']);
    assert.match(
      denied.json.message,
      /likeness:ListBaseModels on resource: arn:aws:likeness:us-east-1:123456789012:\*/,
    );
    const reader = await makeUser(server, 'reader', allow('likeness:List*', `arn:aws:likeness:eu-west-1:${ACCOUNT}:*`));
    const inRegion = await callRoute(server, 'GET', '/base-models', { credentials: reader, region: 'eu-west-1' });
    assert.equal(inRegion.status, 200);
    const elsewhere = await callRoute(server, 'GET', '/base-models', { credentials: reader });
    assert.equal(elsewhere.status, 403);
    const { iam } = server.clients();
    const use = await iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId: reader.accessKeyId }));
    assert.equal(use.AccessKeyLastUsed?.ServiceName, 'likeness');
  });

  it("take a role's session", async () => {
    const { iam } = server.clients();
    await iam.send(new CreateRoleCommand({ RoleName: 'console', AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) }));
    const PolicyDocument = document(allow('likeness:GetDoctor'));
    await iam.send(new PutRolePolicyCommand({ RoleName: 'console', PolicyName: 'p', PolicyDocument }));
    const user = await makeUser(server, 'visitor', allow('sts:AssumeRole'));
    const { Credentials: session } = await server
      .clients({ credentials: user })
      .sts.send(new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${ACCOUNT}:role/console`, RoleSessionName: 'visit' }));
    const credentials = {
      accessKeyId: session?.AccessKeyId ?? '',
      secretAccessKey: session?.SecretAccessKey ?? '',
      sessionToken: session?.SessionToken ?? '',
    };
    assert.equal((await callRoute(server, 'GET', '/doctor', { credentials })).status, 200);
    assert.equal((await callRoute(server, 'GET', '/base-models', { credentials })).status, 403);
  });

  it('name what is not there, a wrong method and a body that is no JSON object', async () => {
    const unknown = await callRoute(server, 'GET', '/nothing');
    assert.deepEqual([unknown.status, unknown.json.__type], [404, 'UnknownOperationException']);
    const method = await callRoute(server, 'DELETE', '/base-models');
    assert.deepEqual([method.status, method.headers.allow], [405, 'GET']);
    for (const body of ['{', '[]', 'null']) {
      const answer = await callRoute(server, 'POST', '/accounts', { body });
      assert.deepEqual([answer.status, answer.json.__type], [400, 'SerializationException'], body);
    }
  });
});
