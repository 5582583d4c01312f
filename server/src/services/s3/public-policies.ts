import { parsePolicy } from '../../domain/access/document.ts';
import { isPublicPolicy } from '../../domain/access/public.ts';
import type { S3Rows } from '../../ports/store-s3.ts';
import { s3Fault } from './faults.ts';

export const PUBLIC_ACCESS_SETTING = 'publicAccessBlock';

/** The four switches of a bucket; those of ACLs act where it has any. */
export interface PublicAccessBlock {
  BlockPublicAcls: boolean;
  IgnorePublicAcls: boolean;
  BlockPublicPolicy: boolean;
  RestrictPublicBuckets: boolean;
}

export async function publicAccessBlock(s3: S3Rows, bucket: string): Promise<PublicAccessBlock | undefined> {
  return (await s3.bucketSetting(bucket, PUBLIC_ACCESS_SETTING)) as PublicAccessBlock | undefined;
}

export function isPublic(policy: string): boolean {
  return isPublicPolicy(parsePolicy(policy, { kind: 'stored', code: 'MalformedPolicy' }));
}

/** @throws Fault AccessDenied where the bucket takes no public policy and this is one */
export async function refusePublicPolicy(s3: S3Rows, bucket: string, policy: string): Promise<void> {
  if ((await publicAccessBlock(s3, bucket))?.BlockPublicPolicy && isPublic(policy))
    throw s3Fault(
      'AccessDenied',
      'Access Denied: public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.',
    );
}

/**
 * The policy that decides. AWS: under RestrictPublicBuckets a public policy lets in nobody but the owner's account and the
 * services of AWS, not even another account that it names.
 */
export async function policyInForce(
  s3: S3Rows,
  { name, accountId, policy }: { name: string; accountId: string; policy: string | null },
): Promise<string | null> {
  if (policy === null || !(await publicAccessBlock(s3, name))?.RestrictPublicBuckets || !isPublic(policy))
    return policy;
  const restriction = {
    ...{ Effect: 'Deny', Principal: '*', Action: '*', Resource: '*' },
    Condition: {
      StringNotEquals: { 'aws:PrincipalAccount': accountId },
      BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
    },
  };
  return withStatements(policy, [restriction]);
}

/** A policy with further statements. @param policy null: there is none */
export function withStatements(policy: string | null, statements: readonly object[]): string | null {
  if (statements.length === 0) return policy;
  const document = policy === null ? { Version: '2012-10-17', Statement: [] } : parse(policy);
  return JSON.stringify({ ...document, Statement: [document.Statement, statements].flat() });
}

/** What a policy denies, where what it allows does not count. */
export function denialsOf(policy: string | null): string | null {
  if (policy === null) return null;
  const document = parse(policy);
  const Statement = [document.Statement].flat().filter(statement => statement.Effect === 'Deny');
  return Statement.length === 0 ? null : JSON.stringify({ ...document, Statement });
}

interface PolicyText {
  Statement: { Effect?: unknown } | { Effect?: unknown }[];
}

function parse(policy: string): PolicyText {
  return JSON.parse(policy) as PolicyText;
}
