// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CreateRoleCommand, PutRolePermissionsBoundaryCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { ACCOUNT, type Credentials, ROOT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeOtherAccount, makeUser, OTHER_ACCOUNT, refused, trust } from './access-support.ts';

describe('S3 under policies', () => {
  let server: TestServer;
  let root: S3Client;
  let outsider: Credentials;
  let made = 0;
  before(async () => {
    server = await startServer();
    root = server.clients().s3;
    outsider = await makeOtherAccount(server);
  });
  after(() => server.close());

  /** A bucket with pets/ron.jpg and secret/plan.txt in it. */
  const newBucket = async (...statements: object[]): Promise<string> => {
    const Bucket = `policies-${made++}`;
    await root.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ['pets/ron.jpg', 'secret/plan.txt'])
      await root.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    if (statements.length > 0) await setPolicy(Bucket, ...statements);
    return Bucket;
  };
  const setPolicy = async (Bucket: string, ...statements: object[]) => {
    const Policy = document(...statements).replaceAll('BUCKET', `arn:aws:s3:::${Bucket}`);
    await root.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  };
  const newUser = (...policies: object[]) => makeUser(server, `user-${made++}`, ...policies);
  const s3 = (credentials: Credentials) => server.clients({ credentials }).s3;
  const get = (client: S3Client, Bucket: string, Key = 'pets/ron.jpg') =>
    client.send(new GetObjectCommand({ Bucket, Key }));
  const anonymous = (path: string) => fetch(`${server.endpoint}/${path}`);

  it('lets a user read the folder that the policy names, and no other', async () => {
    const Bucket = await newBucket();
    const client = s3(
      await newUser(
        allow('s3:GetObject', `arn:aws:s3:::${Bucket}/pets/*`),
        allow('s3:ListBucket', `arn:aws:s3:::${Bucket}`, { Condition: { StringLike: { 's3:prefix': 'pets/*' } } }),
      ),
    );
    await get(client, Bucket);
    await refused(
      get(client, Bucket, 'secret/plan.txt'),
      'AccessDenied',
      403,
      'because no identity-based policy allows the s3:GetObject action',
    );
    assert.equal((await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'pets/' }))).KeyCount, 1);
    await refused(client.send(new ListObjectsV2Command({ Bucket })), 'AccessDenied', 403, 's3:ListBucket');
    await refused(
      client.send(new PutObjectCommand({ Bucket, Key: 'pets/x', Body: 'x' })),
      'AccessDenied',
      403,
      's3:PutObject',
    );
    await refused(
      client.send(new DeleteObjectCommand({ Bucket, Key: 'pets/ron.jpg' })),
      'AccessDenied',
      403,
      's3:DeleteObject',
    );
  });

  it('gives the world what the bucket policy gives it, and nothing more', async () => {
    const Bucket = await newBucket({ ...allow('s3:GetObject', 'BUCKET/pets/*'), Principal: '*' });
    const open = await anonymous(`${Bucket}/pets/ron.jpg`);
    assert.equal(open.status, 200);
    assert.equal(await open.text(), 'pets/ron.jpg');
    for (const path of [
      `${Bucket}/secret/plan.txt`,
      `${Bucket}/pets/absent`,
      `${Bucket}?list-type=2`,
      `${Bucket}?policy`,
    ]) {
      const closed = await anonymous(path);
      assert.equal(closed.status, 403, path);
      assert.match(await closed.text(), /<Code>AccessDenied<\/Code><Message>Access Denied<\/Message>/);
    }
    const put = await fetch(`${server.endpoint}/${Bucket}/pets/new`, { method: 'PUT', body: 'x' });
    assert.equal(put.status, 403);
  });

  it('keeps to the networks and transports that conditions name', async () => {
    const everyone = (Condition: object) => ({ ...allow('s3:GetObject', 'BUCKET/*', { Condition }), Principal: '*' });
    const local = await newBucket(everyone({ IpAddress: { 'aws:SourceIp': ['127.0.0.0/8', '::1/128'] } }));
    assert.equal((await anonymous(`${local}/pets/ron.jpg`)).status, 200);
    const elsewhere = await newBucket(everyone({ IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } }));
    assert.equal((await anonymous(`${elsewhere}/pets/ron.jpg`)).status, 403);
    const Condition = { Bool: { 'aws:SecureTransport': 'false' } };
    const tls = await newBucket({ ...allow('s3:*', 'BUCKET/*', { Condition }), Effect: 'Deny', Principal: '*' });
    await refused(get(root, tls), 'AccessDenied', 403, 'with an explicit deny in a resource-based policy');
  });

  it('lets the owner’s root out of a policy that denies everybody', async () => {
    const Bucket = await newBucket({ ...allow('s3:*', ['BUCKET', 'BUCKET/*']), Effect: 'Deny', Principal: '*' });
    await refused(get(root, Bucket), 'AccessDenied', 403, 'explicit deny');
    const admin = s3(await newUser(allow('*')));
    await refused(admin.send(new DeleteBucketPolicyCommand({ Bucket })), 'AccessDenied', 403, 'explicit deny');
    assert.match((await root.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? '', /Deny/);
    await root.send(new DeleteBucketPolicyCommand({ Bucket }));
    await get(root, Bucket);
  });

  it('lets another account in only by the bucket’s policy', async () => {
    const Bucket = await newBucket();
    const theirs = s3(outsider);
    await refused(get(theirs, Bucket), 'AccessDenied', 403, 'because no resource-based policy');
    await setPolicy(Bucket, { ...allow('s3:GetObject', 'BUCKET/pets/*'), Principal: { AWS: OTHER_ACCOUNT } });
    await get(theirs, Bucket);
    await refused(get(theirs, Bucket, 'secret/plan.txt'), 'AccessDenied', 403);
    await refused(theirs.send(new GetBucketPolicyCommand({ Bucket })), 'AccessDenied', 403);
  });

  it('holds a role’s session to the role’s boundary', async () => {
    const Bucket = await newBucket();
    const { iam } = server.clients();
    const caller = await newUser(allow('sts:AssumeRole'));
    const RoleName = 'bounded-reader';
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust({ AWS: ACCOUNT }) }));
    const PolicyDocument = document(allow('s3:*'));
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'all', PolicyDocument }));
    const { sts } = server.clients({ credentials: caller });
    const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${RoleName}`;
    const given = (await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'job' }))).Credentials;
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = given ?? {};
    const session = s3({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken });
    await session.send(new PutObjectCommand({ Bucket, Key: 'pets/smila.jpg', Body: 'x' }));
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
    await get(session, Bucket);
    await refused(
      session.send(new PutObjectCommand({ Bucket, Key: 'pets/x', Body: 'x' })),
      'AccessDenied',
      403,
      `User: arn:aws:sts::${ACCOUNT}:assumed-role/${RoleName}/job is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::${Bucket}/pets/x" because no permissions boundary allows the s3:PutObject action`,
    );
  });

  it('fills in who calls where a policy says ${aws:username}', async () => {
    const Bucket = await newBucket();
    const name = `homed-${made++}`;
    const credentials = await makeUser(server, name, allow('s3:*Object', 'arn:aws:s3:::*/home/${aws:username}/*'));
    const client = s3(credentials);
    await client.send(new PutObjectCommand({ Bucket, Key: `home/${name}/a`, Body: 'x' }));
    await refused(
      client.send(new PutObjectCommand({ Bucket, Key: 'home/somebody/a', Body: 'x' })),
      'AccessDenied',
      403,
    );
  });

  it('refuses a bucket policy that is malformed', async () => {
    const Bucket = await newBucket();
    const put = (Policy: string) => root.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    await refused(put('{'), 'MalformedPolicy', 400);
    await refused(put(document(allow('s3:GetObject', `arn:aws:s3:::${Bucket}/*`))), 'MalformedPolicy', 400);
  });

  it('can demand young signatures, TLS and conditional writes', async () => {
    const everyone = { Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } };
    const deny = (Condition: object) => ({
      ...allow('s3:*Object', 'BUCKET/*', { ...everyone, Condition }),
      Effect: 'Deny',
    });
    const old = await newBucket(deny({ NumericGreaterThan: { 's3:signatureAge': '600000' } }));
    await get(root, old);
    const settings = { endpoint: server.endpoint, region: 'us-east-1', credentials: ROOT, forcePathStyle: true };
    const late = new S3Client({ ...settings, maxAttempts: 1, systemClockOffset: -700_000 });
    await refused(get(late, old), 'AccessDenied', 403);
    late.destroy();
    const plain = await newBucket(deny({ NumericLessThan: { 's3:TlsVersion': '1.2' } }));
    await get(root, plain);
    await setPolicy(plain, deny({ Null: { 's3:TlsVersion': 'true' } }));
    await refused(get(root, plain), 'AccessDenied', 403);
    const Bucket = await newBucket();
    await setPolicy(Bucket, deny({ Null: { 's3:if-none-match': 'true' } }));
    const write = { Bucket, Key: 'new', Body: 'x' };
    await refused(root.send(new PutObjectCommand(write)), 'AccessDenied', 403);
    await root.send(new PutObjectCommand({ ...write, IfNoneMatch: '*' }));
  });
});
