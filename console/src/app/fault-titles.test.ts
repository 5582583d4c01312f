import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { isDenial, titleOfCode } from './fault-titles.ts';

const source = (path: string) => readFileSync(new URL(`../../../server/src/${path}`, import.meta.url), 'utf8');

test('Every code that a service gives for a kind of fault has a title of its own', () => {
  const services = ['bedrock', 'bedrock-runtime', 'iam', 'kms', 'sts'].map(name =>
    source(`services/${name}/service.ts`),
  );
  const codes = services.flatMap(text => [...text.matchAll(/code: '(\w+)', status/g)].map(([, code = '']) => code));
  const routes = [...source('wire/routes.ts').matchAll(/\[\d{3}, '(\w+)'\]/g)].map(([, code = '']) => code);
  assert.ok(codes.length > 30 && routes.length > 5, `${codes.length} and ${routes.length} were found`);
  for (const code of [...codes, ...routes]) assert.notEqual(titleOfCode(code), titleOfCode('NoSuchCode'), code);
});

test('A title says what happened without a code, and a denial is known as one', () => {
  assert.equal(titleOfCode('BucketNotEmpty'), 'The bucket is not empty');
  assert.equal(titleOfCode('PasswordPolicyViolationException'), 'The password is not good enough');
  assert.equal(titleOfCode('HTTP 502'), 'This did not work');
  assert.deepEqual([isDenial('AccessDenied'), isDenial('ValidationException')], [true, false]);
});
