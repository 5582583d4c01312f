/**
 * STS: who calls, and temporary credentials.
 *
 * Gaps: no federation by SAML and web identity, no MFA, no transitive session tags.
 * By design: a session's token holds the session itself, sealed under the master key, so it needs no row and survives a
 * restart; it ends early only when its role or user is deleted. Policies are those of the moment of each request.
 * Client quirks: GetCallerIdentity needs no permission, and no policy can deny it.
 */
import type { FaultKind } from '../../domain/fault.ts';
import type { ServiceFault, ServiceModule } from '../../domain/operation.ts';
import { signedCrossOrigin } from '../../domain/signed-cross-origin.ts';
import { assumeRoleOperations } from './assume-role.ts';
import { callerOperations } from './callers.ts';
import type { StsDependencies } from './dependencies.ts';
import { federationOperations } from './federation.ts';

const FAULTS: Record<FaultKind, ServiceFault> = {
  invalid: { code: 'ValidationError', status: 400 },
  notFound: { code: 'NoSuchEntity', status: 404 },
  denied: { code: 'AccessDenied', status: 403 },
  conflict: { code: 'ValidationError', status: 400 },
  quota: { code: 'PackedPolicyTooLarge', status: 400 },
  throttled: { code: 'Throttling', status: 400 },
  notReady: { code: 'ServiceUnavailable', status: 503 },
  modelError: { code: 'InternalFailure', status: 500 },
  modelTimeout: { code: 'InternalFailure', status: 500 },
  unavailable: { code: 'ServiceUnavailable', status: 503 },
  unsupported: { code: 'InvalidAction', status: 400 },
  internal: { code: 'InternalFailure', status: 500 },
};

export function createStsService(deps: StsDependencies): ServiceModule {
  return {
    scope: 'sts',
    crossOrigin: signedCrossOrigin(),
    operations: { ...callerOperations(deps), ...assumeRoleOperations(deps), ...federationOperations(deps) },
    faultFor: kind => FAULTS[kind],
  };
}
