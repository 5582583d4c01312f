import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../fault.ts';
import { parseHyperparameters } from './hyperparameters.ts';
import { appliedLearningRate, readTrainingOptions, validationInterval } from './training-options.ts';

const base = {
  family: 'art',
  resolution: 128,
  sizeMultiple: 32,
  lora: { rank: 16, alpha: 8, maximumRank: 64 },
  training: { captionDropout: 0.1, minSnrGamma: null },
};

function refusal(given: Record<string, unknown>): string {
  try {
    readTrainingOptions(given, base);
  } catch (error) {
    if (error instanceof Fault && error.kind === 'invalid') return error.message;
    throw error;
  }
  return 'accepted';
}

test('what is left out is the base model’s, or off', () => {
  assert.deepEqual(readTrainingOptions({ stepCount: '10' }, base), {
    seed: undefined,
    options: {
      ...{
        method: 'lora',
        concept: null,
        rank: 16,
        alpha: 8,
        captionDropout: 0.1,
        minSnrGamma: null,
        priorPreservation: 0,
      },
      ...{ resolution: 128, validationInterval: null, samplePrompts: [], maskPrompt: null, unmaskedWeight: 0.1 },
      captionWords: { triggerWord: null, captionPrefix: null, captionSuffix: null },
    },
  });
});

test('what is given is applied, and alpha follows the rank', () => {
  const { options, seed } = readTrainingOptions(
    {
      ...{
        concept: 'style',
        rank: '32',
        captionDropout: '0',
        minSnrGamma: '5',
        priorPreservation: '0.5',
        seed: '7',
        resolution: '160',
      },
      ...{ validationInterval: '50', samplePrompts: '["Ron the dog, on \\"the moon\\""]' },
      ...{ triggerWord: ' Ron the dog ', captionSuffix: ', in spring', maskedLoss: 'the dog', unmaskedWeight: '0' },
    },
    base,
  );
  assert.equal(seed, 7);
  assert.deepEqual(options, {
    ...{
      method: 'lora',
      concept: 'style',
      rank: 32,
      alpha: 16,
      captionDropout: 0,
      minSnrGamma: 5,
      priorPreservation: 0.5,
    },
    ...{ resolution: 160, validationInterval: 50, samplePrompts: ['Ron the dog, on "the moon"'] },
    ...{ maskPrompt: 'the dog', unmaskedWeight: 0 },
    captionWords: { triggerWord: 'Ron the dog', captionPrefix: null, captionSuffix: ', in spring' },
  });
  assert.equal(readTrainingOptions({ minSnrGamma: '0' }, base).options.minSnrGamma, null);
});

test('each key’s bound is named with the value that broke it', () => {
  for (const method of ['dora', 'LoRA', '']) assert.match(refusal({ method }), /method must be lora or full; you sent/);
  for (const concept of ['object', 'Style', ''])
    assert.match(refusal({ concept }), /concept must be subject or style; you sent/);
  for (const rank of ['0', '65', '8.5', '-1', ''])
    assert.match(refusal({ rank }), /rank must be a whole number from 1 to 64/);
  assert.match(refusal({ alpha: '0' }), /alpha must be a number from 0\.01 to 1024; you sent "0"/);
  assert.match(refusal({ captionDropout: '1' }), /captionDropout must be a number from 0 to 0\.9/);
  assert.match(refusal({ priorPreservation: 'NaN' }), /priorPreservation must be a number from 0 to 10/);
  assert.match(refusal({ maskedLoss: ' ' }), /maskedLoss must be 1 to 512 characters; it has 0/);
  assert.match(refusal({ unmaskedWeight: '1.1' }), /unmaskedWeight must be a number from 0 to 1; you sent "1\.1"/);
  assert.match(refusal({ seed: '4294967296' }), /seed must be a whole number from 0 to 4294967295/);
  for (const resolution of ['32', '224'])
    assert.match(refusal({ resolution }), /resolution must be a whole number from 64 to 192/);
  assert.match(refusal({ resolution: '100' }), /resolution must be a multiple of 32/);
  assert.match(refusal({ validationInterval: '-5' }), /validationInterval must be a whole number from 0 to 40000/);
  assert.match(refusal({ triggerWord: 'x'.repeat(65) }), /triggerWord must be 1 to 64 characters; it has 65/);
  assert.match(refusal({ captionPrefix: ' ' }), /captionPrefix must be 1 to 256 characters; it has 0/);
  assert.match(refusal({ captionSuffix: 'a\nb' }), /captionSuffix must be one line of text/);
  assert.match(refusal({ method: 'full', rank: '8' }), /rank belongs to method lora/);
  assert.match(refusal({ rank: 8 }), /rank must be a JSON string; you sent a value of type number/);
});

