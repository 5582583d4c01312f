import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
  ListKeyRotationsCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { openVault } from '../../src/adapters/master-key/vault.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemTime } from '../../src/adapters/system.ts';
import { seal } from '../../src/domain/encryption/sealing.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { refused } from './access-support.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

describe('rotation of KMS keys', () => {
  let server: TestServer;
  let ahead = 0;
  const time = { ...systemTime(), now: () => new Date(Date.now() + ahead) };
  before(async () => {
    server = await startServer({ overrides: { time } });
  });
  after(() => server.close());

  /** A client whose clock is the server's. */
  const client = (): KMSClient => {
    const settings = { endpoint: server.endpoint, region: 'us-east-1', credentials: ROOT, maxAttempts: 1 };
    return new KMSClient({ ...settings, systemClockOffset: ahead });
  };
  const newKey = async (): Promise<string> => (await client().send(new CreateKeyCommand({}))).KeyMetadata?.KeyId ?? '';
  const encrypt = async (KeyId: string, text: string) =>
    (await client().send(new EncryptCommand({ KeyId, Plaintext: Buffer.from(text) }))).CiphertextBlob;
  const decrypt = async (CiphertextBlob: Uint8Array | undefined) => {
    const { Plaintext, KeyMaterialId } = await client().send(new DecryptCommand({ CiphertextBlob }));
    return { text: Buffer.from(Plaintext ?? []).toString(), KeyMaterialId };
  };
  const status = (KeyId: string) => client().send(new GetKeyRotationStatusCommand({ KeyId }));
  const rotations = async (KeyId: string, more: object = {}) =>
    (await client().send(new ListKeyRotationsCommand({ KeyId, ...more }))).Rotations ?? [];

  it('is off until it is enabled, then has a period and a date, and can be switched off', async () => {
    const KeyId = await newKey();
    assert.deepEqual([(await status(KeyId)).KeyRotationEnabled, (await status(KeyId)).KeyId], [false, KeyId]);
    await client().send(new EnableKeyRotationCommand({ KeyId }));
    const on = await status(KeyId);
    assert.deepEqual([on.KeyRotationEnabled, on.RotationPeriodInDays], [true, 365]);
    assert.ok(Math.abs((on.NextRotationDate?.getTime() ?? 0) - Date.now() - 365 * DAY_MILLISECONDS) < 60_000);
    await client().send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    assert.equal((await status(KeyId)).RotationPeriodInDays, 90);
    for (const RotationPeriodInDays of [89, 2561])
      await refused(
        client().send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays })),
        'ValidationException',
        400,
        String(RotationPeriodInDays),
      );
    await client().send(new DisableKeyRotationCommand({ KeyId }));
    const off = await status(KeyId);
    assert.deepEqual([off.KeyRotationEnabled, off.RotationPeriodInDays], [false, undefined]);
  });

  it('is off for keys that have none: who looks is told so, who asks for it is refused', async () => {
    for (const [KeySpec, KeyUsage] of [
      ['ECC_NIST_P256', 'SIGN_VERIFY'],
      ['RSA_2048', 'SIGN_VERIFY'],
      ['HMAC_256', 'GENERATE_VERIFY_MAC'],
    ] as const) {
      const { KeyMetadata } = await client().send(new CreateKeyCommand({ KeySpec, KeyUsage }));
      const KeyId = KeyMetadata?.KeyId ?? '';
      const { $metadata: _, ...answer } = await status(KeyId);
      assert.deepEqual(answer, { KeyId, KeyRotationEnabled: false });
      const enable = client().send(new EnableKeyRotationCommand({ KeyId }));
      await refused(enable, 'UnsupportedOperationException', 400, KeySpec);
    }
  });

  it('on demand replaces the material, and what was encrypted before still opens', async () => {
    const KeyId = await newKey();
    const old = await encrypt(KeyId, 'old');
    const { KeyMetadata } = await client().send(new DescribeKeyCommand({ KeyId }));
    assert.equal((await client().send(new RotateKeyOnDemandCommand({ KeyId }))).KeyId, KeyId);
    const recent = await encrypt(KeyId, 'recent');
    const [first, second] = [await decrypt(old), await decrypt(recent)];
    assert.deepEqual([first.text, second.text], ['old', 'recent']);
    assert.equal(first.KeyMaterialId, KeyMetadata?.CurrentKeyMaterialId);
    assert.notEqual(second.KeyMaterialId, first.KeyMaterialId);
    // What names the other version opens with neither.
    const forged = Buffer.from(old ?? []);
    forged.writeUInt32BE(1, 17);
    await refused(decrypt(forged), 'InvalidCiphertextException', 400);
    forged.writeUInt32BE(7, 17);
    await refused(decrypt(forged), 'InvalidCiphertextException', 400);
    const [rotation] = await rotations(KeyId);
    assert.deepEqual([rotation?.KeyId, rotation?.RotationType], [KeyId, 'ON_DEMAND']);
    const all = await rotations(KeyId, { IncludeKeyMaterial: 'ALL_KEY_MATERIAL' });
    assert.deepEqual(
      all.map(entry => [entry.KeyMaterialId, entry.KeyMaterialState]),
      [
        [first.KeyMaterialId, 'NON_CURRENT'],
        [second.KeyMaterialId, 'CURRENT'],
      ],
    );
    const again = await client().send(new ReEncryptCommand({ CiphertextBlob: old, DestinationKeyId: KeyId }));
    assert.equal((await decrypt(again.CiphertextBlob)).text, 'old');
  });

  it('on demand is limited', async () => {
    const KeyId = await newKey();
    for (let index = 0; index < 25; index++) await client().send(new RotateKeyOnDemandCommand({ KeyId }));
    await refused(client().send(new RotateKeyOnDemandCommand({ KeyId })), 'LimitExceededException', 400, '25');
    const page = await client().send(new ListKeyRotationsCommand({ KeyId, Limit: 20 }));
    assert.deepEqual([page.Rotations?.length, page.Truncated], [20, true]);
    const rest = await client().send(new ListKeyRotationsCommand({ KeyId, Limit: 20, Marker: page.NextMarker }));
    assert.deepEqual([rest.Rotations?.length, rest.Truncated], [5, false]);
  });

  it('comes by itself when its day comes, and again', async () => {
    const KeyId = await newKey();
    await client().send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 100 }));
    const old = await encrypt(KeyId, 'old');
    ahead = 201 * DAY_MILLISECONDS;
    try {
      const recent = await encrypt(KeyId, 'recent');
      assert.deepEqual(
        (await rotations(KeyId)).map(entry => [
          entry.RotationType,
          Math.round(((entry.RotationDate?.getTime() ?? 0) - Date.now()) / DAY_MILLISECONDS),
        ]),
        [
          ['AUTOMATIC', 100],
          ['AUTOMATIC', 200],
        ],
      );
      assert.deepEqual([(await decrypt(old)).text, (await decrypt(recent)).text], ['old', 'recent']);
      const next = (await status(KeyId)).NextRotationDate?.getTime() ?? 0;
      assert.equal(Math.round((next - Date.now()) / DAY_MILLISECONDS), 300);
    } finally {
      ahead = 0;
    }
  });

  it('waits while the key is disabled, and is refused then', async () => {
    const KeyId = await newKey();
    await client().send(new DisableKeyCommand({ KeyId }));
    for (const command of [
      new EnableKeyRotationCommand({ KeyId }),
      new DisableKeyRotationCommand({ KeyId }),
      new RotateKeyOnDemandCommand({ KeyId }),
    ])
      await refused(client().send(command as EnableKeyRotationCommand), 'DisabledException', 400);
    assert.equal((await status(KeyId)).KeyRotationEnabled, false);
    await client().send(new EnableKeyCommand({ KeyId }));
    await client().send(new ScheduleKeyDeletionCommand({ KeyId }));
    await refused(client().send(new RotateKeyOnDemandCommand({ KeyId })), 'KMSInvalidStateException', 400);
    assert.equal((await status(KeyId)).KeyRotationEnabled, false);
  });

  it('still opens what was encrypted before ciphertexts named a version', async () => {
    const KeyId = await newKey();
    const vault = await openVault(server.dataDirectory);
    const store = await openSqliteStore(join(server.dataDirectory, 'likeness.sqlite'));
    const key = await store.read(({ kms }) => kms.key(KeyId));
    await store.close();
    const material = vault.open(key?.sealedMaterial ?? '', `kms-key:${KeyId}`);
    const header = Buffer.concat([Buffer.of(1), Buffer.from(KeyId.replaceAll('-', ''), 'hex')]);
    const sealed = seal(material, Buffer.alloc(12, 7), Buffer.from('ancient'), JSON.stringify([KeyId, []]));
    await client().send(new RotateKeyOnDemandCommand({ KeyId }));
    assert.equal((await decrypt(Buffer.concat([header, sealed]))).text, 'ancient');
  });
});
