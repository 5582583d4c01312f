import type { AccessRequest, Principal, RequestContext } from '../operation.ts';
import type { ConditionContext } from './condition.ts';

/** The part of a request's context that condition keys are made of; a service's own calls have no client. */
export type RequestFacts = Pick<RequestContext, 'now' | 'region'> &
  Partial<
    Pick<
      RequestContext,
      | 'sourceIp'
      | 'sourceVpce'
      | 'secureTransport'
      | 'tlsVersion'
      | 'userAgent'
      | 'presigned'
      | 'signedAt'
      | 'service'
      | 'headers'
      | 'regionNamed'
    >
  >;

const PRINCIPAL_TYPES: Record<Principal['type'], string> = {
  root: 'Account',
  user: 'User',
  assumedRole: 'AssumedRole',
  federatedUser: 'FederatedUser',
  service: 'Service',
  anonymous: 'Anonymous',
};

/**
 * Headers of S3 that are condition keys by their own name.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
const S3_HEADERS = [
  ...['if-match', 'if-none-match'],
  ...[
    ...['acl', 'content-sha256', 'copy-source', 'metadata-directive', 'object-ownership', 'storage-class'],
    ...['grant-full-control', 'grant-read', 'grant-read-acp', 'grant-write', 'grant-write-acp'],
    ...['server-side-encryption', 'server-side-encryption-aws-kms-key-id', 'server-side-encryption-customer-algorithm'],
    ...['object-lock-mode', 'object-lock-retain-until-date', 'object-lock-legal-hold', 'website-redirect-location'],
  ].map(name => `x-amz-${name}`),
];

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
  set('aws:Referer', facts.headers?.referer);
  set('aws:SourceVpce', facts.sourceVpce);
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
  if (facts.service === 's3') {
    set('s3:ResourceAccount', resourceAccountId);
    if (facts.presigned !== undefined && principal.type !== 'anonymous') {
      set('s3:authType', facts.presigned ? 'REST-QUERY-STRING' : 'REST-HEADER');
      set('s3:signatureversion', facts.regionNamed === false ? 'AWS' : 'AWS4-HMAC-SHA256');
    }
    if (facts.signedAt !== undefined) set('s3:signatureAge', facts.now.getTime() - facts.signedAt.getTime());
    set('s3:TlsVersion', facts.tlsVersion);
    for (const name of S3_HEADERS) set(`s3:${name}`, facts.headers?.[name]);
  }
  // An empty list is no value at all: Null, and the operators, see no such key.
  for (const [name, value] of Object.entries(conditions))
    if (value !== undefined && !(Array.isArray(value) && value.length === 0))
      context.set(name.toLowerCase(), Array.isArray(value) ? value.map(String) : [String(value)]);
  return context;
}

/** `aws:ResourceTag/…`, for the resource that a question is about. */
export function resourceTagConditions(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}

/**
 * `aws:RequestTag/…` and `aws:TagKeys` of an operation's input, wherever its service has the tags: `Tags`, `tags`,
 * `Tagging` (S3's header or body), `TagKeys`, `tagKeys`.
 */
export function requestTagConditions(input: object): Record<string, string | string[]> {
  const members = new Map(Object.entries(input).map(([name, value]) => [name.toLowerCase(), value]));
  const pairs: [string, string][] = [];
  const tagging: unknown = members.get('tagging');
  if (typeof tagging === 'string') pairs.push(...new URLSearchParams(tagging));
  const set = typeof tagging === 'object' && tagging !== null && 'TagSet' in tagging ? tagging.TagSet : undefined;
  for (const list of [members.get('tags'), set])
    for (const tag of Array.isArray(list) ? list : []) {
      const { Key, TagKey, key = Key ?? TagKey, Value, TagValue, value = Value ?? TagValue } = tag ?? {};
      if (typeof key === 'string') pairs.push([key, typeof value === 'string' ? value : '']);
    }
  const named: unknown = members.get('tagkeys');
  const keys = Array.isArray(named) ? named.filter(key => typeof key === 'string') : pairs.map(([key]) => key);
  if (keys.length === 0) return {};
  return { ...Object.fromEntries(pairs.map(([key, value]) => [`aws:RequestTag/${key}`, value])), 'aws:TagKeys': keys };
}
