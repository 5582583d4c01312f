import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as bedrock from '@aws-sdk/client-bedrock';
import * as runtime from '@aws-sdk/client-bedrock-runtime';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import { createBedrockService } from '../../src/services/bedrock/service.ts';
import { createBedrockRuntimeService } from '../../src/services/bedrock-runtime/service.ts';
import { createIamService } from '../../src/services/iam/service.ts';
import { createKmsService } from '../../src/services/kms/service.ts';
import { createS3Service } from '../../src/services/s3/service.ts';
import { createStsService } from '../../src/services/sts/service.ts';
import { loadContract, type ServiceName } from '../../src/wire/contract.ts';
import { previewRuntimeOperations } from '../../src/wire/preview-operations.ts';
import { sample } from '../support/schema-samples.ts';
import { ACCOUNT, type Credentials, startServer, type TestServer } from '../support/server.ts';
import { document, makeOtherAccount, makeUser, type Refused } from './access-support.ts';

// What a table is made with is not asked for until an operation runs.
const nothing = {} as never;
/** Every operation that is built: the tables themselves, so that a new one is asked about the day it is there. */
const OPERATIONS: Record<ServiceName, string[]> = {
  s3: Object.keys(createS3Service(nothing).operations),
  iam: Object.keys(createIamService(nothing).operations),
  sts: Object.keys(createStsService(nothing).operations),
  kms: Object.keys(createKmsService(nothing).operations),
  bedrock: Object.keys(createBedrockService(nothing).operations),
  // Those of a preview, which no SDK has, are asked by hand in their own wire tests.
  'bedrock-runtime': Object.keys(createBedrockRuntimeService(nothing).operations).filter(
    operation => !(`${operation}$` in previewRuntimeOperations),
  ),
};
const SERVICES = Object.keys(OPERATIONS) as ServiceName[];
const MODULES: Record<ServiceName, object> = { s3, iam, sts, kms, bedrock, 'bedrock-runtime': runtime };
const BUCKET = 'a-bucket-of-the-account';
const ARN = (what: string) => `arn:aws:bedrock:us-east-1:${ACCOUNT}:${what}`;

/** What AWS answers to every signed caller, whatever its policies. */
const FOR_ALL_SIGNED = new Set(['GetCallerIdentity', 'GetSessionToken']);
/** What a stranger's root may do in his own account, whatever he names of ours; all of IAM is his own. */
const IN_HIS_OWN = new Set([
  ...[
    'ListBuckets',
    'ListKeys',
    'ListAliases',
    'ListRetirableGrants',
    'DescribeCustomKeyStores',
    'CreateBucket',
    'CreateKey',
    'GenerateRandom',
    'GetFoundationModel',
    'GetModelInvocationLoggingConfiguration',
    'DeleteModelInvocationLoggingConfiguration',
  ],
  ...[...FOR_ALL_SIGNED, 'GetAccessKeyInfo', 'GetFederationToken'],
]);

interface Client {
  send(command: never): Promise<unknown>;
  middlewareStack: { addRelativeTo(middleware: unknown, options: object): void };
}

interface Outcome {
  status: number;
  name: string;
  answer: unknown;
}

/** Takes the signature off a request that was signed. */
const unsign =
  (next: (given: unknown) => unknown) =>
  (given: { request: { headers: Record<string, string> } }): unknown => {
    delete given.request.headers.authorization;
    return next(given);
  };

