import { createPrivateKey, createPublicKey } from 'node:crypto';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  GenerateDataKeyPairRequest,
  GenerateDataKeyPairResponse,
  GenerateDataKeyPairWithoutPlaintextResponse,
  GenerateDataKeyRequest,
  GenerateDataKeyResponse,
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
  GenerateRandomRequest,
  GenerateRandomResponse,
  ReEncryptRequest,
  ReEncryptResponse,
} from '@aws-sdk/client-kms';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, Operation, RequestContext } from '../../domain/operation.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import { decryptUnder, type EncryptionContext, encryptUnder, readHeader } from './ciphertext.ts';
import {
  aliasCondition,
  findKey,
  type KmsDependencies,
  keyArn,
  keyFacts,
  keyQuestion,
  materialId,
  materialOf,
  refuseDryRun,
  requireEnabled,
} from './key-access.ts';
import { pairKindOf, requireUsage, unsupported } from './key-kinds.ts';
import { rotatedKey } from './rotation.ts';

const MAXIMUM_PLAINTEXT_BYTES = 4096;
const ALGORITHM = 'SYMMETRIC_DEFAULT';

interface DataKeyInput {
  KeyId?: string | undefined;
  KeySpec?: string | undefined;
  NumberOfBytes?: number | undefined;
  EncryptionContext?: EncryptionContext;
  DryRun?: boolean | undefined;
}

