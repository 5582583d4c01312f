/** Masks as a job takes them, and as they are shown: white, or what is opaque, is the subject. */
import { base64Of } from '../../app/base64.ts';
import { callRoute } from '../../aws/clients.ts';
import { drawStep, PAINT, type Painting } from '../image-playground/painting.ts';
import { sha256 } from './picture-facts.ts';
import type { SubjectMask } from './records.ts';
import { fetchPicture } from './store.ts';

/** Of the picture; with less a job fails, as nothing would be learnt. */
export const LEAST_SHARE = 0.001;
/** Longer side, in pixels, of the copy that shares are counted on. */
const COUNTED_PIXELS = 256;

interface Size {
  width: number;
  height: number;
}

/** What tells one mask from another. */
export function maskKey(mask: SubjectMask): string {
  return 'png' in mask ? mask.sha256 : mask.uri;
}

/** The mask as what is painted over its picture. @param longestSide where a smaller copy will do, pixels */
export async function shapeOf(mask: Blob, longestSide = Number.POSITIVE_INFINITY): Promise<OffscreenCanvas> {
  const bitmap = await createImageBitmap(mask);
  const { width, height } = within(bitmap, longestSide);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser cannot draw.');
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = pixels;
  const [red, green, blue] = PAINT;
  let isOpaque = true;
  for (let at = 3; at < data.length && isOpaque; at += 4) isOpaque = data[at] === 255;
  for (let at = 0; at < data.length; at += 4) {
    data[at + 3] = data[isOpaque ? at : at + 3] ?? 0;
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** A mask's PNG, read where it lies. */
export function readMask(mask: SubjectMask): Promise<Blob> {
  return 'png' in mask ? Promise.resolve(mask.png) : fetchPicture(mask.uri);
}

/** How much of the picture is painted, 0 to 1. */
export function shareOf(painting: Painting, size: Size): number {
  const { width, height } = within(size, COUNTED_PIXELS);
  return shareOn(drawn(painting, { width, height }));
}

/** What is painted as a mask of the picture's size. */
export async function trainingMask(painting: Painting, size: Size): Promise<SubjectMask> {
  const context = drawn(painting, size);
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, size.width, size.height);
  context.globalCompositeOperation = 'destination-over';
  context.fillStyle = '#000';
  context.fillRect(0, 0, size.width, size.height);
  const png = await new Promise<Blob | null>(done => context.canvas.toBlob(done, 'image/png'));
  if (!png) throw new Error('This browser could not make a PNG of the mask.');
  return { png, sha256: await sha256(await png.arrayBuffer()) };
}

/** Asks the model that finds masks. @returns undefined where it sees no such subject */
export async function findMask(
  picture: Blob,
  subject: string,
  signal: AbortSignal,
): Promise<(SubjectMask & { png: Blob }) | undefined> {
  const body = { image: await base64Of(picture), subject };
  const { maskImage } = await callRoute<{ maskImage: string }>({ method: 'POST', path: '/masks', body, signal });
  const bytes = Uint8Array.from(atob(maskImage), letter => letter.charCodeAt(0));
  const png = new Blob([bytes], { type: 'image/png' });
  const shape = (await shapeOf(png, COUNTED_PIXELS)).getContext('2d');
  if (!shape || shareOn(shape) < LEAST_SHARE) return undefined;
  return { png, sha256: await sha256(bytes.buffer) };
}

function drawn(painting: Painting, { width, height }: Size): CanvasRenderingContext2D {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser cannot draw.');
  for (const step of painting.done) drawStep(context, step);
  return context;
}

function shareOn(context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D): number {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  let sum = 0;
  for (let at = 3; at < data.length; at += 4) sum += data[at] ?? 0;
  return sum / 255 / (width * height);
}

function within({ width, height }: Size, longestSide: number): Size {
  const scale = Math.min(1, longestSide / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
