/**
 * The deepest nesting of a JSON text, counted without parsing: a parser that recurses must never see a body that could
 * exhaust its stack.
 */
export function jsonDepth(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inString) {
      if (byte === 0x5c) index++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return deepest;
}

/** The same for XML, an upper bound: comments and CDATA count as elements. */
export function xmlDepth(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== 0x3c) {
      if (bytes[index] === 0x2f && bytes[index + 1] === 0x3e) depth--;
      continue;
    }
    const next = bytes[index + 1];
    if (next === 0x2f) depth--;
    else if (next !== 0x3f && next !== 0x21) deepest = Math.max(deepest, ++depth);
  }
  return deepest;
}
