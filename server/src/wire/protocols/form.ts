import { FromStringShapeDeserializer } from '@smithy/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { SERDE } from './http-bindings.ts';
import type { Input } from './protocol.ts';

/** A form's names as a tree: `Tags.member.1.Key=a` hangs four levels down. */
interface Node {
  value: string | undefined;
  children: Map<string, Node>;
}

/** Levels that a form name may have; the deepest of IAM and STS has 6. */
const NAME_DEPTH_LIMIT = 24;

const DATE_TIME = 5;

const text = new FromStringShapeDeserializer({
  httpBindings: false,
  timestampFormat: { useTrait: true, default: DATE_TIME },
});
text.setSerdeContext(SERDE);

/**
 * Reads the input of an operation from the Query protocol's form.
 * @throws Error naming the member that does not fit its type
 */
export function readForm(schema: NormalizedSchema, form: URLSearchParams): Input {
  if (schema.isUnitSchema()) return {};
  const root: Node = { value: undefined, children: new Map() };
  for (const [name, value] of form) plant(root, name, value);
  return (readNode(schema, root, '') as Input | undefined) ?? {};
}

function plant(root: Node, name: string, value: string): void {
  const steps = name.split('.');
  if (steps.length > NAME_DEPTH_LIMIT) throw new Error(`${name.slice(0, 64)}… has too many levels.`);
  let node = root;
  for (const step of steps) {
    let child = node.children.get(step);
    if (child === undefined) {
      child = { value: undefined, children: new Map() };
      node.children.set(step, child);
    }
    node = child;
  }
  node.value = value;
}

function readNode(schema: NormalizedSchema, node: Node, path: string): unknown {
  if (schema.isStructSchema()) return readStructure(schema, node, path);
  if (schema.isListSchema()) return readList(schema, node, path);
  if (schema.isMapSchema()) return readMap(schema, node, path);
  if (node.value === undefined) throw new Error(`Start of structure or map found where not expected: ${path}.`);
  return readScalar(schema, node.value, path);
}

function readStructure(schema: NormalizedSchema, node: Node, path: string): Input | undefined {
  const structure: Input = {};
  for (const [member, memberSchema] of schema.structIterator()) {
    const name = xmlName(memberSchema) ?? member;
    const child = node.children.get(name);
    if (child === undefined) continue;
    const value = readNode(memberSchema, child, path === '' ? member : `${path}.${member}`);
    if (value !== undefined) structure[member] = value;
  }
  return structure;
}

function readList(schema: NormalizedSchema, node: Node, path: string): unknown[] {
  const items = isFlat(schema) ? node : node.children.get(xmlName(schema.getValueSchema()) ?? 'member');
  // `Name=` alone is an empty list.
  if (items === undefined) return [];
  return numbered(items, path).map(([position, item]) =>
    readNode(schema.getValueSchema(), item, `${path}.${position}`),
  );
}

function readMap(schema: NormalizedSchema, node: Node, path: string): Input {
  const map: Input = {};
  const entries = isFlat(schema) ? node : node.children.get('entry');
  if (entries === undefined) return map;
  const keyName = xmlName(schema.getKeySchema()) ?? 'key';
  const valueName = xmlName(schema.getValueSchema()) ?? 'value';
  for (const [position, entry] of numbered(entries, path)) {
    const key = entry.children.get(keyName)?.value;
    const value = entry.children.get(valueName);
    if (key === undefined || value === undefined)
      throw new Error(`${path}.entry.${position} must have ${keyName} and ${valueName}.`);
    Object.defineProperty(map, key, {
      value: readNode(schema.getValueSchema(), value, `${path}.${key}`),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return map;
}

function numbered(node: Node, path: string): [position: number, item: Node][] {
  const items: [number, Node][] = [];
  for (const [step, child] of node.children) {
    if (!/^[1-9][0-9]{0,5}$/.test(step)) throw new Error(`${path}.${step} must be numbered from 1.`);
    items.push([Number(step), child]);
  }
  return items.sort((a, b) => a[0] - b[0]);
}

function readScalar(schema: NormalizedSchema, value: string, path: string): unknown {
  if (schema.isNumericSchema() && !/^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(value))
    throw new Error(`${path} must be a number.`);
  if (schema.isBooleanSchema() && !/^(true|false)$/i.test(value)) throw new Error(`${path} must be true or false.`);
  try {
    return text.read(schema, value);
  } catch {
    throw new Error(`${path} cannot be read as its type.`);
  }
}

function xmlName(schema: NormalizedSchema): string | undefined {
  return schema.getMergedTraits().xmlName as string | undefined;
}

function isFlat(schema: NormalizedSchema): boolean {
  return Boolean(schema.getMergedTraits().xmlFlattened);
}
