/**
 * KMS: keys that never leave, and what is encrypted under them.
 *
 * Gaps: RSA keys sign only, and signatures are made of messages, not of digests; no key agreement, imported material, custom
 * key stores, multi-Region keys; grants in force at once, so grant tokens are not needed; encryption context of at
 * most what a request holds.
 * By design: key material is stored sealed under the installation's master key. A ciphertext names its key, so decrypting
 * needs no key id. A key that waits for deletion counts as gone from its hour on. Rotation that is due happens at the key's
 * next use, with the date on which it was due; retired material is kept to decrypt.
 * Client quirks: a key of another Region or account is "not found" by bare id; Decrypt of a ciphertext whose key is not
 * there is AccessDenied, not NotFound.
 */
import type { FaultKind } from '../../domain/fault.ts';
import type { Operation, ServiceFault, ServiceModule } from '../../domain/operation.ts';
import { signedCrossOrigin } from '../../domain/signed-cross-origin.ts';
import { aliasOperations } from './aliases.ts';
import { cryptographicOperations } from './cryptography.ts';
import { customKeyStoreOperations } from './custom-key-stores.ts';
import { grantOperations, refuseUnknownGrantTokens } from './grants.ts';
import type { KmsDependencies } from './key-access.ts';
import { keyPolicyOperations } from './key-policies.ts';
import { keyOperations } from './keys.ts';
import { rotationOperations } from './rotation.ts';
import { signingOperations } from './signing.ts';
import { tagOperations } from './tags.ts';

const FAULTS: Record<FaultKind, ServiceFault> = {
  invalid: { code: 'ValidationException', status: 400 },
  notFound: { code: 'NotFoundException', status: 400 },
  denied: { code: 'AccessDeniedException', status: 400 },
  conflict: { code: 'KMSInvalidStateException', status: 400 },
  quota: { code: 'LimitExceededException', status: 400 },
  throttled: { code: 'ThrottlingException', status: 400 },
  notReady: { code: 'KeyUnavailableException', status: 500 },
  modelError: { code: 'KMSInternalException', status: 500 },
  modelTimeout: { code: 'DependencyTimeoutException', status: 503 },
  unavailable: { code: 'KeyUnavailableException', status: 500 },
  unsupported: { code: 'UnsupportedOperationException', status: 400 },
  internal: { code: 'KMSInternalException', status: 500 },
};

export function createKmsService(deps: KmsDependencies): ServiceModule {
  const operations: ServiceModule['operations'] = {
    ...keyOperations(deps),
    ...rotationOperations(deps),
    ...aliasOperations(deps),
    ...keyPolicyOperations(deps),
    ...cryptographicOperations(deps),
    ...signingOperations(deps),
    ...grantOperations(deps),
    ...tagOperations(deps),
    ...customKeyStoreOperations(),
  };
  return {
    scope: 'kms',
    crossOrigin: signedCrossOrigin(),
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [name, withGrantTokens(deps, operation)]),
    ),
    faultFor: kind => FAULTS[kind],
  };
}

/** Any operation that uses a key may name grants by their tokens. */
function withGrantTokens(deps: KmsDependencies, operation: Operation<never, unknown>): Operation<never, unknown> {
  return {
    ...operation,
    async authorize(input, ctx) {
      await refuseUnknownGrantTokens(deps, input, ctx);
      return await operation.authorize(input, ctx);
    },
  };
}
