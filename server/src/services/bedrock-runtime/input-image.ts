import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../../domain/fault.ts';
import { readImageHeader } from '../../domain/training/image-facts.ts';

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
 * @returns its width and height in pixels, upright: after its EXIF orientation
 * @throws Fault invalid: not base64, not JPEG or PNG, over 5 MB, a side out of bounds
 */
export function readImage(
  base64: string,
  member: string,
  bounds: ImageBounds = limits.inputImage,
): { width: number; height: number } {
  if (base64.startsWith('data:'))
    throw new Fault('invalid', `${member} must be plain base64, without the data: prefix.`);
  if (base64.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64))
    throw new Fault('invalid', `${member} must be the base64 of a JPEG or PNG image; it is not base64.`);
  checkSize(Math.floor((base64.replace(/=+$/, '').length * 3) / 4), member, bounds);
  return readImageBytes(Buffer.from(base64, 'base64'), member, bounds);
}

/**
 * As `readImage`, for bytes and with bounds of their own.
 * @throws Fault invalid: not JPEG or PNG, too many bytes, a side out of bounds
 */
export function readImageBytes(bytes: Buffer, member: string, bounds: ImageBounds): { width: number; height: number } {
  const refuse = (what: string) => new Fault('invalid', `${member} ${what}`);
  checkSize(bytes.byteLength, member, bounds);
  const header = readImageHeader(bytes, true);
  if (header.kind !== 'image') throw refuse(`${header.kind === 'unusable' ? header.reason : 'has no whole header'}.`);
  const size = { width: header.facts.width, height: header.facts.height };
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
