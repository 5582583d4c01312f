import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import constraints from '../../generated/constraints.json' with { type: 'json' };
import type { ServiceName } from './contract.ts';
import { loadContract } from './contract.ts';
import { type Constraints, createValidator, linearRegExp } from './validate.ts';

const validate = createValidator(constraints as Constraints);

const job = {
  jobName: 'job-1',
  customModelName: 'm',
  roleArn: 'arn:aws:iam::123456789012:role/r',
  baseModelIdentifier: 'amazon.titan-image-generator-v1',
  trainingDataConfig: { s3Uri: 's3://bkt/x.jsonl' },
  outputDataConfig: { s3Uri: 's3://bkt/out/' },
};

function message(input: Record<string, unknown>): string | undefined {
  return validate('bedrock', 'rest-json', 'CreateModelCustomizationJob', { ...job, ...input })?.message;
}

describe('constraints are said in the words of AWS', () => {
  test('what is no number is said once', () => {
    assert.equal(
      validate('bedrock', 'rest-json', 'ListCustomModels', { maxResults: Number.NaN })?.message,
      "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must be of type integer",
    );
  });
  test('a valid input passes', () => assert.equal(message({}), undefined));

  const cases: [name: string, input: Record<string, unknown>, message: string][] = [
    [
      'a pattern',
      { jobName: '-x' },
      "1 validation error detected: Value '-x' at 'jobName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9\\+\\-\\.])*",
    ],
    [
      'half of a surrogate pair',
      { hyperParameters: { triggerWord: 'Ron \ud800' } },
      "1 validation error detected: Value at 'hyperParameters.triggerWord' failed to satisfy constraint: Member must be well-formed Unicode; it has half of a surrogate pair",
    ],
    [
      'a missing member',
      { roleArn: undefined },
      "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
    ],
    [
      'an enum',
      { customizationType: 'MAGIC' },
      "1 validation error detected: Value 'MAGIC' at 'customizationType' failed to satisfy constraint: Member must satisfy enum value set: [FINE_TUNING, CONTINUED_PRE_TRAINING, DISTILLATION, REINFORCEMENT_FINE_TUNING, IMPORTED]",
    ],
    [
      'a nested member',
      { trainingDataConfig: { s3Uri: '' } },
      "2 validation errors detected: Value '' at 'trainingDataConfig.s3Uri' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'trainingDataConfig.s3Uri' failed to satisfy constraint: Member must satisfy regular expression pattern: ",
    ],
    [
      'a member of a list',
      {
        jobTags: [
          { key: 'a', value: 'b' },
          { key: 'a'.repeat(129), value: '' },
        ],
      },
      'failed to satisfy constraint: Member must have length less than or equal to 128',
    ],
    [
      'a wrong type',
      { hyperParameters: { stepCount: 10 } },
      "1 validation error detected: Value '10' at 'hyperParameters.stepCount' failed to satisfy constraint: Member must be of type string",
    ],
  ];
  for (const [name, input, expected] of cases)
    test(name, () => {
      const said = message(input) ?? '';
      assert.ok(said.includes(expected), said);
    });

  test('a member of a list is counted from 1', () => {
    assert.match(
      message({
        jobTags: [
          { key: 'a', value: 'b' },
          { key: '', value: '' },
        ],
      }) ?? '',
      /at 'jobTags\.2\.member\.key'/,
    );
  });
  test('a list longer than allowed', () => {
    const tag = { key: 'a', value: 'b' };
    assert.match(message({ jobTags: Array(201).fill(tag) }) ?? '', /length less than or equal to 200/);
  });
  test('many errors are counted, and ten told', () => {
    const said = message({ jobTags: Array.from({ length: 30 }, () => ({ key: '', value: 'é' })) }) ?? '';
    assert.match(said, /^\d\d validation errors detected/);
    assert.equal(said.split('; ').length, 10);
  });
  test('a long value is cut', () => assert.ok((message({ jobName: '!'.repeat(5000) }) ?? '').length < 1500));
});

test('a value of a sensitive member is never repeated', () => {
  const input = { modelId: '!!', body: new Uint8Array(25_000_001), contentType: 'application/json' };
  const refusal = validate('bedrock-runtime', 'rest-json', 'InvokeModel', input);
  assert.match(
    refusal?.message ?? '',
    /Value at 'body' failed to satisfy constraint: Member must have length less than or equal to 25000000/,
  );
});

test('each protocol has its code', () => {
  assert.equal(validate('kms', 'json-1-1', 'DescribeKey', {})?.code, 'ValidationException');
  assert.equal(validate('kms', 'json-1-1', 'DescribeKey', { KeyId: 5 })?.code, 'SerializationException');
  assert.equal(validate('iam', 'query', 'CreateRole', { RoleName: 'a b' })?.code, 'ValidationError');
  assert.equal(
    validate('s3', 'rest-xml', 'PutObject', { Bucket: 'b', Key: 'k', ObjectLockMode: 'FOREVER' })?.code,
    'InvalidArgument',
  );
});

describe("botocore's patterns", () => {
  const services = Object.entries((constraints as Constraints).services);

  /** Strings of many shapes: each pattern must refuse at least one. */
  const odd = [
    '',
    ' ',
    '!',
    '\u0001',
    '\n',
    'a b',
    '-',
    '.',
    '/',
    '~',
    'é',
    '☃',
    'arn:',
    '!'.repeat(3000),
    'A'.repeat(3000),
  ];
  /** Patterns that accept any text, or any without the characters above. */
  const ANYTHING = /^\^\(\?:(\.\*|\[\\s\\S\]\*|\[\\S\\s\]\*|\(\.\|\\n\)\*)\)\$$/;

  for (const [service, model] of services)
    for (const [name, schema] of Object.entries(model?.schemas ?? {})) {
      const { pattern } = schema as { pattern?: string };
      if (pattern === undefined || ANYTHING.test(pattern)) continue;
      test(`${service} ${name} compiles in linear time and refuses something`, () => {
        const expression = linearRegExp(pattern, 'u');
        assert.ok(
          odd.some(text => !expression.test(text)),
          pattern,
        );
      });
    }

  test('compiled patterns stay apart in ajv, which caches them by their text', () => {
    assert.notEqual(String(linearRegExp('^a$', 'u')), String(linearRegExp('^b$', 'u')));
    assert.ok(validate('bedrock', 'rest-json', 'CreateModelCustomizationJob', { ...job, jobName: '!' }));
    assert.ok(validate('bedrock', 'rest-json', 'CreateModelCustomizationJob', { ...job, roleArn: 'x' }));
    assert.ok(validate('bedrock', 'rest-json', 'CreateModelCustomizationJob', { ...job, customModelName: '-' }));
  });

  test('the job name that takes V8 for ever is refused at once', () => {
    const startedAt = performance.now();
    assert.ok(message({ jobName: `a${'-'.repeat(61)}!` }));
    assert.ok(performance.now() - startedAt < 250);
  });
});

test('every schema of an input is of an operation that the SDK has', () => {
  for (const [service, model] of Object.entries((constraints as Constraints).services)) {
    const contract = loadContract(service as ServiceName);
    for (const operation of Object.keys(model?.operations ?? {}))
      assert.ok(contract.operations.has(operation), operation);
  }
});
