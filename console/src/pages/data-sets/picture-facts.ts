import { FIELD_SIDE, LOOK_COLUMNS, LOOK_ROWS, type Look, lookOf } from './near-copies.ts';
import { flatShare, SIDE } from './photographs.ts';
import { fitted, type PictureFacts } from './records.ts';

const THUMBNAIL_PIXELS = 240;
const GREY_SIDE = 64;
/** How files begin, whatever their names say. */
const SIGNATURES: readonly (readonly [format: string, type: string, bytes: readonly number[]])[] = [
  ['JPEG', 'image/jpeg', [0xff, 0xd8, 0xff]],
  ['PNG', 'image/png', [0x89, 0x50, 0x4e, 0x47]],
  ['GIF', 'image/gif', [0x47, 0x49, 0x46]],
  ['WebP', 'image/webp', [0x52, 0x49, 0x46, 0x46]],
  ['BMP', 'image/bmp', [0x42, 0x4d]],
];

export interface ReadPicture {
  facts: PictureFacts;
  thumbnail: Blob;
  /** The picture with the type that its bytes say. */
  blob: Blob;
}

/** Looks at a picture once: its size, its hashes, its sharpness, and a small copy to show. @throws where it is none */
export async function readPicture(brought: Blob): Promise<ReadPicture> {
  const bytes = await brought.arrayBuffer();
  const start = new Uint8Array(bytes, 0, Math.min(4, bytes.byteLength));
  const [format, type] = SIGNATURES.find(([, , signature]) => signature.every((byte, at) => start[at] === byte)) ?? [
    brought.type || 'unknown',
    brought.type,
  ];
  const blob = type === brought.type ? brought : new Blob([brought], { type });
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const grey = greyCopy(bitmap, GREY_SIDE, GREY_SIDE);
  const facts: PictureFacts = {
    width,
    height,
    sizeBytes: blob.size,
    format,
    sha256: await sha256(bytes),
    look: lookAt(bitmap),
    sharpness: laplacianVariance(grey),
  };
  const scale = Math.min(1, THUMBNAIL_PIXELS / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, width * scale), Math.max(1, height * scale));
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return { facts, blob, thumbnail: await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 }) };
}

/** Draws a picture as a JPEG that a job takes: its middle where it is too narrow, larger or smaller where its sides are out of bounds. */
export async function mended(blob: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(blob);
  const { crop, size } = fitted(bitmap);
  const canvas = new OffscreenCanvas(size.width, size.height);
  const context = canvas.getContext('2d');
  if (context) {
    context.imageSmoothingQuality = 'high';
    // JPEG has no transparency: what shines through a picture is white, not black.
    context.fillStyle = '#fff';
    context.fillRect(0, 0, size.width, size.height);
    context.drawImage(bitmap, crop.x, crop.y, crop.width, crop.height, 0, 0, size.width, size.height);
  }
  bitmap.close();
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
}

function greyCopy(bitmap: ImageBitmap, columns: number, rows: number): { values: Float32Array; columns: number } {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const values = new Float32Array(columns * rows);
  if (!context) return { values, columns };
  context.drawImage(bitmap, 0, 0, columns, rows);
  const { data } = context.getImageData(0, 0, columns, rows);
  for (let index = 0; index < values.length; index += 1) {
    const [red = 0, green = 0, blue = 0] = data.subarray(index * 4, index * 4 + 3);
    values[index] = 0.299 * red + 0.587 * green + 0.114 * blue;
  }
  return { values, columns };
}

function lookAt(bitmap: ImageBitmap): Look {
  return lookOf(smallPixels(bitmap, LOOK_COLUMNS * FIELD_SIDE, LOOK_ROWS * FIELD_SIDE));
}

/** Whether a picture looks like a drawing (near 1) or like a photograph (near 0). */
export async function flatShareOf(blob: Blob): Promise<number> {
  const bitmap = await createImageBitmap(blob);
  const share = flatShare(smallPixels(bitmap, SIDE, SIDE));
  bitmap.close();
  return share;
}

/** RGBA of a small copy, on white. */
function smallPixels(bitmap: ImageBitmap, width: number, height: number): ArrayLike<number> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return [];
  // A rougher way of making smaller looks at few of the pixels: what saving did to those would count.
  context.imageSmoothingQuality = 'high';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

function laplacianVariance({ values, columns }: { values: Float32Array; columns: number }): number {
  const edges: number[] = [];
  const rows = values.length / columns;
  for (let row = 1; row < rows - 1; row += 1)
    for (let column = 1; column < columns - 1; column += 1) {
      const at = row * columns + column;
      const around =
        (values[at - 1] ?? 0) + (values[at + 1] ?? 0) + (values[at - columns] ?? 0) + (values[at + columns] ?? 0);
      edges.push(4 * (values[at] ?? 0) - around);
    }
  const mean = edges.reduce((sum, value) => sum + value, 0) / edges.length;
  return edges.reduce((sum, value) => sum + (value - mean) ** 2, 0) / edges.length;
}

/** Hexadecimal. */
export async function sha256(bytes: ArrayBuffer): Promise<string> {
  // The browser's own is there on https and on this machine alone; the SDK's is there everywhere.
  const { Sha256 } = await import('@aws-crypto/sha256-browser');
  const hash = new Sha256();
  hash.update(new Uint8Array(bytes));
  return Array.from(await hash.digest(), byte => byte.toString(16).padStart(2, '0')).join('');
}
