import { basename, dirname } from 'node:path';

/**
 * "10_Ron the dog", as kohya's scripts name a folder of one concept: how often an epoch shows each of its pictures, and of what they
 * are. At most three digits without a zero in front: "2024_holidays" and "01_dogs" are years and numbers.
 */
const KOHYA_FOLDER = /^([1-9]\d{0,2})_(.*\S)$/;

/** What a kohya folder says of the pictures in it. */
interface KohyaFolder {
  repeats: number;
  /** The caption of pictures that have none. */
  concept: string;
}

/** The kohya folder that a picture lies in, if its folder is named as one. */
export function kohyaFolderOf(file: string): KohyaFolder | undefined {
  const [, repeats, concept] = KOHYA_FOLDER.exec(basename(dirname(file))) ?? [];
  return repeats === undefined || concept === undefined ? undefined : { repeats: Number(repeats), concept };
}

/**
 * How many records each picture gets, so that folders have the weights that their repeats give them. Only the proportions count, as a
 * job's steps are given apart: 10 and 5 are 2 and 1, and one folder alone is 1.
 *
 * @param files paths of pictures within their data set; outside a kohya folder a picture counts once an epoch
 */
export function recordsOf(files: readonly string[]): number[] {
  const repeats = files.map(file => kohyaFolderOf(file)?.repeats ?? 1);
  const divisor = repeats.reduce(greatestCommonDivisor, 0);
  return repeats.map(count => count / divisor);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
