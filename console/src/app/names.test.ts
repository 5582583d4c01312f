import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { isName, type NameKind, nameConstraint, nameProblem } from './names.ts';

interface Constraint {
  minLength: number;
  maxLength: number;
  pattern: string;
}

/** AWS's own, as the service holds requests to them. */
const { services } = JSON.parse(
  readFileSync(new URL('../../../server/generated/constraints.json', import.meta.url), 'utf8'),
) as { services: Record<string, { schemas: Record<string, Constraint> }> };

const SHAPES: Readonly<Partial<Record<NameKind, [service: string, shape: string]>>> = {
  model: ['bedrock', 'CustomModelName'],
  deployment: ['bedrock', 'ModelDeploymentName'],
  throughput: ['bedrock', 'ProvisionedModelName'],
  job: ['bedrock', 'JobName'],
  user: ['iam', 'userNameType'],
  role: ['iam', 'roleNameType'],
  policy: ['iam', 'policyNameType'],
};

/** Every name of up to four of these, and some at the bounds. */
function* candidates(): Generator<string> {
  let names = [''];
  for (let length = 1; length <= 4; length += 1) {
    names = names.flatMap(name => [...'aZ0-_.+ @é'].map(letter => name + letter));
    yield* names;
  }
  for (const length of [62, 63, 64, 65, 127, 128, 129]) yield 'a'.repeat(length);
}

test('A name is taken exactly where AWS’s constraint takes it', () => {
  for (const [kind, [service, shape]] of Object.entries(SHAPES)) {
    const { pattern, minLength, maxLength } = services[service]?.schemas[shape] ?? {};
    assert.ok(pattern && minLength && maxLength, shape);
    const isSo = new RegExp(pattern);
    for (const name of candidates()) {
      const expected: boolean = isSo.test(name) && name.length >= minLength && name.length <= maxLength;
      assert.equal(isName(kind as NameKind, name), expected, `${kind} “${name}”`);
    }
  }
});

test('A bucket’s name follows S3’s rules', () => {
  for (const name of ['pictures', 'my.pictures-2026', '1a2', 'a'.repeat(63)]) assert.ok(isName('bucket', name), name);
  for (const name of [
    ...['ab', 'a'.repeat(64), 'Pictures', 'my_pictures', 'pictures-', '-pictures', 'a..b', 'a.-b', 'a-.b'],
    ...['192.168.0.1', 'xn--pictures', 'pictures-s3alias', 'my pictures'],
  ])
    assert.equal(isName('bucket', name), false, name);
});

test('What is wrong is said in words, and nothing of an empty field', () => {
  assert.equal(nameProblem('job', ''), undefined);
  assert.equal(nameProblem('job', 'my job'), 'A space is not allowed.');
  assert.equal(nameProblem('model', 'ron/2'), '“/” is not allowed.');
  assert.equal(nameProblem('model', 'ron--2'), 'No two of - and _ may stand side by side.');
  assert.equal(nameProblem('throughput', 'a'.repeat(70)), 'At most 63 characters; it has 70.');
  assert.equal(nameProblem('bucket', 'Pictures'), 'A capital letter is not allowed.');
  assert.equal(nameProblem('bucket', 'ab'), 'At least 3 characters.');
  assert.equal(nameProblem('dataSet', '..'), 'It needs a letter or a digit.');
  assert.match(nameConstraint('policy'), /128/);
});
