import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkWordedCaption, namesTrigger, withCaptionWords } from './caption-words.ts';

const none = { triggerWord: null, captionPrefix: null, captionSuffix: null };
const ron = { ...none, triggerWord: 'Ron the dog' };

test('the trigger word takes its placeholder, or goes in front where a caption has it nowhere', () => {
  assert.equal(withCaptionWords('[trigger] on a couch with [Trigger]', ron), 'Ron the dog on a couch with Ron the dog');
  assert.equal(withCaptionWords('on a couch', ron), 'Ron the dog on a couch');
  assert.equal(withCaptionWords("a photo of ron the dog's bed", ron), "a photo of ron the dog's bed");
  assert.equal(withCaptionWords('an iron fence', { ...none, triggerWord: 'Ron' }), 'Ron an iron fence');
  assert.equal(withCaptionWords('[trigger]', { ...none, triggerWord: '$& (C++)' }), '$& (C++)');
  assert.ok(namesTrigger('a [trigger]', 'Ron') && namesTrigger('RON', 'ron') && !namesTrigger('Ronja', 'Ron'));
});

test('prefix and suffix stand around the whole, a comma without a space', () => {
  const words = { triggerWord: 'Ron the dog', captionPrefix: 'a drawing of', captionSuffix: ', flat colours' };
  assert.equal(withCaptionWords(' on a couch ', words), 'a drawing of Ron the dog on a couch, flat colours');
  assert.equal(withCaptionWords('a dog', { ...none, captionSuffix: 'in spring' }), 'a dog in spring');
  assert.equal(withCaptionWords('a dog', none), 'a dog');
});

test('a caption that grows past the bound is refused with its length', () => {
  assert.equal(checkWordedCaption('x'.repeat(1024)), undefined);
  assert.match(checkWordedCaption('é'.repeat(1025)) ?? '', /at most 1024 characters.*it has 1025/);
});
