import { Fault } from '../../domain/fault.ts';

/** One page of a list in the order of its keys, as KMS pages: Limit, Marker, NextMarker, Truncated. */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  input: { Limit?: number | undefined; Marker?: string | undefined },
): { items: Item[]; Truncated: boolean; NextMarker?: string } {
  const after = input.Marker === undefined ? undefined : readMarker(input.Marker);
  const rest = after === undefined ? [...items] : items.filter(item => keyOf(item) > after);
  const shown = rest.slice(0, input.Limit ?? 100);
  const last = shown.at(-1);
  if (rest.length <= shown.length || last === undefined) return { items: shown, Truncated: false };
  return { items: shown, Truncated: true, NextMarker: Buffer.from(`1 ${keyOf(last)}`).toString('base64url') };
}

/**
 * One page of a list that its index seeks. @param read at most `limit` items whose key comes after `after`, in the order
 * of their keys
 */
export async function seekPage<Item>(
  input: { Limit?: number | undefined; Marker?: string | undefined },
  keyOf: (item: Item) => string,
  read: (page: { after: string | undefined; limit: number }) => Promise<Item[]>,
): Promise<{ items: Item[]; Truncated: boolean; NextMarker?: string }> {
  const Limit = input.Limit ?? 100;
  const after = input.Marker === undefined ? undefined : readMarker(input.Marker);
  return pageOf(await read({ after, limit: Limit + 1 }), keyOf, { Limit });
}

function readMarker(marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString();
  if (!text.startsWith('1 '))
    throw new Fault('invalid', `Marker "${marker}" is none that a list answered.`, { code: 'InvalidMarkerException' });
  return text.slice(2);
}
