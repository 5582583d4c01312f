// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ACCOUNT,
  alice,
  allow,
  bedrock,
  type Case,
  decide,
  deny,
  everybody,
  facts,
  named,
  nobody,
  OTHER,
  otherRoot,
  roleArn,
  root,
  session,
  stranger,
} from '../../../test/support/policy-questions.ts';
import type { Principal } from '../operation.ts';
import { conditionContext } from './context.ts';
import { parsePolicy } from './document.ts';
import { evaluate } from './evaluate.ts';

describe('evaluation', () => {
  const cases: [string, Case, 'allowed' | string][] = [
    ['nothing allows', {}, 'no identity-based policy'],
    ['an identity policy allows', { identity: [allow('s3:GetObject')] }, 'allowed'],
    ['actions ignore case', { identity: [allow('S3:getobject')] }, 'allowed'],
    ['resources do not ignore case', { identity: [allow('*', 'arn:aws:s3:::PETS/*')] }, 'no identity-based policy'],
    ['another action is allowed', { identity: [allow('s3:PutObject')] }, 'no identity-based policy'],
    ['an action pattern', { identity: [allow('s3:Get*')] }, 'allowed'],
    ['a question mark is one character', { identity: [allow('s3:GetObjec?')] }, 'allowed'],
    ['a question mark is not none', { identity: [allow('s3:GetObject?')] }, 'no identity-based policy'],
    ['NotAction leaves the rest', { identity: [{ Effect: 'Allow', NotAction: 's3:Put*', Resource: '*' }] }, 'allowed'],
    [
      'NotAction names it',
      { identity: [{ Effect: 'Allow', NotAction: 's3:Get*', Resource: '*' }] },
      'no identity-based policy',
    ],
    [
      'NotResource leaves the rest',
      { identity: [{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::cats/*' }] },
      'allowed',
    ],
    [
      'NotResource names it',
      { identity: [{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::pets/*' }] },
      'no identity-based policy',
    ],
    ['a deny beats an allow', { identity: [allow('*'), deny('s3:GetObject')] }, 'deny in identity-based policy'],
    [
      'a variable',
      { identity: [allow('s3:*', 'arn:aws:s3:::pets/${aws:username}.jpg')], resource: 'arn:aws:s3:::pets/alice.jpg' },
      'allowed',
    ],
    [
      'a variable of somebody else',
      { identity: [allow('s3:*', 'arn:aws:s3:::pets/${aws:username}.jpg')] },
      'no identity-based policy',
    ],
    [
      'a variable without a value',
      { principal: session, identity: [allow('s3:*', 'arn:aws:s3:::pets/${aws:username}*')] },
      'no identity-based policy',
    ],
    [
      'a variable with a default',
      { principal: session, identity: [allow('s3:*', "arn:aws:s3:::pets/${aws:username, 'ron'}.jpg")] },
      'allowed',
    ],
    ['a tag variable', { identity: [allow('s3:*', 'arn:aws:s3:::${aws:PrincipalTag/team}/*')] }, 'allowed'],

    ['the bucket allows the user by name', { bucket: [allow('s3:*', '*', named(alice.arn))] }, 'allowed'],
    [
      'the bucket allows another user',
      { bucket: [allow('s3:*', '*', named(`arn:aws:iam::${ACCOUNT}:user/x`))] },
      'no identity-based policy',
    ],
    ['the bucket allows everybody', { bucket: [allow('s3:*', '*', everybody)] }, 'allowed'],
    [
      'the bucket lets the account decide',
      { bucket: [allow('s3:*', '*', named(ACCOUNT))] },
      'no identity-based policy',
    ],
    ['and the account allows', { bucket: [allow('s3:*', '*', named(ACCOUNT))], identity: [allow('s3:*')] }, 'allowed'],
    [
      'the bucket denies',
      { identity: [allow('*')], bucket: [deny('s3:*', '*', everybody)] },
      'deny in resource-based policy',
    ],
    [
      'the bucket denies all but alice',
      { identity: [allow('*')], bucket: [deny('s3:*', '*', { NotPrincipal: { AWS: alice.arn } })] },
      'allowed',
    ],
    [
      'the bucket denies all but bob',
      { identity: [allow('*')], bucket: [deny('s3:*', '*', { NotPrincipal: { AWS: stranger.arn } })] },
      'deny in resource-based policy',
    ],
    [
      'the bucket denies all but the account, which spares its root user only',
      { identity: [allow('*')], bucket: [deny('s3:*', '*', { NotPrincipal: { AWS: ACCOUNT } })] },
      'deny in resource-based policy',
    ],
    [
      'the bucket denies all but the role of the session',
      { principal: session, identity: [allow('*')], bucket: [deny('s3:*', '*', { NotPrincipal: { AWS: roleArn } })] },
      'allowed',
    ],
    [
      'the bucket denies the account',
      { identity: [allow('*')], bucket: [deny('s3:*', '*', named(`arn:aws:iam::${ACCOUNT}:root`))] },
      'deny in resource-based policy',
    ],

    ['across accounts, identity alone', { principal: stranger, identity: [allow('*')] }, 'no resource-based policy'],
    [
      'across accounts, bucket alone',
      { principal: stranger, bucket: [allow('s3:*', '*', named(stranger.arn))] },
      'no identity-based policy',
    ],
    [
      'across accounts, both',
      { principal: stranger, identity: [allow('*')], bucket: [allow('s3:*', '*', named(stranger.arn))] },
      'allowed',
    ],
    [
      'across accounts, by account',
      { principal: stranger, identity: [allow('*')], bucket: [allow('s3:*', '*', named(OTHER))] },
      'allowed',
    ],
    ['another account’s root', { principal: otherRoot, bucket: [allow('s3:*', '*', named(OTHER))] }, 'allowed'],
    ['another account’s root, not named', { principal: otherRoot }, 'no resource-based policy'],

    ['root of the account', { principal: root }, 'allowed'],
    [
      'root, denied by the bucket',
      { principal: root, bucket: [deny('s3:GetObject', '*', everybody)] },
      'deny in resource-based policy',
    ],
    [
      'root rescues a bucket policy',
      { principal: root, action: 's3:DeleteBucketPolicy', bucket: [deny('s3:*', '*', everybody)] },
      'allowed',
    ],

    ['nobody', { principal: nobody }, 'no resource-based policy'],
    ['nobody, the bucket is public', { principal: nobody, bucket: [allow('s3:GetObject', '*', everybody)] }, 'allowed'],
    [
      'nobody, the bucket is for accounts',
      { principal: nobody, bucket: [allow('s3:GetObject', '*', named(ACCOUNT))] },
      'no resource-based policy',
    ],

    ['a session has its role’s policies', { principal: session, identity: [allow('s3:*')] }, 'allowed'],
    [
      'a session policy bounds them',
      { principal: session, identity: [allow('*')], session: [allow('s3:Put*')] },
      'no session policy',
    ],
    ['a session policy adds nothing', { principal: session, session: [allow('*')] }, 'no identity-based policy'],
    [
      'a session policy denies',
      { principal: session, identity: [allow('*')], session: [allow('*'), deny('s3:*')] },
      'deny in session policy',
    ],
    ['the bucket allows the role', { principal: session, bucket: [allow('s3:*', '*', named(roleArn))] }, 'allowed'],
    [
      'the bucket allows the role, bounded',
      { principal: session, bucket: [allow('s3:*', '*', named(roleArn))], session: [allow('iam:*')] },
      'no identity-based policy',
    ],
    [
      'the bucket allows the session itself',
      { principal: session, bucket: [allow('s3:*', '*', named(session.arn))], session: [allow('iam:*')] },
      'allowed',
    ],
    [
      'the bucket denies the role',
      { principal: session, identity: [allow('*')], bucket: [deny('s3:*', '*', named(roleArn))] },
      'deny in resource-based policy',
    ],
    ['a boundary bounds', { identity: [allow('*')], boundary: [allow('iam:*')] }, 'no permissions boundary'],
    ['a boundary adds nothing', { boundary: [allow('*')] }, 'no identity-based policy'],
    [
      'a boundary denies',
      { identity: [allow('*')], boundary: [allow('*'), deny('s3:*')] },
      'deny in permissions boundary',
    ],

    [
      'a key, identity alone',
      {
        mustAllow: true,
        action: 'kms:Decrypt',
        identity: [allow('*')],
        bucket: [allow('kms:*', '*', named(stranger.arn))],
      },
      'no resource-based policy',
    ],
    [
      'a key that lets the account decide',
      { mustAllow: true, action: 'kms:Decrypt', identity: [allow('*')], bucket: [allow('kms:*', '*', named(ACCOUNT))] },
      'allowed',
    ],
    [
      'a key, the account does not',
      { mustAllow: true, action: 'kms:Decrypt', bucket: [allow('kms:*', '*', named(ACCOUNT))] },
      'no identity-based policy',
    ],
    [
      'a key that names the user',
      { mustAllow: true, action: 'kms:Decrypt', bucket: [allow('kms:*', '*', named(alice.arn))] },
      'allowed',
    ],
    [
      'root and a key that does not name the account',
      { mustAllow: true, principal: root, action: 'kms:Decrypt', bucket: [allow('kms:*', '*', named(alice.arn))] },
      'no resource-based policy',
    ],

    [
      'a service that is trusted',
      {
        principal: bedrock,
        action: 'sts:AssumeRole',
        bucket: [allow('sts:AssumeRole', '*', { Principal: { Service: 'bedrock.amazonaws.com' } })],
      },
      'allowed',
    ],
    [
      'a service that is not',
      {
        principal: bedrock,
        action: 'sts:AssumeRole',
        bucket: [allow('sts:AssumeRole', '*', { Principal: { Service: 'ec2.amazonaws.com' } })],
      },
      'no resource-based policy',
    ],
  ];
  for (const [name, given, expected] of cases) {
    it(`${name}: ${expected}`, () => {
      const decision = decide(given);
      const said = decision.allowed ? 'allowed' : `${decision.explicit ? 'deny in' : 'no'} ${decision.source}`;
      assert.equal(said, expected);
    });
  }
});

describe('conditions', () => {
  const holds = (Condition: unknown, conditions?: Case['conditions'], principal: Principal = alice) =>
    decide({ principal, identity: [allow('*', '*', { Condition })], ...(conditions && { conditions }) }).allowed;

  const cases: [unknown, Case['conditions'] | undefined, boolean][] = [
    [{ StringEquals: { 'aws:username': 'alice' } }, undefined, true],
    [{ StringEquals: { 'AWS:UserName': 'alice' } }, undefined, true],
    [{ StringEquals: { 'aws:username': ['bob', 'alice'] } }, undefined, true],
    [{ StringEquals: { 'aws:username': 'ali*' } }, undefined, false],
    [{ StringEquals: { 'aws:username': 'Alice' } }, undefined, false],
    [{ StringEqualsIgnoreCase: { 'aws:username': 'ALICE' } }, undefined, true],
    [{ StringNotEquals: { 'aws:username': 'alice' } }, undefined, false],
    [{ StringNotEquals: { 'aws:username': ['bob', 'alice'] } }, undefined, false],
    [{ StringNotEquals: { 'x:absent': 'alice' } }, undefined, true],
    [{ StringNotEqualsIgnoreCase: { 'aws:username': 'ALICE' } }, undefined, false],
    [{ StringLike: { 'aws:username': 'a?i*' } }, undefined, true],
    [{ StringNotLike: { 'aws:username': 'b*' } }, undefined, true],
    [{ StringEquals: { 'x:absent': 'a' } }, undefined, false],
    [{ StringEqualsIfExists: { 'x:absent': 'a' } }, undefined, true],
    [{ StringEqualsIfExists: { 'aws:username': 'bob' } }, undefined, false],
    [{ StringEquals: { 's3:prefix': '' } }, { 's3:prefix': '' }, true],
    [{ StringEquals: { 's3:prefix': '${aws:username}' } }, { 's3:prefix': 'alice' }, true],
    [{ StringLike: { 's3:prefix': '${aws:username}/*' } }, { 's3:prefix': 'alice/x' }, true],
    [{ StringLike: { 's3:prefix': 'a${*}' } }, { 's3:prefix': 'ab' }, false],
    [{ StringLike: { 's3:prefix': 'a${*}' } }, { 's3:prefix': 'a*' }, true],
    [{ NumericLessThanEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': '10' }, true],
    [{ NumericLessThan: { 's3:max-keys': 10 } }, { 's3:max-keys': '10' }, false],
    [{ NumericGreaterThan: { 's3:max-keys': '9' } }, { 's3:max-keys': '10' }, true],
    [{ NumericEquals: { 's3:max-keys': '1e1' } }, { 's3:max-keys': '10' }, true],
    [{ NumericNotEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': '10' }, false],
    [{ NumericEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': 'ten' }, false],
    [{ NumericEquals: { 's3:max-keys': '16' } }, { 's3:max-keys': '0x10' }, false],
    [{ NumericLessThan: { 's3:max-keys': '1' } }, { 's3:max-keys': '' }, false],
    [{ DateGreaterThan: { 'aws:CurrentTime': '2026-11-23T00:00:00Z' } }, undefined, true],
    [{ DateLessThan: { 'aws:CurrentTime': '2026-11-23' } }, undefined, false],
    [{ DateLessThan: { 'aws:EpochTime': '4102444800' } }, undefined, true],
    [{ DateEquals: { 'aws:CurrentTime': '2026-11-23T07:00:00+02:00' } }, undefined, true],
    [{ DateEquals: { 'aws:CurrentTime': '2026-11-23t5:00Z' } }, undefined, true],
    [{ DateEquals: { 'aws:CurrentTime': '2026-11-23T05:00:00' } }, undefined, true],
    [{ DateNotEquals: { 'aws:CurrentTime': '2026-11-23' } }, undefined, true],
    [{ DateLessThan: { 'x:when': '2030-01-01' } }, { 'x:when': 'May 5' }, false],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, undefined, true],
    [{ Bool: { 'aws:SecureTransport': true } }, undefined, false],
    [{ BoolIfExists: { 'aws:MultiFactorAuthPresent': 'true' } }, undefined, true],
    [{ BinaryEquals: { 'x:key': 'QmluYXJ5' } }, { 'x:key': 'QmluYXJ5' }, true],
    [{ IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, undefined, true],
    [{ IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] } }, undefined, false],
    [{ NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, undefined, false],
    [{ IpAddress: { 'aws:SourceIp': '2001:db8::/32' } }, { 'aws:SourceIp': '2001:db8:1::1' }, true],
    [{ IpAddress: { 'aws:SourceIp': '127.0.0.1' } }, { 'aws:SourceIp': '::ffff:127.0.0.1' }, true],
    [{ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/*/alice' } }, undefined, true],
    [{ ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/team/alice' } }, undefined, true],
    [{ ArnLike: { 'aws:PrincipalArn': 'arn:aws:*:alice' } }, undefined, false],
    [{ ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/*' } }, undefined, false],
    [{ Null: { 'aws:TokenIssueTime': 'true' } }, undefined, true],
    [{ Null: { 'aws:username': 'true' } }, undefined, false],
    [{ Null: { 'aws:username': false } }, undefined, true],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a'] }, true],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'c'] }, false],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, undefined, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'c'] }, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, undefined, false],
    [{ 'ForAllValues:StringEquals': { 's3:prefix': 'a' } }, { 's3:prefix': '' }, true],
    [{ 'ForAnyValue:StringEquals': { 's3:prefix': 'a' } }, { 's3:prefix': '' }, false],
    [{ 'ForAnyValue:StringEqualsIfExists': { 'aws:TagKeys': ['a'] } }, undefined, true],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': ['a'] } }, undefined, false],
    [{ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': ['a'] } }, undefined, true],
    [{ 'ForAllValues:StringLike': { 'aws:TagKeys': ['a*'] } }, { 'aws:TagKeys': [] }, true],
    [{ Null: { 'aws:TagKeys': 'true' } }, { 'aws:TagKeys': [] }, true],
    [{ StringNotEquals: { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': ['a', 'b'] }, false],
    [{ StringEquals: { 'aws:username': [] } }, undefined, false],
    [{ StringNotEquals: { 'aws:username': [] } }, undefined, true],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': ['a', 'c'] }, true],
    [{ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': ['a'] } }, { 'aws:TagKeys': ['a', 'c'] }, false],
    [{ StringEquals: { 'aws:PrincipalAccount': ACCOUNT, 'aws:PrincipalType': 'User' } }, undefined, true],
    [{ StringEquals: { 'aws:PrincipalAccount': ACCOUNT, 'aws:PrincipalType': 'Account' } }, undefined, false],
    [
      { StringEquals: { 'aws:RequestedRegion': 'us-east-1' }, StringLike: { 'aws:UserAgent': 'aws-cli/*' } },
      undefined,
      true,
    ],
    [{ StringEquals: { 'aws:PrincipalTag/Team': 'pets' } }, undefined, true],
    [{ StringEquals: { 'aws:ResourceAccount': ACCOUNT } }, undefined, true],
  ];
  for (const [condition, conditions, expected] of cases)
    it(`${JSON.stringify(condition)} is ${expected} ${conditions ? `with ${JSON.stringify(conditions)}` : ''}`, () =>
      assert.equal(holds(condition, conditions), expected));

  it('gives the role, not the session, as aws:PrincipalArn', () =>
    assert.equal(holds({ ArnEquals: { 'aws:PrincipalArn': roleArn } }, undefined, session), true));

  it('takes a variable as plain text in a policy of 2008', () => {
    const old = parsePolicy(
      JSON.stringify({
        Statement: allow('*', '*', { Condition: { StringEquals: { 's3:prefix': '${aws:username}' } } }),
      }),
      { kind: 'attached' },
    );
    const context = conditionContext(alice, facts, { 's3:prefix': 'alice' });
    const question = { principal: alice, action: 's3:x', resource: '*', context, resourceAccountId: ACCOUNT };
    assert.equal(evaluate({ ...question, identityPolicies: [old] }).allowed, false);
  });
});