describe('every operation', () => {
  let server: TestServer;
  let nobody: Credentials;
  let outsider: Credentials;
  /** Members that the operations of a service need between them; each takes those that it knows. */
  let inputs: Record<string, Record<string, unknown>>;

  before(async () => {
    server = await startServer();
    nobody = await makeUser(server, 'unprivileged');
    outsider = await makeOtherAccount(server);
    const root = server.clients();
    await root.s3.send(new s3.CreateBucketCommand({ Bucket: BUCKET }));
    await root.s3.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key: 'ron.jpg', Body: 'ron' }));
    const { UploadId } = await root.s3.send(new s3.CreateMultipartUploadCommand({ Bucket: BUCKET, Key: 'ron.jpg' }));
    const { KeyMetadata } = await root.kms.send(new kms.CreateKeyCommand({}));
    const KeyId = KeyMetadata?.Arn ?? '';
    await root.kms.send(new kms.CreateAliasCommand({ AliasName: 'alias/ours', TargetKeyId: KeyId }));
    const { GrantId } = await root.kms.send(
      new kms.CreateGrantCommand({ KeyId, GranteePrincipal: `arn:aws:iam::${ACCOUNT}:root`, Operations: ['Decrypt'] }),
    );
    const sealed = await root.kms.send(new kms.EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));
    const modelArn = ARN('custom-model/amazon.titan-image-generator-v1:0/aaaaaaaaaaaa');
    inputs = {
      s3: {
        ...{
          Bucket: BUCKET,
          Key: 'ron.jpg',
          CopySource: `${BUCKET}/ron.jpg`,
          UploadId,
          PartNumber: 1,
          Body: 'changed',
        },
        Delete: { Objects: [{ Key: 'ron.jpg' }] },
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: 'x' }] },
        Policy: document({ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: `arn:aws:s3:::${BUCKET}/*` }),
        Tagging: { TagSet: [] },
        VersioningConfiguration: { Status: 'Suspended' },
        CORSConfiguration: { CORSRules: [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }] },
        ServerSideEncryptionConfiguration: { Rules: [] },
        PublicAccessBlockConfiguration: {},
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      },
      iam: {
        ...{ UserName: 'unprivileged', RoleName: 'role', GroupName: 'group', PolicyName: 'policy', VersionId: 'v1' },
        ...{ PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess', AccessKeyId: nobody.accessKeyId },
        PolicyDocument: document({ Effect: 'Allow', Action: '*', Resource: '*' }),
        AssumeRolePolicyDocument: document({ Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' }),
        ...{ Status: 'Active', Tags: [{ Key: 'a', Value: 'b' }], TagKeys: ['a'] },
        PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
        ...{ PolicySourceArn: `arn:aws:iam::${ACCOUNT}:user/unprivileged`, ActionNames: ['s3:GetObject'] },
        PolicyInputList: [document({ Effect: 'Allow', Action: '*', Resource: '*' })],
      },
      sts: {
        ...{ RoleArn: `arn:aws:iam::${ACCOUNT}:role/role`, RoleSessionName: 'session' },
        AccessKeyId: nobody.accessKeyId,
      },
      kms: {
        ...{
          KeyId,
          TargetKeyId: KeyId,
          AliasName: 'alias/ours',
          DestinationKeyId: KeyId,
          GrantId,
          PolicyName: 'default',
        },
        ...{ CiphertextBlob: sealed.CiphertextBlob, Plaintext: Buffer.from('x'), NumberOfBytes: 32 },
        Policy: document({ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }),
        ...{ Tags: [{ TagKey: 'a', TagValue: 'b' }], TagKeys: ['a'], Operations: ['Decrypt'], Description: 'x' },
        ...{ GranteePrincipal: `arn:aws:iam::${ACCOUNT}:user/unprivileged`, PendingWindowInDays: 7 },
        RetiringPrincipal: `arn:aws:iam::${ACCOUNT}:root`,
      },
      bedrock: {
        ...{ jobName: 'job', customModelName: 'model', roleArn: `arn:aws:iam::${ACCOUNT}:role/role` },
        baseModelIdentifier: 'amazon.titan-image-generator-v1:0',
        ...{
          trainingDataConfig: { s3Uri: `s3://${BUCKET}/train.jsonl` },
          outputDataConfig: { s3Uri: `s3://${BUCKET}/` },
        },
        ...{ hyperParameters: { stepCount: '10' }, jobIdentifier: ARN('model-customization-job/x/aaaaaaaaaaaa') },
        modelIdentifier: 'amazon.titan-image-generator-v1',
        ...{ provisionedModelName: 'units', provisionedModelId: ARN('provisioned-model/aaaaaaaaaaaa'), modelUnits: 1 },
        ...{ modelId: modelArn, resourceARN: modelArn, tags: [{ key: 'a', value: 'b' }], tagKeys: ['a'] },
      },
      'bedrock-runtime': { modelId: 'amazon.titan-image-generator-v1', body: '{}' },
    };
  });
  after(() => server.close());

  /** Calls one operation with what it must have; answers its refusal, or what it said instead. */
  async function call(service: ServiceName, operation: string, client: Client): Promise<Outcome> {
    const Command = (MODULES[service] as Record<string, new (input: unknown) => never>)[`${operation}Command`];
    const schema = loadContract(service).operations.get(operation)?.input;
    assert.ok(Command && schema, `${service} has no ${operation}`);
    const input = sample(schema, () => 0) as Record<string, unknown>;
    const members = new Map(schema.structIterator());
    // One name may be of two types: S3's Tagging is a header's text, or a body.
    for (const [name, value] of Object.entries(inputs[service] ?? {}))
      if (typeof value === 'string' || !members.get(name)?.isStringSchema()) input[name] = value;
    return await client.send(new Command(input)).then(
      answer => {
        // AWS: deleting many answers 200, and says for each key that it was refused.
        const code = (answer as s3.DeleteObjectsCommandOutput).Errors?.[0]?.Code;
        return code === undefined ? { status: 200, name: '', answer } : { status: 403, name: code, answer };
      },
      (error: Refused) => ({ status: error.$metadata?.httpStatusCode ?? 0, name: error.name, answer: error.message }),
    );
  }

  const clientOf = (service: ServiceName, credentials?: Credentials): Client => {
    const { runtime: ofRuntime, ...clients } = server.clients(credentials && { credentials });
    return { ...clients, 'bedrock-runtime': ofRuntime }[service] as Client;
  };
  const described = (operation: string, { status, name, answer }: Outcome) =>
    `${operation}: ${status} ${name} ${typeof answer === 'string' ? answer : ''}`;

  for (const service of SERVICES) {
    it(`of ${service} is closed to a user without policies`, async () => {
      const client = clientOf(service, nobody);
      for (const operation of OPERATIONS[service]) {
        if (FOR_ALL_SIGNED.has(operation)) continue;
        const outcome = await call(service, operation, client);
        const said = described(operation, outcome);
        assert.equal(outcome.status, service === 'kms' ? 400 : 403, said);
        // HEAD has no body to say a code in.
        if (!operation.startsWith('Head')) assert.match(outcome.name, /^AccessDenied(Exception)?$/, said);
      }
    });

    it(`of ${service} is closed to the unsigned`, async () => {
      const client = clientOf(service);
      client.middlewareStack.addRelativeTo(unsign, { relation: 'after', toMiddleware: 'httpSigningMiddleware' });
      for (const operation of OPERATIONS[service]) {
        const outcome = await call(service, operation, client);
        const said = described(operation, outcome);
        if (service === 's3') assert.equal(outcome.status, 403, said);
        else if (service.startsWith('bedrock'))
          assert.deepEqual([outcome.status, outcome.name], [403, 'MissingAuthenticationTokenException'], said);
        else assert.ok(outcome.status >= 400 && outcome.status < 500, said);
      }
    });

    it(`of ${service} tells and gives another account's root nothing of ours`, async () => {
      const client = clientOf(service, outsider);
      for (const operation of OPERATIONS[service]) {
        const outcome = await call(service, operation, client);
        const said = described(operation, outcome);
        const lists =
          service.startsWith('bedrock') && operation.startsWith('List') && operation !== 'ListTagsForResource';
        if (service === 'iam' || lists || IN_HIS_OWN.has(operation)) {
          assert.ok(outcome.status === 200 || (outcome.status >= 400 && outcome.status < 500), said);
          const told = outcome.status === 200 && operation !== 'GetAccessKeyInfo' ? JSON.stringify(outcome.answer) : '';
          assert.ok(!told.includes(ACCOUNT) || operation.startsWith('Simulate'), `${operation} told ${told}`);
          continue;
        }
        assert.ok(outcome.status >= 400 && outcome.status < 500, said);
        if (service === 's3') assert.equal(outcome.status, 403, said);
        if (service === 'kms') assert.match(outcome.name, /^(AccessDenied|NotFound)Exception$/, said);
      }
    });
  }

  it('left everything as it was', async () => {
    const root = server.clients();
    const { Body } = await root.s3.send(new s3.GetObjectCommand({ Bucket: BUCKET, Key: 'ron.jpg' }));
    assert.equal(await Body?.transformToString(), 'ron');
    await assert.rejects(root.s3.send(new s3.GetBucketPolicyCommand({ Bucket: BUCKET })), {
      name: 'NoSuchBucketPolicy',
    });
    const { Users } = await root.iam.send(new iam.ListUsersCommand({}));
    assert.deepEqual(
      Users?.map(user => user.UserName),
      ['unprivileged'],
    );
    const { KeyMetadata } = await root.kms.send(new kms.DescribeKeyCommand({ KeyId: 'alias/ours' }));
    assert.equal(KeyMetadata?.KeyState, 'Enabled');
    const mine = server.clients({ credentials: nobody }).sts;
    assert.match((await mine.send(new sts.GetCallerIdentityCommand({}))).Arn ?? '', /user\/unprivileged$/);
  });
});
