import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import {
  CreateCustomModelDeploymentCommand,
  CreateModelCustomizationJobCommand,
  ListFoundationModelsCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  ChangePasswordCommand,
  CreateAccessKeyCommand,
  CreateLoginProfileCommand,
  CreateRoleCommand,
  CreateServiceSpecificCredentialCommand,
  CreateUserCommand,
  UpdateLoginProfileCommand,
} from '@aws-sdk/client-iam';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import type { TrailRecord } from '../../src/domain/trail/record.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, type Credentials, ROOT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { allow, makeUser, refused, trust } from './access-support.ts';

const SECOND = '111122223333';
const PASSWORD = 'Correct-Horse-7';

describe('the audit trail', () => {
  let server: TestServer;
  let clients: TestClients;
  let ada: Credentials;
  const trailBucket = { name: 'trails', keyPrefix: 'kept/' };

  before(async () => {
    server = await startServer({ config: { trailEvents: 'all', trailBucket, trailDeliverySeconds: 1 } });
    clients = server.clients();
    ada = await makeUser(server, 'ada', allow('sts:AssumeRole'));
    await makeUser(server, 'eve');
    await clients.s3.send(new CreateBucketCommand({ Bucket: 'pets' }));
    await clients.iam.send(new CreateLoginProfileCommand({ UserName: 'eve', Password: PASSWORD }));
  });
  after(() => server.close());

  function records(): TrailRecord[] {
    const folder = join(server.dataDirectory, 'trail');
    const files = readdirSync(folder).filter(name => name.endsWith('.jsonl'));
    return files.flatMap(name =>
      readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line)),
    );
  }
  const last = (eventName: string) => records().findLast(record => record.eventName === eventName);
  const answered = (eventName: string, member: string) =>
    last(eventName)?.responseElements?.[member] as Record<string, unknown> | undefined;
  const lookUp = async (query: Record<string, string>, options: Parameters<typeof callRoute>[3] = {}) => {
    const { status, json } = await callRoute(server, 'GET', `/trail?${new URLSearchParams(query)}`, options);
    assert.equal(status, 200, JSON.stringify(json));
    return json as { events: TrailRecord[]; nextToken?: string };
  };

  it('has a call of each service in it before its answer is there', async () => {
    await clients.iam.send(new CreateUserCommand({ UserName: 'zoe' }));
    assert.equal(last('CreateUser')?.requestParameters?.userName, 'zoe');
    assert.equal(answered('CreateUser', 'user')?.userName, 'zoe');
    await clients.kms.send(new CreateKeyCommand({}));
    assert.equal(last('CreateKey')?.eventSource, 'kms.amazonaws.com');
    await clients.bedrock.send(new ListFoundationModelsCommand({}));
    const listed = last('ListFoundationModels');
    assert.deepEqual([listed?.readOnly, listed?.responseElements], [true, null]);
    assert.match(listed?.userAgent ?? '', /aws-sdk-js/);
    assert.equal(last('CreateBucket')?.requestParameters?.bucketName, 'pets');
    await callRoute(server, 'POST', '/accounts', { body: { accountId: SECOND } });
    assert.deepEqual(last('CreateAccount')?.requestParameters, { accountId: SECOND });
  });

  it('has what was denied, malformed, unsigned or wrongly signed', async () => {
    const { iam } = server.clients({ credentials: ada });
    await refused(iam.send(new CreateUserCommand({ UserName: 'mallory' })), 'AccessDenied', 403);
    const denied = last('CreateUser');
    assert.deepEqual([denied?.errorCode, denied?.responseElements], ['AccessDenied', null]);
    assert.match(denied?.errorMessage ?? '', /iam:CreateUser/);
    assert.equal(denied?.userIdentity.userName, 'ada');
    await refused(clients.iam.send(new CreateUserCommand({ UserName: 'a b' })), 'ValidationError', 400);
    assert.equal(last('CreateUser')?.errorCode, 'ValidationError');
    await refused(
      clients.bedrock.send(new CreateCustomModelDeploymentCommand({ modelDeploymentName: 'x', modelArn: 'y' })),
      'ValidationException',
      400,
    );
    assert.equal(last('CreateCustomModelDeployment')?.errorCode, 'ValidationException');
    const wrong = server.clients({ credentials: { ...ROOT, secretAccessKey: 'wrong' } });
    await assert.rejects(wrong.kms.send(new CreateKeyCommand({})));
    assert.deepEqual(last('CreateKey')?.userIdentity, { type: 'Unknown', accessKeyId: ROOT.accessKeyId });
    assert.equal((await fetch(`${server.endpoint}/pets?policy`, { method: 'DELETE' })).status, 403);
    const unsigned = last('DeleteBucketPolicy');
    assert.equal(unsigned?.userIdentity.accountId, 'ANONYMOUS_PRINCIPAL');
    assert.equal(unsigned?.recipientAccountId, ACCOUNT);
  });

  it('has who signed in, and tries that failed', async () => {
    const body = { account: ACCOUNT, userName: 'eve', password: PASSWORD };
    await callRoute(server, 'POST', '/sign-in', { body: { ...body, password: 'wrong' }, credentials: null });
    assert.deepEqual(last('ConsoleLogin')?.responseElements, { ConsoleLogin: 'Failure' });
    await callRoute(server, 'POST', '/sign-in', { body, credentials: null });
    const signedIn = last('ConsoleLogin');
    assert.deepEqual(signedIn?.responseElements, { ConsoleLogin: 'Success' });
    assert.deepEqual([signedIn?.userIdentity.userName, signedIn?.eventType], ['eve', 'AwsConsoleSignIn']);
    const health = await callRoute(server, 'GET', '/health', { credentials: null });
    assert.equal(health.status, 200);
    assert.notEqual(records().at(-1)?.eventSource, 'likeness.amazonaws.com');
  });

  it('holds none of the secrets that went in or came out, and no prompt', async () => {
    const { iam, sts, kms, s3, runtime } = clients;
    const secrets: (string | undefined)[] = [PASSWORD, 'Another-Horse-8', 'a plain text of mine', 'a caption of mine'];
    const key = await iam.send(new CreateAccessKeyCommand({ UserName: 'eve' }));
    secrets.push(key.AccessKey?.SecretAccessKey);
    await iam.send(new UpdateLoginProfileCommand({ UserName: 'eve', Password: 'Another-Horse-8' }));
    await assert.rejects(iam.send(new UpdateLoginProfileCommand({ UserName: 'eve', Password: `${PASSWORD}\u0007` })));
    await assert.rejects(iam.send(new ChangePasswordCommand({ OldPassword: PASSWORD, NewPassword: PASSWORD })));
    const api = await iam.send(
      new CreateServiceSpecificCredentialCommand({ UserName: 'eve', ServiceName: 'bedrock.amazonaws.com' }),
    );
    secrets.push(api.ServiceSpecificCredential?.ServiceCredentialSecret);
    const made = await iam.send(
      new CreateRoleCommand({ RoleName: 'reader', AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) }),
    );
    const session = await sts.send(new GetSessionTokenCommand({}));
    const assumed = await server
      .clients({ credentials: ada })
      .sts.send(new AssumeRoleCommand({ RoleArn: made.Role?.Arn, RoleSessionName: 'looking' }));
    for (const { Credentials } of [session, assumed])
      secrets.push(Credentials?.SecretAccessKey, Credentials?.SessionToken);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata?.KeyId;
    const Plaintext = Buffer.from('a plain text of mine');
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }));
    await kms.send(new DecryptCommand({ CiphertextBlob }));
    const dataKey = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    secrets.push(Buffer.from(dataKey.Plaintext ?? []).toString('base64'), Plaintext.toString('base64'));
    const SSECustomerKey = Buffer.alloc(32, 7).toString('base64');
    secrets.push(SSECustomerKey, ROOT.secretAccessKey, ada.secretAccessKey);
    const encryption = { SSECustomerAlgorithm: 'AES256', SSECustomerKey };
    await s3.send(new PutObjectCommand({ Bucket: 'pets', Key: 'a', Body: 'a caption of mine', ...encryption }));
    const text = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'a caption of mine' } };
    const modelId = 'amazon.titan-image-generator-v1';
    await runtime.send(new InvokeModelCommand({ modelId, body: JSON.stringify(text) }));
    await assert.rejects(runtime.send(new InvokeModelCommand({ modelId, body: '{"a caption of mine": 1}' })));
    assert.equal(last('InvokeModel')?.requestParameters?.modelId, modelId);
    const all = JSON.stringify(records());
    for (const secret of secrets) {
      assert.ok(secret && secret.length > 7, 'each secret was really there');
      for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
        assert.ok(!all.includes(form), `${form.slice(0, 4)}…`);
    }
    assert.equal(answered('CreateAccessKey', 'accessKey')?.status, 'Active');
    const role = last('AssumeRole');
    assert.deepEqual(
      [role?.requestParameters?.roleSessionName, role?.resources?.[0]?.type],
      ['looking', 'AWS::IAM::Role'],
    );
    assert.equal(answered('AssumeRole', 'credentials')?.accessKeyId, assumed.Credentials?.AccessKeyId);
    assert.match(String(answered('AssumeRole', 'assumedRoleUser')?.arn), /:assumed-role\/reader\/looking$/);
  });

  it("has who assumed a job's role for the service, and what was then read with it", async () => {
    const bedrock = trust({ Service: 'bedrock.amazonaws.com' });
    await clients.iam.send(new CreateRoleCommand({ RoleName: 'tuner', AssumeRolePolicyDocument: bedrock }));
    const roleArn = `arn:aws:iam::${ACCOUNT}:role/tuner`;
    const job = (name: string, role: string) =>
      clients.bedrock.send(
        new CreateModelCustomizationJobCommand({
          ...{ jobName: name, customModelName: name, roleArn: role },
          baseModelIdentifier: 'amazon.titan-image-generator-v1:0',
          hyperParameters: { stepCount: '10' },
          trainingDataConfig: { s3Uri: 's3://pets/train.jsonl' },
          outputDataConfig: { s3Uri: 's3://pets/output/' },
        }),
      );
    const { jobArn = '' } = await job('audited', roleArn);
    const sessionName = `BedrockModelCustomizationJob-${jobArn.split('/').at(-1)}`;
    const assumption = () => records().find(one => one.requestParameters?.roleSessionName === sessionName);
    const reading = () => records().find(one => one.userIdentity.arn?.toString().endsWith(sessionName));
    for (const deadline = Date.now() + 20_000; !reading() && Date.now() < deadline; ) await delay(50);
    const { responseElements, eventID, requestID, eventTime, ...entry } = assumption() ?? assert.fail('no entry');
    assert.ok(eventID && requestID && eventTime);
    assert.deepEqual(entry, {
      eventVersion: '1.11',
      userIdentity: { type: 'AWSService', invokedBy: 'bedrock.amazonaws.com' },
      ...{ eventSource: 'sts.amazonaws.com', eventName: 'AssumeRole', awsRegion: 'us-east-1' },
      ...{ sourceIPAddress: 'bedrock.amazonaws.com', userAgent: 'bedrock.amazonaws.com' },
      requestParameters: { roleArn, roleSessionName: sessionName, durationSeconds: 3600 },
      readOnly: true,
      resources: [{ accountId: ACCOUNT, type: 'AWS::IAM::Role', ARN: roleArn }],
      ...{ eventType: 'AwsApiCall', managementEvent: true, recipientAccountId: ACCOUNT, eventCategory: 'Management' },
    });
    const { credentials, assumedRoleUser } = responseElements as Record<string, Record<string, string>>;
    assert.equal(assumedRoleUser?.arn, `arn:aws:sts::${ACCOUNT}:assumed-role/tuner/${sessionName}`);
    assert.deepEqual(Object.keys(credentials ?? {}), ['accessKeyId', 'expiration']);
    assert.equal(reading()?.userIdentity.accessKeyId, credentials?.accessKeyId);

    await assert.rejects(job('refused', `arn:aws:iam::${ACCOUNT}:role/reader`), /Could not assume provided IAM role/);
    const refusal = last('AssumeRole');
    assert.deepEqual(
      [refusal?.userIdentity.invokedBy, refusal?.errorCode, refusal?.recipientAccountId, refusal?.responseElements],
      ['bedrock.amazonaws.com', 'AccessDenied', ACCOUNT, null],
    );
    assert.match(refusal?.errorMessage ?? '', /role\/reader: its trust policy does not allow the service/);
  });

  it('is looked up by time, name and user, page by page, each account and Region for itself', async () => {
    const from = new Date().toISOString();
    await delay(1000);
    const { iam } = server.clients({ credentials: ada });
    for (let count = 0; count < 3; count++)
      await assert.rejects(iam.send(new CreateUserCommand({ UserName: `u${count}` })));
    const first = await lookUp({ eventName: 'CreateUser', userName: 'ada', from, maxResults: '2' });
    assert.deepEqual(
      first.events.map(({ requestParameters }) => requestParameters?.userName),
      ['u2', 'u1'],
    );
    const query = { eventName: 'CreateUser', userName: 'ada', from, maxResults: '2', nextToken: first.nextToken ?? '' };
    const second = await lookUp(query);
    assert.deepEqual(
      second.events.map(({ requestParameters }) => requestParameters?.userName),
      ['u0'],
    );
    assert.deepEqual((await lookUp({ to: '2001-01-01' })).events, []);
    assert.deepEqual(
      (await lookUp({}, { region: 'eu-west-1' })).events.filter(one => one.awsRegion !== 'eu-west-1'),
      [],
    );
    const root = await callRoute(server, 'POST', '/accounts', { body: { accountId: '444455556666' } });
    const credentials = { accessKeyId: root.json.accessKeyId, secretAccessKey: root.json.secretAccessKey };
    assert.deepEqual((await lookUp({}, { credentials })).events, []);
    assert.equal((await callRoute(server, 'GET', '/trail', { credentials: ada })).status, 403);
    for (const wrong of ['from=soon', 'maxResults=51', 'readOnly=1', 'nextToken=../x:1', 'maxResults=0']) {
      const { status, json } = await callRoute(server, 'GET', `/trail?${wrong}`);
      assert.deepEqual([status, json.__type], [400, 'ValidationException'], wrong);
    }
  });

  it('reaches the bucket as soon as its policy lets it, each entry once', async () => {
    await clients.s3.send(new CreateBucketCommand({ Bucket: 'trails' }));
    const statement = {
      ...{ Effect: 'Allow', Principal: { Service: 'cloudtrail.amazonaws.com' }, Action: 's3:PutObject' },
      Resource: 'arn:aws:s3:::trails/kept/AWSLogs/*',
      Condition: { StringEquals: { 'aws:SourceArn': `arn:aws:cloudtrail:us-east-1:${ACCOUNT}:trail/likeness` } },
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    await clients.s3.send(new PutBucketPolicyCommand({ Bucket: 'trails', Policy }));
    const eventID = last('PutBucketPolicy')?.eventID;
    const Prefix = `kept/AWSLogs/${ACCOUNT}/CloudTrail/us-east-1/`;
    let delivered: TrailRecord[] = [];
    for (let tries = 0; tries < 50 && !delivered.some(record => record.eventID === eventID); tries++) {
      await delay(200);
      const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket: 'trails', Prefix }));
      delivered = [];
      for (const { Key } of Contents) {
        assert.match(Key ?? '', /\/\d{4}\/\d\d\/\d\d\/\d{12}_CloudTrail_us-east-1_\d{8}T\d{4}Z_\w{16}\.json\.gz$/);
        const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'trails', Key }));
        const bytes = await Body?.transformToByteArray();
        delivered.push(...JSON.parse(gunzipSync(bytes ?? '').toString()).Records);
      }
    }
    assert.ok(delivered.some(record => record.eventID === eventID));
    assert.equal(new Set(delivered.map(record => record.eventID)).size, delivered.length);
  });
});
