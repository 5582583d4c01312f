/**
 * Ids of object versions: the version's rank within its key, then randomness. A list that goes on behind a version finds
 * its place by the id alone, though the version has been deleted meanwhile (whoever empties a bucket does just that).
 */

/** The rank of a key's first version; each further one has one less, so that the newest sorts first. */
export const GREATEST_RANK = 2 ** 40 - 1;
const RANK_DIGITS = 10;
/** Bytes of randomness in an id. */
export const VERSION_RANDOM_SIZE_BYTES = 11;
const VERSION_ID = /^[0-9a-f]{32}$/;

/** @param random VERSION_RANDOM_SIZE_BYTES of it @returns 32 characters, as AWS's ids have */
export function newVersionId(rank: number, random: Uint8Array): string {
  return rank.toString(16).padStart(RANK_DIGITS, '0') + Buffer.from(random).toString('hex');
}

/** The rank in an id; undefined where it is no id of ours. */
export function rankOf(versionId: string): number | undefined {
  return VERSION_ID.test(versionId) ? Number.parseInt(versionId.slice(0, RANK_DIGITS), 16) : undefined;
}
