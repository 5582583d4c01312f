import type { KeyRange, ListPosition } from '../../ports/store-s3.ts';

export interface ScanQuery {
  prefix: string;
  /** '' for none. */
  delimiter: string;
  /** Keys and common prefixes together. */
  limit: number;
}

export interface ScanPage<Row> {
  items: Row[];
  commonPrefixes: string[];
  /** The last key or common prefix of the page, if there is more behind it. */
  next: string | undefined;
  /** The last key or common prefix of the page, if it has any. */
  lastName: string | undefined;
  /** The last row, when the page ends with one. */
  last: Row | undefined;
}

/** With a delimiter, rows of one batch that may turn out to lie under one common prefix: what a seek may waste. */
const GROUPED_BATCH = 100;

/**
 * A page of keys, those that share a prefix up to the delimiter rolled into one. A common prefix costs one seek, however
 * many keys lie under it.
 * @param fetch rows in UTF-8 order of their keys
 */
export async function scan<Row extends { key: string }>(
  from: ListPosition,
  { prefix, delimiter, limit }: ScanQuery,
  fetch: (range: KeyRange) => Promise<Row[]>,
): Promise<ScanPage<Row>> {
  const items: Row[] = [];
  const commonPrefixes: string[] = [];
  const end = successor(prefix);
  let position: ListPosition | undefined = compareKeys(from.key, prefix) < 0 ? { key: prefix, inclusive: true } : from;
  /** What the page holds last: a common prefix, or a row. */
  let group: string | undefined;
  let row: Row | undefined;

  function page(isTruncated: boolean): ScanPage<Row> {
    const lastName = group ?? row?.key;
    return { items, commonPrefixes, next: isTruncated ? lastName : undefined, lastName, last: row };
  }

  if (limit === 0) return page(false);
  while (position !== undefined) {
    const room = limit - items.length - commonPrefixes.length + 1;
    const batchSize = delimiter === '' ? room : Math.min(room, GROUPED_BATCH);
    const batch: Row[] = await fetch({ from: position, end, limit: batchSize });
    for (const candidate of batch) {
      if (group !== undefined && candidate.key.startsWith(group)) continue;
      if (items.length + commonPrefixes.length === limit) return page(true);
      group = commonPrefix(candidate.key, prefix, delimiter);
      if (group === undefined) {
        row = candidate;
        items.push(candidate);
      } else {
        row = undefined;
        commonPrefixes.push(group);
      }
    }
    const final = batch.at(-1);
    if (!final || batch.length < batchSize) break;
    position = group === undefined ? nextPosition(final) : behind(group);
  }
  return page(false);
}

/** Where the keys under a common prefix end; undefined where no key can follow. */
function behind(group: string): ListPosition | undefined {
  const key = successor(group);
  return key === undefined ? undefined : { key, inclusive: true };
}

/** Rows that are several to a key (uploads, versions) carry what orders them within it. */
function nextPosition(row: { key: string; uploadId?: string; rank?: number }): ListPosition {
  return {
    key: row.key,
    inclusive: false,
    ...(row.uploadId === undefined ? {} : { uploadId: row.uploadId }),
    ...(row.rank === undefined ? {} : { rank: row.rank }),
  };
}

/**
 * Where a list goes on after a marker or token. One that is itself a common prefix stands for everything under it.
 */
export function startAfter(
  marker: string,
  { prefix, delimiter }: Pick<ScanQuery, 'prefix' | 'delimiter'>,
): ListPosition {
  if (marker === '') return { key: '', inclusive: true };
  const group = commonPrefix(marker, prefix, delimiter) === marker ? behind(marker) : undefined;
  return group ?? { key: marker, inclusive: false };
}

/** The part of a key up to and with the first delimiter behind the prefix, if it has one there. */
function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : key.slice(0, at + delimiter.length);
}

/**
 * The least string, in UTF-8 order, that is behind every string with this prefix; undefined where there is none. Code
 * points order like their UTF-8 bytes; UTF-16 units do not, so the step is made on code points.
 */
export function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, character => character.codePointAt(0) ?? 0);
  for (let index = points.length - 1; index >= 0; index--) {
    const point = points[index] ?? 0;
    if (point === 0x10ffff) continue;
    // The surrogates are no characters, so the one behind U+D7FF is U+E000.
    const next = point === 0xd7ff ? 0xe000 : point + 1;
    return String.fromCodePoint(...points.slice(0, index), next);
  }
  return undefined;
}

/** S3 orders keys by their UTF-8 bytes. */
function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** encoding-type=url as S3 writes it: like a form, with the slash left alone. */
export function encodeKey(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
    .replaceAll('%20', '+');
}
