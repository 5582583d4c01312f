/**
 * Envelope keys for what the service stores for an account (weights of custom models). With a key id, KMS decides as for
 * any caller; without, a service-owned key that no caller sees.
 */
export interface Keyring {
  /** Resolves an id, alias or ARN to the full key ARN; Fault invalid when absent, disabled or not symmetric. */
  resolve(keyId: string, accountId: string, region: string): Promise<string>;
  /** @returns a fresh 32-byte key and its wrapped form to store beside the ciphertext */
  generateDataKey(owner: KeyOwner): Promise<{ plaintext: Uint8Array; wrapped: string }>;
  /** Fault denied or conflict when the key is disabled, pending deletion or gone: the model is unusable then. */
  unwrap(owner: KeyOwner, wrapped: string): Promise<Uint8Array>;
}

export interface KeyOwner {
  accountId: string;
  region: string;
  /** Full ARN of the customer's key, or null for the service-owned one. */
  keyArn: string | null;
  /** Bound into the ciphertext (encryption context): the model's ARN. */
  resourceArn: string;
}
