import { validationError } from './faults.ts';

interface PageInput {
  Marker?: string | undefined;
  MaxItems?: number | undefined;
}

interface PageOutput {
  IsTruncated: boolean;
  Marker?: string;
}

/**
 * One page of a list that is in the order of its keys. The marker is the last key shown, so a page neither repeats nor
 * skips what others insert or delete meanwhile.
 */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  input: PageInput,
): PageOutput & { items: Item[] } {
  const size = input.MaxItems ?? 100;
  const after = input.Marker === undefined ? undefined : readMarker(input.Marker);
  const rest = after === undefined ? [...items] : items.filter(item => keyOf(item) > after);
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  if (rest.length <= size || last === undefined) return { items: shown, IsTruncated: false };
  return { items: shown, IsTruncated: true, Marker: Buffer.from(`1 ${keyOf(last)}`).toString('base64url') };
}

/**
 * One page of a list that its index seeks. @param read at most `limit` items whose key comes after `after`, in the order
 * of their keys
 */
export async function seekPage<Item>(
  input: PageInput,
  keyOf: (item: Item) => string,
  read: (after: string | undefined, limit: number) => Promise<Item[]>,
): Promise<PageOutput & { items: Item[] }> {
  const size = input.MaxItems ?? 100;
  const after = input.Marker === undefined ? undefined : readMarker(input.Marker);
  const found = await read(after, size + 1);
  return pageOf(found, keyOf, { MaxItems: size });
}

function readMarker(marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString();
  if (!text.startsWith('1 ')) throw validationError(`Invalid Marker: "${marker}" is none that a list answered.`);
  return text.slice(2);
}
