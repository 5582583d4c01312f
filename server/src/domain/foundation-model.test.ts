import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foundationModelArn, foundationModelId, supportingModel } from './foundation-model.ts';

const catalogue = [
  { modelId: 'a.v1', customizationsSupported: [], inferenceTypesSupported: ['ON_DEMAND'] },
  { modelId: 'a.v1:0', customizationsSupported: ['FINE_TUNING'], inferenceTypesSupported: ['PROVISIONED'] },
];

test('a foundation model is named by its id or by its ARN of the Region', () => {
  const arn = foundationModelArn('us-east-1', 'a.v1:0');
  assert.equal(arn, 'arn:aws:bedrock:us-east-1::foundation-model/a.v1:0');
  assert.equal(foundationModelId(arn, 'us-east-1'), 'a.v1:0');
  assert.equal(foundationModelId('a.v1', 'us-east-1'), 'a.v1');
  for (const other of [
    foundationModelArn('us-west-2', 'a.v1:0'),
    'arn:aws:bedrock:us-east-1:123456789012:foundation-model/a.v1:0',
    'arn:aws:bedrock:us-east-1:123456789012:custom-model/a.v1:0/abcdefghijkl',
    'arn:aws:s3:us-east-1::foundation-model/a.v1:0',
    'arn:',
  ])
    assert.equal(foundationModelId(other, 'us-east-1'), undefined, other);
});

test('an unversioned id stands for its versioned sibling where only that one supports what is asked', () => {
  assert.equal(supportingModel(catalogue, 'a.v1', 'FINE_TUNING')?.modelId, 'a.v1:0');
  assert.equal(supportingModel(catalogue, 'a.v1:0', 'PROVISIONED')?.modelId, 'a.v1:0');
  assert.equal(supportingModel(catalogue, 'a', 'FINE_TUNING'), undefined);
});
