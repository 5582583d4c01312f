import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../../domain/fault.ts';

/** What an image may be. */
interface ImageBounds {
  maximumSizeBytes: number;
  minimumSidePixels: number;
  maximumSidePixels: number;
}

/**
 * Checks an image of a request by its header alone; the worker decodes the pixels.
 * @param base64 without a data: prefix
 * @param member its path in the request (`imageVariationParams.images[0]`), for the message
 * @returns its width and height in pixels
 * @throws Fault invalid: not base64, not JPEG or PNG, over 5 MB, a side out of bounds
 */
export function readImage(base64: string, member: string): { width: number; height: number } {
  if (base64.startsWith('data:'))
    throw new Fault('invalid', `${member} must be plain base64, without the data: prefix.`);
  if (base64.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    throw new Fault('invalid', `${member} must be the base64 of a JPEG or PNG image; it is not base64.`);
  checkSize(Math.floor((base64.replace(/=+$/, '').length * 3) / 4), member, limits.inputImage);
  return readImageBytes(Buffer.from(base64, 'base64'), member, limits.inputImage);
}

/**
 * As `readImage`, for bytes and with bounds of their own.
 * @throws Fault invalid: not JPEG or PNG, too many bytes, a side out of bounds
 */
export function readImageBytes(bytes: Buffer, member: string, bounds: ImageBounds): { width: number; height: number } {
  const refuse = (what: string) => new Fault('invalid', `${member} ${what}`);
  checkSize(bytes.byteLength, member, bounds);
  const size = isPng(bytes) ? pngSize(bytes) : isJpeg(bytes) ? jpegSize(bytes) : undefined;
  if (size === undefined && !isPng(bytes) && !isJpeg(bytes))
    throw refuse('must be a JPEG or PNG image; it is neither.');
  if (size === undefined) throw refuse('is a damaged image: its header does not say its size.');
  const { minimumSidePixels, maximumSidePixels } = bounds;
  for (const side of [size.width, size.height])
    if (side < minimumSidePixels || side > maximumSidePixels)
      throw refuse(
        `must have sides of ${minimumSidePixels} to ${maximumSidePixels} pixels; it has ${size.width} x ${size.height}.`,
      );
  return size;
}

function checkSize(sizeBytes: number, member: string, { maximumSizeBytes }: ImageBounds): void {
  const megabytes = maximumSizeBytes / 1024 ** 2;
  if (sizeBytes > maximumSizeBytes)
    throw new Fault(
      'invalid',
      `${member} must have at most ${maximumSizeBytes} bytes (${megabytes} MB); it has ${sizeBytes}.`,
    );
}

function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
}

function pngSize(bytes: Buffer): { width: number; height: number } | undefined {
  if (bytes.length < 24 || bytes.toString('latin1', 12, 16) !== 'IHDR') return undefined;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

function isJpeg(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Walks the segments to the start of frame (ITU T.81, B.1.1.3): SOF0 to SOF15 but DHT, JPG and DAC among them. */
function jpegSize(bytes: Buffer): { width: number; height: number } | undefined {
  let offset = 2;
  while (offset + 9 <= bytes.length) {
    if (bytes[offset] !== 0xff) return undefined;
    const marker = bytes[offset + 1] ?? 0;
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: bytes.readUInt16BE(offset + 7), height: bytes.readUInt16BE(offset + 5) };
    const segmentLength = bytes.readUInt16BE(offset + 2);
    if (segmentLength < 2) return undefined;
    offset += 2 + segmentLength;
  }
  return undefined;
}
