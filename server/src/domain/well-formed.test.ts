import assert from 'node:assert/strict';
import { test } from 'node:test';
import { illFormedPath } from './well-formed.ts';

test('the first text that is no Unicode is found where it stands, a key too', () => {
  assert.equal(illFormedPath({ text: 'a 🐕', list: ['é', 1, null, new Date(), Buffer.from('x')] }), undefined);
  assert.deepEqual(illFormedPath({ a: { b: ['x', 'y\ud800'] } }), ['a', 'b', '1']);
  assert.deepEqual(illFormedPath({ 'k\udfff': 1 }), ['k\ufffd']);
  assert.deepEqual(illFormedPath('\ude00\ud83d'), [], 'two halves in the wrong order');
});
