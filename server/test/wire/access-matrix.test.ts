import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as bedrock from '@aws-sdk/client-bedrock';
import * as runtime from '@aws-sdk/client-bedrock-runtime';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import constraints from '../../generated/constraints.json' with { type: 'json' };
import { ACCOUNT, type Credentials, startServer, type TestServer } from '../support/server.ts';
import { document, makeOtherAccount, makeUser, type Refused } from './access-support.ts';

/** Every operation of a service that is implemented: the file of constraints names them all. */
const OPERATIONS = Object.fromEntries(
  Object.entries(constraints.services).map(([service, { operations }]) => [service, Object.keys(operations)]),
);
// The rest of the runtime's table are refusals by name.
OPERATIONS['bedrock-runtime'] = ['InvokeModel'];
const MODULES: Record<string, object> = { s3, iam, kms, bedrock, 'bedrock-runtime': runtime };
const BUCKET = 'a-bucket-of-the-account';
const ARN = (what: string) => `arn:aws:bedrock:us-east-1:${ACCOUNT}:${what}`;

interface Client {
  send(command: never): Promise<unknown>;
  middlewareStack: { addRelativeTo(middleware: unknown, options: object): void };
}

const asRefused = (error: Refused) => error;

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

  /** Calls one operation, and answers what came of it. */
  async function call(service: string, operation: string, client: Client): Promise<Refused | undefined> {
    const Command = (MODULES[service] as Record<string, new (input: unknown) => never>)[`${operation}Command`];
    assert.ok(Command, `${service} has no ${operation}`);
    return await client.send(new Command({ ...inputs[service] })).then(answer => {
      // AWS: deleting many answers 200, and says for each key that it was refused.
      const errors = (answer as s3.DeleteObjectsCommandOutput).Errors;
      const code = errors?.[0]?.Code;
      return code === undefined ? undefined : { name: code, message: '', $metadata: { httpStatusCode: 403 } };
    }, asRefused);
  }

  const clientOf = (service: string, credentials?: Credentials): Client => {
    const { runtime: ofRuntime, ...clients } = server.clients(credentials && { credentials });
    return Object.entries({ ...clients, 'bedrock-runtime': ofRuntime }).find(
      ([name]) => name === service,
    )?.[1] as Client;
  };

  for (const service of ['s3', 'iam', 'kms', 'bedrock', 'bedrock-runtime'])
    it(`of ${service} is closed to a user without policies`, async () => {
      const client = clientOf(service, nobody);
      for (const operation of OPERATIONS[service] ?? []) {
        const error = await call(service, operation, client);
        const status = error?.$metadata?.httpStatusCode;
        const said = `${operation}: ${status} ${error?.name} ${error?.message}`;
        assert.ok(error !== undefined && status === (service === 'kms' ? status : 403), said);
        // HEAD has no body to say a code in.
        if (!operation.startsWith('Head')) assert.match(error.name, /^AccessDenied(Exception)?$/, said);
      }
    });

  for (const service of ['s3', 'iam', 'kms', 'bedrock', 'bedrock-runtime'])
    it(`of ${service} is closed to the unsigned`, async () => {
      const client = clientOf(service);
      client.middlewareStack.addRelativeTo(unsign, { relation: 'after', toMiddleware: 'httpSigningMiddleware' });
      for (const operation of OPERATIONS[service] ?? []) {
        const error = await call(service, operation, client);
        const said = `${operation}: ${error?.$metadata?.httpStatusCode} ${error?.name} ${error?.message}`;
        // Unsigned requests go to S3, whatever they are; KMS is known by its header.
        if (service === 's3') assert.equal(error?.$metadata?.httpStatusCode, 403, said);
        else assert.ok((error?.$metadata?.httpStatusCode ?? 200) >= 400, said);
      }
    });

  /** What a stranger may ask of his own account, whatever he names of ours. */
  const OWN: Record<string, Set<string>> = {
    s3: new Set(['ListBuckets', 'CreateBucket']),
    kms: new Set(['CreateKey', 'ListKeys', 'ListAliases', 'GenerateRandom', 'ListRetirableGrants']),
    bedrock: new Set([
      ...['ListModelCustomizationJobs', 'ListCustomModels', 'ListProvisionedModelThroughputs'],
      ...['ListFoundationModels', 'GetFoundationModel'],
    ]),
  };
  for (const service of ['s3', 'kms', 'bedrock'])
    it(`of ${service} on what is ours is closed to another account's root`, async () => {
      const client = clientOf(service, outsider);
      for (const operation of OPERATIONS[service] ?? []) {
        if (OWN[service]?.has(operation)) continue;
        const error = await call(service, operation, client);
        const status = error?.$metadata?.httpStatusCode ?? 200;
        const said = `${operation}: ${status} ${error?.name} ${error?.message}`;
        assert.ok(status >= 400 && status < 500, said);
        if (service === 's3') assert.equal(status, 403, said);
        if (service === 'kms') assert.match(error?.name ?? '', /^(AccessDenied|NotFound)Exception$/, said);
      }
    });

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
  });
});
