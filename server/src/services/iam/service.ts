/**
 * IAM: who may do what.
 *
 * Gaps: no MFA, SAML and OpenID providers, service-linked roles; the AWS-managed policies are those of
 * managed-policies.ts.
 * By design: global, as on AWS: the signature's Region does not matter. Principals in policies are compared by ARN, not by
 * the hidden id that AWS turns them into, so a role made again under its old name is trusted again. Changes hold at once.
 * Client quirks: policy documents leave URL-encoded (boto3 and Terraform decode them); Terraform lists a role's instance
 * profiles before it deletes the role; names differ from one another whatever their case, but are looked up exactly.
 */
import type { FaultKind } from '../../domain/fault.ts';
import type { ServiceFault, ServiceModule } from '../../domain/operation.ts';
import { absentThingOperations } from './absent-things.ts';
import { accessKeyOperations } from './access-keys.ts';
import { accountOperations } from './account.ts';
import { accountAliasOperations } from './account-aliases.ts';
import { attachmentOperations } from './attachments.ts';
import { authorizationDetailOperations } from './authorization-details.ts';
import { boundaryOperations } from './boundaries.ts';
import { credentialReportOperations } from './credential-report.ts';
import { groupOperations } from './groups.ts';
import type { IamDependencies } from './identities.ts';
import { inlinePolicyOperations } from './inline-policies.ts';
import { instanceProfileOperations } from './instance-profiles.ts';
import { loginProfileOperations } from './login-profiles.ts';
import { policyOperations } from './policies.ts';
import { roleOperations } from './roles.ts';
import { serviceCredentialOperations } from './service-credentials.ts';
import { simulationOperations } from './simulation.ts';
import { tagOperations } from './tags.ts';
import { userOperations } from './users.ts';

const FAULTS: Record<FaultKind, ServiceFault> = {
  invalid: { code: 'ValidationError', status: 400 },
  notFound: { code: 'NoSuchEntity', status: 404 },
  denied: { code: 'AccessDenied', status: 403 },
  conflict: { code: 'EntityAlreadyExists', status: 409 },
  quota: { code: 'LimitExceeded', status: 409 },
  throttled: { code: 'Throttling', status: 400 },
  notReady: { code: 'ServiceUnavailable', status: 503 },
  modelError: { code: 'ServiceFailure', status: 500 },
  modelTimeout: { code: 'ServiceFailure', status: 500 },
  unavailable: { code: 'ServiceUnavailable', status: 503 },
  unsupported: { code: 'InvalidAction', status: 400 },
  internal: { code: 'ServiceFailure', status: 500 },
};

export function createIamService(deps: IamDependencies): ServiceModule {
  return {
    scope: 'iam',
    operations: {
      ...userOperations(deps),
      ...accessKeyOperations(deps),
      ...roleOperations(deps),
      ...policyOperations(deps),
      ...attachmentOperations(deps),
      ...inlinePolicyOperations(deps),
      ...credentialReportOperations(deps),
      ...groupOperations(deps),
      ...tagOperations(deps),
      ...boundaryOperations(deps),
      ...accountOperations(deps),
      ...absentThingOperations(deps),
      ...accountAliasOperations(deps),
      ...authorizationDetailOperations(deps),
      ...instanceProfileOperations(deps),
      ...loginProfileOperations(deps),
      ...serviceCredentialOperations(deps),
      ...simulationOperations(deps),
    },
    faultFor: kind => FAULTS[kind],
  };
}
