/** How far a picture is extended on each side, and what comes of it. */

/** Added at each side, of the picture's width or height. */
export interface Frame {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export type Side = keyof Frame;

/** More than this beside a picture, and there is too little of it to go on from. */
export const MOST_EXTENSION = 0.75;
export const noFrame: Frame = { left: 0, right: 0, top: 0, bottom: 0 };
/** A picture's latents have an eighth of its side: whole ones end where the picture does. */
const MULTIPLE = 8;

export interface Size {
  width: number;
  height: number;
}

export function isExtended(frame: Frame): boolean {
  return Object.values(frame).some(extension => extension > 0);
}

export function withSide(frame: Frame, side: Side, extension: number): Frame {
  return { ...frame, [side]: Math.min(MOST_EXTENSION, Math.max(0, extension)) };
}

/**
 * @param mostPixels of a side
 * @returns the size of the whole, and where the picture lies in it: smaller where the whole would be too large
 */
export function extended(
  { width, height }: Size,
  frame: Frame,
  mostPixels: number,
): { whole: Size; picture: Size & { x: number; y: number } } {
  const wanted = { width: width * (1 + frame.left + frame.right), height: height * (1 + frame.top + frame.bottom) };
  const scale = Math.min(1, mostPixels / Math.max(wanted.width, wanted.height));
  const picture = {
    x: Math.round(width * frame.left * scale),
    y: Math.round(height * frame.top * scale),
    width: Math.round(width * scale),
    height: Math.round(height * scale),
  };
  const side = (pixels: number, least: number) =>
    Math.max(least, Math.min(mostPixels, Math.round((pixels * scale) / MULTIPLE) * MULTIPLE));
  return {
    whole: {
      width: side(wanted.width, picture.x + picture.width),
      height: side(wanted.height, picture.y + picture.height),
    },
    picture,
  };
}

/** The least frame that gives the whole a shape, as much on either side. @param aspect width by height */
export function frameOf({ width, height }: Size, aspect: number): Frame {
  const across = Math.max(0, (height * aspect) / width - 1) / 2;
  const down = Math.max(0, width / aspect / height - 1) / 2;
  const most = (extension: number) => Math.min(MOST_EXTENSION, extension);
  return { left: most(across), right: most(across), top: most(down), bottom: most(down) };
}
