import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from './document.ts';
import { isPublicPolicy } from './public.ts';

function isPublic(statement: object): boolean {
  const whole = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*', ...statement };
  const text = JSON.stringify({ Version: '2012-10-17', Statement: [whole] });
  return isPublicPolicy(parsePolicy(text, { kind: 'resource' }));
}
const under = (operator: string, key: string, value: string | string[]) =>
  isPublic({ Condition: { [operator]: { [key]: value } } });

test('a policy is public where it allows everybody something', () => {
  assert.equal(isPublic({}), true);
  assert.equal(isPublic({ Principal: { AWS: ['111111111111', '*'] } }), true);
  assert.equal(isPublic({ Effect: 'Deny' }), false);
  assert.equal(isPublic({ Principal: { AWS: '111111111111' } }), false);
  assert.equal(isPublic({ Principal: { Service: 'bedrock.amazonaws.com' } }), false);
});

test('a condition with fixed values of who or where makes it private', () => {
  assert.equal(under('IpAddress', 'aws:SourceIp', ['192.0.2.0/24', '2001:db8::/32', '10.1.2.3']), false);
  assert.equal(under('StringEquals', 'AWS:SourceVpce', 'vpce-1'), false);
  assert.equal(under('StringEquals', 'aws:PrincipalOrgID', 'o-1'), false);
  assert.equal(under('ArnLike', 'aws:SourceArn', 'arn:aws:sns:us-east-1:111111111111:topic'), false);
  assert.equal(under('ArnLike', 's3:DataAccessPointArn', 'arn:aws:s3:us-east-1:111111111111:accesspoint/*'), false);
});

test('a condition that leaves it open does not', () => {
  assert.equal(under('IpAddress', 'aws:SourceIp', '0.0.0.0/1'), true);
  assert.equal(under('IpAddress', 'aws:SourceIp', ['192.0.2.0/24', '::/0']), true);
  assert.equal(under('StringLike', 'aws:SourceVpc', 'vpc-*'), true);
  assert.equal(under('StringEquals', 'aws:userid', '$' + '{aws:userid}'), true);
  assert.equal(under('StringNotEquals', 'aws:SourceVpc', 'vpc-1'), true);
  assert.equal(under('StringEqualsIfExists', 'aws:SourceVpc', 'vpc-1'), true);
  assert.equal(under('ForAllValues:StringEquals', 'aws:SourceVpc', 'vpc-1'), true);
  assert.equal(under('StringEquals', 's3:prefix', 'a'), true);
});
