const EXIF = 0x45786966;
const ORIENTATION = 0x0112;

/** How a camera stored a JPEG, by its Exif tag (CIPA DC-008, 4.6.5): 1 is upright, and what a file without the tag has. */
export function jpegOrientation(content: ArrayBuffer): number {
  const view = new DataView(content);
  try {
    // Segments follow the first marker, each with its own and its length, until the picture's data (FFDA).
    for (let at = 2; view.getUint16(at) !== 0xffda; at += 2 + view.getUint16(at + 2))
      if (view.getUint16(at) === 0xffe1 && view.getUint32(at + 4) === EXIF) return orientationOf(view, at + 10);
  } catch (error) {
    // A file that ends early: whoever decodes it says what is wrong with it.
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

/** Of the TIFF header at an offset and the tags of its first directory. */
function orientationOf(view: DataView, tiff: number): number {
  const isLittle = view.getUint16(tiff) === 0x4949;
  const directory = tiff + view.getUint32(tiff + 4, isLittle);
  const count = view.getUint16(directory, isLittle);
  for (let index = 0; index < count; index++) {
    const entry = directory + 2 + 12 * index;
    if (view.getUint16(entry, isLittle) === ORIENTATION) return view.getUint16(entry + 8, isLittle);
  }
  return 1;
}
