import type { Sealer } from '../domain/encryption/sealing.ts';
import type { AccessRequest, RequestContext } from '../domain/operation.ts';

/**
 * Secrets of the service itself, sealed under the installation's master key: access keys, session tokens, key material.
 */
export type Vault = Sealer;

/**
 * Envelope keys for what the service stores for an account (weights of custom models). With a key id, KMS decides as for
 * any caller; without, a service-owned key that no caller sees.
 */
export interface Keyring {
  /** Resolves an id, alias or ARN to the full key ARN; Fault invalid when absent, disabled or not symmetric. */
  resolve(keyId: string, accountId: string, region: string): Promise<string>;
  /**
   * What the caller of CreateModelCustomizationJob must be allowed on the key (kms:DescribeKey, GenerateDataKey, Decrypt,
   * CreateGrant via the service), ready to be among an operation's own questions. Empty when the key does not exist:
   * `resolve` says so.
   */
  accessRequests(keyId: string, caller: KeyCaller): Promise<AccessRequest[]>;
  /**
   * Of these, what whoever uses a model encrypted under a customer's key needs: Decrypt, and no more (AWS: encryption-custom-job).
   * @param keyArn null or undefined: no customer's key, nothing to ask
   * @param caller its region is the key's
   */
  decryptRequests(keyArn: string | null | undefined, caller: KeyCaller): Promise<AccessRequest[]>;
  /** @returns a fresh 32-byte key and its wrapped form to store beside the ciphertext */
  generateDataKey(owner: KeyOwner): Promise<{ plaintext: Uint8Array; wrapped: string }>;
  /** Fault denied or conflict when the key is disabled, pending deletion or gone: the model is unusable then. */
  unwrap(owner: KeyOwner, wrapped: string): Promise<Uint8Array>;
  /** What was stored is deleted: retires the service's grant on the customer's key. */
  release(owner: KeyOwner): Promise<void>;
}

/** Who asks for the use of a key, and in which Region. */
export type KeyCaller = Pick<RequestContext, 'principal' | 'accountId' | 'region'>;

export interface KeyOwner {
  accountId: string;
  region: string;
  /** Full ARN of the customer's key, or null for the service-owned one. */
  keyArn: string | null;
  /** Bound into the ciphertext (encryption context): the model's ARN. */
  resourceArn: string;
}
