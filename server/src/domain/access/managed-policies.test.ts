import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Principal } from '../operation.ts';
import { conditionContext } from './context.ts';
import { parsePolicy } from './document.ts';
import { evaluate } from './evaluate.ts';
import { awsManagedPolicies, awsManagedPolicy } from './managed-policies.ts';

const ACCOUNT = '111122223333';
const alice: Principal = { type: 'user', arn: `arn:aws:iam::${ACCOUNT}:user/a`, accountId: ACCOUNT, userId: 'AIDA' };

function allows(name: string, action: string, resource = '*', conditions = {}): boolean {
  const text = awsManagedPolicy(`arn:aws:iam::aws:policy/${name}`)?.version.document ?? '';
  return evaluate({
    principal: alice,
    action,
    resource,
    context: conditionContext(alice, { now: new Date(), region: 'us-east-1' }, conditions),
    resourceAccountId: ACCOUNT,
    identityPolicies: [parsePolicy(text, { kind: 'identity' })],
  }).allowed;
}

describe("AWS's own policies", () => {
  it('are good documents within the bound of a managed policy', () => {
    for (const { arn } of awsManagedPolicies())
      parsePolicy(awsManagedPolicy(arn)?.version.document ?? '', { kind: 'identity', maximumCharacters: 6144 });
  });

  const cases: [string, string, boolean][] = [
    ['AdministratorAccess', 'iam:CreateUser', true],
    ['PowerUserAccess', 'bedrock:CreateModelCustomizationJob', true],
    ['PowerUserAccess', 'iam:CreateUser', false],
    ['ReadOnlyAccess', 's3:GetObject', true],
    ['ReadOnlyAccess', 's3:PutObject', false],
    ['ReadOnlyAccess', 'kms:Decrypt', false],
    ['AmazonS3ReadOnlyAccess', 's3:ListBucket', true],
    ['AmazonS3ReadOnlyAccess', 's3:DeleteObject', false],
    ['AmazonBedrockFullAccess', 'bedrock:InvokeModel', true],
    ['AmazonBedrockFullAccess', 's3:GetObject', false],
    ['AmazonBedrockReadOnly', 'bedrock:ListCustomModels', true],
    ['AmazonBedrockReadOnly', 'bedrock:InvokeModel', false],
    ['IAMFullAccess', 'iam:PassRole', true],
    ['IAMReadOnlyAccess', 'iam:DeleteUser', false],
    ['AWSKeyManagementServicePowerUser', 'kms:CreateKey', true],
    ['AWSKeyManagementServicePowerUser', 'kms:Decrypt', false],
  ];
  for (const [name, action, expected] of cases)
    it(`${name} ${expected ? 'allows' : 'does not allow'} ${action}`, () =>
      assert.equal(allows(name, action), expected));

  it('AmazonBedrockFullAccess passes roles to Bedrock only, and only those whose name says so', () => {
    const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
    const toBedrock = { 'iam:PassedToService': 'bedrock.amazonaws.com' };
    const passes = (name: string, conditions: object) =>
      allows('AmazonBedrockFullAccess', 'iam:PassRole', role(name), conditions);
    assert.equal(passes('AmazonBedrockFineTuning-x', toBedrock), true);
    assert.equal(passes('Administrator', toBedrock), false);
    assert.equal(passes('AmazonBedrockFineTuning-x', { 'iam:PassedToService': 'ec2.amazonaws.com' }), false);
    assert.equal(passes('AmazonBedrockFineTuning-x', {}), false);
  });
});
