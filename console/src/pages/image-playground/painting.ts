/** What was painted over a picture, as steps that can be taken back. */

/** Of the picture's width and of its height. */
export interface Point {
  x: number;
  y: number;
}

export interface Stroke {
  kind: 'brush' | 'eraser';
  /** Of the picture's longer side. */
  width: number;
  points: readonly Point[];
}

/** What is painted afterwards is the shape, wherever that is opaque, and nothing else. */
interface Shape {
  kind: 'shape';
  shape: CanvasImageSource;
}

export type Step = Stroke | Shape | { kind: 'invert' } | { kind: 'clear' };

export interface Painting {
  done: readonly Step[];
  /** Taken back; the next to come again is the last. */
  undone: readonly Step[];
}

export const blank: Painting = { done: [], undone: [] };

/** A new step forgets what was taken back before it. */
export function withStep({ done }: Painting, step: Step): Painting {
  return { done: [...done, step], undone: [] };
}

export function withUndo(painting: Painting): Painting {
  const { done, undone } = painting;
  const last = done.at(-1);
  return last === undefined ? painting : { done: done.slice(0, -1), undone: [...undone, last] };
}

export function withRedo(painting: Painting): Painting {
  const { done, undone } = painting;
  const next = undone.at(-1);
  return next === undefined ? painting : { done: [...done, next], undone: undone.slice(0, -1) };
}

/** Red, green and blue of what is painted. */
export const PAINT: readonly [number, number, number] = [15, 107, 215];
const PAINT_STYLE = `rgb(${PAINT.join(' ')})`;

/** Draws one step on a canvas of any size. */
export function drawStep(context: CanvasRenderingContext2D, step: Step): void {
  const { width, height } = context.canvas;
  context.save();
  context.strokeStyle = PAINT_STYLE;
  context.fillStyle = PAINT_STYLE;
  if (step.kind === 'clear') context.clearRect(0, 0, width, height);
  else if (step.kind === 'shape') {
    context.clearRect(0, 0, width, height);
    context.drawImage(step.shape, 0, 0, width, height);
  } else if (step.kind === 'invert') {
    context.globalCompositeOperation = 'xor';
    context.fillRect(0, 0, width, height);
  } else drawStroke(context, step);
  context.restore();
}

function drawStroke(context: CanvasRenderingContext2D, { kind, width, points }: Stroke): void {
  const [first, ...rest] = points.map(({ x, y }) => ({ x: x * context.canvas.width, y: y * context.canvas.height }));
  if (first === undefined) return;
  context.globalCompositeOperation = kind === 'eraser' ? 'destination-out' : 'source-over';
  context.lineWidth = width * Math.max(context.canvas.width, context.canvas.height);
  context.lineCap = 'round';
  context.lineJoin = 'round';
  // A line without length is drawn by nobody: a touch is a disc.
  context.beginPath();
  context.arc(first.x, first.y, context.lineWidth / 2, 0, 2 * Math.PI);
  context.fill();
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const { x, y } of rest) context.lineTo(x, y);
  context.stroke();
}

export interface Mask {
  /** A PNG of the picture's size: black is inside, white outside, nothing between and no transparency. */
  url: string;
  /** Of the picture that is inside, 0 to 1. */
  share: number;
}

/** @returns undefined where nothing is painted */
export function maskOf(painting: Painting, size: { width: number; height: number }): Mask | undefined {
  if (painting.done.length === 0) return undefined;
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: size.width, height: size.height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return undefined;
  for (const step of painting.done) drawStep(context, step);
  const pixels = context.getImageData(0, 0, size.width, size.height);
  let inside = 0;
  for (let at = 0; at < pixels.data.length; at += 4) {
    const isInside = (pixels.data[at + 3] ?? 0) > 127;
    if (isInside) inside += 1;
    pixels.data.fill(isInside ? 0 : 255, at, at + 3);
    pixels.data[at + 3] = 255;
  }
  if (inside === 0) return undefined;
  context.putImageData(pixels, 0, 0);
  return { url: canvas.toDataURL('image/png'), share: inside / (size.width * size.height) };
}