test('samplePrompts is a JSON array in a string, and a refusal quotes no prompt', () => {
  const one = JSON.stringify(['a dog']);
  assert.equal(refusal({ samplePrompts: one }), 'accepted');
  for (const samplePrompts of ['a secret dog', '"a secret dog"', '[]', '{}', JSON.stringify(Array(9).fill('a dog'))])
    assert.match(refusal({ samplePrompts }), /samplePrompts must be a JSON array of 1 to 8 prompts/);
  assert.match(refusal({ samplePrompts: '["a dog", 5]' }), /samplePrompts\[1\] must be a text of 1 to 512 characters/);
  assert.match(refusal({ samplePrompts: JSON.stringify(['x'.repeat(513)]) }), /you sent 513/);
  assert.match(refusal({ samplePrompts: '["a dog", "\\ud800"]' }), /samplePrompts\[1\] must be well-formed Unicode/);
  assert.doesNotMatch(refusal({ samplePrompts: 'a secret dog' }), /secret/);
});

test('the echo keeps what was given and fills in AWS’s three alone', () => {
  const { echoed } = parseHyperparameters({ stepCount: '10', rank: '8' });
  assert.deepEqual(echoed, { stepCount: '10', batchSize: '8', learningRate: '0.00001', rank: '8' });
});

test('a training is looked at four times and at least each 500 steps, a very short one not at all', () => {
  for (const [stepCount, interval] of [
    [99, null],
    [100, 25],
    [700, 175],
    [8000, 500],
  ] as const)
    assert.equal(validationInterval(null, stepCount), interval);
  assert.equal(validationInterval(0, 700), null);
  assert.equal(validationInterval(20, 40), 20);
});

test('a training that may end by itself is looked at four times before', () => {
  assert.equal(validationInterval(null, 8000, { mayEndAt: 500 }), 125);
  assert.equal(validationInterval(null, 8000, { mayEndAt: 4000 }), 500);
  assert.equal(validationInterval(null, 600, { mayEndAt: 4000 }), 150);
  assert.equal(validationInterval(0, 8000, { mayEndAt: 500 }), null);
});

test('a full fine-tuning takes a tenth of the rate', () => {
  assert.equal(appliedLearningRate(1e-5, 100, 'lora'), 1e-3);
  assert.equal(appliedLearningRate(1e-5, 100, 'full'), 1e-4);
});

test('A custom model that the job starts from gives method, rank and alpha, and lets none other be asked for', () => {
  const lora = { modelName: 'ron', method: 'lora', rank: 4, alpha: 6 } as const;
  const { options } = readTrainingOptions({}, base, lora);
  assert.deepEqual([options.method, options.rank, options.alpha], ['lora', 4, 6]);
  assert.equal(readTrainingOptions({ rank: '4', alpha: '6', method: 'lora' }, base, lora).options.rank, 4);
  assert.equal(readTrainingOptions({}, base, { modelName: 'ron', method: 'full' }).options.method, 'full');
  const asOf = 'as of the custom model ron that the job starts from; you sent';
  for (const [given, message] of [
    [{ rank: '8' }, `hyperParameters.rank must be 4, ${asOf} "8".`],
    [{ alpha: '4' }, `hyperParameters.alpha must be 6, ${asOf} "4".`],
    [{ method: 'full' }, `hyperParameters.method must be lora, ${asOf} "full".`],
  ] as const)
    assert.throws(() => readTrainingOptions(given, base, lora), { kind: 'invalid', message });
});

test('a base model that finds nothing by words takes masks from the data set alone', () => {
  const flux = { ...base, family: 'flux' };
  assert.throws(
    () => readTrainingOptions({ maskedLoss: 'the dog' }, flux),
    /give masks with mask-ref; you sent "the dog"/,
  );
  assert.equal(readTrainingOptions({ unmaskedWeight: '0.5' }, flux).options.unmaskedWeight, 0.5);
});
