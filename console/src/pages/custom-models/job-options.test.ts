import assert from 'node:assert/strict';
import test from 'node:test';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { numberProblem } from '../../app/number-problem.ts';
import { givenOptions, optionFields, optionProblem, shownHyperParameters, typedOptions } from './job-options.ts';

test('The form asks for every optional hyperparameter that there is', () => {
  assert.deepEqual(
    optionFields.map(({ name }) => name).toSorted(),
    Object.keys(limits.optionalHyperParameters).toSorted(),
  );
});

test('Only what was typed is sent: prompts as JSON, and nothing that the first model has settled', () => {
  const options = { rank: '8', seed: '', samplePrompts: ' Ron on a beach\n\nRon, asleep ', triggerWord: 'Ron the dog' };
  const samplePrompts = '["Ron on a beach","Ron, asleep"]';
  assert.deepEqual(givenOptions(options, false), { rank: '8', triggerWord: 'Ron the dog', samplePrompts });
  assert.deepEqual(givenOptions(options, true), { triggerWord: 'Ron the dog', samplePrompts });
  assert.deepEqual(givenOptions({ samplePrompts: ' \n' }, false), {});
});

test('What was sent is typed again as it was', () => {
  const sent = { rank: '8', samplePrompts: '["Ron on a beach","Ron, asleep"]' };
  assert.deepEqual(givenOptions(typedOptions({ ...sent, stepCount: '100' }), false), sent);
});

test('A page lists hyperparameters in the order and by the labels of the form, and prompts as prompts', () => {
  const given = {
    rank: '8',
    method: 'lora',
    batchSize: '8',
    samplePrompts: '["Ron on a beach","Ron, asleep"]',
    stepCount: 'auto',
  };
  assert.deepEqual(shownHyperParameters({ ...given, later: '1' }), [
    { label: 'Number of steps', value: 'Auto' },
    { label: 'Batch size', value: '8' },
    { label: 'Method', value: 'LoRA' },
    { label: 'Rank', value: '8' },
    { label: 'Sample prompts', value: '“Ron on a beach”, “Ron, asleep”' },
    { label: 'later', value: '1' },
  ]);
  assert.deepEqual(shownHyperParameters(undefined), [{ label: 'Number of steps', value: 'Auto' }]);
});

test('What is out of bounds is said while it is typed', () => {
  const problem = (name: string, text: string) => {
    const field = optionFields.find(one => one.name === name);
    assert.ok(field);
    return optionProblem(field, text);
  };
  for (const [name, text] of [
    ['rank', ''],
    ['rank', '64'],
    ['captionDropout', '0.9'],
    ['seed', '4294967295'],
    ['triggerWord', 'x'.repeat(64)],
    ['samplePrompts', 'x\n'.repeat(8)],
  ] as const)
    assert.equal(problem(name, text), undefined, `${name} ${text}`);
  for (const [name, text] of [
    ['rank', '0'],
    ['rank', '1.5'],
    ['rank', 'much'],
    ['captionDropout', '1'],
    ['seed', '-1'],
    ['triggerWord', 'x'.repeat(65)],
    ['samplePrompts', 'x\n'.repeat(9)],
  ] as const)
    assert.notEqual(problem(name, text), undefined, `${name} ${text}`);
  const batch = { minimum: 8, maximum: 192, isWhole: true, multipleOf: 8 };
  assert.equal(numberProblem('16', batch), undefined);
  assert.equal(numberProblem('12', batch), 'This must be a multiple of 8.');
});
