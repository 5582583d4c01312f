import type { AccessRequest, Principal, RequestContext } from '../operation.ts';
import type { ConditionContext } from './condition.ts';

/** The part of a request's context that condition keys are made of; a service's own calls have no client. */
export type RequestFacts = Pick<RequestContext, 'now' | 'region'> &
  Partial<Pick<RequestContext, 'sourceIp' | 'secureTransport' | 'userAgent' | 'presigned' | 'service'>>;

const PRINCIPAL_TYPES: Record<Principal['type'], string> = {
  root: 'Account',
  user: 'User',
  assumedRole: 'AssumedRole',
  service: 'Service',
  anonymous: 'Anonymous',
};

/**
 * AWS's global condition keys for a request, and those that the operation asks with (which win).
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
export function conditionContext(
  principal: Principal,
  facts: RequestFacts,
  conditions: AccessRequest['conditions'] = {},
  resourceAccountId = '',
): ConditionContext {
  const context = new Map<string, readonly string[]>();
  const set = (name: string, value: string | number | boolean | readonly string[] | undefined): void => {
    if (value === undefined || value === '') return;
    context.set(name.toLowerCase(), Array.isArray(value) ? value.map(String) : [String(value)]);
  };
  set('aws:CurrentTime', facts.now.toISOString());
  set('aws:EpochTime', Math.floor(facts.now.getTime() / 1000));
  set('aws:RequestedRegion', facts.region);
  set('aws:SourceIp', facts.sourceIp);
  set('aws:SecureTransport', facts.secureTransport);
  set('aws:UserAgent', facts.userAgent);
  set('aws:ResourceAccount', resourceAccountId);
  set('aws:ViaAWSService', principal.type === 'service');
  set('aws:PrincipalType', PRINCIPAL_TYPES[principal.type]);
  set('aws:PrincipalIsAWSService', principal.type === 'service');
  if (principal.type === 'service') set('aws:PrincipalServiceName', principal.arn);
  else if (principal.type !== 'anonymous') {
    // AWS: for an assumed role the key holds the role's ARN, not the session's.
    set('aws:PrincipalArn', principal.roleArn ?? principal.arn);
    set('aws:PrincipalAccount', principal.accountId);
  }
  set('aws:userid', principal.type === 'anonymous' ? 'anonymous' : principal.userId);
  set('aws:username', principal.userName);
  set('aws:SourceIdentity', principal.sourceIdentity);
  if (principal.tokenIssuedAt !== undefined) {
    set('aws:TokenIssueTime', principal.tokenIssuedAt.toISOString());
    // AWS: temporary credentials have the key, long-term ones do not; nobody here has an MFA device.
    set('aws:MultiFactorAuthPresent', false);
  }
  for (const [key, value] of Object.entries(principal.tags ?? {}))
    context.set(`aws:principaltag/${key.toLowerCase()}`, [value]);
  if (facts.service === 's3' && facts.presigned !== undefined)
    set('s3:authType', facts.presigned ? 'REST-QUERY-STRING' : 'REST-HEADER');
  for (const [name, value] of Object.entries(conditions))
    if (value !== undefined)
      context.set(name.toLowerCase(), Array.isArray(value) ? value.map(String) : [String(value)]);
  return context;
}
