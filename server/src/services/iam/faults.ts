import { Fault } from '../../domain/fault.ts';
import type { IdentityKind } from '../../ports/store-iam.ts';

/** AWS's texts: Terraform, the CLI's waiters and people's scripts compare them. */

export function noSuchIdentity(kind: IdentityKind, name: string): Fault {
  return new Fault('notFound', `The ${kind} with name ${name} cannot be found.`, { code: 'NoSuchEntity' });
}

export function noSuchPolicy(arn: string): Fault {
  return new Fault('notFound', `Policy ${arn} was not found.`, { code: 'NoSuchEntity' });
}

export function noSuchEntity(message: string): Fault {
  return new Fault('notFound', message, { code: 'NoSuchEntity' });
}

export function alreadyExists(message: string): Fault {
  return new Fault('conflict', message, { code: 'EntityAlreadyExists' });
}

export function deleteConflict(message: string): Fault {
  return new Fault('conflict', message, { code: 'DeleteConflict' });
}

export function overQuota(quota: string, limit: number): Fault {
  return new Fault('quota', `Cannot exceed quota for ${quota}: ${limit}`, { code: 'LimitExceeded' });
}

export function invalidInput(message: string): Fault {
  return new Fault('invalid', message, { code: 'InvalidInput' });
}

export function validationError(message: string): Fault {
  return new Fault('invalid', message, { code: 'ValidationError' });
}