export function cryptographicOperations(deps: KmsDependencies) {
  const question = async (
    keyId: string | undefined,
    ctx: RequestContext,
    context: EncryptionContext,
    options: { action?: string; conditions?: AccessRequest['conditions'] } = {},
  ): Promise<AccessRequest[]> => {
    // Nothing to ask about; the check of the input refuses the call.
    if (keyId === undefined) return [];
    return await deps.store.read(async ({ kms }) => {
      const key = await findKey(deps, kms, keyId, ctx);
      const conditions = {
        'kms:CallerAccount': ctx.accountId,
        'kms:EncryptionAlgorithm': ALGORITHM,
        ...aliasCondition(keyId),
        ...options.conditions,
      };
      const facts = await keyFacts(kms, key, ctx.principal);
      return [keyQuestion(key, facts, { ...options, conditions, ...(context && { context }) })];
    });
  };

  /** The key to work with, found by what the caller names, and fit for use now. */
  const usableKey = async (keyId: string | undefined, ctx: RequestContext): Promise<KeyRow> => {
    const key = await rotatedKey(deps, keyId ?? '', ctx);
    requireEnabled(key);
    requireUsage(key, 'ENCRYPT_DECRYPT', keyArn(key), ctx.operation);
    return key;
  };

  const decrypt = async (key: KeyRow, ciphertext: Uint8Array, context: EncryptionContext): Promise<Buffer> => {
    const material = await deps.store.read(({ kms }) => materialOf(kms, key, ciphertext));
    return decryptUnder(deps, material, ciphertext, context);
  };

  /** Id of the key that a ciphertext was made with, when the caller may know it. */
  const keyOfCiphertext = async (
    ciphertext: Uint8Array | undefined,
    keyId: string | undefined,
    ctx: RequestContext,
  ): Promise<string> => {
    const made = readHeader(ciphertext ?? new Uint8Array()).keyId;
    if (keyId !== undefined) {
      const key = await deps.store.read(({ kms }) => findKey(deps, kms, keyId, ctx));
      if (key.keyId === made) return keyArn(key);
      throw new Fault('invalid', 'The key ID in the request does not identify a CMK that can perform this operation.', {
        code: 'IncorrectKeyException',
      });
    }
    const key = await deps.store.read(({ kms }) => kms.key(made));
    // AWS: one answer for all that the caller must not tell apart.
    if (key === undefined || key.region !== ctx.region)
      throw new Fault(
        'denied',
        'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
      );
    return keyArn(key);
  };

  const generate = async (input: DataKeyInput, ctx: RequestContext) => {
    const plaintext = deps.ids.bytes(dataKeyBytes(input));
    const key = await usableKey(input.KeyId, ctx);
    refuseDryRun(input);
    const blob = encryptUnder(deps, key, plaintext, input.EncryptionContext);
    return { plaintext, made: { KeyId: keyArn(key), CiphertextBlob: blob, KeyMaterialId: currentMaterialId(key) } };
  };

  const askForPair = (input: GenerateDataKeyPairRequest, ctx: RequestContext) =>
    question(input.KeyId, ctx, input.EncryptionContext, {
      conditions: { 'kms:DataKeyPairSpec': input.KeyPairSpec },
    });

  const generatePair = async (input: GenerateDataKeyPairRequest, ctx: RequestContext) => {
    const { KeyPairSpec: spec = 'RSA_2048' } = input;
    const kind = pairKindOf(spec);
    const key = await usableKey(input.KeyId, ctx);
    refuseDryRun(input);
    const plaintext = await kind.newMaterial(deps.ids);
    const pair = createPrivateKey({ key: Buffer.from(plaintext), type: 'pkcs8', format: 'der' });
    const made = {
      KeyId: keyArn(key),
      KeyPairSpec: spec,
      PublicKey: createPublicKey(pair).export({ type: 'spki', format: 'der' }),
      PrivateKeyCiphertextBlob: encryptUnder(deps, key, plaintext, input.EncryptionContext),
      KeyMaterialId: currentMaterialId(key),
    };
    return { plaintext, made };
  };

  return {
    Encrypt: {
      authorize: (input: EncryptRequest, ctx) => question(input.KeyId, ctx, input.EncryptionContext),
      async handle(input: EncryptRequest, ctx): Promise<EncryptResponse> {
        checkAlgorithm(input.EncryptionAlgorithm);
        const { Plaintext: plaintext = new Uint8Array() } = input;
        if (plaintext.length < 1 || plaintext.length > MAXIMUM_PLAINTEXT_BYTES)
          throw new Fault(
            'invalid',
            `Plaintext must have 1 to ${MAXIMUM_PLAINTEXT_BYTES} bytes; it has ${plaintext.length}.`,
          );
        const key = await usableKey(input.KeyId, ctx);
        refuseDryRun(input);
        const blob = encryptUnder(deps, key, plaintext, input.EncryptionContext);
        return { CiphertextBlob: blob, KeyId: keyArn(key), EncryptionAlgorithm: ALGORITHM };
      },
    },

    Decrypt: {
      async authorize(input: DecryptRequest, ctx) {
        const arn = await keyOfCiphertext(input.CiphertextBlob, input.KeyId, ctx);
        return await question(arn, ctx, input.EncryptionContext);
      },
      async handle(input: DecryptRequest, ctx): Promise<DecryptResponse> {
        checkAlgorithm(input.EncryptionAlgorithm);
        refuseRecipient(input);
        refuseDryRunModifiers(input);
        const { CiphertextBlob: blob = new Uint8Array() } = input;
        const key = await usableKey(await keyOfCiphertext(blob, input.KeyId, ctx), ctx);
        const plaintext = await decrypt(key, blob, input.EncryptionContext);
        refuseDryRun(input);
        const KeyMaterialId = materialId(key.keyId, readHeader(blob).version);
        return { KeyId: keyArn(key), Plaintext: plaintext, EncryptionAlgorithm: ALGORITHM, KeyMaterialId };
      },
    },

    ReEncrypt: {
      async authorize(input: ReEncryptRequest, ctx) {
        const source = await keyOfCiphertext(input.CiphertextBlob, input.SourceKeyId, ctx);
        const { DestinationKeyId: destinationId, DestinationEncryptionContext: destinationContext } = input;
        if (destinationId === undefined) return [];
        const destination = await deps.store.read(({ kms }) => findKey(deps, kms, destinationId, ctx));
        const conditions = { 'kms:ReEncryptOnSameKey': keyArn(destination) === source };
        const from = { action: 'kms:ReEncryptFrom', conditions };
        return [
          ...(await question(source, ctx, input.SourceEncryptionContext, from)),
          ...(await question(destinationId, ctx, destinationContext, { action: 'kms:ReEncryptTo', conditions })),
        ];
      },
      async handle(input: ReEncryptRequest, ctx): Promise<ReEncryptResponse> {
        checkAlgorithm(input.SourceEncryptionAlgorithm);
        checkAlgorithm(input.DestinationEncryptionAlgorithm);
        refuseDryRunModifiers(input);
        const { CiphertextBlob: blob = new Uint8Array() } = input;
        const source = await usableKey(await keyOfCiphertext(blob, input.SourceKeyId, ctx), ctx);
        const destination = await usableKey(input.DestinationKeyId, ctx);
        const plaintext = await decrypt(source, blob, input.SourceEncryptionContext);
        refuseDryRun(input);
        return {
          CiphertextBlob: encryptUnder(deps, destination, plaintext, input.DestinationEncryptionContext),
          SourceKeyId: keyArn(source),
          KeyId: keyArn(destination),
          SourceEncryptionAlgorithm: ALGORITHM,
          DestinationEncryptionAlgorithm: ALGORITHM,
          SourceKeyMaterialId: materialId(source.keyId, readHeader(blob).version),
          DestinationKeyMaterialId: currentMaterialId(destination),
        };
      },
    },

    GenerateDataKey: {
      authorize: (input: GenerateDataKeyRequest, ctx) => question(input.KeyId, ctx, input.EncryptionContext),
      async handle(input: GenerateDataKeyRequest, ctx): Promise<GenerateDataKeyResponse> {
        refuseRecipient(input);
        const { plaintext, made } = await generate(input, ctx);
        return { ...made, Plaintext: plaintext };
      },
    },

    GenerateDataKeyWithoutPlaintext: {
      authorize: (input: GenerateDataKeyWithoutPlaintextRequest, ctx) =>
        question(input.KeyId, ctx, input.EncryptionContext),
      async handle(
        input: GenerateDataKeyWithoutPlaintextRequest,
        ctx,
      ): Promise<GenerateDataKeyWithoutPlaintextResponse> {
        return (await generate(input, ctx)).made;
      },
    },

    GenerateDataKeyPair: {
      authorize: (input: GenerateDataKeyPairRequest, ctx) => askForPair(input, ctx),
      async handle(input: GenerateDataKeyPairRequest, ctx): Promise<GenerateDataKeyPairResponse> {
        refuseRecipient(input);
        const { plaintext, made } = await generatePair(input, ctx);
        return { ...made, PrivateKeyPlaintext: plaintext };
      },
    },

    GenerateDataKeyPairWithoutPlaintext: {
      authorize: (input: GenerateDataKeyPairRequest, ctx) => askForPair(input, ctx),
      async handle(input: GenerateDataKeyPairRequest, ctx): Promise<GenerateDataKeyPairWithoutPlaintextResponse> {
        return (await generatePair(input, ctx)).made;
      },
    },

    GenerateRandom: {
      authorize: (_input: GenerateRandomRequest) => [{ resource: '*' }],
      async handle(input: GenerateRandomRequest): Promise<GenerateRandomResponse> {
        refuseRecipient(input);
        if (input.CustomKeyStoreId !== undefined) throw unsupported('A custom key store');
        if (input.NumberOfBytes === undefined) throw new Fault('invalid', 'NumberOfBytes is required.');
        return { Plaintext: deps.ids.bytes(dataKeyBytes({ NumberOfBytes: input.NumberOfBytes })) };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

/** @throws Fault: who names an enclave trusts that no answer has the secret in the clear */
function refuseRecipient({ Recipient: recipient }: { Recipient?: unknown }): void {
  if (recipient !== undefined) throw unsupported('Recipient (Nitro Enclaves)');
}

function refuseDryRunModifiers({ DryRunModifiers: modifiers = [] }: { DryRunModifiers?: unknown[] | undefined }): void {
  if (modifiers.length > 0) throw unsupported('DryRunModifiers');
}

function currentMaterialId(key: KeyRow): string {
  return materialId(key.keyId, key.materialVersion);
}

function dataKeyBytes({ KeySpec: spec, NumberOfBytes: bytes }: DataKeyInput): number {
  if ((spec === undefined) === (bytes === undefined))
    throw new Fault('invalid', 'Please specify either number of bytes or key spec.');
  if (spec !== undefined) {
    if (spec !== 'AES_256' && spec !== 'AES_128')
      throw new Fault('invalid', `KeySpec must be AES_256 or AES_128; you sent ${spec}.`);
    return spec === 'AES_256' ? 32 : 16;
  }
  if (bytes === undefined || bytes < 1 || bytes > 1024)
    throw new Fault('invalid', `NumberOfBytes must be from 1 to 1024; you sent ${bytes}.`);
  return bytes;
}

function checkAlgorithm(algorithm: string | undefined): void {
  if (algorithm !== undefined && algorithm !== ALGORITHM)
    throw new Fault('invalid', `The key encrypts with ${ALGORITHM} only; you sent ${algorithm}.`, {
      code: 'InvalidKeyUsageException',
    });
}
