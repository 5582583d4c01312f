import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as kms from '@aws-sdk/client-kms';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { refused } from './access-support.ts';

type Call = (client: kms.KMSClient, KeyId: string) => Promise<unknown>;

const GranteePrincipal = `arn:aws:iam::${ACCOUNT}:root`;
const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { AWS: GranteePrincipal }, Action: 'kms:*', Resource: '*' },
});

/** Of every operation that takes an id or ARN of a key, and no alias. */
const ADMINISTER: Record<string, Call> = {
  CreateGrant: (client, KeyId) =>
    client.send(new kms.CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'] })),
  UpdateKeyDescription: (client, KeyId) =>
    client.send(new kms.UpdateKeyDescriptionCommand({ KeyId, Description: 'told again' })),
  TagResource: (client, KeyId) =>
    client.send(new kms.TagResourceCommand({ KeyId, Tags: [{ TagKey: 'team', TagValue: 'pets' }] })),
  UntagResource: (client, KeyId) => client.send(new kms.UntagResourceCommand({ KeyId, TagKeys: ['team'] })),
  ListResourceTags: (client, KeyId) => client.send(new kms.ListResourceTagsCommand({ KeyId })),
  PutKeyPolicy: (client, KeyId) => client.send(new kms.PutKeyPolicyCommand({ KeyId, Policy: POLICY })),
  GetKeyPolicy: (client, KeyId) => client.send(new kms.GetKeyPolicyCommand({ KeyId })),
  ListKeyPolicies: (client, KeyId) => client.send(new kms.ListKeyPoliciesCommand({ KeyId })),
  ListGrants: (client, KeyId) => client.send(new kms.ListGrantsCommand({ KeyId })),
  ListAliases: (client, KeyId) => client.send(new kms.ListAliasesCommand({ KeyId })),
  EnableKeyRotation: (client, KeyId) => client.send(new kms.EnableKeyRotationCommand({ KeyId })),
  DisableKeyRotation: (client, KeyId) => client.send(new kms.DisableKeyRotationCommand({ KeyId })),
  GetKeyRotationStatus: (client, KeyId) => client.send(new kms.GetKeyRotationStatusCommand({ KeyId })),
  ListKeyRotations: (client, KeyId) => client.send(new kms.ListKeyRotationsCommand({ KeyId })),
  RotateKeyOnDemand: (client, KeyId) => client.send(new kms.RotateKeyOnDemandCommand({ KeyId })),
  EnableKey: (client, KeyId) => client.send(new kms.EnableKeyCommand({ KeyId })),
  DisableKey: (client, KeyId) => client.send(new kms.DisableKeyCommand({ KeyId })),
};

/** What fails of them in a state; everything else succeeds. https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html */
const FAILS_DISABLED = ['CreateGrant', 'EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'];
const FAILS_PENDING = [
  ...FAILS_DISABLED,
  ...['UpdateKeyDescription', 'TagResource', 'UntagResource', 'EnableKey', 'DisableKey'],
];

describe('the administration of a KMS key', () => {
  let server: TestServer;
  let client: kms.KMSClient;
  let KeyId: string;
  let Arn: string;
  before(async () => {
    server = await startServer();
    client = server.clients().kms;
    const { KeyMetadata } = await client.send(new kms.CreateKeyCommand({}));
    KeyId = KeyMetadata?.KeyId ?? '';
    Arn = KeyMetadata?.Arn ?? '';
  });
  after(() => server.close());

  /** Each operation by itself, since those that succeed may change the state: it is set again before. */
  async function inState(enter: () => Promise<unknown>, failing: readonly string[], code: string, text: string) {
    for (const [operation, call] of Object.entries(ADMINISTER)) {
      await enter();
      if (failing.includes(operation)) await refused(call(client, KeyId), code, 400, text);
      else await call(client, KeyId);
    }
  }

  it('works while the key is enabled, and shows', async () => {
    for (const call of Object.values(ADMINISTER)) {
      await client.send(new kms.EnableKeyCommand({ KeyId }));
      await call(client, KeyId);
    }
    const { KeyMetadata } = await client.send(new kms.DescribeKeyCommand({ KeyId }));
    assert.equal(KeyMetadata?.Description, 'told again');
  });

  it('is told DisabledException where AWS does while the key is disabled', async () => {
    const disable = () => client.send(new kms.DisableKeyCommand({ KeyId }));
    await inState(disable, FAILS_DISABLED, 'DisabledException', `${Arn} is disabled.`);
    await client.send(new kms.EnableKeyCommand({ KeyId }));
  });

  it('is told KMSInvalidStateException where AWS does while the key waits for its deletion', async () => {
    await client.send(new kms.EnableKeyRotationCommand({ KeyId }));
    await client.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    await inState(async () => undefined, FAILS_PENDING, 'KMSInvalidStateException', `${Arn} is pending deletion.`);
    const { KeyRotationEnabled } = await client.send(new kms.GetKeyRotationStatusCommand({ KeyId }));
    assert.equal(KeyRotationEnabled, false, 'what waits for its deletion is not rotated');
    await client.send(new kms.CancelKeyDeletionCommand({ KeyId }));
    await client.send(new kms.EnableKeyCommand({ KeyId }));
    assert.equal((await client.send(new kms.GetKeyRotationStatusCommand({ KeyId }))).KeyRotationEnabled, true);
  });

  it('takes an id or ARN and no alias, as what uses a key does', async () => {
    const AliasName = 'alias/administered';
    await client.send(new kms.CreateAliasCommand({ AliasName, TargetKeyId: KeyId }));
    await client.send(new kms.EncryptCommand({ KeyId: AliasName, Plaintext: Buffer.from('x') }));
    const named = [AliasName, Arn.replace(/key\/.*/, AliasName)];
    for (const alias of named) {
      for (const call of Object.values(ADMINISTER))
        await refused(call(client, alias), 'NotFoundException', 400, `Invalid keyId '${alias}'`);
      const schedule = new kms.ScheduleKeyDeletionCommand({ KeyId: alias });
      await refused(client.send(schedule), 'NotFoundException', 400);
      const cancel = new kms.CancelKeyDeletionCommand({ KeyId: alias });
      await refused(client.send(cancel), 'NotFoundException', 400);
      const update = new kms.UpdateAliasCommand({ AliasName, TargetKeyId: alias });
      await refused(client.send(update), 'ValidationException', 400, 'Aliases must refer to keys');
    }
  });

  it('takes each tag once, and describes what is there', async () => {
    const Tags = ['a', 'b', 'a'].map(TagKey => ({ TagKey, TagValue: 'x' }));
    await refused(client.send(new kms.CreateKeyCommand({ Tags })), 'TagException', 400, 'a, b, a');
    await refused(client.send(new kms.TagResourceCommand({ KeyId, Tags })), 'TagException', 400, 'a, b, a');
    const absent = { KeyId: '00000000-0000-0000-0000-000000000000', Description: 'x' };
    await refused(client.send(new kms.UpdateKeyDescriptionCommand(absent)), 'NotFoundException', 400);
  });

  it('makes random bytes in no store of the caller’s own', async () => {
    const random = { NumberOfBytes: 8, CustomKeyStoreId: 'cks-1234567890abcdef0' };
    const refusal = client.send(new kms.GenerateRandomCommand(random));
    await refused(refusal, 'UnsupportedOperationException', 400, 'custom key store');
  });
});
