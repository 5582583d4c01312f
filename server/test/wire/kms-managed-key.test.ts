import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListAliasesCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeUser, refused } from './access-support.ts';

const KeyId = 'alias/aws/s3';

describe("AWS's managed key for S3", () => {
  let server: TestServer;
  let kms: KMSClient;
  let s3: S3Client;
  before(async () => {
    server = await startServer();
    ({ kms, s3 } = server.clients());
  });
  after(() => server.close());

  const listed = async (page: { Limit?: number; Marker?: string | undefined } = {}) =>
    await kms.send(new ListAliasesCommand(page));

  it('has an alias from the start, in its place in the list, and a key once it is described', async () => {
    assert.deepEqual((await listed()).Aliases, [
      { AliasName: KeyId, AliasArn: `arn:aws:kms:us-east-1:${ACCOUNT}:${KeyId}` },
    ]);
    const { Truncated, NextMarker } = await listed({ Limit: 1 });
    assert.deepEqual([Truncated, NextMarker], [false, undefined]);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    assert.equal(KeyMetadata?.KeyManager, 'AWS');
    assert.equal((await listed()).Aliases?.[0]?.TargetKeyId, KeyMetadata?.KeyId);
    const byArn = await kms.send(new DescribeKeyCommand({ KeyId: `arn:aws:kms:us-east-1:${ACCOUNT}:${KeyId}` }));
    assert.equal(byArn.KeyMetadata?.KeyId, KeyMetadata?.KeyId);
  });

  it('encrypts objects where no other key is named, is renewed each year, and nobody may use or change it otherwise', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'managed' }));
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    const { SSEKMSKeyId } = await s3.send(
      new PutObjectCommand({ Bucket: 'managed', Key: 'k', Body: 'x', ServerSideEncryption: 'aws:kms' }),
    );
    assert.equal(SSEKMSKeyId, KeyMetadata?.Arn);
    const own = KeyMetadata?.KeyId ?? '';
    const rotation = await kms.send(new GetKeyRotationStatusCommand({ KeyId: own }));
    assert.deepEqual([rotation.KeyRotationEnabled, rotation.RotationPeriodInDays], [true, 365]);
    await refused(kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('x') })), 'AccessDeniedException', 400);
    await refused(kms.send(new ScheduleKeyDeletionCommand({ KeyId: own })), 'AccessDeniedException', 400);
    const Policy = document(allow('kms:*', '*', { Principal: { AWS: ACCOUNT } }));
    await refused(kms.send(new PutKeyPolicyCommand({ KeyId: own, Policy })), 'AccessDeniedException', 400);
  });

  it('is made by nobody who may not describe it', async () => {
    const { kms: abroad } = server.clients({ region: 'eu-west-1' });
    const { kms: carol } = server.clients({ region: 'eu-west-1', credentials: await makeUser(server, 'carol') });
    await refused(carol.send(new DescribeKeyCommand({ KeyId })), 'AccessDeniedException', 400);
    assert.equal((await abroad.send(new ListAliasesCommand({}))).Aliases?.[0]?.TargetKeyId, undefined);
  });
});
