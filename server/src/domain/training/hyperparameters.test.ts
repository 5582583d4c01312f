import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { automaticStepCount, parseHyperparameters } from './hyperparameters.ts';

function refusal(given: Record<string, unknown> | undefined): string {
  try {
    parseHyperparameters(given);
  } catch (error) {
    if (error instanceof Fault && error.kind === 'invalid') return error.message;
    throw error;
  }
  return 'accepted';
}

test('defaults are filled in and echoed as strings; what was sent is echoed as sent', () => {
  assert.deepEqual(parseHyperparameters({ stepCount: '8000' }), {
    hyperparameters: { stepCount: 8000, batchSize: 8, learningRate: 1e-5 },
    echoed: { stepCount: '8000', batchSize: '8', learningRate: '0.00001' },
  });
  const { hyperparameters, echoed } = parseHyperparameters({ stepCount: '10', batchSize: '192', learningRate: '1e-7' });
  assert.deepEqual(hyperparameters, { stepCount: 10, batchSize: 192, learningRate: 1e-7 });
  assert.equal(echoed.learningRate, '1e-7');
});

test('auto is accepted in any case', () => {
  for (const stepCount of ['auto', 'Auto', 'AUTO'])
    assert.equal(parseHyperparameters({ stepCount }).hyperparameters.stepCount, 'auto');
});

test('each bound is named with the value that broke it', () => {
  assert.match(refusal(undefined), /stepCount is required/);
  assert.match(refusal({ batchSize: '8' }), /stepCount is required/);
  for (const stepCount of ['9', '40001', '8.5', '', ' 10', '+10', '1e3', '0x10', 'NaN', 'automatic'])
    assert.match(refusal({ stepCount }), /stepCount must be a whole number from 10 to 40000, or auto; you sent ".*"\./);
  for (const batchSize of ['0', '4', '12', '200', '8.0', '-8'])
    assert.match(refusal({ stepCount: '10', batchSize }), /batchSize must be a multiple of 8 from 8 to 192; you sent/);
  for (const learningRate of ['0', '1.1', '9e-8', '-1', 'Infinity', '1e-400', '0.1.1', '.', 'e5', ''])
    assert.match(refusal({ stepCount: '10', learningRate }), /learningRate must be a number from 1e-7 to 1; you sent/);
  assert.match(refusal({ stepCount: '10', epochCount: '2' }), /hyperParameters\.epochCount is not a hyperparameter/);
  assert.match(refusal({ stepCount: '10', constructor: '2' }), /hyperParameters\.constructor is not/);
  assert.equal(
    refusal({ stepCount: 8000 }),
    'hyperParameters.stepCount must be a JSON string, such as "8000"; you sent the number 8000.',
  );
});

test('auto follows the recommended table with straight lines between its points', () => {
  const expected = [
    [5, 625],
    [8, 1000],
    [20, 2500],
    [32, 4000],
    [60, 7500],
    [64, 8000],
    [532, 9000],
    [1000, 10000],
    [10000, 12000],
  ] as const;
  for (const [images, steps] of expected) assert.equal(automaticStepCount(images), steps);
  assert.equal(automaticStepCount(1), 500);
});

test('auto never falls as images grow and stays in what stepCount allows', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20_000 }), images => {
      const steps = automaticStepCount(images);
      assert.ok(steps >= 500 && steps <= 40_000 && automaticStepCount(images + 1) >= steps);
    }),
  );
});
