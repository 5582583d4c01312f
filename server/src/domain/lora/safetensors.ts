/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): 8 bytes of the header's length, the header as
 * JSON, then the tensors' bytes one after another.
 */
import { Fault } from '../fault.ts';

export interface TensorEntry {
  dtype: string;
  shape: number[];
  /** Bytes from and to, counted from the end of the header. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  tensors: Map<string, TensorEntry>;
  metadata: Record<string, string>;
  /** Where the tensors' bytes begin in the file. */
  dataOffset: number;
}

/** One tensor in float32. */
export interface Tensor {
  shape: number[];
  values: Float32Array;
}

/** The format's own bound. */
export const MAXIMUM_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const bytesOf: Readonly<Record<string, number>> = {
  ...{ F64: 8, I64: 8, U64: 8, F32: 4, I32: 4, U32: 4, F16: 2, BF16: 2, I16: 2, U16: 2 },
  ...{ F8_E4M3: 1, F8_E5M2: 1, I8: 1, U8: 1, BOOL: 1 },
};

/** @returns the header's length in bytes. @throws Fault invalid where the file is too short or the length impossible */
export function headerLength(start: Uint8Array, fileSizeBytes: number, name: string): number {
  if (start.byteLength < LENGTH_BYTES || fileSizeBytes < LENGTH_BYTES) throw broken(name, 'it is too short');
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAXIMUM_HEADER_BYTES, fileSizeBytes - LENGTH_BYTES)))
    throw broken(name, `its header would have ${length} bytes, and the file has ${fileSizeBytes}`);
  return Number(length);
}

/**
 * Reads and checks a header against the size of its file: types known, sizes as the shapes say, no byte twice and none over.
 * @param header the bytes after the length
 * @param name of the file, for the messages
 * @throws Fault invalid
 */
export function parseHeader(header: Uint8Array, fileSizeBytes: number, name: string): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header));
  } catch {
    throw broken(name, 'its header is no JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw broken(name, 'its header is no object');
  const { __metadata__: metadata = {}, ...entries } = parsed as Record<string, unknown>;
  const tensors = new Map(Object.entries(entries).map(([key, entry]) => [key, readEntry(entry, key, name)]));
  let reached = 0;
  for (const [key, { begin, end }] of [...tensors].sort(([, one], [, other]) => one.begin - other.begin)) {
    if (begin !== reached) throw broken(name, `the bytes of ${shown(key)} overlap others or leave a gap`);
    reached = end;
  }
  const dataOffset = LENGTH_BYTES + header.byteLength;
  if (dataOffset + reached !== fileSizeBytes)
    throw broken(name, `it has ${fileSizeBytes} bytes, and its header says ${dataOffset + reached}`);
  return { tensors, metadata: readMetadata(metadata, name), dataOffset };
}

function readEntry(value: unknown, key: string, name: string): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const size = typeof dtype === 'string' && Object.hasOwn(bytesOf, dtype) ? bytesOf[dtype] : undefined;
  if (size === undefined) throw broken(name, `${shown(key)} has the type ${shown(String(dtype))}`);
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2)
    throw broken(name, `${shown(key)} has no shape or no offsets`);
  const [begin = 0, end = 0] = offsets;
  if (end - begin !== size * shape.reduce((product, side) => product * side, 1))
    throw broken(name, `${shown(key)} has ${end - begin} bytes for the shape [${shape}] of ${dtype}`);
  return { dtype: dtype as string, shape, begin, end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 8 && value.every(entry => Number.isSafeInteger(entry) && entry >= 0);
}

function readMetadata(value: unknown, name: string): Record<string, string> {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || Object.values(value).some(entry => typeof entry !== 'string'))
    throw broken(name, 'its __metadata__ is no map of texts');
  return value as Record<string, string>;
}

/**
 * One number may be of any type: PyTorch saves an alpha that was given as 8 and not 8.0 as an integer.
 * @throws Fault invalid for a type that no LoRA is in, and for values that are not finite
 */
export function toFloat32(bytes: Uint8Array, { dtype, shape }: TensorEntry, key: string, name: string): Tensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytesOf[dtype] ?? 1;
  const read = readers[dtype] ?? (bytes.byteLength === size ? numberReaders[dtype] : undefined);
  if (!read) throw new Fault('invalid', `${name}: ${shown(key)} is ${dtype}; a LoRA is F32, F16 or BF16.`);
  const values = new Float32Array(bytes.byteLength / size);
  let areFinite = true;
  for (let index = 0; index < values.length; index += 1) {
    const value = read(view, index);
    values[index] = value;
    areFinite &&= Number.isFinite(value);
  }
  if (!areFinite) throw new Fault('invalid', `${name}: ${shown(key)} holds values that are not finite.`);
  return { shape, values };
}

const bits = new DataView(new ArrayBuffer(4));
const readers: Readonly<Record<string, (view: DataView, index: number) => number>> = {
  F32: (view, index) => view.getFloat32(index * 4, true),
  F16: (view, index) => half(view.getUint16(index * 2, true)),
  // The upper half of a float32.
  BF16(view, index) {
    bits.setUint32(0, view.getUint16(index * 2, true) << 16);
    return bits.getFloat32(0);
  },
};

const numberReaders: Readonly<Record<string, (view: DataView) => number>> = {
  F64: view => view.getFloat64(0, true),
  I64: view => Number(view.getBigInt64(0, true)),
  I32: view => view.getInt32(0, true),
};

/** IEEE 754 binary16. */
function half(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 0x1f;
  const fraction = word & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A whole file of float32 tensors, in the order of their names. */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata: Record<string, string>): Uint8Array {
  const sorted = [...tensors].sort(([one], [other]) => (one < other ? -1 : 1));
  let offset = 0;
  const entries = sorted.map(([key, { shape, values }]) => {
    const begin = offset;
    offset += values.byteLength;
    return [key, { dtype: 'F32', shape, data_offsets: [begin, offset] }] as const;
  });
  const json = JSON.stringify({ __metadata__: { format: 'pt', ...metadata }, ...Object.fromEntries(entries) });
  // The tensors begin at a multiple of 8 bytes.
  const header = Buffer.from(
    json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length),
  );
  const file = new Uint8Array(LENGTH_BYTES + header.byteLength + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.byteLength), true);
  file.set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + header.byteLength;
  for (const [, { values }] of sorted) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return file;
}

function broken(name: string, why: string): Fault {
  return new Fault('invalid', `${name} is no whole safetensors file: ${why}.`);
}

/** A name from a file in a message: short, and without what a terminal would take for a command. */
export function shown(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.length <= 120 ? printable : `${printable.slice(0, 119)}…`;
}
