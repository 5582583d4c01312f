import { conditionContext, type RequestFacts } from '../../src/domain/access/context.ts';
import { type PolicyKind, parsePolicy } from '../../src/domain/access/document.ts';
import { type Decision, evaluate } from '../../src/domain/access/evaluate.ts';
import type { Principal } from '../../src/domain/operation.ts';

export const ACCOUNT = '111122223333';
export const OTHER = '444455556666';
export const alice: Principal = {
  type: 'user',
  arn: `arn:aws:iam::${ACCOUNT}:user/team/alice`,
  accountId: ACCOUNT,
  userId: 'AIDAALICE',
  userName: 'alice',
  tags: { team: 'pets' },
};
export const root: Principal = {
  type: 'root',
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  accountId: ACCOUNT,
  userId: ACCOUNT,
};
export const roleArn = `arn:aws:iam::${ACCOUNT}:role/trainer`;
export const session: Principal = {
  type: 'assumedRole',
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/trainer/job`,
  accountId: ACCOUNT,
  userId: 'AROATRAINER:job',
  roleArn,
};
export const stranger: Principal = {
  ...alice,
  arn: `arn:aws:iam::${OTHER}:user/bob`,
  accountId: OTHER,
  userName: 'bob',
};
export const otherRoot: Principal = {
  type: 'root',
  arn: `arn:aws:iam::${OTHER}:root`,
  accountId: OTHER,
  userId: OTHER,
};
export const nobody: Principal = { type: 'anonymous', arn: '*', accountId: '', userId: '' };
export const bedrock: Principal = { type: 'service', arn: 'bedrock.amazonaws.com', accountId: '', userId: 'bedrock' };

export const facts: RequestFacts = {
  now: new Date('2026-11-23T05:00:00Z'),
  region: 'us-east-1',
  sourceIp: '203.0.113.7',
  secureTransport: false,
  userAgent: 'aws-cli/2',
};

export type Statement = Record<string, unknown>;

export function policy(kind: PolicyKind, ...statements: Statement[]) {
  return parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), { kind });
}

export const allow = (Action: unknown, Resource: unknown = '*', more: Statement = {}): Statement => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
export const deny = (Action: unknown, Resource: unknown = '*', more: Statement = {}): Statement => ({
  ...allow(Action, Resource, more),
  Effect: 'Deny',
});

export interface Case {
  principal?: Principal;
  action?: string;
  resource?: string;
  owner?: string;
  identity?: Statement[];
  bucket?: Statement[];
  session?: Statement[];
  boundary?: Statement[];
  mustAllow?: boolean;
  conditions?: Record<string, string | string[]>;
}

export function decide(given: Case): Decision {
  const { principal = alice, owner = ACCOUNT } = given;
  return evaluate({
    principal,
    action: given.action ?? 's3:GetObject',
    resource: given.resource ?? 'arn:aws:s3:::pets/ron.jpg',
    context: conditionContext(principal, facts, given.conditions, owner),
    resourceAccountId: owner,
    identityPolicies: given.identity ? [policy('identity', ...given.identity)] : [],
    resourcePolicy: given.bucket && policy('resource', ...given.bucket),
    sessionPolicies: given.session && [policy('identity', ...given.session)],
    boundary: given.boundary && policy('identity', ...given.boundary),
    resourcePolicyMustAllow: given.mustAllow ?? false,
  });
}

export const everybody = { Principal: '*' };
export const named = (...arns: string[]) => ({ Principal: { AWS: arns } });
