/** Which pictures are nearly the same: saved again, made smaller, or a little brighter. */

export const LOOK_COLUMNS = 9;
export const LOOK_ROWS = 8;
/** Each field of a look is the mean of so many pixels squared. */
export const FIELD_SIDE = 8;
const CHANNELS = 3;

/** Root of the mean squared difference of two looks, in levels of 255, up to which they are the same picture. A JPEG saved at quality 20 stays below it. */
const NEAR_LEVELS = 4;
/** Differing bits of 64 up to which two pictures count as nearly the same. */
const NEAR_BITS = 3;
/** Neighbours closer than this are told apart by what saving does to them. */
const DECIDED_LEVELS = 1.5;
/** With fewer decided bits a hash is chance: flat drawings of different things have the same, and two copies of one do not. */
const LEAST_DECIDED_BITS = 48;

/** Mean red, green and blue (0..255) of 9 x 8 fields, row by row. */
export type Look = Float32Array;

/** @param pixels RGBA of 72 x 64 pixels */
export function lookOf(pixels: ArrayLike<number>): Look {
  const look = new Float32Array(LOOK_COLUMNS * LOOK_ROWS * CHANNELS);
  const width = LOOK_COLUMNS * FIELD_SIDE;
  for (let at = 0; at < pixels.length; at += 4) {
    const pixel = at / 4;
    const column = Math.floor((pixel % width) / FIELD_SIDE);
    const row = Math.floor(pixel / width / FIELD_SIDE);
    const field = (row * LOOK_COLUMNS + column) * CHANNELS;
    for (let channel = 0; channel < CHANNELS; channel += 1)
      look[field + channel] = (look[field + channel] ?? 0) + (pixels[at + channel] ?? 0) / FIELD_SIDE ** 2;
  }
  return look;
}

/** Pictures one after the other: whether each is nearly one that came before it. */
export function createNearCopies(): { isCopy(look: Look): boolean } {
  const byCell = new Map<string, Look[]>();
  // Hashes that differ in three bits or fewer share one of their four quarters.
  const byQuarter = new Map<number, Hash[]>();
  return {
    isCopy(look) {
      const cell = cellOf(look);
      const isNear = around(cell).some(key => byCell.get(key)?.some(other => isClose(look, other)));
      append(byCell, cell.join(' '), look);
      const hash = hashOf(look);
      if (hash === undefined) return isNear;
      const quarters = quartersOf(hash);
      const isAlike = quarters.some(key => byQuarter.get(key)?.some(other => differingBits(hash, other) <= NEAR_BITS));
      for (const key of quarters) append(byQuarter, key, hash);
      return isNear || isAlike;
    },
  };
}

function append<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/**
 * Where a look lies in a grid whose cells are as wide as looks may differ: by its brightness, its left against its right,
 * its top against its bottom. None of the three differs by more than the looks do, so near ones lie in neighbouring cells.
 */
function cellOf(look: Look): number[] {
  let brightness = 0;
  let toTheRight = 0;
  let downwards = 0;
  for (let index = 0; index < look.length; index += 1) {
    const value = look[index] ?? 0;
    const field = Math.floor(index / CHANNELS);
    brightness += value;
    toTheRight += Math.sign((field % LOOK_COLUMNS) - (LOOK_COLUMNS - 1) / 2) * value;
    downwards += field < (LOOK_COLUMNS * LOOK_ROWS) / 2 ? -value : value;
  }
  return [brightness, toTheRight, downwards].map(sum => Math.floor(sum / look.length / NEAR_LEVELS));
}

/** Has no factor in common with a look's 216 values: a few of them, from everywhere, soon tell different pictures apart. */
const STRIDE = 85;
const STEPS = [-1, 0, 1];

function around([one = 0, two = 0, three = 0]: readonly number[]): string[] {
  return STEPS.flatMap(a => STEPS.flatMap(b => STEPS.map(c => `${one + a} ${two + b} ${three + c}`)));
}

function isClose(one: Look, other: Look): boolean {
  const most = NEAR_LEVELS ** 2 * one.length;
  let sum = 0;
  for (let step = 0; step < one.length && sum <= most; step += 1) {
    const index = (step * STRIDE) % one.length;
    sum += ((one[index] ?? 0) - (other[index] ?? 0)) ** 2;
  }
  return sum <= most;
}

/** Two words of 32 bits. */
type Hash = readonly [number, number];

/** dHash: whether each field is brighter than its right neighbour, which making a photo brighter leaves as it is. */
function hashOf(look: Look): Hash | undefined {
  const words: [number, number] = [0, 0];
  let decided = 0;
  for (let bit = 0; bit < 64; bit += 1) {
    const field = Math.floor(bit / 8) * LOOK_COLUMNS + (bit % 8);
    const difference = brightness(look, field) - brightness(look, field + 1);
    if (Math.abs(difference) >= DECIDED_LEVELS) decided += 1;
    if (difference > 0) words[bit < 32 ? 0 : 1] |= 1 << (bit % 32);
  }
  return decided < LEAST_DECIDED_BITS ? undefined : words;
}

function brightness(look: Look, field: number): number {
  const at = field * CHANNELS;
  return 0.299 * (look[at] ?? 0) + 0.587 * (look[at + 1] ?? 0) + 0.114 * (look[at + 2] ?? 0);
}

function quartersOf([high, low]: Hash): number[] {
  return [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((bits, index) => index * 0x10000 + bits);
}

function differingBits(one: Hash, other: Hash): number {
  return bitCount(one[0] ^ other[0]) + bitCount(one[1] ^ other[1]);
}

function bitCount(word: number): number {
  let bits = word >>> 0;
  let count = 0;
  for (; bits !== 0; bits &= bits - 1) count += 1;
  return count;
}
