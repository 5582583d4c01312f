/** Concise Binary Object Representation (RFC 8949), writing only: what a C2PA manifest and COSE need of it. */

export type CborValue =
  | null
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | Map<number, CborValue>
  | { readonly [name: string]: CborValue };

/**
 * Maps keep the order of their members, lengths are definite and as short as they can be, so that the same value gives
 * the same bytes.
 * @param value whole numbers only, of at most 32 bits
 */
export function cbor(value: CborValue): Buffer {
  if (value === null) return Buffer.from([0xf6]);
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'utf8');
    return Buffer.concat([head(3, bytes.length), bytes]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  const entries: [number | string, CborValue][] = value instanceof Map ? [...value] : Object.entries(value);
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([key, member]) => [cbor(key), cbor(member)])]);
}

/** A value with a tag (RFC 8949 §3.4). */
export function taggedCbor(tag: number, value: CborValue): Buffer {
  return Buffer.concat([head(6, tag), cbor(value)]);
}

function head(major: number, count: number): Buffer {
  const type = major << 5;
  if (count < 24) return Buffer.from([type | count]);
  if (count < 0x100) return Buffer.from([type | 24, count]);
  const bytes = Buffer.alloc(count < 0x10000 ? 3 : 5);
  bytes[0] = type | (bytes.length === 3 ? 25 : 26);
  bytes.writeUIntBE(count, 1, bytes.length - 1);
  return bytes;
}
