// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { type PolicyRules, parsePolicy } from './document.ts';

const good = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };

/** The document as text; of Version 2012-10-17 where it is an object that says none. */
function textOf(document: unknown): string {
  if (typeof document === 'string') return document;
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  return JSON.stringify(isObject ? { Version: '2012-10-17', ...document } : document);
}

function faultOf(document: unknown, rules: PolicyRules): Fault | undefined {
  try {
    parsePolicy(textOf(document), rules);
  } catch (error) {
    assert.ok(error instanceof Fault, String(error));
    return error;
  }
  return undefined;
}

const refused: [string, unknown, PolicyRules['kind'], RegExp][] = [
  ['no JSON', '{', 'identity', /^Syntax errors in policy\./],
  ['no JSON, for a bucket', '{', 'resource', /^This policy contains invalid Json/],
  ['no object', '[]', 'identity', /must be a JSON object/],
  ['an unknown version', { Version: '2012-10-18', Statement: good }, 'identity', /Version must be "2012-10-17"/],
  [
    'the version of 2008',
    { Version: '2008-10-17', Statement: good },
    'identity',
    /must be version 2012-10-17 or greater/,
  ],
  [
    'no version',
    JSON.stringify({ Statement: good }),
    'identity',
    /^Policy document must be version 2012-10-17 or greater/,
  ],
  ['no statement', { Version: '2012-10-17' }, 'identity', /at least one statement/],
  ['an empty list of statements', { Statement: [] }, 'identity', /at least one statement/],
  ['an unknown element', { Statement: good, Foo: 1 }, 'identity', /unknown element "Foo"/],
  ['an unknown element of a statement', { Statement: { ...good, Foo: 1 } }, 'identity', /unknown element "Foo"/],
  ['no effect', { Statement: { Action: 's3:*', Resource: '*' } }, 'identity', /Effect of Statement 1/],
  [
    'an effect in lower case',
    { Statement: { ...good, Effect: 'allow' } },
    'identity',
    /failed legacy parsing. Effect of/,
  ],
  ['another effect', { Statement: { ...good, Effect: 'Maybe' } }, 'identity', /^Syntax errors in policy. Effect of/],
  ['no action', { Statement: { Effect: 'Allow', Resource: '*' } }, 'identity', /must contain actions/],
  ['both Action and NotAction', { Statement: { ...good, NotAction: 's3:*' } }, 'identity', /both Action and NotAction/],
  ['an empty list of actions', { Statement: { ...good, Action: [] } }, 'identity', /must contain actions. Statement 1/],
  ['an action without a service', { Statement: { ...good, Action: 'GetObject' } }, 'identity', /prefaced by a vendor/],
  ['no resource', { Statement: { Effect: 'Allow', Action: 's3:*' } }, 'identity', /must contain resources/],
  [
    'a resource that is no ARN',
    { Statement: { ...good, Resource: 'pets' } },
    'identity',
    /must be in ARN format or "\*"/,
  ],
  [
    'a resource of no partition',
    { Statement: { ...good, Resource: 'arn:error:s3:::pets' } },
    'identity',
    /^Partition "error" is not valid for resource "arn:error:s3:::pets"/,
  ],
  [
    'a resource that begins with another word',
    { Statement: { ...good, Resource: 'aws:s3:::pets' } },
    'identity',
    /^Partition "s3" is not valid for resource "arn:s3:::pets:\*"/,
  ],
  ['a resource of five parts', { Statement: { ...good, Resource: 'arn:aws:s3::pets' } }, 'identity', /legacy parsing/],
  ['a resource of two parts', { Statement: { ...good, Resource: 'arn:aws' } }, 'identity', /vendor must be fully/],
  [
    'a bucket with a Region',
    { Statement: { ...good, Resource: 'arn:aws:s3:us-east-1::pets' } },
    'identity',
    /can not contain region information/,
  ],
  [
    'an IAM resource of no kind',
    { Statement: { ...good, Resource: 'arn:aws:iam::111122223333:pets' } },
    'identity',
    /^IAM resource path must either be "\*" or start with user\//,
  ],
  ['an action with two colons', { Statement: { ...good, Action: 's3:Get:Object' } }, 'identity', /only one colon/],
  ['an action of no vendor', { Statement: { ...good, Action: 'a a:Get' } }, 'identity', /^Vendor a a is not valid/],
  ['a vendor with a wildcard', { Statement: { ...good, Action: 's*:Get' } }, 'identity', /^Vendor s\* is not valid/],
  ['an empty action', { Statement: { ...good, Action: '' } }, 'identity', /prefaced by a vendor/],
  ['a list for Condition', { Statement: { ...good, Condition: [] } }, 'identity', /^Syntax errors in policy\./],
  [
    'an object for Sid',
    { Statement: { ...good, Sid: {} } },
    'identity',
    /^Syntax errors in policy. Sid of Statement 1/,
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
    'a number that is none',
    { Statement: { ...good, Condition: { NumericLessThan: { 's3:max-keys': '0x10' } } } },
    'identity',
    /cannot compare/,
  ],
  [
    'a variable where no variable can be',
    { Statement: { ...good, Condition: { NumericLessThan: { 's3:max-keys': '${aws:username}' } } } },
    'identity',
    /cannot compare/,
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
  ['no principal in a bucket policy', { Statement: good }, 'resource', /^Missing required field Principal/],
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
    /Allow with NotPrincipal/,
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

  // What AWS takes, though it reads like a mistake.
  const taken: [string, object][] = [
    ['an empty Condition', { ...good, Condition: {} }],
    ['an operator that compares nothing', { ...good, Condition: { DateGreaterThan: {}, x: {} } }],
    ['a key that is compared with nothing', { ...good, Condition: { StringEquals: { 'aws:username': [] } } }],
    ['a key that no service has', { ...good, Condition: { 'ForAnyValue:StringEqualsIfExists': { a: 'b' } } }],
    ['an unknown service', { ...good, Action: 'service-prefix:action-name', Resource: 'arn:aws:nothing:::x' }],
    ['an access point', { ...good, Resource: 'arn:aws:s3:eu-west-1:111122223333:accesspoint/pets/object/*' }],
    ['a vendor with a dot', { ...good, Action: 's3.s:ListBucket' }],
    ['a user without an account', { ...good, Resource: 'arn:aws:iam:::user/x' }],
    ['a variable in a resource', { ...good, Resource: 'arn:aws:iam::*:${aws:username}' }],
    ['a partition that is another', { ...good, Resource: 'arn:aws-us-gov:s3:::pets' }],
    ['seconds since 1970', { ...good, Condition: { DateLessThan: { 'aws:CurrentTime': '-292275054' } } }],
    ['an offset', { ...good, Condition: { DateLessThan: { 'aws:CurrentTime': '2016-12-13t2:00:00.593194+23' } } }],
  ];
  for (const [what, statement] of taken)
    it(`with ${what} is taken`, () => assert.equal(faultOf({ Statement: statement }, { kind: 'identity' }), undefined));

  for (const kind of ['trust', 'resource', 'stored', 'attached'] as const)
    it(`of the version of 2008 is read as a ${kind} policy`, () => {
      const { Resource: _resource, ...trust } = { ...good, Principal: '*', Action: 'sts:AssumeRole' };
      const statement = {
        trust,
        resource: { ...good, Principal: '*' },
        stored: { ...good, Principal: '*' },
        attached: good,
      };
      const document = JSON.stringify({ Version: '2008-10-17', Statement: statement[kind] });
      assert.equal(faultOf(document, { kind }), undefined);
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
    const kinds = fc.constantFrom<PolicyRules['kind'][]>('identity', 'trust', 'resource', 'attached', 'stored');
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

  it('has no element twice in one object, as the last would silently win; what is stored is read all the same', () => {
    const doc = (condition: string) =>
      `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":${condition}}]}`;
    const twice = doc('{"StringEquals":{"aws:username":"a"}, "String\\u0045quals" : {"aws:userid":"b"}}');
    assert.match(
      faultOf(twice, { kind: 'identity' })?.message ?? '',
      /^Syntax errors in policy\. .*"StringEquals" twice/,
    );
    assert.equal(faultOf(twice, { kind: 'attached' }), undefined);
    const apart = doc(
      '{"StringEquals":{"aws:username":["\\"{","a"]},"StringLike":{"aws:username":"\\"aws:username\\":"}}',
    );
    assert.equal(faultOf(apart, { kind: 'identity' }), undefined);
  });

  it('may have one statement or a list, strings or lists of them', () => {
    const lists = { ...good, Action: ['s3:Get*', '*'], Resource: ['arn:aws:s3:::pets', 'arn:aws:s3:::pets/*'] };
    assert.equal(parsePolicy(textOf({ Statement: [good, lists] }), { kind: 'identity' }).statements.length, 2);
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
