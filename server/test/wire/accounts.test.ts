import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CreateProvisionedModelThroughputCommand, ListCustomModelsCommand } from '@aws-sdk/client-bedrock';
import { CreateUserCommand, ListUsersCommand } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3';
import { GetAccessKeyInfoCommand, GetCallerIdentityCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, type Credentials, startServer, type TestServer } from '../support/server.ts';
import { createJob, getJob, putDataSet, putRole } from '../support/training-data.ts';
import { allow, document, makeUser, refused } from './access-support.ts';

const SECOND = '111122223333';

describe('several accounts', () => {
  let server: TestServer;
  let second: Credentials;
  const inference = createInProcessInference({ capacity: 2, loadMilliseconds: 1, invokeMilliseconds: 1 });

  const compute = createInProcessCompute({ slots: 1, millisecondsAStep: 5 });

  before(async () => {
    server = await startServer({ overrides: { inference, compute } });
    const { status, json } = await callRoute(server, 'POST', '/accounts', {
      body: { accountId: SECOND, name: 'studio' },
    });
    assert.equal(status, 201);
    second = { accessKeyId: json.accessKeyId, secretAccessKey: json.secretAccessKey };
  });
  after(() => server.close());

  it('have a root key each, and are listed', async () => {
    const { sts } = server.clients({ credentials: second });
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    assert.equal(Arn, `arn:aws:iam::${SECOND}:root`);
    const { json } = await callRoute(server, 'GET', '/accounts');
    const rows = json.accounts.map((row: Record<string, string>) => [row.accountId, row.name, row.status]);
    assert.deepEqual(rows, [
      [ACCOUNT, null, 'ACTIVE'],
      [SECOND, 'studio', 'ACTIVE'],
    ]);
    const { Credentials: session } = await sts.send(new GetSessionTokenCommand({}));
    const ofSession = new GetAccessKeyInfoCommand({ AccessKeyId: session?.AccessKeyId });
    assert.equal((await server.clients().sts.send(ofSession)).Account, SECOND);
    const info = await server.clients().sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: second.accessKeyId }));
    assert.equal(info.Account, SECOND);
  });

  it('refuse an id that is taken or out of form, and a name that is no text', async () => {
    const taken = await callRoute(server, 'POST', '/accounts', { body: { accountId: SECOND } });
    assert.deepEqual([taken.status, taken.json.__type], [409, 'EntityAlreadyExists']);
    for (const body of [{}, { accountId: 12 }, { accountId: '12' }, { accountId: '1111222233334' }]) {
      const answer = await callRoute(server, 'POST', '/accounts', { body });
      assert.deepEqual([answer.status, answer.json.__type], [400, 'ValidationException'], JSON.stringify(body));
    }
    const named = await callRoute(server, 'POST', '/accounts', { body: { accountId: '444455556666', name: '' } });
    assert.equal(named.status, 400);
  });

  it('are administered by the first alone, with its permission', async () => {
    const foreign = await callRoute(server, 'GET', '/accounts', { credentials: second });
    assert.deepEqual([foreign.status, foreign.json.__type], [403, 'AccessDeniedException']);
    const user = await makeUser(server, 'clerk', allow('likeness:ListAccounts'));
    assert.equal((await callRoute(server, 'GET', '/accounts', { credentials: user })).status, 200);
    const body = { accountId: '444455556666' };
    assert.equal((await callRoute(server, 'POST', '/accounts', { credentials: user, body })).status, 403);
  });

  it('keep names apart, and share only the name space of buckets', async () => {
    const [ours, theirs] = [server.clients(), server.clients({ credentials: second })];
    await ours.iam.send(new CreateUserCommand({ UserName: 'ada' }));
    await theirs.iam.send(new CreateUserCommand({ UserName: 'ada' }));
    const { Users } = await theirs.iam.send(new ListUsersCommand({}));
    assert.deepEqual(
      Users?.map(user => user.Arn),
      [`arn:aws:iam::${SECOND}:user/ada`],
    );
    await ours.s3.send(new CreateBucketCommand({ Bucket: 'first-bucket' }));
    await refused(theirs.s3.send(new CreateBucketCommand({ Bucket: 'first-bucket' })), 'BucketAlreadyExists', 409);
    const { Buckets } = await theirs.s3.send(new ListBucketsCommand({}));
    assert.deepEqual(Buckets ?? [], []);
    await refused(theirs.s3.send(new ListObjectsV2Command({ Bucket: 'first-bucket' })), 'AccessDenied', 403);
    const { modelSummaries } = await theirs.bedrock.send(new ListCustomModelsCommand({}));
    assert.deepEqual(modelSummaries, []);
  });

  it('reach one another by resource policy', async () => {
    const [ours, theirs] = [server.clients(), server.clients({ credentials: second })];
    await ours.s3.send(new CreateBucketCommand({ Bucket: 'shared-bucket' }));
    const Policy = document(
      allow('s3:ListBucket', 'arn:aws:s3:::shared-bucket', { Principal: { AWS: `arn:aws:iam::${SECOND}:root` } }),
    );
    await ours.s3.send(new PutBucketPolicyCommand({ Bucket: 'shared-bucket', Policy }));
    await theirs.s3.send(new ListObjectsV2Command({ Bucket: 'shared-bucket' }));
  });

  it('are refused at once while disabled, keys and sessions alike, and let in again when enabled', async () => {
    const clients = server.clients({ credentials: second });
    const { Credentials: session } = await clients.sts.send(new GetSessionTokenCommand({}));
    const temporary = server.clients({
      credentials: {
        accessKeyId: session?.AccessKeyId ?? '',
        secretAccessKey: session?.SecretAccessKey ?? '',
        sessionToken: session?.SessionToken ?? '',
      },
    });
    const disabled = await callRoute(server, 'POST', `/accounts/${SECOND}/disable`);
    assert.deepEqual([disabled.status, disabled.json.status], [200, 'DISABLED']);
    await refused(clients.s3.send(new ListBucketsCommand({})), 'InvalidAccessKeyId', 403);
    await refused(clients.sts.send(new GetCallerIdentityCommand({})), 'InvalidClientTokenId', 403);
    await refused(clients.bedrock.send(new ListCustomModelsCommand({})), 'UnrecognizedClientException', 403);
    await refused(temporary.sts.send(new GetCallerIdentityCommand({})), 'InvalidClientTokenId', 403);
    await callRoute(server, 'POST', `/accounts/${SECOND}/enable`);
    await clients.s3.send(new ListBucketsCommand({}));
    await temporary.sts.send(new GetCallerIdentityCommand({}));
  });

  it('lose their units and trainings while disabled, and get them back', async () => {
    const clients = server.clients({ credentials: second });
    await putDataSet(clients, 'studio-data');
    await createJob(clients, 'studio-data', await putRole(clients, 'trainer'), { stepCount: '40000' });
    await clients.bedrock.send(
      new CreateProvisionedModelThroughputCommand({
        provisionedModelName: 'studio-units',
        modelId: 'amazon.titan-image-generator-v1:0',
        modelUnits: 1,
      }),
    );
    const working = async (count: number) => {
      const counts = () => [inference.units.length, compute.running().length];
      for (let tries = 0; tries < 400 && counts().some(found => found !== count); tries++)
        await new Promise(resolve => setTimeout(resolve, 50));
      assert.deepEqual(counts(), [count, count]);
    };
    await working(1);
    await callRoute(server, 'POST', `/accounts/${SECOND}/disable`);
    await working(0);
    await callRoute(server, 'POST', `/accounts/${SECOND}/enable`);
    await working(1);
  });

  it('cannot lose the one that administers them', async () => {
    const own = await callRoute(server, 'POST', `/accounts/${ACCOUNT}/disable`);
    assert.deepEqual([own.status, own.json.__type], [409, 'ConflictException']);
    const unknown = await callRoute(server, 'POST', '/accounts/000000000001/disable');
    assert.deepEqual([unknown.status, unknown.json.__type], [404, 'ResourceNotFoundException']);
  });
});

