import { constants, createHmac, createPrivateKey, createPublicKey, sign, timingSafeEqual, verify } from 'node:crypto';
import type {
  GenerateMacRequest,
  GenerateMacResponse,
  GetPublicKeyRequest,
  GetPublicKeyResponse,
  SignRequest,
  SignResponse,
  VerifyMacRequest,
  VerifyMacResponse,
  VerifyRequest,
  VerifyResponse,
} from '@aws-sdk/client-kms';
import { Fault } from '../../domain/fault.ts';
import type { Operation, RequestContext } from '../../domain/operation.ts';
import type { KeyRow } from '../../ports/store-kms.ts';
import { openMaterial } from './ciphertext.ts';
import { askForKey, findKey, type KmsDependencies, keyArn, refuseDryRun, requireEnabled } from './key-access.ts';
import { describeKind, requireAlgorithm, requireUsage, unsupported } from './key-kinds.ts';

const MAXIMUM_MESSAGE_BYTES = 4096;

interface SignatureInput {
  KeyId?: string | undefined;
  Message?: Uint8Array | undefined;
  MessageType?: string | undefined;
  SigningAlgorithm?: string | undefined;
}

/** What keys that do not encrypt are for: signatures and message authentication codes. */
export function signingOperations(deps: KmsDependencies) {
  const usableKey = async (keyId: string | undefined, usage: KeyRow['usage'], ctx: RequestContext): Promise<KeyRow> => {
    const key = await deps.store.read(({ kms }) => findKey(deps, kms, keyId ?? '', ctx));
    requireEnabled(key);
    requireUsage(key, usage, keyArn(key), ctx.operation);
    return key;
  };
  const authorizeSignature = (input: SignatureInput, ctx: RequestContext) =>
    askForKey(deps, input.KeyId, ctx, {
      'kms:SigningAlgorithm': input.SigningAlgorithm,
      'kms:MessageType': input.MessageType ?? 'RAW',
    });
  const authorizeMac = (input: GenerateMacRequest | VerifyMacRequest, ctx: RequestContext) =>
    askForKey(deps, input.KeyId, ctx, { 'kms:MacAlgorithm': input.MacAlgorithm });

  /** The private key, and how it signs what. */
  const signature = async (input: SignatureInput, ctx: RequestContext) => {
    const key = await usableKey(input.KeyId, 'SIGN_VERIFY', ctx);
    const { Message: message = new Uint8Array(), SigningAlgorithm: algorithm = '' } = input;
    requireAlgorithm(key, algorithm);
    if ((input.MessageType ?? 'RAW') !== 'RAW') throw unsupported(`MessageType ${input.MessageType}`);
    checkMessage(message);
    const parsed = /^(.*)_SHA_(\d+)$/.exec(algorithm);
    const padding = { RSASSA_PSS: constants.RSA_PKCS1_PSS_PADDING, RSASSA_PKCS1_V1_5: constants.RSA_PKCS1_PADDING };
    const options = {
      key: privateKey(deps, key),
      padding: padding[parsed?.[1] as keyof typeof padding],
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    };
    return { key, message, options, hash: `sha${parsed?.[2]}` };
  };

  const mac = async (input: GenerateMacRequest | VerifyMacRequest, ctx: RequestContext) => {
    const key = await usableKey(input.KeyId, 'GENERATE_VERIFY_MAC', ctx);
    const { Message: message = new Uint8Array(), MacAlgorithm: algorithm = '' } = input;
    requireAlgorithm(key, algorithm);
    checkMessage(message);
    const hash = algorithm.replace(/^HMAC_SHA_/, 'sha');
    return { KeyId: keyArn(key), Mac: createHmac(hash, openMaterial(deps, key)).update(message).digest() };
  };

  return {
    Sign: {
      authorize: (input: SignRequest, ctx) => authorizeSignature(input, ctx),
      async handle(input: SignRequest, ctx): Promise<SignResponse> {
        const { key, message, options, hash } = await signature(input, ctx);
        refuseDryRun(input);
        const Signature = sign(hash, message, options);
        return { KeyId: keyArn(key), Signature, SigningAlgorithm: input.SigningAlgorithm };
      },
    },

    Verify: {
      authorize: (input: VerifyRequest, ctx) => authorizeSignature(input, ctx),
      async handle(input: VerifyRequest, ctx): Promise<VerifyResponse> {
        const { key, message, options, hash } = await signature(input, ctx);
        refuseDryRun(input);
        const good = verify(
          hash,
          message,
          { ...options, key: createPublicKey(options.key) },
          input.Signature ?? new Uint8Array(),
        );
        if (!good)
          throw new Fault('invalid', 'The signature is not one of this message by this key.', {
            code: 'KMSInvalidSignatureException',
          });
        return { KeyId: keyArn(key), SignatureValid: true, SigningAlgorithm: input.SigningAlgorithm };
      },
    },

    GetPublicKey: {
      authorize: (input: GetPublicKeyRequest, ctx) => askForKey(deps, input.KeyId, ctx),
      async handle(input: GetPublicKeyRequest, ctx): Promise<GetPublicKeyResponse> {
        const key = await deps.store.read(({ kms }) => findKey(deps, kms, input.KeyId ?? '', ctx));
        if (key.usage !== 'SIGN_VERIFY') throw unsupported(`GetPublicKey of a key of spec ${key.spec}`);
        requireEnabled(key);
        const PublicKey = createPublicKey(privateKey(deps, key)).export({ type: 'spki', format: 'der' });
        return { KeyId: keyArn(key), PublicKey, ...describeKind(key) };
      },
    },

    GenerateMac: {
      authorize: (input: GenerateMacRequest, ctx) => authorizeMac(input, ctx),
      async handle(input: GenerateMacRequest, ctx): Promise<GenerateMacResponse> {
        const made = await mac(input, ctx);
        refuseDryRun(input);
        return { ...made, MacAlgorithm: input.MacAlgorithm };
      },
    },

    VerifyMac: {
      authorize: (input: VerifyMacRequest, ctx) => authorizeMac(input, ctx),
      async handle(input: VerifyMacRequest, ctx): Promise<VerifyMacResponse> {
        const { KeyId, Mac } = await mac(input, ctx);
        refuseDryRun(input);
        const given = input.Mac ?? new Uint8Array();
        if (given.length !== Mac.length || !timingSafeEqual(given, Mac))
          throw new Fault('invalid', 'The MAC is not one of this message by this key.', {
            code: 'KMSInvalidMacException',
          });
        return { KeyId, MacValid: true, MacAlgorithm: input.MacAlgorithm };
      },
    },
  } satisfies Record<string, Operation<never, unknown>>;
}

function privateKey(deps: KmsDependencies, key: KeyRow) {
  return createPrivateKey({ key: Buffer.from(openMaterial(deps, key)), type: 'pkcs8', format: 'der' });
}

function checkMessage(message: Uint8Array): void {
  if (message.length < 1 || message.length > MAXIMUM_MESSAGE_BYTES)
    throw new Fault('invalid', `Message must have 1 to ${MAXIMUM_MESSAGE_BYTES} bytes; it has ${message.length}.`);
}
