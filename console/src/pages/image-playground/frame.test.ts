import assert from 'node:assert/strict';
import test from 'node:test';
import { extended, frameOf, isExtended, MOST_EXTENSION, noFrame, withSide } from './frame.ts';

test('A frame adds to its side, and the picture stays as large while there is room', () => {
  const { whole, picture } = extended({ width: 512, height: 512 }, { ...noFrame, left: 0.5, bottom: 0.25 }, 1408);
  assert.deepEqual(whole, { width: 768, height: 640 });
  assert.deepEqual(picture, { x: 256, y: 0, width: 512, height: 512 });
});

test('Whatever the picture and the frame, the whole is within bounds and holds the picture', () => {
  const sides = [64, 511, 1000, 1408];
  const extensions = [0, 0.013, 0.4, MOST_EXTENSION];
  for (const width of sides)
    for (const height of sides)
      for (const left of extensions)
        for (const top of extensions) {
          const { whole, picture } = extended({ width, height }, { left, top, right: 0.1, bottom: left }, 1408);
          const text = JSON.stringify({ width, height, left, top, whole, picture });
          assert.ok(Math.max(whole.width, whole.height) <= 1408, text);
          assert.ok(picture.x + picture.width <= whole.width && picture.y + picture.height <= whole.height, text);
        }
});

test('A shape is reached by adding on either side, and only where it lacks', () => {
  const { whole } = extended({ width: 512, height: 512 }, frameOf({ width: 512, height: 512 }, 16 / 9), 1408);
  assert.deepEqual(whole, { width: 912, height: 512 });
  assert.ok(!isExtended(frameOf({ width: 512, height: 512 }, 1)));
});

test('A side is extended neither inwards nor beyond what makes sense', () => {
  assert.equal(withSide(noFrame, 'top', -1).top, 0);
  assert.equal(withSide(noFrame, 'top', 9).top, MOST_EXTENSION);
});
