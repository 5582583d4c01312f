import { legacyParsing, PolicySyntaxError } from './syntax.ts';

const IAM_PATHS = [
  ...['user', 'federated-user', 'role', 'group', 'instance-profile', 'mfa', 'server-certificate', 'policy'],
  ...['sms-mfa', 'saml-provider', 'oidc-provider', 'report', 'access-report'],
].map(name => `${name}/`);

/** What S3 names with Region and account, unlike buckets and objects (Service Authorization Reference). */
const REGIONAL_S3 = /^(accesspoint|job|storage-lens|storage-lens-group|async-request|access-grants)(\/|$)/;

/**
 * What AWS refuses as a Resource when it stores a policy. Whether the thing exists, or its service, is not asked.
 * @throws PolicySyntaxError in AWS's words
 */
export function checkResource(resource: string, where: string): void {
  if (resource === '*') return;
  const parts = resource.split(':');
  if (parts.length < 2) throw new PolicySyntaxError(`Resource ${resource} must be in ARN format or "*".`);
  const [arn, partition = '', service, region = '', accountId, ...rest] = parts;
  const isKnown = /^aws(-[a-z]+)*$/.test(partition) || /[*?]/.test(partition);
  if (arn !== 'arn' || !isKnown)
    throw new PolicySyntaxError(
      `Partition "${partition}" is not valid for resource "arn:${[...parts.slice(1), '*', '*', '*', '*'].slice(0, Math.max(5, parts.length - 1)).join(':')}".`,
    );
  if (service === undefined)
    throw new PolicySyntaxError('Resource vendor must be fully qualified and cannot contain regexes.');
  if (service === '' || accountId === undefined || rest.length === 0 || rest.join(':') === '')
    throw legacyParsing(`Resource "${resource}" of ${where} must have six parts: arn:aws:service:region:account:name.`);
  const name = rest.join(':');
  if (service === 's3' && region !== '' && !/[*?]/.test(region) && !REGIONAL_S3.test(name))
    throw new PolicySyntaxError(`Resource ${resource} can not contain region information.`);
  if (service !== 'iam') return;
  if (region !== '') throw new PolicySyntaxError(`IAM resource ${resource} cannot contain region information.`);
  if (!/[*?$]/.test(name) && name !== 'root' && !IAM_PATHS.some(path => name.startsWith(path)))
    throw new PolicySyntaxError(`IAM resource path must either be "*" or start with ${IAM_PATHS.join(', ')}.`);
}

/** What AWS refuses as an Action. @throws PolicySyntaxError in AWS's words */
export function checkAction(action: string): void {
  if (action === '*') return;
  const parts = action.split(':');
  if (parts.length < 2 || parts[0] === '' || parts[1] === '')
    throw new PolicySyntaxError(
      `Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. "${action}" is not.`,
    );
  if (parts.length > 2)
    throw new PolicySyntaxError(`Actions/Condition can contain only one colon. "${action}" has more.`);
  // AWS: a vendor is spelled out, or is every one.
  if (parts[0] !== '*' && !/^[A-Za-z0-9._-]+$/.test(parts[0] ?? ''))
    throw new PolicySyntaxError(`Vendor ${parts[0]} is not valid`);
}
