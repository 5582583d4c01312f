/**
 * What an image is, from its own bytes: names and declared types are not believed. Headers and ends are read, nothing is
 * decoded; that the pixels decode is for the worker to find out.
 */
export interface ImageFacts {
  format: 'JPEG' | 'PNG';
  /** Pixels, upright: after the EXIF orientation. */
  width: number;
  height: number;
}

export type ImageHeader =
  /** `dataAt`: no end of the image comes before; a thumbnail in the header has one of its own. */
  | { kind: 'image'; facts: ImageFacts; dataAt: number }
  /** The header goes on past these bytes. */
  | { kind: 'needsMore' }
  /** A reason that reads after the image's name: "is a GIF, not a JPEG or PNG". */
  | { kind: 'unusable'; reason: string };

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Enough for the header of most photographs: EXIF data with a thumbnail come before the size. */
const FIRST_BYTES = 128 * 1024;
const TAIL_BYTES = 64 * 1024;

/**
 * By the rules of a training job, wherever the picture lies. @param read a part of it
 * @returns what it is, or a reason that reads after its name
 */
export async function readImageFacts(
  sizeBytes: number,
  read: (position: number, length: number) => Promise<Uint8Array>,
): Promise<ImageFacts | string> {
  let wanted = Math.min(FIRST_BYTES, sizeBytes);
  for (;;) {
    const header = readImageHeader(await read(0, wanted), wanted >= sizeBytes);
    if (header.kind === 'unusable') return header.reason;
    if (header.kind === 'image') {
      const { facts, dataAt } = header;
      // Phones append whole films to a JPEG: the end of the image may be far before the file's.
      for (const from of [Math.max(dataAt, sizeBytes - TAIL_BYTES), dataAt])
        if (hasImageEnd(facts.format, await read(from, sizeBytes - from))) return facts;
      return `is cut short: its ${facts.format} data has no end`;
    }
    wanted = Math.min(wanted * 8, sizeBytes);
  }
}

/**
 * Reads the first bytes of a file.
 * @param whole the bytes are the whole file, so that a header that goes on past them is cut short
 */
export function readImageHeader(bytes: Uint8Array, whole: boolean): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: ImageHeader;
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) header = readJpeg(view);
  else if (startsWith(bytes, PNG_SIGNATURE)) header = readPng(view);
  else return { kind: 'unusable', reason: `is ${contentName(bytes)}, not a JPEG or PNG` };
  if (header.kind === 'needsMore' && whole) return { kind: 'unusable', reason: 'is cut short inside its header' };
  return header;
}

function hasImageEnd(format: ImageFacts['format'], lastBytes: Uint8Array): boolean {
  const tail = Buffer.from(lastBytes.buffer, lastBytes.byteOffset, lastBytes.byteLength);
  return tail.lastIndexOf(format === 'PNG' ? 'IEND' : Buffer.from([0xff, 0xd9])) >= 0;
}

function readJpeg(view: DataView): ImageHeader {
  let orientation = 1;
  let at = 2;
  while (at + 4 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return { kind: 'unusable', reason: 'has a damaged JPEG header' };
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // Fill bytes may precede any marker (ITU T.81, B.1.1.2).
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) return { kind: 'unusable', reason: 'has no JPEG frame header' };
    const length = view.getUint16(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (at + 9 > view.byteLength) return { kind: 'needsMore' };
      return sized('JPEG', view.getUint16(at + 7), view.getUint16(at + 5), orientation, at);
    }
    const end = at + 2 + length;
    if (end > view.byteLength) return { kind: 'needsMore' };
    if (marker === 0xe1) orientation = exifOrientation(view, at + 4, end) ?? orientation;
    at = end;
  }
  return { kind: 'needsMore' };
}

function readPng(view: DataView): ImageHeader {
  if (view.byteLength < 24) return { kind: 'needsMore' };
  if (chunkType(view, 8) !== 'IHDR') return { kind: 'unusable', reason: 'has a damaged PNG header' };
  return sized('PNG', view.getUint32(16), view.getUint32(20), pngOrientation(view), 8);
}

/** Of the eXIf chunk where it comes before the pixels and lies in these bytes; it only turns the sides in a message. */
function pngOrientation(view: DataView): number {
  let at = 8;
  while (at + 8 <= view.byteLength) {
    const type = chunkType(view, at);
    const end = at + 12 + view.getUint32(at);
    if (type === 'IDAT') return 1;
    if (type === 'eXIf' && end <= view.byteLength) return tiffOrientation(view, at + 8, end - 4) ?? 1;
    at = end;
  }
  return 1;
}

function sized(
  format: ImageFacts['format'],
  width: number,
  height: number,
  orientation: number,
  dataAt: number,
): ImageHeader {
  if (width === 0 || height === 0) return { kind: 'unusable', reason: `has a ${format} header without a size` };
  // Orientations 5 to 8 lie on their side (EXIF 2.32, tag 0x0112).
  const lying = orientation >= 5 && orientation <= 8;
  return { kind: 'image', facts: { format, width: lying ? height : width, height: lying ? width : height }, dataAt };
}

function exifOrientation(view: DataView, start: number, end: number): number | undefined {
  if (end - start < 14 || view.getUint32(start) !== 0x45786966 || view.getUint16(start + 4) !== 0) return undefined;
  return tiffOrientation(view, start + 6, end);
}

function tiffOrientation(view: DataView, start: number, end: number): number | undefined {
  if (end - start < 8) return undefined;
  const order = view.getUint16(start);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const directory = start + view.getUint32(start + 4, little);
  if (directory + 2 > end) return undefined;
  const entries = view.getUint16(directory, little);
  for (let index = 0; index < entries; index += 1) {
    const entry = directory + 2 + 12 * index;
    if (entry + 12 > end) return undefined;
    if (view.getUint16(entry, little) === 0x0112) return view.getUint16(entry + 8, little);
  }
  return undefined;
}

function chunkType(view: DataView, chunkAt: number): string {
  return String.fromCharCode(...[4, 5, 6, 7].map(offset => view.getUint8(chunkAt + offset)));
}

function contentName(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.subarray(0, 16));
  if (bytes.length === 0) return 'empty';
  if (text.startsWith('GIF8')) return 'a GIF';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'a WebP';
  if (text.startsWith('BM')) return 'a BMP';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'a TIFF';
  if (text.slice(4, 8) === 'ftyp') return 'an HEIC, AVIF or film';
  if (text.startsWith('%PDF')) return 'a PDF';
  return 'another kind of file';
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}
