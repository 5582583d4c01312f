// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ACCOUNT, alice, allow, deny, facts, OTHER } from '../../../test/support/policy-questions.ts';
import { conditionContext } from './context.ts';
import { contextKeysOf } from './context-keys.ts';
import { parsePolicy } from './document.ts';
import { type SimulatedPolicy, type Simulation, simulate } from './simulate.ts';
import { statementPositions } from './statement-positions.ts';

function policyOf(id: string, statement: object | object[], type: SimulatedPolicy['type'] = 'none'): SimulatedPolicy {
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statement });
  const document = parsePolicy(text, { kind: type === 'resource' ? 'stored' : 'attached' });
  return { id, type, document, positions: statementPositions(text) };
}

function run(given: Partial<Simulation>, action = 's3:GetObject', resource = 'arn:aws:s3:::pets/ron.jpg') {
  const whole: Simulation = {
    principal: alice,
    context: conditionContext(alice, facts),
    resourceAccountId: ACCOUNT,
    policies: [],
    resourcePolicy: undefined,
    boundary: undefined,
    ...given,
  };
  return simulate(whole, action, resource);
}

describe('a simulation', () => {
  const get = policyOf('get', [allow('s3:Put*'), allow('s3:Get*')]);

  it('names the statement that allows', () => {
    const { decision, matched, missingContextKeys } = run({ policies: [get] });
    assert.equal(decision, 'allowed');
    assert.deepEqual(
      matched.map(({ policy, position }) => [policy.id, position]),
      [['get', get.positions[1]]],
    );
    assert.deepEqual(missingContextKeys, []);
  });

  it('names the statements that deny, wherever they stand, and none that allows', () => {
    const denying = [policyOf('identity', deny('s3:*')), get];
    const boundary = policyOf('boundary', [allow('*'), deny('s3:GetObject')]);
    const { decision, matched, allowedByBoundary } = run({ policies: denying, boundary });
    assert.equal(decision, 'explicitDeny');
    assert.deepEqual(
      matched.map(({ policy }) => policy.id),
      ['identity', 'boundary'],
    );
    assert.equal(allowedByBoundary, false);
  });

  it('names nothing where nothing allows, and says that the boundary does', () => {
    const { decision, matched, allowedByBoundary } = run({ boundary: policyOf('b', allow('s3:*')) });
    assert.equal(decision, 'implicitDeny');
    assert.deepEqual(matched, []);
    assert.equal(allowedByBoundary, true);
  });

  it('says that the boundary does not allow what the policy does', () => {
    const { decision, allowedByBoundary } = run({ policies: [get], boundary: policyOf('b', allow('iam:*')) });
    assert.equal(decision, 'implicitDeny');
    assert.equal(allowedByBoundary, false);
  });

  it('lists the keys that statements on this action and resource ask for in vain, as they are written', () => {
    const asking = policyOf('asking', [
      allow('s3:Get*', 'arn:aws:s3:::${s3:Home}/*', {
        Condition: { Bool: { 'x:Sunny': 'true', 'AWS:username': 'a' } },
      }),
      allow('s3:Get*', '*', { Condition: { StringEquals: { 'x:mood': '${x:Color}', 'X:SUNNY': 'a' } } }),
      allow('s3:Put*', '*', { Condition: { Bool: { 'x:other': 'true' } } }),
    ]);
    assert.deepEqual(run({ policies: [asking] }).missingContextKeys, ['s3:Home', 'x:Sunny', 'x:Color', 'x:mood']);
  });

  it('shows both sides of a question across accounts', () => {
    const open = policyOf('bucket', { ...allow('s3:*'), Principal: { AWS: ACCOUNT } }, 'resource');
    const one = run({ policies: [get], resourceAccountId: OTHER });
    assert.equal(one.decision, 'implicitDeny');
    assert.deepEqual(one.sides, { identity: 'allowed', resource: 'implicitDeny' });
    const both = run({ policies: [get], resourceAccountId: OTHER, resourcePolicy: open });
    assert.equal(both.decision, 'allowed');
    assert.deepEqual(
      both.matched.map(({ policy }) => policy.id),
      ['get', 'bucket'],
    );
  });
});

describe('positions of statements', () => {
  it('are counted as AWS counts them: the column after the brace', () => {
    const Condition = { DateGreaterThan: { 'aws:CurrentTime': '2018-08-16T12:00:00Z' } };
    const statement = { Effect: 'Allow', Action: 'dynamodb:*', Resource: '*', Condition };
    const [position] = statementPositions(JSON.stringify({ Version: '2012-10-17', Statement: statement }));
    assert.deepEqual(position, { start: { line: 1, column: 38 }, end: { line: 1, column: 167 } });
  });

  it('are found in a list, over lines, past strings with braces in them', () => {
    const text = `{ "Id": "Statement{\\"",\n "Statement": [\n  {"Sid": "a}]", "Condition": {"Bool": {}}},\n  {\n  }\n ]\n}`;
    assert.deepEqual(statementPositions(text), [
      { start: { line: 3, column: 4 }, end: { line: 3, column: 44 } },
      { start: { line: 4, column: 4 }, end: { line: 5, column: 4 } },
    ]);
  });
});

describe('context keys of a policy', () => {
  const statement = (Version: string) => ({
    Version,
    Statement: allow('dynamodb:*', "arn:aws:dynamodb:*:*:table/${aws:username}/${aws:UserName, 'x'}${*}${$}", {
      Condition: { DateGreaterThan: { 'aws:CurrentTime': '2015-08-16T12:00:00Z' } },
    }),
  });
  const keys = (Version: string) =>
    contextKeysOf(parsePolicy(JSON.stringify(statement(Version)), { kind: 'attached' }));

  it('are its variables and its condition keys, each once, as it writes them', () =>
    assert.deepEqual(keys('2012-10-17'), ['aws:username', 'aws:CurrentTime']));

  it('have no variables in the version of 2008', () => assert.deepEqual(keys('2008-10-17'), ['aws:CurrentTime']));
});
