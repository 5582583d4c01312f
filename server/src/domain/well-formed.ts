/**
 * Texts that are no Unicode: JSON can write half of a surrogate pair ("\ud800"), which nothing encodes, so that it would
 * fail far from whoever sent it.
 */

/** Reads after the name of a member. */
export const MUST_BE_WELL_FORMED = 'must be well-formed Unicode; it has half of a surrogate pair';

/** Where the first such text of a value stands, or such a key, step by step; undefined where there is none. */
export function illFormedPath(value: unknown): string[] | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : [];
  if (!Array.isArray(value) && !isPlain(value)) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const rest = key.isWellFormed() ? illFormedPath(member) : [];
    if (rest) return [key.toWellFormed(), ...rest];
  }
  return undefined;
}

/** Of JSON, not a date, a buffer or a stream. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
