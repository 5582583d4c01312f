import { createHash } from 'node:crypto';
import type { RequestContext } from '../../domain/operation.ts';
import { headerNotImplemented, invalidArgument, s3Fault } from './faults.ts';

/** The members of a write that say how the object is to be encrypted, as PutObject, CopyObject and uploads have them. */
export interface EncryptionInput {
  Bucket?: string | undefined;
  Key?: string | undefined;
  ServerSideEncryption?: string | undefined;
  SSEKMSKeyId?: string | undefined;
  SSEKMSEncryptionContext?: string | undefined;
  BucketKeyEnabled?: boolean | undefined;
}

/** A bucket's default, as PutBucketEncryption keeps it. */
export interface DefaultEncryption {
  algorithm: 'AES256' | 'aws:kms';
  /** As sent; absent: the account's own key for S3. */
  keyId?: string;
  bucketKey: boolean;
  blocksCustomerKeys?: boolean;
}

export type WantedEncryption =
  | { kind: 'service' }
  | { kind: 'kms'; keyId: string | undefined; context: Record<string, string>; bucketKey: boolean }
  | { kind: 'customer'; key: CustomerKey };

/** SSE-C: the key comes with each request and is kept nowhere. */
export interface CustomerKey {
  bytes: Buffer;
  md5: string;
}

const SSE = 'x-amz-server-side-encryption';

/** @throws Fault for members that go together badly, with AWS's codes */
export function wantedEncryption(
  input: EncryptionInput,
  ctx: RequestContext,
  fallback: DefaultEncryption,
): WantedEncryption {
  const algorithm = input.ServerSideEncryption;
  const customer = customerKeyOf(ctx, `${SSE}-customer`);
  if (customer !== undefined) {
    if (algorithm !== undefined)
      throw invalidArgument(
        SSE,
        algorithm,
        'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
      );
    if (fallback.blocksCustomerKeys)
      throw s3Fault('AccessDenied', 'Access Denied: the bucket blocks encryption with customer-provided keys (SSE-C).');
    return { kind: 'customer', key: customer };
  }
  if (algorithm !== undefined && algorithm !== 'aws:kms') {
    if (algorithm === 'aws:kms:dsse')
      throw headerNotImplemented(SSE, 'Use aws:kms: each object is encrypted once, under a key of its own.');
    if (algorithm !== 'AES256')
      throw invalidArgument(SSE, algorithm, 'The encryption method specified is not supported');
  }
  const effective = algorithm ?? (input.SSEKMSKeyId === undefined ? fallback.algorithm : undefined);
  if (effective !== 'aws:kms') {
    if (input.SSEKMSKeyId !== undefined || input.SSEKMSEncryptionContext !== undefined)
      throw invalidArgument(
        SSE,
        algorithm ?? '',
        'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
      );
    return { kind: 'service' };
  }
  if (ctx.principal.type === 'anonymous') throw needsSignature();
  return {
    kind: 'kms',
    keyId: input.SSEKMSKeyId ?? fallback.keyId,
    context: parseContext(input.SSEKMSEncryptionContext),
    bucketKey: input.BucketKeyEnabled ?? (fallback.algorithm === 'aws:kms' && fallback.bucketKey),
  };
}

/** AWS: KMS decides for a known caller, so nobody reads or writes under its keys unsigned. */
export function needsSignature(): Error {
  return invalidArgument(
    'Authorization',
    'null',
    'Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.',
  );
}

/**
 * The customer's key in the headers of a request.
 * @param prefix `x-amz-server-side-encryption-customer`, or with `x-amz-copy-source-` for the source of a copy
 * @throws Fault InvalidArgument, InvalidRequest
 */
export function customerKeyOf(ctx: RequestContext, prefix: string): CustomerKey | undefined {
  const algorithm = ctx.headers[`${prefix}-algorithm`];
  const key = ctx.headers[`${prefix}-key`];
  const md5 = ctx.headers[`${prefix}-key-md5`];
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined;
  const provide = (what: string) =>
    `Requests specifying Server Side Encryption with Customer provided keys must provide ${what}.`;
  if (!algorithm) throw invalidArgument(`${prefix}-algorithm`, 'null', provide('a valid encryption algorithm'));
  if (algorithm !== 'AES256')
    throw s3Fault(
      'InvalidEncryptionAlgorithmError',
      'The Encryption request you specified is not valid. Supported value: AES256.',
      { members: { ArgumentName: `${prefix}-algorithm`, ArgumentValue: algorithm } },
    );
  if (!key) throw invalidArgument(`${prefix}-key`, 'null', provide('an appropriate secret key'));
  if (!md5) throw invalidArgument(`${prefix}-key-MD5`, 'null', provide('the client calculated MD5 of the secret key'));
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length !== 32)
    throw invalidArgument(
      `${prefix}-key`,
      `${bytes.length} bytes`,
      'The secret key was invalid for the specified algorithm.',
    );
  if (createHash('md5').update(bytes).digest('base64') !== md5)
    throw invalidArgument(
      `${prefix}-key-MD5`,
      md5,
      'The calculated MD5 hash of the key did not match the hash that was provided.',
    );
  if (!ctx.secureTransport && !/^(127\.|::1$)/.test(ctx.sourceIp))
    throw s3Fault(
      'InvalidRequest',
      'Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.',
    );
  return { bytes, md5 };
}

/** @throws Fault InvalidArgument unless base64 of a JSON object of texts */
function parseContext(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  try {
    const context: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    if (typeof context === 'object' && context !== null && !Array.isArray(context)) {
      const pairs = Object.entries(context);
      if (pairs.every(([, value]) => typeof value === 'string')) return Object.fromEntries(pairs);
    }
  } catch {
    // Not JSON: refused below.
  }
  throw invalidArgument(`${SSE}-context`, text, 'The header must be base64 of a JSON object whose values are strings.');
}
