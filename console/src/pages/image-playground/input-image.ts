import limits from '../../../../contract/limits.json' with { type: 'json' };
import { dataUrlOf } from '../../app/base64.ts';

/** A picture as InvokeModel takes it. */
export interface InputImage {
  name: string;
  /** `data:`, with its content inside. */
  url: string;
  width: number;
  height: number;
}

const JPEG_QUALITY = 0.92;

/**
 * Reads a file; one that is larger than a request takes is drawn smaller, as a JPEG, also where a variation would take it:
 * the picture stays when another action is chosen, and none draws larger. One that a camera stored turned is taken
 * upright by browser and server alike, so a mask lies on what the person sees.
 * @throws Error that says what is wrong with the file
 */
export async function readInputImage(file: File): Promise<InputImage> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no picture that this browser can read.`);
  });
  const { maximumSidePixels, minimumSidePixels, maximumSizeBytes } = limits.inputImage;
  if (Math.min(bitmap.width, bitmap.height) < minimumSidePixels)
    throw new Error(
      `${file.name} has ${bitmap.width} x ${bitmap.height} pixels; each side must have ${minimumSidePixels} or more.`,
    );
  const scale = Math.min(1, maximumSidePixels / Math.max(bitmap.width, bitmap.height));
  const isTaken = file.type === 'image/png' || file.type === 'image/jpeg';
  if (scale === 1 && isTaken && file.size <= maximumSizeBytes)
    return { url: await dataUrlOf(file), name: file.name, width: bitmap.width, height: bitmap.height };
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const drawn = await new Promise<Blob | null>(done => canvas.toBlob(done, 'image/jpeg', JPEG_QUALITY));
  if (!drawn) throw new Error(`${file.name} could not be drawn anew.`);
  return { url: await dataUrlOf(drawn), name: file.name, width: canvas.width, height: canvas.height };
}

/** What a request takes of a `data:` address. */
export function base64Within(url: string): string {
  return url.slice(url.indexOf(',') + 1);
}

/** A picture that was drawn, as one to go on from. */
export async function drawnImage(name: string, base64: string): Promise<InputImage> {
  const url = pngUrl(base64);
  const { naturalWidth, naturalHeight } = await loaded(url);
  return { name, url, width: naturalWidth, height: naturalHeight };
}

/** @throws EncodingError where it is no picture */
export async function loaded(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/** An address for a picture of an answer. */
export function pngUrl(base64: string): string {
  return `data:image/png;base64,${base64}`;
}
