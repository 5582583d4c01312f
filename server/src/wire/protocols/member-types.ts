import type { NormalizedSchema } from '@smithy/core/schema';

/** A member whose JSON value is of another type than its schema's. */
export interface Mistyped {
  /** As in `tags.1.member.key`; empty for the whole. */
  path: string;
  /** Undefined where the answer may not repeat it. */
  value: unknown;
  type: 'string' | 'boolean' | 'array' | 'object' | 'blob';
}

/**
 * The SDK's codec hands a JSON value of the wrong type on as it came. Nothing behind the decoder expects a number where the
 * model has a text or bytes, not even the question who may do it, so it ends here. Dates and documents are the codec's own, numbers the validator's.
 *
 * @returns the first one that is found, or undefined; null counts as absent
 */
export function mistyped(schema: NormalizedSchema, value: unknown, path = ''): Mistyped | undefined {
  if (value === undefined || value === null || schema.isStreaming()) return undefined;
  const wrong = (type: Mistyped['type']): Mistyped => ({
    path,
    value: schema.getMergedTraits().sensitive ? undefined : value,
    type,
  });
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) return wrong('array');
    return first(value.entries(), ([index, item]) =>
      mistyped(schema.getValueSchema(), item, joined(path, `${Number(index) + 1}.member`)),
    );
  }
  if (schema.isStructSchema() || schema.isMapSchema()) {
    if (typeof value !== 'object' || Array.isArray(value)) return wrong('object');
    const members = value as Record<string, unknown>;
    return schema.isStructSchema()
      ? first(schema.structIterator(), ([name, member]) => mistyped(member, members[name], joined(path, name)))
      : first(Object.entries(members), ([name, item]) => mistyped(schema.getValueSchema(), item, joined(path, name)));
  }
  if (schema.isBlobSchema()) return value instanceof Uint8Array ? undefined : wrong('blob');
  if (schema.isStringSchema()) return typeof value === 'string' ? undefined : wrong('string');
  if (schema.isBooleanSchema()) return typeof value === 'boolean' ? undefined : wrong('boolean');
  return undefined;
}

/** In AWS's words. @param spelled how the protocol writes a member's path */
export function mistypedText({ path, value, type }: Mistyped, spelled: (path: string) => string = same): string {
  const shown = ['number', 'boolean', 'string'].includes(typeof value) ? ` '${String(value).slice(0, 256)}'` : '';
  // One sentence, as the validator writes it.
  return `1 validation error detected: Value${shown} at '${spelled(path)}' failed to satisfy constraint: Member must be of type ${type}`;
}

function first<T>(items: Iterable<T>, look: (item: T) => Mistyped | undefined): Mistyped | undefined {
  for (const item of items) {
    const found = look(item);
    if (found) return found;
  }
  return undefined;
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function same(path: string): string {
  return path;
}

/** AWS: IAM, STS and KMS name members in lower camel case here (`roleName`), whatever their models call them. */
export function lowerCamel(path: string): string {
  return path.replace(/(^|\.)([A-Z])/g, (_, dot: string, letter: string) => dot + letter.toLowerCase());
}
