// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { type PolicyRules, parsePolicy } from './document.ts';

const good = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };

function faultOf(document: unknown, rules: PolicyRules): Fault | undefined {
  try {
    parsePolicy(typeof document === 'string' ? document : JSON.stringify(document), rules);
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return error;
  }
  return undefined;
}

const refused: [string, unknown, PolicyRules['kind'], RegExp][] = [
  ['no JSON', '{', 'identity', /invalid Json/],
  ['no object', '[]', 'identity', /must be a JSON object/],
  ['an unknown version', { Version: '2012-10-18', Statement: good }, 'identity', /Version must be "2012-10-17"/],
  ['no statement', { Version: '2012-10-17' }, 'identity', /at least one statement/],
  ['an empty list of statements', { Statement: [] }, 'identity', /at least one statement/],
  ['an unknown element', { Statement: good, Foo: 1 }, 'identity', /unknown element "Foo"/],
  ['an unknown element of a statement', { Statement: { ...good, Foo: 1 } }, 'identity', /unknown element "Foo"/],
  ['no effect', { Statement: { Action: 's3:*', Resource: '*' } }, 'identity', /Effect of Statement 1/],
  ['an effect in lower case', { Statement: { ...good, Effect: 'allow' } }, 'identity', /Effect of Statement 1/],
  ['no action', { Statement: { Effect: 'Allow', Resource: '*' } }, 'identity', /must contain actions/],
  ['both Action and NotAction', { Statement: { ...good, NotAction: 's3:*' } }, 'identity', /both Action and NotAction/],
  ['an empty list of actions', { Statement: { ...good, Action: [] } }, 'identity', /Action of Statement 1/],
  ['an action without a service', { Statement: { ...good, Action: 'GetObject' } }, 'identity', /prefaced by a vendor/],
  ['no resource', { Statement: { Effect: 'Allow', Action: 's3:*' } }, 'identity', /must contain resources/],
  [
    'a resource that is no ARN',
    { Statement: { ...good, Resource: 'pets' } },
    'identity',
    /must be in ARN format or "\*"/,
  ],
  ['a principal', { Statement: { ...good, Principal: '*' } }, 'identity', /should not specify a principal/],
  [
    'a Sid twice',
    {
      Statement: [
        { ...good, Sid: 'a' },
        { ...good, Sid: 'a' },
      ],
    },
    'identity',
    /must be unique/,
  ],
  ['a Sid with a space', { Statement: { ...good, Sid: 'a b' } }, 'identity', /alpha-numeric/],
  [
    'an unknown operator',
    { Statement: { ...good, Condition: { StringIs: { 'aws:username': 'a' } } } },
    'identity',
    /Invalid Condition type : StringIs/,
  ],
  [
    'a quantified Null',
    { Statement: { ...good, Condition: { 'ForAnyValue:Null': { 'a:b': 'true' } } } },
    'identity',
    /Invalid Condition type/,
  ],
  [
    'a key without a vendor',
    { Statement: { ...good, Condition: { Bool: { username: 'a' } } } },
    'identity',
    /prefaced by a vendor/,
  ],
  [
    'a network that is none',
    { Statement: { ...good, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } } } },
    'identity',
    /cannot compare/,
  ],
  [
    'a date that is none',
    { Statement: { ...good, Condition: { DateLessThan: { 'aws:CurrentTime': 'soon' } } } },
    'identity',
    /cannot compare/,
  ],
  ['no principal in a bucket policy', { Statement: good }, 'resource', /one of Principal and NotPrincipal/],
  [
    'an unknown kind of principal',
    { Statement: { ...good, Principal: { User: 'a' } } },
    'resource',
    /none of AWS, Service/,
  ],
  [
    'a principal that is no ARN',
    { Statement: { ...good, Principal: { AWS: 'alice' } } },
    'resource',
    /Invalid principal in policy: "AWS":"alice"/,
  ],
  [
    'a principal with a wildcard',
    { Statement: { ...good, Principal: { AWS: 'arn:aws:iam::111122223333:user/*' } } },
    'resource',
    /Invalid principal/,
  ],
  [
    'an Allow with NotPrincipal',
    { Statement: { ...good, NotPrincipal: { AWS: '111122223333' } } },
    'resource',
    /only be used with Effect "Deny"/,
  ],
  [
    'a service that is none',
    { Statement: { ...good, Principal: { Service: 'bedrock' } } },
    'resource',
    /"SERVICE":"bedrock"/,
  ],
  [
    'a resource in a trust policy',
    { Statement: { ...good, Action: 'sts:AssumeRole', Principal: '*' } },
    'trust',
    /prohibited field Resource/,
  ],
  [
    'another action in a trust policy',
    { Statement: { Effect: 'Allow', Action: 's3:GetObject', Principal: '*' } },
    'trust',
    /may only specify STS/,
  ],
];

