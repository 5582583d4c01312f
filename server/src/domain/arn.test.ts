import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatArn, parseArn } from './arn.ts';

test('an ARN parses into its parts, colons of the resource included', () => {
  assert.deepEqual(parseArn('arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1:0'), {
    partition: 'aws',
    service: 'bedrock',
    region: 'us-east-1',
    accountId: '',
    resource: 'foundation-model/amazon.titan-image-generator-v1:0',
  });
  assert.equal(parseArn('arn:aws:s3:::bucket/key')?.resource, 'bucket/key');
});

test('what is no ARN parses to nothing', () => {
  for (const text of ['', 'arn', 'arn:aws:iam::1', 'arn:aws:iam::1:', 'x:aws:iam::1:role/r', 'arn::iam::1:role/r'])
    assert.equal(parseArn(text), undefined, text);
});

test('format and parse are inverse', () => {
  const part = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
  fc.assert(
    fc.property(
      part,
      part,
      part,
      part,
      fc.stringMatching(/^[ -~]{1,30}$/),
      (partition, service, region, account, resource) => {
        const arn = { partition, service, region, accountId: account, resource };
        assert.deepEqual(parseArn(formatArn(arn)), arn);
      },
    ),
  );
});
