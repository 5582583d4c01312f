import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  type CreateGrantCommandInput,
  CreateKeyCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListGrantsCommand,
  PutKeyPolicyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeUser, refused } from './access-support.ts';

const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`;
const BOB = `arn:aws:iam::${ACCOUNT}:user/bob`;
const Plaintext = Buffer.from('x');

describe('grants of KMS', () => {
  let server: TestServer;
  let root: KMSClient;
  let alice: KMSClient;
  let bob: KMSClient;
  before(async () => {
    server = await startServer();
    root = server.clients().kms;
    alice = server.clients({ credentials: await makeUser(server, 'alice') }).kms;
    bob = server.clients({ credentials: await makeUser(server, 'bob') }).kms;
  });
  after(() => server.close());

  const newKey = async (more: object = {}) => (await root.send(new CreateKeyCommand(more))).KeyMetadata?.KeyId ?? '';
  const grant = (client: KMSClient, KeyId: string, more: Partial<CreateGrantCommandInput>) =>
    client.send(new CreateGrantCommand({ KeyId, GranteePrincipal: ALICE, Operations: ['Encrypt'], ...more }));
  const encrypt = (client: KMSClient, KeyId: string, EncryptionContext?: Record<string, string>) =>
    client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));

  it('constrain what takes an encryption context, and nothing else', async () => {
    const KeyId = await newKey();
    const EncryptionContextSubset = { model: 'ron' };
    await grant(root, KeyId, { Operations: ['Encrypt', 'DescribeKey'], Constraints: { EncryptionContextSubset } });
    await alice.send(new DescribeKeyCommand({ KeyId }));
    await encrypt(alice, KeyId, { model: 'ron', more: 'x' });
    await refused(encrypt(alice, KeyId, { model: 'smila' }), 'AccessDeniedException', 400);
    await refused(encrypt(alice, KeyId), 'AccessDeniedException', 400);
    await refused(encrypt(alice, KeyId, { MODEL: 'ron' }), 'AccessDeniedException', 400);
    await refused(encrypt(alice, KeyId, { model: 'smila', Model: 'ron' }), 'AccessDeniedException', 400);
  });

  it('and key policies name nobody who is not there', async () => {
    const KeyId = await newKey();
    const nobody = `arn:aws:iam::${ACCOUNT}:role/nobody`;
    await refused(grant(root, KeyId, { GranteePrincipal: nobody }), 'InvalidArnException', 400, 'nobody');
    await refused(grant(root, KeyId, { RetiringPrincipal: nobody }), 'InvalidArnException', 400, 'nobody');
    const own = allow('kms:*', '*', { Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } });
    const Policy = document(own, allow('kms:Decrypt', '*', { Principal: { AWS: nobody } }));
    for (const call of [new PutKeyPolicyCommand({ KeyId, Policy }), new CreateKeyCommand({ Policy })])
      await refused(root.send(call as PutKeyPolicyCommand), 'MalformedPolicyDocumentException', 400, 'nobody');
  });

  it('let their grantee hand on no more than they give', async () => {
    const KeyId = await newKey();
    const EncryptionContextSubset = { model: 'ron' };
    await grant(root, KeyId, { Operations: ['Encrypt', 'CreateGrant'], Constraints: { EncryptionContextSubset } });
    const toBob = (more: Partial<CreateGrantCommandInput>) => grant(alice, KeyId, { GranteePrincipal: BOB, ...more });
    const denied = (more: Partial<CreateGrantCommandInput>) => refused(toBob(more), 'AccessDeniedException', 400);
    await denied({});
    await denied({ Constraints: { EncryptionContextSubset: { model: 'smila' } } });
    await denied({ Operations: ['Encrypt', 'Decrypt'], Constraints: { EncryptionContextSubset } });
    await toBob({ Constraints: { EncryptionContextSubset: { model: 'ron', size: 'small' } } });
    await encrypt(bob, KeyId, { model: 'ron', size: 'small' });
    await refused(encrypt(bob, KeyId, { model: 'ron' }), 'AccessDeniedException', 400);
    await toBob({ Constraints: { EncryptionContextEquals: { model: 'ron' } } });
    await encrypt(bob, KeyId, { model: 'ron' });
  });

  it('are ended by who may retire them, with their token or by name, and yield to a denial', async () => {
    const KeyId = await newKey();
    const { GrantToken, GrantId } = await grant(root, KeyId, { RetiringPrincipal: BOB });
    await encrypt(alice, KeyId);
    await refused(alice.send(new RetireGrantCommand({ GrantToken })), 'AccessDeniedException', 400);
    await refused(bob.send(new RetireGrantCommand({})), 'ValidationException', 400, 'GrantToken');
    const policy = (...statements: object[]) =>
      root.send(new PutKeyPolicyCommand({ KeyId, Policy: document(own, ...statements) }));
    const own = allow('kms:*', '*', { Principal: { AWS: ACCOUNT } });
    await policy({ ...allow('kms:Encrypt', '*', { Principal: { AWS: ALICE } }), Effect: 'Deny' });
    await refused(encrypt(alice, KeyId), 'AccessDeniedException', 400, 'explicit deny');
    await policy();
    await bob.send(new RetireGrantCommand({ GrantToken }));
    await refused(encrypt(alice, KeyId), 'AccessDeniedException', 400);
    await refused(bob.send(new RetireGrantCommand({ GrantToken })), 'InvalidGrantTokenException', 400);
    await refused(root.send(new RetireGrantCommand({ KeyId, GrantId })), 'NotFoundException', 400);
  });

  it('are neither made nor ended by a dry run', async () => {
    const KeyId = await newKey();
    const ids = async () => (await root.send(new ListGrantsCommand({ KeyId }))).Grants?.map(({ GrantId }) => GrantId);
    const dry = (call: Promise<unknown>) => refused(call, 'DryRunOperationException', 400);
    await dry(grant(root, KeyId, { DryRun: true }));
    assert.deepEqual(await ids(), []);
    const { GrantId, GrantToken } = await grant(root, KeyId, {});
    await dry(root.send(new RevokeGrantCommand({ KeyId, GrantId, DryRun: true })));
    await dry(root.send(new RetireGrantCommand({ KeyId, GrantId, DryRun: true })));
    await dry(root.send(new RetireGrantCommand({ GrantToken, DryRun: true })));
    assert.deepEqual(await ids(), [GrantId]);
    await refused(
      root.send(new RevokeGrantCommand({ KeyId, GrantId: 'none', DryRun: true })),
      'NotFoundException',
      400,
    );
    await refused(grant(alice, KeyId, { DryRun: true }), 'AccessDeniedException', 400);
  });

  it('have tokens that a use may name, and no other text stands for one', async () => {
    const KeyId = await newKey();
    const { GrantToken = '', GrantId } = await grant(root, KeyId, {});
    const use = (...GrantTokens: string[]) => alice.send(new EncryptCommand({ KeyId, Plaintext, GrantTokens }));
    await use(GrantToken);
    await refused(use('bad'), 'InvalidGrantTokenException', 400, 'bad');
    await refused(use(GrantToken, Buffer.alloc(32).toString('base64')), 'InvalidGrantTokenException', 400);
    await root.send(new RevokeGrantCommand({ KeyId, GrantId }));
    await refused(use(GrantToken), 'InvalidGrantTokenException', 400);
  });

  it('are made with their operations, grantee and constraints as condition keys', async () => {
    const KeyId = await newKey();
    const own = allow('kms:*', '*', { Principal: { AWS: ACCOUNT } });
    const Condition = {
      'ForAllValues:StringEquals': { 'kms:GrantOperations': ['Encrypt', 'Decrypt'] },
      StringEquals: { 'kms:GranteePrincipal': BOB, 'kms:GrantConstraintType': 'EncryptionContextEquals' },
    };
    const Policy = document(own, allow('kms:CreateGrant', '*', { Principal: { AWS: ALICE }, Condition }));
    await root.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    const good = { GranteePrincipal: BOB, Constraints: { EncryptionContextEquals: { a: 'b' } } };
    await grant(alice, KeyId, good);
    const denied = (more: Partial<CreateGrantCommandInput>) =>
      refused(grant(alice, KeyId, { ...good, ...more }), 'AccessDeniedException', 400);
    await denied({ GranteePrincipal: ALICE });
    await denied({ Operations: ['DescribeKey'] });
    await denied({ Constraints: { EncryptionContextSubset: { a: 'b' } } });
  });

  it('and key policies see the tags, aliases and kind of a key', async () => {
    const KeyId = await newKey({ Tags: [{ TagKey: 'team', TagValue: 'pets' }] });
    const own = allow('kms:*', '*', { Principal: { AWS: ACCOUNT } });
    const when = async (Condition: object) => {
      const Policy = document(own, allow('kms:Encrypt', '*', { Principal: { AWS: ALICE }, Condition }));
      await root.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    };
    await when({
      StringEquals: { 'aws:ResourceTag/team': 'pets', 'kms:KeyOrigin': 'AWS_KMS', 'kms:KeyUsage': 'ENCRYPT_DECRYPT' },
    });
    await encrypt(alice, KeyId);
    await when({ StringEquals: { 'aws:ResourceTag/team': 'cats' } });
    await refused(encrypt(alice, KeyId), 'AccessDeniedException', 400);
    await when({ 'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/pets*' } });
    await refused(encrypt(alice, KeyId), 'AccessDeniedException', 400);
    await root.send(new CreateAliasCommand({ AliasName: 'alias/pets/ron', TargetKeyId: KeyId }));
    await encrypt(alice, KeyId);
    await when({ StringEquals: { 'kms:RequestAlias': 'alias/pets/ron' } });
    await refused(encrypt(alice, KeyId), 'AccessDeniedException', 400);
    await encrypt(alice, 'alias/pets/ron');
    assert.ok(KeyId);
  });
});
