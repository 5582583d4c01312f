// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeyPoliciesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ListRetirableGrantsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { systemTime } from '../../src/adapters/system.ts';
import { ACCOUNT, type Credentials, ROOT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeOtherAccount, makeUser, OTHER_ACCOUNT, refused } from './access-support.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

describe('KMS', () => {
  let server: TestServer;
  let kms: KMSClient;
  let alice: Credentials;
  let outsider: Credentials;
  let ahead = 0;
  const time = { ...systemTime(), now: () => new Date(Date.now() + ahead) };
  before(async () => {
    server = await startServer({ overrides: { time } });
    ({ kms } = server.clients());
    alice = await makeUser(server, 'alice');
    outsider = await makeOtherAccount(server);
  });
  after(() => server.close());

  const newKey = async (more: object = {}) => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand(more));
    return { KeyId: KeyMetadata?.KeyId ?? '', Arn: KeyMetadata?.Arn ?? '' };
  };
  const aliceArn = `arn:aws:iam::${ACCOUNT}:user/alice`;
  const Plaintext = Buffer.from('the weights of Ron');

  it('makes a key and describes it', async () => {
    const { KeyId, Arn } = await newKey({ Description: 'models', Tags: [{ TagKey: 'a', TagValue: 'b' }] });
    assert.match(KeyId, /^[0-9a-f-]{36}$/);
    assert.equal(Arn, `arn:aws:kms:us-east-1:${ACCOUNT}:key/${KeyId}`);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: Arn }));
    assert.equal(KeyMetadata?.KeyState, 'Enabled');
    assert.equal(KeyMetadata?.Description, 'models');
    assert.equal(KeyMetadata?.KeySpec, 'SYMMETRIC_DEFAULT');
    assert.ok(KeyMetadata?.CreationDate instanceof Date);
    assert.ok((await kms.send(new ListKeysCommand({}))).Keys?.some(key => key.KeyArn === Arn));
    assert.equal((await kms.send(new GetKeyRotationStatusCommand({ KeyId }))).KeyRotationEnabled, false);
    await kms.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'c', TagValue: 'd' }] }));
    await kms.send(new UntagResourceCommand({ KeyId, TagKeys: ['a'] }));
    assert.deepEqual((await kms.send(new ListResourceTagsCommand({ KeyId }))).Tags, [{ TagKey: 'c', TagValue: 'd' }]);
  });

  it('encrypts and decrypts, bound to the encryption context', async () => {
    const { KeyId, Arn } = await newKey();
    const EncryptionContext = { model: 'ron', owner: 'alice' };
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
    const turned = { owner: 'alice', model: 'ron' };
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: turned }));
    assert.deepEqual(Buffer.from(opened.Plaintext ?? []), Plaintext);
    assert.equal(opened.KeyId, Arn);
    const decrypt = (blob: Uint8Array | undefined, context?: Record<string, string>, keyId?: string) =>
      kms.send(new DecryptCommand({ CiphertextBlob: blob, EncryptionContext: context, KeyId: keyId }));
    await refused(decrypt(CiphertextBlob), 'InvalidCiphertextException', 400);
    await refused(decrypt(CiphertextBlob, { model: 'ron' }), 'InvalidCiphertextException', 400);
    const changed = Buffer.from(CiphertextBlob ?? []);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await refused(decrypt(changed, EncryptionContext), 'InvalidCiphertextException', 400);
    await refused(decrypt(Buffer.from('nonsense')), 'InvalidCiphertextException', 400);
    await refused(decrypt(CiphertextBlob, EncryptionContext, (await newKey()).KeyId), 'IncorrectKeyException', 400);
    const elsewhere = server.clients({ region: 'eu-west-1' }).kms;
    await refused(
      elsewhere.send(new DecryptCommand({ CiphertextBlob, EncryptionContext })),
      'AccessDeniedException',
      400,
      'does not exist in this region',
    );
    await refused(
      kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(4097) })),
      'ValidationException',
      400,
      /4096/,
    );
    const again = await kms.send(
      new ReEncryptCommand({
        CiphertextBlob,
        SourceEncryptionContext: EncryptionContext,
        DestinationKeyId: (await newKey()).KeyId,
      }),
    );
    assert.deepEqual(Buffer.from((await decrypt(again.CiphertextBlob)).Plaintext ?? []), Plaintext);
  });

  it('generates data keys', async () => {
    const { KeyId } = await newKey();
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    assert.equal(made.Plaintext?.length, 32);
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
    assert.deepEqual(opened.Plaintext, made.Plaintext);
    const sealed = await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 5 }));
    assert.equal((await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }))).Plaintext?.length, 5);
    assert.equal((await kms.send(new GenerateRandomCommand({ NumberOfBytes: 9 }))).Plaintext?.length, 9);
    await refused(
      kms.send(new GenerateDataKeyCommand({ KeyId })),
      'ValidationException',
      400,
      'either number of bytes or key spec',
    );
    await refused(
      kms.send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 1025 })),
      'ValidationException',
      400,
      '1024',
    );
  });

  it('shows no secret to who asks for it in an enclave alone', async () => {
    const { KeyId } = await newKey();
    const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument: Plaintext };
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }));
    for (const call of [
      new DecryptCommand({ CiphertextBlob, Recipient }),
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', Recipient }),
      new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256', Recipient }),
      new GenerateRandomCommand({ NumberOfBytes: 9, Recipient }),
    ])
      await refused(kms.send(call as DecryptCommand), 'UnsupportedOperationException', 400, 'Recipient');
    const modified = { CiphertextBlob, DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT' as const] };
    await refused(kms.send(new DecryptCommand(modified)), 'UnsupportedOperationException', 400, 'DryRunModifiers');
    const again = new ReEncryptCommand({ ...modified, DestinationKeyId: KeyId });
    await refused(kms.send(again), 'UnsupportedOperationException', 400, 'DryRunModifiers');
  });

  it('names keys by alias', async () => {
    const [{ KeyId, Arn }, other] = [await newKey(), await newKey()];
    const AliasName = 'alias/models/ron';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId }));
    assert.equal((await kms.send(new DescribeKeyCommand({ KeyId: AliasName }))).KeyMetadata?.Arn, Arn);
    const aliasArn = `arn:aws:kms:us-east-1:${ACCOUNT}:${AliasName}`;
    assert.equal((await kms.send(new DescribeKeyCommand({ KeyId: aliasArn }))).KeyMetadata?.Arn, Arn);
    await refused(
      kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId })),
      'AlreadyExistsException',
      400,
      aliasArn,
    );
    for (const [name, code] of [
      ['alias/aws/x', 'NotAuthorizedException'],
      ['models', 'ValidationException'],
      ['alias/a:b', 'ValidationException'],
    ] as const)
      for (const asked of [
        kms.send(new CreateAliasCommand({ AliasName: name, TargetKeyId: KeyId })),
        kms.send(new UpdateAliasCommand({ AliasName: name, TargetKeyId: KeyId })),
        kms.send(new DeleteAliasCommand({ AliasName: name })),
      ])
        await refused(asked, code, 400, name);
    await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: other.KeyId }));
    const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId: other.KeyId }));
    assert.deepEqual(
      Aliases?.map(alias => [alias.AliasName, alias.TargetKeyId]),
      [[AliasName, other.KeyId]],
    );
    await kms.send(new DeleteAliasCommand({ AliasName }));
    await refused(
      kms.send(new DescribeKeyCommand({ KeyId: AliasName })),
      'NotFoundException',
      400,
      `Alias ${aliasArn} is not found.`,
    );
  });

  it('does not find what is not there, or of another Region', async () => {
    const { KeyId, Arn } = await newKey();
    const absent = '00000000-0000-4000-8000-000000000000';
    await refused(
      kms.send(new DescribeKeyCommand({ KeyId: absent })),
      'NotFoundException',
      400,
      `Key 'arn:aws:kms:us-east-1:${ACCOUNT}:key/${absent}' does not exist`,
    );
    await refused(kms.send(new DescribeKeyCommand({ KeyId: 'ron' })), 'NotFoundException', 400, "Invalid keyId 'ron'");
    const elsewhere = server.clients({ region: 'eu-west-1' }).kms;
    for (const id of [KeyId, Arn])
      await refused(elsewhere.send(new DescribeKeyCommand({ KeyId: id })), 'NotFoundException', 400, 'does not exist');
  });

  it('refuses other kinds of keys, and operations that it lacks, by name', async () => {
    await refused(
      kms.send(new CreateKeyCommand({ MultiRegion: true })),
      'UnsupportedOperationException',
      400,
      'MultiRegion',
    );
    assert.deepEqual((await kms.send(new DescribeCustomKeyStoresCommand({}))).CustomKeyStores, []);
    const store = new DescribeCustomKeyStoresCommand({ CustomKeyStoreName: 'vault' });
    await refused(kms.send(store), 'CustomKeyStoreNotFoundException', 400, 'vault');
    const replicate = new ReplicateKeyCommand({ KeyId: 'x', ReplicaRegion: 'eu-west-1' });
    await assert.rejects(kms.send(replicate), /ReplicateKey/);
  });

  it('does not use a key that is disabled, or waits for its deletion', async () => {
    const { KeyId, Arn } = await newKey();
    const encrypt = () => kms.send(new EncryptCommand({ KeyId, Plaintext }));
    const { CiphertextBlob } = await encrypt();
    await kms.send(new DisableKeyCommand({ KeyId }));
    await refused(encrypt(), 'DisabledException', 400, `${Arn} is disabled.`);
    await refused(kms.send(new DecryptCommand({ CiphertextBlob })), 'DisabledException', 400);
    await kms.send(new EnableKeyCommand({ KeyId }));
    await encrypt();
    const schedule = (PendingWindowInDays: number) =>
      kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays }));
    await refused(schedule(6), 'ValidationException', 400);
    await refused(schedule(31), 'ValidationException', 400);
    const { DeletionDate, KeyState } = await schedule(7);
    assert.equal(KeyState, 'PendingDeletion');
    assert.ok(Math.abs((DeletionDate?.getTime() ?? 0) - Date.now() - 7 * DAY_MILLISECONDS) < 60_000);
    await refused(encrypt(), 'KMSInvalidStateException', 400, `${Arn} is pending deletion.`);
    await refused(kms.send(new EnableKeyCommand({ KeyId })), 'KMSInvalidStateException', 400);
    await kms.send(new CancelKeyDeletionCommand({ KeyId }));
    await refused(
      kms.send(new CancelKeyDeletionCommand({ KeyId })),
      'KMSInvalidStateException',
      400,
      'is not pending deletion',
    );
    await refused(encrypt(), 'DisabledException', 400);
    await schedule(7);
    ahead = 8 * DAY_MILLISECONDS;
    const settings = { endpoint: server.endpoint, region: 'us-east-1', credentials: ROOT, maxAttempts: 1 };
    const later = new KMSClient({ ...settings, systemClockOffset: ahead });
    await refused(later.send(new DescribeKeyCommand({ KeyId })), 'NotFoundException', 400).finally(() => {
      later.destroy();
      ahead = 0;
    });
  });

  it('asks the key policy: the account decides unless it names somebody', async () => {
    const { KeyId, Arn } = await newKey();
    const mine = server.clients({ credentials: alice }).kms;
    const encrypt = () => mine.send(new EncryptCommand({ KeyId: Arn, Plaintext }));
    await refused(
      encrypt(),
      'AccessDeniedException',
      400,
      `User: ${aliceArn} is not authorized to perform: kms:Encrypt on resource: ${Arn} because no identity-based policy`,
    );
    const own = allow('kms:*', '*', { Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } });
    const named = allow('kms:Encrypt', '*', { Principal: { AWS: aliceArn } });
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy: document(own, named) }));
    await encrypt();
    await refused(mine.send(new DescribeKeyCommand({ KeyId })), 'AccessDeniedException', 400, 'kms:DescribeKey');
    const denied = { ...named, Effect: 'Deny' };
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy: document(own, named, denied) }));
    await refused(encrypt(), 'AccessDeniedException', 400, 'with an explicit deny in a resource-based policy');
    assert.deepEqual((await kms.send(new ListKeyPoliciesCommand({ KeyId }))).PolicyNames, ['default']);
    assert.match((await kms.send(new GetKeyPolicyCommand({ KeyId }))).Policy ?? '', /Deny/);
  });

  it('sees the encryption context and the way of a call in conditions', async () => {
    const { KeyId } = await newKey();
    const mine = server.clients({ credentials: alice }).kms;
    const own = allow('kms:*', '*', { Principal: { AWS: ACCOUNT } });
    const when = (Condition: object) => allow('kms:Encrypt', '*', { Principal: { AWS: aliceArn }, Condition });
    const encrypt = (EncryptionContext?: Record<string, string>) =>
      mine.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
    const model = { StringEquals: { 'kms:EncryptionContext:model': '${aws:username}' } };
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy: document(own, when(model)) }));
    await encrypt({ model: 'alice' });
    await refused(encrypt({ model: 'bob' }), 'AccessDeniedException', 400);
    await refused(encrypt(), 'AccessDeniedException', 400);
    const viaBedrock = { StringEquals: { 'kms:ViaService': 'bedrock.us-east-1.amazonaws.com' } };
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy: document(own, when(viaBedrock)) }));
    await refused(encrypt({ model: 'alice' }), 'AccessDeniedException', 400);
  });

  it('does not let an account lock itself out', async () => {
    const { KeyId } = await newKey();
    const Policy = document(allow('kms:Encrypt', '*', { Principal: { AWS: aliceArn } }));
    await refused(
      kms.send(new PutKeyPolicyCommand({ KeyId, Policy })),
      'MalformedPolicyDocumentException',
      400,
      'will not allow you to update the key policy in the future',
    );
    await refused(
      kms.send(new CreateKeyCommand({ Policy: '{' })),
      'MalformedPolicyDocumentException',
      400,
      'invalid Json',
    );
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy, BypassPolicyLockoutSafetyCheck: true }));
    // Even root is now outside.
    await refused(
      kms.send(new DescribeKeyCommand({ KeyId })),
      'AccessDeniedException',
      400,
      'because no resource-based policy',
    );
  });

  it('lets a grant authorise its grantee, within its constraints, until it is ended', async () => {
    const { KeyId } = await newKey();
    const mine = server.clients({ credentials: alice }).kms;
    const EncryptionContext = { model: 'ron' };
    const encrypt = (context?: Record<string, string>) =>
      mine.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext: context }));
    await refused(encrypt(EncryptionContext), 'AccessDeniedException', 400);
    const grant = {
      KeyId,
      GranteePrincipal: aliceArn,
      RetiringPrincipal: aliceArn,
      Operations: ['Encrypt' as const],
      Constraints: { EncryptionContextEquals: EncryptionContext },
      Name: 'once',
    };
    const { GrantId } = await kms.send(new CreateGrantCommand(grant));
    assert.equal((await kms.send(new CreateGrantCommand(grant))).GrantId, GrantId);
    await encrypt(EncryptionContext);
    await refused(encrypt(), 'AccessDeniedException', 400);
    await refused(encrypt({ ...EncryptionContext, more: 'x' }), 'AccessDeniedException', 400);
    await refused(mine.send(new DescribeKeyCommand({ KeyId })), 'AccessDeniedException', 400);
    const { Grants } = await kms.send(new ListGrantsCommand({ KeyId }));
    assert.deepEqual(
      Grants?.map(entry => [entry.GrantId, entry.GranteePrincipal]),
      [[GrantId, aliceArn]],
    );
    const retirable = await kms.send(new ListRetirableGrantsCommand({ RetiringPrincipal: aliceArn }));
    assert.equal(retirable.Grants?.length, 1);
    await mine.send(new RetireGrantCommand({ KeyId, GrantId }));
    await refused(encrypt(EncryptionContext), 'AccessDeniedException', 400);
    const second = await kms.send(new CreateGrantCommand(grant));
    await kms.send(new RevokeGrantCommand({ KeyId, GrantId: second.GrantId }));
    await refused(kms.send(new RevokeGrantCommand({ KeyId, GrantId: second.GrantId })), 'NotFoundException', 400);
    await refused(
      kms.send(new CreateGrantCommand({ ...grant, Operations: ['Sign'] })),
      'ValidationException',
      400,
      'Sign',
    );
    await refused(
      kms.send(new CreateGrantCommand({ ...grant, GranteePrincipal: 'alice' })),
      'InvalidArnException',
      400,
    );
  });

  it('is closed to another account until the key’s policy opens it', async () => {
    const { KeyId, Arn } = await newKey();
    const theirs = server.clients({ credentials: outsider }).kms;
    const encrypt = () => theirs.send(new EncryptCommand({ KeyId: Arn, Plaintext }));
    await refused(encrypt(), 'AccessDeniedException', 400, 'no resource-based policy');
    await refused(theirs.send(new EncryptCommand({ KeyId, Plaintext })), 'NotFoundException', 400);
    const own = allow('kms:*', '*', { Principal: { AWS: ACCOUNT } });
    const open = allow('kms:Encrypt', '*', { Principal: { AWS: OTHER_ACCOUNT } });
    await kms.send(new PutKeyPolicyCommand({ KeyId, Policy: document(own, open) }));
    await encrypt();
  });

  it('pages', async () => {
    const eu = server.clients({ region: 'eu-central-1' }).kms;
    const made = [];
    for (let index = 0; index < 3; index++) made.push((await eu.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId);
    const first = await eu.send(new ListKeysCommand({ Limit: 2 }));
    assert.equal(first.Truncated, true);
    const second = await eu.send(new ListKeysCommand({ Limit: 2, Marker: first.NextMarker }));
    assert.equal(second.Truncated, false);
    const listed = [...(first.Keys ?? []), ...(second.Keys ?? [])].map(key => key.KeyId);
    assert.deepEqual(listed, made.toSorted());
    await refused(eu.send(new ListKeysCommand({ Marker: 'x' })), 'InvalidMarkerException', 400);
  });
});
