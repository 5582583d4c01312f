import assert from 'node:assert/strict';
import test from 'node:test';
import { createNearCopies, FIELD_SIDE, LOOK_COLUMNS, LOOK_ROWS, lookOf } from './near-copies.ts';

const WIDTH = LOOK_COLUMNS * FIELD_SIDE;
const HEIGHT = LOOK_ROWS * FIELD_SIDE;
type Colour = readonly [red: number, green: number, blue: number];

/** RGBA of 72 x 64 pixels. */
function pixels(colourAt: (x: number, y: number) => Colour): number[] {
  return Array.from({ length: WIDTH * HEIGHT }, (_, index) => [
    ...colourAt(index % WIDTH, Math.floor(index / WIDTH)),
    255,
  ]).flat();
}

/** A disc on a plain ground: most of it is flat. */
const drawing = (ground: Colour, disc: Colour, centre: number) =>
  pixels((x, y) => (Math.hypot(x - centre, y - 32) < 14 ? disc : ground));

/** What saving as a JPEG does: each block of 8 x 8 pixels becomes a little brighter or darker. */
function savedAgain(original: readonly number[], salt: number): number[] {
  return original.map((value, index) => {
    const block = Math.floor((Math.floor(index / 4) % WIDTH) / 8) + 9 * Math.floor(index / 4 / WIDTH / 8);
    const noise = Math.sin(block * 12.9898 + salt) * 1.4;
    return index % 4 === 3 ? value : Math.min(255, Math.max(0, value + noise));
  });
}

/** Bumps everywhere, as a photo has them. */
const photo = (seed: number, gain = 1) =>
  pixels((x, y) => {
    const level = 120 + 50 * Math.sin(x / 5 + seed) * Math.cos(y / 7 + seed * 2) + 20 * Math.sin(x * seed);
    return [level * gain, level * gain * 0.9, level * gain * 0.8];
  });

function copies(...pictures: readonly (readonly number[])[]): boolean[] {
  const near = createNearCopies();
  return pictures.map(picture => near.isCopy(lookOf(picture)));
}

test('A flat drawing that was saved again is nearly the same, whatever the noise in its plain parts', () => {
  const original = drawing([250, 250, 245], [200, 60, 40], 30);
  for (let salt = 0; salt < 20; salt += 1)
    assert.deepEqual(copies(original, savedAgain(original, salt)), [false, true], `noise ${salt}`);
});

test('Flat drawings of different things are not: another colour, another place', () => {
  const white: Colour = [255, 255, 255];
  const red: Colour = [220, 30, 30];
  // As bright as the red.
  const green: Colour = [30, 127, 30];
  assert.deepEqual(copies(drawing(white, red, 24), drawing(white, green, 24), drawing(white, red, 44)), [
    false,
    false,
    false,
  ]);
});

test('A photo that was made brighter is nearly the same, another photo is not', () => {
  assert.deepEqual(copies(photo(1), photo(1, 1.1), photo(2)), [false, true, false]);
});

test('Thousands of pictures on the same ground are compared in a moment', () => {
  const near = createNearCopies();
  // Marks on the same ground, which lie closer together than photos do.
  const ground = lookOf(drawing([255, 255, 255], [200, 60, 40], 30));
  let chance = 1;
  const looks = Array.from({ length: 3000 }, () =>
    ground.map(value => {
      chance = (chance * 16_807) % 2_147_483_647;
      return value - (40 * chance) / 2_147_483_647;
    }),
  );
  // Of the processor: other work on the machine counts for nothing.
  const before = process.cpuUsage();
  assert.equal(looks.filter(look => near.isCopy(look)).length, 0);
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  assert.ok(seconds < 10, `${seconds.toFixed(1)} s`);
});
