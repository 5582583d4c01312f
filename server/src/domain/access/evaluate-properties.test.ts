// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  ACCOUNT,
  alice,
  allow,
  decide,
  everybody,
  named,
  nobody,
  roleArn,
  root,
  session,
  stranger,
} from '../../../test/support/policy-questions.ts';

describe('evaluation, whatever the policies', () => {
  const action = fc.constantFrom('s3:GetObject', 's3:*', '*', 's3:Put*', 'iam:PassRole');
  const resource = fc.constantFrom('*', 'arn:aws:s3:::pets/*', 'arn:aws:s3:::cats/*', 'arn:aws:s3:::pets/ron.jpg');
  const statement = fc.record({ Effect: fc.constantFrom('Allow', 'Deny'), Action: action, Resource: resource });
  const statements = fc.array(statement, { minLength: 1, maxLength: 4 });
  const who = fc.constantFrom(alice, root, session, stranger, nobody);
  const principals = fc.constantFrom(everybody, named(ACCOUNT), named(alice.arn, roleArn), named(stranger.arn));
  const bucketStatements = fc.array(
    fc.tuple(statement, principals).map(([given, principal]) => ({ ...given, ...principal })),
    { minLength: 1, maxLength: 3 },
  );
  const given = fc.record(
    { principal: who, identity: statements, bucket: bucketStatements },
    { requiredKeys: ['principal'] },
  );

  it('one more Deny never allows more', () => {
    fc.assert(
      fc.property(given, statement, (before, extra) => {
        const denied = { ...extra, Effect: 'Deny' };
        const after = { ...before, identity: [...(before.identity ?? []), denied] };
        if (decide(after).allowed) assert.equal(decide(before).allowed, true);
      }),
    );
  });

  it('one more Allow takes nothing away', () => {
    fc.assert(
      fc.property(given, statement, (before, extra) => {
        const after = { ...before, identity: [...(before.identity ?? []), { ...extra, Effect: 'Allow' }] };
        if (decide(before).allowed) assert.equal(decide(after).allowed, true);
      }),
    );
  });

  it('a boundary or a session policy never allows more', () => {
    fc.assert(
      fc.property(given, statements, fc.boolean(), (before, bound, asBoundary) => {
        const after = { ...before, ...(asBoundary ? { boundary: bound } : { session: bound }) };
        if (decide(after).allowed) assert.equal(decide(before).allowed, true);
      }),
    );
  });

  it('the order of statements does not matter', () => {
    fc.assert(
      fc.property(given, before => {
        const after = { ...before, ...(before.identity && { identity: before.identity.toReversed() }) };
        assert.equal(decide(after).allowed, decide(before).allowed);
      }),
    );
  });

  it('a variable reaches no further than its value, whatever characters that has', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '$', '{', '}', ':', '/') });
    fc.assert(
      fc.property(name, name, (userName, key) => {
        const principal = { ...alice, userName };
        const resource = `arn:aws:s3:::pets/${key}/x`;
        const { allowed } = decide({
          principal,
          resource,
          identity: [allow('s3:*', 'arn:aws:s3:::pets/${aws:username}/x')],
        });
        assert.equal(allowed, userName !== '' && key === userName);
        const like = {
          StringLike: { 's3:prefix': '${aws:username}' },
          ArnLike: { 'x:arn': 'a:b:c:d:e:${aws:username}' },
        };
        const conditions = { 's3:prefix': key, 'x:arn': `a:b:c:d:e:${key}` };
        const held = decide({ principal, identity: [allow('*', '*', { Condition: like })], conditions }).allowed;
        assert.equal(held, userName !== '' && key === userName);
      }),
      { numRuns: 1000 },
    );
  });

  it('no question makes it throw', () => {
    const odd = fc.oneof(
      fc.string(),
      fc.constantFrom('arn:aws:s3:::*', '::1/0', '${', '${aws:', '1e999', '2026-99-99T99'),
    );
    const operator = fc.constantFrom(
      ...[
        'StringLike',
        'ArnNotLike',
        'BinaryEquals',
        'Bool',
        'ForAllValues:ArnLike',
        'ForAnyValue:StringNotLikeIfExists',
      ],
    );
    fc.assert(
      fc.property(odd, odd, odd, operator, (written, said, resourceName, name) => {
        const Condition = { [name]: { 's3:prefix': written, 'aws:SourceIp': written } };
        const conditions = { 's3:prefix': said, 'aws:SourceIp': [said, written] };
        decide({ resource: resourceName, identity: [allow('*', '*', { Condition })], conditions });
      }),
      { numRuns: 2000 },
    );
  });

  it('answers in time for a policy and a request that are as long as they can be', () => {
    const started = performance.now();
    const Resource = [`*${'*a?'.repeat(1700)}b`, `${'${'.repeat(2000)}`.replaceAll('${', '*${')];
    const Condition = { StringLike: { 'aws:UserAgent': [`*${'a'.repeat(6000)}b`, '1'.repeat(6000)] } };
    const conditions = { 'aws:UserAgent': 'a'.repeat(16_000), 's3:max-keys': `${'1'.repeat(16_000)}x` };
    const NumericLessThan = { 's3:max-keys': '1' };
    const identity = [
      allow(
        '*',
        Resource.map(name => `arn:aws:s3:::${name}`),
      ),
      allow('*', '*', { Condition: { ...Condition, NumericLessThan } }),
      allow('*', '*', { Condition: { NumericLessThan } }),
    ];
    assert.equal(decide({ resource: `arn:aws:s3:::${'a'.repeat(1024)}`, identity, conditions }).allowed, false);
    assert.ok(performance.now() - started < 2000);
  });

  it('without policies only root is allowed', () => {
    fc.assert(fc.property(who, principal => assert.equal(decide({ principal }).allowed, principal.type === 'root')));
  });
});
