/** JPEG universal metadata boxes (ISO/IEC 19566-5), in which C2PA keeps its manifests. */

/** The fixed rest of C2PA's and CBOR's content types: four letters stand before it. */
const TYPE_END = Buffer.from('00110010800000aa00389b71', 'hex');
/** May be asked for by its label, which follows. */
const HAS_LABEL = 0x03;

/**
 * What a superbox holds: its description and its boxes. A C2PA hash of an assertion is of this, without the head of the
 * superbox around it.
 * @param type four letters, `c2pa` for a manifest store
 */
export function labelled(type: string, label: string, ...boxes: Uint8Array[]): Buffer {
  const description = [Buffer.from(type, 'latin1'), TYPE_END, Buffer.from([HAS_LABEL]), Buffer.from(`${label}\0`)];
  return Buffer.concat([box('jumd', ...description), ...boxes]);
}

export function superbox(content: Uint8Array): Buffer {
  return box('jumb', content);
}

/** @param type four letters */
export function box(type: string, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
}
