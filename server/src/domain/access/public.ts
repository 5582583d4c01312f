import type { Condition } from './condition.ts';
import type { PolicyDocument } from './document.ts';

/** AWS: a condition on one of these with fixed values makes a statement for everybody one for somebody. */
const NARROWING_KEYS = new Set([
  ...['aws:sourceip', 'aws:sourcearn', 'aws:sourcevpc', 'aws:sourcevpce', 'aws:sourceowner', 'aws:sourceaccount'],
  ...['aws:userid', 'aws:principalorgid', 'aws:principalarn', 'aws:principalaccount'],
  ...['s3:dataaccesspointarn', 's3:dataaccesspointaccount', 's3:x-amz-server-side-encryption-aws-kms-key-id'],
]);
const NARROWING_OPERATOR = /^(StringEquals|StringEqualsIgnoreCase|StringLike|ArnEquals|ArnLike|IpAddress)$/i;
/** AWS: address ranges wider than these are public. */
const WIDEST_IPV4_PREFIX = 8;
const WIDEST_IPV6_PREFIX = 32;

/**
 * Whether a resource's policy is public in the meaning of S3's Block Public Access: a statement allows everybody something
 * without a condition that narrows, by fixed values, who that is. What the policy denies does not count.
 *
 * Source: "The meaning of 'public'" in the S3 User Guide.
 */
export function isPublicPolicy({ statements }: PolicyDocument): boolean {
  return statements.some(
    ({ effect, principals, conditions }) =>
      effect === 'Allow' &&
      (principals === undefined || principals.not || principals.names.some(({ type }) => type === 'anyone')) &&
      !conditions.some(narrows),
  );
}

function narrows({ operator, quantifier, ifExists, key, values }: Condition): boolean {
  // Both hold for a request that lacks the key.
  if (ifExists || quantifier === 'all') return false;
  if (!NARROWING_KEYS.has(key) || !NARROWING_OPERATOR.test(operator)) return false;
  return (
    values.length > 0 && values.every(value => (key === 'aws:sourceip' ? isNarrowRange(value) : isFixed(key, value)))
  );
}

function isFixed(key: string, value: string): boolean {
  // AWS: the name of an access point may vary, its account may not.
  if (key === 's3:dataaccesspointarn') return /^arn:[^:*?$]+:s3:[^:]*:\d{12}:accesspoint\/./.test(value);
  return !/[*?]|\$\{/.test(value);
}

function isNarrowRange(range: string): boolean {
  const [address = '', length] = range.split('/');
  if (length === undefined) return !/[*?$]/.test(address);
  return Number(length) >= (address.includes(':') ? WIDEST_IPV6_PREFIX : WIDEST_IPV4_PREFIX);
}
