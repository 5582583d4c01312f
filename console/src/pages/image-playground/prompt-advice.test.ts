import assert from 'node:assert/strict';
import test from 'node:test';
import { adviceFor, withPhrase } from './prompt-advice.ts';

test('What a prompt does not want goes into the negative prompt with one click', () => {
  const [advice] = adviceFor('Ron the dog asleep on a red sofa, without a collar, watercolour', 'blurry');
  assert.deepEqual(advice?.fix, {
    prompt: 'Ron the dog asleep on a red sofa, watercolour',
    negativePrompt: 'blurry, collar',
  });
  assert.deepEqual(adviceFor('Ron the dog in a room, no people', '')[0]?.fix?.negativePrompt, 'people');
});

test('A negative prompt says no “no”', () => {
  const [advice] = adviceFor('Ron the dog asleep on a red sofa', 'no text, blurry, without people');
  assert.equal(advice?.fix?.negativePrompt, 'text, blurry, people');
});

test('A prompt of few words is told what to add, a full one nothing', () => {
  assert.match(adviceFor('a dog', '')[0]?.text ?? '', /light and the style/);
  assert.deepEqual(adviceFor('Ron the dog asleep on a red sofa', 'text'), []);
  assert.deepEqual(adviceFor('', ''), []);
});

test('A phrase is added after a comma', () => {
  assert.equal(withPhrase('a dog, ', 'watercolour'), 'a dog, watercolour');
  assert.equal(withPhrase('', 'watercolour'), 'watercolour');
});
