/** Tells photographs from flat drawings by the worker's rule (worker/likeness_worker/photographs.py), before there is a job. */

/** Pixels a side of the copy that is looked at. */
export const SIDE = 256;
/** What has less of it looks like a photograph. */
export const FLAT_SHARE = 0.55;
/** Pictures of a set, evenly spread. */
export const LOOKED_AT = 32;

/**
 * The share of pixels whose right and lower neighbours differ by at most 1 of 255 in every channel, 0 to 1: in a drawing most
 * neighbours are of one colour, in a photograph noise, light and texture keep them apart.
 * @param pixels RGBA of SIDE x SIDE pixels
 */
export function flatShare(pixels: ArrayLike<number>): number {
  let flat = 0;
  for (let row = 0; row < SIDE - 1; row += 1)
    for (let column = 0; column < SIDE - 1; column += 1) {
      const at = 4 * (row * SIDE + column);
      if (areAlike(pixels, at, at + 4) && areAlike(pixels, at, at + 4 * SIDE)) flat += 1;
    }
  return flat / (SIDE - 1) ** 2;
}

function areAlike(pixels: ArrayLike<number>, one: number, other: number): boolean {
  for (let channel = 0; channel < 3; channel += 1)
    if (Math.abs((pixels[one + channel] ?? 0) - (pixels[other + channel] ?? 0)) > 1) return false;
  return true;
}

export interface Seen {
  photographs: number;
  lookedAt: number;
}

/** @param shares of the pictures that were looked at @returns undefined where most of them are drawings */
export function seenPhotographs(shares: readonly number[]): Seen | undefined {
  const photographs = shares.filter(share => share < FLAT_SHARE).length;
  return 2 * photographs > shares.length ? { photographs, lookedAt: shares.length } : undefined;
}
