/** An IP address or a CIDR block as bits, so that IPv4 and IPv6 compare alike. */
interface Block {
  bits: bigint;
  width: 32 | 128;
  prefix: number;
}

/** `203.0.113.0/24`, `2001:db8::/32`, or a single address. @returns undefined when it is neither. */
export function parseBlock(text: string): Block | undefined {
  const [address = '', prefixText, ...rest] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined || rest.length > 0) return undefined;
  if (prefixText === undefined) return { ...parsed, prefix: parsed.width };
  if (!/^\d{1,3}$/.test(prefixText) || Number(prefixText) > parsed.width) return undefined;
  return { ...parsed, prefix: Number(prefixText) };
}

/** Whether an address lies in a block. An IPv4-mapped IPv6 address counts as the IPv4 address that it is. */
export function inBlock(address: string, block: string): boolean {
  const inner = parseBlock(address);
  const outer = parseBlock(block);
  if (inner === undefined || outer === undefined || inner.width !== outer.width) return false;
  const shift = BigInt(outer.width - outer.prefix);
  return inner.bits >> shift === outer.bits >> shift;
}

function parseAddress(text: string): { bits: bigint; width: 32 | 128 } | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text);
  if (mapped?.[1] !== undefined) return parseAddress(mapped[1]);
  return text.includes(':') ? parseVersion6(text) : parseVersion4(text);
}

function parseVersion4(text: string): { bits: bigint; width: 32 } | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bits = (bits << 8n) | BigInt(part);
  }
  return { bits, width: 32 };
}

function parseVersion6(text: string): { bits: bigint; width: 128 } | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map(half => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let bits = 0n;
  for (const group of [...head, ...Array<string>(missing).fill('0'), ...tail]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    bits = (bits << 16n) | BigInt(`0x${group}`);
  }
  return { bits, width: 128 };
}
