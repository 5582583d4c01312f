import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { FLAT_SHARE, flatShare, LOOKED_AT, SIDE, seenPhotographs } from './photographs.ts';

/** RGBA, whose brightness a function gives. */
function picture(brightnessAt: (column: number, row: number) => number): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(4 * SIDE * SIDE);
  for (let row = 0; row < SIDE; row += 1)
    for (let column = 0; column < SIDE; column += 1)
      pixels.fill(brightnessAt(column, row), 4 * (row * SIDE + column), 4 * (row * SIDE + column) + 3);
  return pixels;
}

test('A picture of one colour is flat, one of noise is not, and stripes are in part', () => {
  assert.equal(flatShare(picture(() => 90)), 1);
  let seed = 1;
  const noise = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 90 + (seed % 60);
  };
  assert.ok(flatShare(picture(noise)) < 0.01);
  const stripes = flatShare(picture(column => (Math.floor(column / 4) % 2) * 100));
  assert.ok(Math.abs(stripes - 0.75) < 0.01, String(stripes));
});

test('A gradient of one level a pixel is flat, and of two levels is not', () => {
  assert.equal(flatShare(picture(column => column)), 1);
  assert.equal(flatShare(picture((_, row) => 2 * (row % 100))), 0);
});

test('Most of the pictures decide', () => {
  const [drawing, photograph] = [0.8, 0.1];
  assert.equal(seenPhotographs([]), undefined);
  assert.equal(seenPhotographs([drawing, photograph]), undefined);
  assert.deepEqual(seenPhotographs([drawing, photograph, photograph]), { photographs: 2, lookedAt: 3 });
});

test('The numbers of the rule are the worker’s', () => {
  const worker = readFileSync(new URL('../../../../worker/likeness_worker/photographs.py', import.meta.url), 'utf8');
  for (const [name, value] of Object.entries({ SIDE, FLAT_SHARE, LOOKED_AT }))
    assert.match(worker, new RegExp(`^${name} = ${value}\\b`, 'm'));
});
