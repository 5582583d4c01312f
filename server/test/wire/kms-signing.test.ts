import assert from 'node:assert/strict';
import { constants, createHmac, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  type KMSClient,
  type MacAlgorithmSpec,
  SignCommand,
  type SigningAlgorithmSpec,
  UpdateAliasCommand,
  VerifyCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeUser, refused } from './access-support.ts';

const Message = Buffer.from('the picture is of Ron');

describe('KMS keys that sign', () => {
  let server: TestServer;
  let kms: KMSClient;
  before(async () => {
    server = await startServer();
    ({ kms } = server.clients());
  });
  after(() => server.close());

  const newKey = async (input: CreateKeyCommandInput) =>
    (await kms.send(new CreateKeyCommand(input))).KeyMetadata?.KeyId ?? '';
  const newSigner = (KeySpec: CreateKeyCommandInput['KeySpec'], more: object = {}) =>
    newKey({ KeySpec, KeyUsage: 'SIGN_VERIFY', ...more });
  const sign = async (KeyId: string, SigningAlgorithm: SigningAlgorithmSpec) =>
    (await kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm }))).Signature ?? new Uint8Array();
  const verified = (KeyId: string, SigningAlgorithm: SigningAlgorithmSpec, Signature: Uint8Array, text = Message) =>
    kms.send(new VerifyCommand({ KeyId, Message: text, Signature, SigningAlgorithm }));

  const signers: [NonNullable<CreateKeyCommandInput['KeySpec']>, SigningAlgorithmSpec[]][] = [
    [
      'RSA_2048',
      ['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_512', 'RSASSA_PKCS1_V1_5_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_384'],
    ],
    ['ECC_NIST_P256', ['ECDSA_SHA_256']],
    ['ECC_NIST_P384', ['ECDSA_SHA_384']],
    ['ECC_NIST_P521', ['ECDSA_SHA_512']],
    ['ECC_SECG_P256K1', ['ECDSA_SHA_256']],
  ];
  for (const [KeySpec, algorithms] of signers)
    it(`of spec ${KeySpec} make signatures that the public key checks, here and elsewhere`, async () => {
      const KeyId = await newSigner(KeySpec);
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
      assert.deepEqual([KeyMetadata?.KeySpec, KeyMetadata?.KeyUsage], [KeySpec, 'SIGN_VERIFY']);
      assert.equal(KeyMetadata?.EncryptionAlgorithms, undefined);
      const { PublicKey, SigningAlgorithms, KeyUsage } = await kms.send(new GetPublicKeyCommand({ KeyId }));
      assert.deepEqual([SigningAlgorithms, KeyUsage], [KeyMetadata?.SigningAlgorithms, 'SIGN_VERIFY']);
      const key = createPublicKey({ key: Buffer.from(PublicKey ?? []), type: 'spki', format: 'der' });
      for (const algorithm of algorithms) {
        assert.ok(SigningAlgorithms?.includes(algorithm));
        const signature = await sign(KeyId, algorithm);
        assert.equal((await verified(KeyId, algorithm, signature)).SignatureValid, true);
        const padding = algorithm.includes('PSS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
        const options = KeySpec === 'RSA_2048' ? { key, padding } : { key };
        assert.ok(verify(algorithm.replace(/.*_SHA_/, 'sha'), Message, options, signature), algorithm);
        const other = Buffer.from('the picture is of Smila');
        await refused(verified(KeyId, algorithm, signature, other), 'KMSInvalidSignatureException', 400);
        signature[8] = (signature[8] ?? 0) ^ 1;
        await refused(verified(KeyId, algorithm, signature), 'KMSInvalidSignatureException', 400);
        await refused(verified(KeyId, algorithm, Buffer.from('x')), 'KMSInvalidSignatureException', 400);
      }
    });

  const macs: [NonNullable<CreateKeyCommandInput['KeySpec']>, MacAlgorithmSpec, number][] = [
    ['HMAC_224', 'HMAC_SHA_224', 28],
    ['HMAC_256', 'HMAC_SHA_256', 32],
    ['HMAC_384', 'HMAC_SHA_384', 48],
    ['HMAC_512', 'HMAC_SHA_512', 64],
  ];
  for (const [KeySpec, MacAlgorithm, bytes] of macs)
    it(`of spec ${KeySpec} make codes that they check`, async () => {
      const KeyId = await newKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' });
      const { Mac } = await kms.send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm }));
      assert.equal(Mac?.length, bytes);
      const check = (code: Uint8Array) => kms.send(new VerifyMacCommand({ KeyId, Message, MacAlgorithm, Mac: code }));
      assert.equal((await check(Mac ?? new Uint8Array())).MacValid, true);
      const forged = createHmac('sha256', 'guess').update(Message).digest();
      await refused(check(forged), 'KMSInvalidMacException', 400);
    });

  it('are used for what they are for, with the algorithms that they have', async () => {
    const [signer, other] = [await newSigner('ECC_NIST_P256'), await newKey({})];
    const invalidUsage = (call: Promise<unknown>, text: string) => refused(call, 'InvalidKeyUsageException', 400, text);
    const Plaintext = Buffer.from('x');
    await invalidUsage(kms.send(new EncryptCommand({ KeyId: signer, Plaintext })), 'not valid for Encrypt');
    await invalidUsage(kms.send(new GenerateDataKeyCommand({ KeyId: signer, KeySpec: 'AES_256' })), 'GenerateDataKey');
    await invalidUsage(sign(other, 'ECDSA_SHA_256'), 'not valid for Sign');
    await invalidUsage(sign(signer, 'RSASSA_PSS_SHA_256'), 'incompatible with key spec ECC_NIST_P256');
    const mac = new GenerateMacCommand({ KeyId: signer, Message, MacAlgorithm: 'HMAC_SHA_256' });
    await invalidUsage(kms.send(mac), 'not valid for GenerateMac');
    const unsupported = (call: Promise<unknown>) => refused(call, 'UnsupportedOperationException', 400);
    await unsupported(kms.send(new GetPublicKeyCommand({ KeyId: other })));
    await unsupported(kms.send(new EnableKeyRotationCommand({ KeyId: signer })));
    const SigningAlgorithm = 'ECDSA_SHA_256';
    const digest = {
      KeyId: signer,
      Message: Buffer.alloc(32),
      MessageType: 'DIGEST' as const,
      SigningAlgorithm,
    } as const;
    await unsupported(kms.send(new SignCommand(digest)));
    const grant = { KeyId: signer, GranteePrincipal: `arn:aws:iam::${ACCOUNT}:root` };
    await refused(
      kms.send(new CreateGrantCommand({ ...grant, Operations: ['Encrypt'] })),
      'ValidationException',
      400,
      'cannot allow Encrypt',
    );
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/signer', TargetKeyId: signer }));
    const move = new UpdateAliasCommand({ AliasName: 'alias/signer', TargetKeyId: other });
    await refused(kms.send(move), 'ValidationException', 400, 'same kind');
    await kms.send(new DisableKeyCommand({ KeyId: signer }));
    await refused(sign(signer, 'ECDSA_SHA_256'), 'DisabledException', 400);
  });

  it('are made with the usage that their spec has, and no other', async () => {
    const make = (input: CreateKeyCommandInput) => kms.send(new CreateKeyCommand(input));
    await refused(make({ KeySpec: 'ECC_NIST_P256' }), 'ValidationException', 400, 'must specify a KeyUsage');
    await refused(make({ KeySpec: 'RSA_2048' }), 'ValidationException', 400, 'must specify a KeyUsage');
    await refused(make({ KeySpec: 'HMAC_256', KeyUsage: 'SIGN_VERIFY' }), 'ValidationException', 400, 'HMAC_256');
    await refused(make({ KeyUsage: 'SIGN_VERIFY' }), 'ValidationException', 400, 'SYMMETRIC_DEFAULT');
    const unsupported = (input: CreateKeyCommandInput, text: string) =>
      refused(make(input), 'UnsupportedOperationException', 400, text);
    await unsupported({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }, 'ENCRYPT_DECRYPT with RSA_2048');
    await unsupported({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }, 'KEY_AGREEMENT');
    await unsupported({ KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' }, 'SM2');
    await unsupported({ Origin: 'EXTERNAL' }, 'Origin EXTERNAL');
  });

  it('sign for those alone whom policy and grants allow, with the algorithm that the policy names', async () => {
    const alice = server.clients({ credentials: await makeUser(server, 'alice') }).kms;
    const Principal = { AWS: `arn:aws:iam::${ACCOUNT}:user/alice` };
    const Condition = { StringEquals: { 'kms:SigningAlgorithm': 'RSASSA_PSS_SHA_256', 'kms:MessageType': 'RAW' } };
    const own = allow('kms:*', '*', { Principal: { AWS: ACCOUNT } });
    const KeyId = await newSigner('RSA_2048', {
      Policy: document(own, allow('kms:Sign', '*', { Principal, Condition })),
    });
    const ask = (SigningAlgorithm: SigningAlgorithmSpec) =>
      alice.send(new SignCommand({ KeyId, Message, SigningAlgorithm }));
    const { Signature } = await ask('RSASSA_PSS_SHA_256');
    await refused(ask('RSASSA_PSS_SHA_384'), 'AccessDeniedException', 400);
    const check = new VerifyCommand({ KeyId, Message, Signature, SigningAlgorithm: 'RSASSA_PSS_SHA_256' });
    await refused(alice.send(check), 'AccessDeniedException', 400);
    await kms.send(new CreateGrantCommand({ KeyId, GranteePrincipal: Principal.AWS, Operations: ['Verify'] }));
    assert.equal((await alice.send(check)).SignatureValid, true);
  });

  it('can be made in pairs to give away, the private one encrypted', async () => {
    const KeyId = await newKey({});
    const EncryptionContext = { for: 'ron' };
    const made = await kms.send(
      new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256', EncryptionContext }),
    );
    const pair = createPrivateKey({ key: Buffer.from(made.PrivateKeyPlaintext ?? []), type: 'pkcs8', format: 'der' });
    const publicKey = createPublicKey(pair).export({ type: 'spki', format: 'der' });
    assert.deepEqual(Buffer.from(made.PublicKey ?? []), publicKey);
    const CiphertextBlob = made.PrivateKeyCiphertextBlob;
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    assert.deepEqual(opened.Plaintext, made.PrivateKeyPlaintext);
    const sealed = await kms.send(new GenerateDataKeyPairWithoutPlaintextCommand({ KeyId, KeyPairSpec: 'RSA_2048' }));
    assert.ok(sealed.PrivateKeyCiphertextBlob && !('PrivateKeyPlaintext' in sealed && sealed.PrivateKeyPlaintext));
    const sm2 = new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'SM2' });
    await refused(kms.send(sm2), 'UnsupportedOperationException', 400, 'SM2');
  });
});
