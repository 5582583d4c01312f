import type { AccessRequest, RequestContext } from '../domain/operation.ts';

/** The data key of an object that is being written, and its wrapped form, which is kept beside the object. */
export interface DataKey {
  plaintext: Uint8Array;
  wrapped: string;
}

/** Which key wraps an object's data key: a KMS key's ARN, or null for the service's own (SSE-S3). */
export interface WrappingKey {
  keyArn: string | null;
  /** KMS's encryption context; of the service's own key, what the data key is bound to. */
  context: Readonly<Record<string, string>>;
}

/** Keys of S3's objects. With a KMS key, KMS decides for the caller of S3 as for its own. */
export interface ObjectKeys {
  /**
   * The ARN that a key id, alias or ARN of the request means; undefined: the account's own key for S3 (alias/aws/s3),
   * which is made at its first use. @throws Fault KMS.NotFoundException
   */
  resolve(keyId: string | undefined, ctx: RequestContext): Promise<string>;
  /**
   * What the caller must be allowed on a key, by way of S3. Empty for one that does not exist: using it says so.
   * @param keyId as for resolve
   */
  questions(
    keyId: string | undefined,
    actions: readonly ('kms:GenerateDataKey' | 'kms:Decrypt')[],
    context: WrappingKey['context'],
    ctx: RequestContext,
  ): Promise<AccessRequest[]>;
  /** @throws Fault KMS.NotFoundException, KMS.DisabledException, KMS.KMSInvalidStateException */
  generate(key: WrappingKey): Promise<DataKey>;
  /** @throws Fault as generate */
  unwrap(key: WrappingKey, wrapped: string): Promise<Uint8Array>;
}