describe('an account that is disabled while the server is away', () => {
  it('has no training that a crash left running, and gets its own back', async () => {
    const compute = createInProcessCompute({ slots: 1, millisecondsAStep: 5 });
    const first = await startServer({ overrides: { compute } });
    const account = await callRoute(first, 'POST', '/accounts', { body: { accountId: SECOND } });
    const { accessKeyId, secretAccessKey } = account.json;
    const credentials = { accessKeyId, secretAccessKey };
    const clients = first.clients({ credentials });
    await putDataSet(clients, 'orphaned');
    const role = await putRole(clients, 'trainer');
    const jobArn = await createJob(clients, 'orphaned', role, { stepCount: '40000' });
    const counts = async (count: number) => {
      for (let tries = 0; tries < 400 && compute.running().length !== count; tries++)
        await new Promise(resolve => setTimeout(resolve, 50));
      assert.equal(compute.running().length, count);
    };
    await counts(1);
    const [runDirectory = ''] = compute.running();
    await callRoute(first, 'POST', `/accounts/${SECOND}/disable`);
    await counts(0);
    const { dataDirectory } = first;
    await first.close({ keepData: true });
    // As after a kill -9: the trainer of the newest attempt lives, and no server watches it.
    await rm(join(runDirectory, 'result.json'));
    await rm(join(runDirectory, 'stop'));
    await compute.start({ runDirectory, jobId: jobArn.slice(-12) });
    await counts(1);

    const second = await startServer({ dataDirectory, overrides: { compute } });
    try {
      await counts(0);
      await callRoute(second, 'POST', `/accounts/${SECOND}/enable`);
      await counts(1);
      const { status } = await getJob(second.clients({ credentials }), jobArn);
      assert.equal(status, 'InProgress');
    } finally {
      await second.close();
    }
  });
});