describe('a policy document', () => {
  for (const [what, document, kind, message] of refused)
    it(`with ${what} is refused`, () => {
      const fault = faultOf(document, { kind });
      assert.equal(fault?.code, 'MalformedPolicyDocument');
      assert.match(fault.message, message);
    });

  it('is refused with a fault or read, whatever it holds', () => {
    const word = fc.constantFrom(
      'Allow',
      'Deny',
      '*',
      's3:GetObject',
      'arn:aws:s3:::b/*',
      '2012-10-17',
      '${aws:username}',
      'x',
    );
    const operators = fc.constantFrom(
      'StringLike',
      'ForAllValues:NumericEquals',
      'ArnLikeIfExists',
      'IpAddress',
      'Null',
      'X',
    );
    const value = fc.oneof(word, fc.array(word, { maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }));
    const condition = fc.dictionary(operators, fc.dictionary(fc.constantFrom('aws:username', 's3:x', 'y'), value));
    const names = ['Effect', 'Action', 'Resource', 'NotResource', 'Principal', 'Sid'] as const;
    const statement = fc.record(
      { ...Object.fromEntries(names.map(name => [name, value])), Condition: fc.oneof(condition, value) },
      { requiredKeys: [] },
    );
    const shape = fc.record(
      { Version: value, Statement: fc.oneof(statement, fc.array(statement), value) },
      { requiredKeys: [] },
    );
    const kinds = fc.constantFrom('identity' as const, 'trust' as const, 'resource' as const, 'stored' as const);
    fc.assert(
      fc.property(fc.oneof(shape, fc.jsonValue()), kinds, (given, kind) => {
        faultOf(given, { kind });
      }),
      { numRuns: 3000 },
    );
  });

  it('is refused under the code that the service asks for', () =>
    assert.equal(faultOf('{', { kind: 'resource', code: 'MalformedPolicy' })?.code, 'MalformedPolicy'));

  it('is counted without white space', () => {
    const text = JSON.stringify({ Version: '2012-10-17', Statement: good }, null, 8);
    const characters = text.replace(/\s/g, '').length;
    assert.equal(faultOf(text, { kind: 'identity', maximumCharacters: characters }), undefined);
    assert.equal(faultOf(text, { kind: 'identity', maximumCharacters: characters - 1 })?.code, 'LimitExceeded');
  });

  it('may have one statement or a list, strings or lists of them', () => {
    const lists = { ...good, Action: ['s3:Get*', '*'], Resource: ['arn:aws:s3:::pets', 'arn:aws:s3:::pets/*'] };
    assert.equal(parsePolicy(JSON.stringify({ Statement: [good, lists] }), { kind: 'identity' }).statements.length, 2);
  });

  it('of the seed’s service role is good', () => {
    const Condition = {
      StringEquals: { 'aws:SourceAccount': '111122223333' },
      ArnEquals: { 'aws:SourceArn': 'arn:aws:bedrock:us-east-1:111122223333:model-customization-job/*' },
    };
    const Principal = { Service: 'bedrock.amazonaws.com' };
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', Condition }],
    };
    assert.equal(faultOf(trust, { kind: 'trust' }), undefined);
  });
});
