import { crc32 } from 'node:zlib';

/** A cyclic redundancy check in reflected form, all ones before and after. Values are unsigned, `widthBits` wide. */
export interface CrcAlgorithm {
  widthBits: 32 | 64;
  polynomial: bigint;
  start(): RunningCrc;
}

export interface RunningCrc {
  update(bytes: Uint8Array): void;
  value(): bigint;
}

export const CRC32: CrcAlgorithm = {
  widthBits: 32,
  polynomial: 0xedb88320n,
  start() {
    let value = 0;
    return {
      update: bytes => {
        value = crc32(bytes, value);
      },
      value: () => BigInt(value >>> 0),
    };
  },
};

/** Castagnoli's (RFC 3720). */
export const CRC32C: CrcAlgorithm = {
  widthBits: 32,
  polynomial: 0x82f63b78n,
  start() {
    const tables = tablesOf(CRC32C);
    let value = 0xffffffff;
    return {
      update: bytes => {
        value = updateLow(tables.low, value, bytes);
      },
      value: () => BigInt(~value >>> 0),
    };
  },
};

/** NVM Express base specification 2.0, figure 85 ("Rocksoft"); what S3 computes where the client names no checksum. */
export const CRC64NVME: CrcAlgorithm = {
  widthBits: 64,
  polynomial: 0x9a6c9329ac4bc9b5n,
  start() {
    const tables = tablesOf(CRC64NVME);
    const state = { low: 0xffffffff, high: 0xffffffff };
    return {
      update: bytes => updateBoth(tables, state, bytes),
      value: () => (BigInt(~state.high >>> 0) << 32n) | BigInt(~state.low >>> 0),
    };
  },
};

/**
 * The check of two byte strings one after the other, from the check of each.
 * @param secondSizeBytes length of the second string
 */
export function combineCrc(algorithm: CrcAlgorithm, first: bigint, second: bigint, secondSizeBytes: number): bigint {
  return multiply(algorithm, zerosOperator(algorithm, secondSizeBytes), first) ^ second;
}

/** Eight tables of 256 entries, one behind the other, so that eight bytes are folded in at once. */
interface Tables {
  low: Uint32Array;
  high: Uint32Array;
}

const tables = new Map<CrcAlgorithm, Tables>();

function tablesOf(algorithm: CrcAlgorithm): Tables {
  let made = tables.get(algorithm);
  if (!made) {
    const entries: bigint[] = [];
    for (let index = 0; index < 256; index++) {
      let entry = BigInt(index);
      for (let bit = 0; bit < 8; bit++) entry = entry & 1n ? (entry >> 1n) ^ algorithm.polynomial : entry >> 1n;
      entries.push(entry);
    }
    for (let index = 256; index < 8 * 256; index++) {
      const previous = entries[index - 256] as bigint;
      entries.push((previous >> 8n) ^ (entries[Number(previous & 0xffn)] as bigint));
    }
    made = {
      low: Uint32Array.from(entries, entry => Number(entry & 0xffffffffn)),
      high: Uint32Array.from(entries, entry => Number(entry >> 32n)),
    };
    tables.set(algorithm, made);
  }
  return made;
}

// Typed arrays answer `number | undefined` to the type checker; inside these loops every index is in range.
function updateLow(table: Uint32Array, start: number, bytes: Uint8Array): number {
  let value = start;
  let index = 0;
  for (const end = bytes.length - 7; index < end; index += 8) {
    value ^=
      (bytes[index] as number) |
      ((bytes[index + 1] as number) << 8) |
      ((bytes[index + 2] as number) << 16) |
      ((bytes[index + 3] as number) << 24);
    value =
      (table[1792 + (value & 255)] as number) ^
      (table[1536 + ((value >>> 8) & 255)] as number) ^
      (table[1280 + ((value >>> 16) & 255)] as number) ^
      (table[1024 + (value >>> 24)] as number) ^
      (table[768 + (bytes[index + 4] as number)] as number) ^
      (table[512 + (bytes[index + 5] as number)] as number) ^
      (table[256 + (bytes[index + 6] as number)] as number) ^
      (table[bytes[index + 7] as number] as number);
  }
  for (; index < bytes.length; index++)
    value = (value >>> 8) ^ (table[(value ^ (bytes[index] as number)) & 255] as number);
  return value;
}

function updateBoth({ low, high }: Tables, state: { low: number; high: number }, bytes: Uint8Array): void {
  let valueLow = state.low;
  let valueHigh = state.high;
  let index = 0;
  for (const end = bytes.length - 7; index < end; index += 8) {
    const first =
      valueLow ^
      ((bytes[index] as number) |
        ((bytes[index + 1] as number) << 8) |
        ((bytes[index + 2] as number) << 16) |
        ((bytes[index + 3] as number) << 24));
    const second =
      valueHigh ^
      ((bytes[index + 4] as number) |
        ((bytes[index + 5] as number) << 8) |
        ((bytes[index + 6] as number) << 16) |
        ((bytes[index + 7] as number) << 24));
    const a = 1792 + (first & 255);
    const b = 1536 + ((first >>> 8) & 255);
    const c = 1280 + ((first >>> 16) & 255);
    const d = 1024 + (first >>> 24);
    const e = 768 + (second & 255);
    const f = 512 + ((second >>> 8) & 255);
    const g = 256 + ((second >>> 16) & 255);
    const h = second >>> 24;
    valueLow =
      (low[a] as number) ^
      (low[b] as number) ^
      (low[c] as number) ^
      (low[d] as number) ^
      (low[e] as number) ^
      (low[f] as number) ^
      (low[g] as number) ^
      (low[h] as number);
    valueHigh =
      (high[a] as number) ^
      (high[b] as number) ^
      (high[c] as number) ^
      (high[d] as number) ^
      (high[e] as number) ^
      (high[f] as number) ^
      (high[g] as number) ^
      (high[h] as number);
  }
  for (; index < bytes.length; index++) {
    const entry = (valueLow ^ (bytes[index] as number)) & 255;
    valueLow = ((valueLow >>> 8) | (valueHigh << 24)) ^ (low[entry] as number);
    valueHigh = (valueHigh >>> 8) ^ (high[entry] as number);
  }
  state.low = valueLow;
  state.high = valueHigh;
}

/** Product of two polynomials modulo the algorithm's, reflected: the highest bit is the coefficient of x to the 0. */
function multiply({ widthBits, polynomial }: CrcAlgorithm, left: bigint, right: bigint): bigint {
  let product = 0n;
  let factor = right;
  for (let mask = 1n << BigInt(widthBits - 1); mask !== 0n; mask >>= 1n) {
    if (left & mask) product ^= factor;
    factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n;
  }
  return product;
}

const operators = new Map<CrcAlgorithm, { sizeBytes: number; operator: bigint }>();

/** x to the 8n: what n zero bytes do to a check. The parts of an upload are nearly all equally long, so one is kept. */
function zerosOperator(algorithm: CrcAlgorithm, sizeBytes: number): bigint {
  const kept = operators.get(algorithm);
  if (kept?.sizeBytes === sizeBytes) return kept.operator;
  let operator = 1n << BigInt(algorithm.widthBits - 1);
  let power = operator >> 8n;
  for (let rest = BigInt(sizeBytes); rest !== 0n; rest >>= 1n) {
    if (rest & 1n) operator = multiply(algorithm, operator, power);
    power = multiply(algorithm, power, power);
  }
  operators.set(algorithm, { sizeBytes, operator });
  return operator;
}
