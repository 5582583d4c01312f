import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  type PublicAccessBlockConfiguration,
  PutBucketPolicyCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { ACCOUNT, assertRefused, OTHER_ACCOUNT, otherRoot, startS3 } from './s3-server.ts';

const Bucket = 'blocked';
let server: Awaited<ReturnType<typeof startS3>>;
let s3: ReturnType<typeof server.client>;

before(async () => {
  server = await startS3();
  s3 = server.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'a' }));
});
after(() => server.stop());

const allow = (Principal: unknown, Condition?: object) => ({
  ...{ Effect: 'Allow', Principal, Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` },
  ...(Condition ? { Condition } : {}),
});
const setPolicy = (...Statement: object[]) =>
  s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
const setBlock = (PublicAccessBlockConfiguration: PublicAccessBlockConfiguration) =>
  s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
const getBlock = () => s3.send(new GetPublicAccessBlockCommand({ Bucket }));
const removeBlock = () => s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
const unsigned = async () => (await fetch(`${server.endpoint}/${Bucket}/a`)).status;

test('a block is set, answered with what was left out as off, and gone when deleted', async () => {
  await setBlock({ BlockPublicAcls: true, RestrictPublicBuckets: true });
  assert.deepEqual((await getBlock()).PublicAccessBlockConfiguration, {
    BlockPublicAcls: true,
    IgnorePublicAcls: false,
    BlockPublicPolicy: false,
    RestrictPublicBuckets: true,
  });
  assert.equal((await removeBlock()).$metadata.httpStatusCode, 204);
  await assertRefused(getBlock(), 404, 'NoSuchPublicAccessBlockConfiguration');
  assert.equal((await removeBlock()).$metadata.httpStatusCode, 204);
  const Missing = { Bucket: 'not-there', PublicAccessBlockConfiguration: {} };
  await assertRefused(s3.send(new PutPublicAccessBlockCommand(Missing)), 404, 'NoSuchBucket');
});

test('BlockPublicPolicy refuses public policies, and leaves the one that is there', async () => {
  await setPolicy(allow({ AWS: OTHER_ACCOUNT }));
  await setBlock({ BlockPublicPolicy: true });
  await assertRefused(setPolicy(allow('*')), 403, 'AccessDenied', /BlockPublicPolicy/);
  assert.match((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? '', new RegExp(OTHER_ACCOUNT));
  await setPolicy(allow('*', { IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } }));
  const { PolicyStatus } = await s3.send(new GetBucketPolicyStatusCommand({ Bucket }));
  assert.equal(PolicyStatus?.IsPublic, false);
  await removeBlock();
});

test('RestrictPublicBuckets leaves a public policy to the account of the owner', async () => {
  const other = server.client(otherRoot);
  const user = server.client(
    await server.user('reads', [{ Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' }]),
  );
  const asOther = () => other.send(new GetObjectCommand({ Bucket, Key: 'a' }));
  const Policy = [allow('*'), allow({ AWS: OTHER_ACCOUNT }), allow({ AWS: `arn:aws:iam::${ACCOUNT}:user/reads` })];
  await setPolicy(...Policy);
  assert.equal(await unsigned(), 200);
  await asOther();
  await setBlock({ RestrictPublicBuckets: true });
  assert.equal(await unsigned(), 403);
  await assertRefused(asOther(), 403, 'AccessDenied');
  await user.send(new GetObjectCommand({ Bucket, Key: 'a' }));
  assert.deepEqual(JSON.parse((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? '').Statement, Policy);
  // A policy that is not public is not restricted.
  await setPolicy(allow({ AWS: OTHER_ACCOUNT }));
  await asOther();
  await removeBlock();
});

test('who may set a bucket policy may not for that set the block', async () => {
  const statement = { Effect: 'Allow', Action: 's3:*BucketPolicy', Resource: '*' };
  const user = server.client(await server.user('policies', [statement]));
  await assertRefused(
    user.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: {} })),
    ...([403, 'AccessDenied', /s3:PutBucketPublicAccessBlock/] as const),
  );
});
