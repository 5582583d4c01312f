/**
 * A small JSON Schema validator that words its findings as everit-org/json-schema (Java) does, because those are the
 * words in which AWS refuses the body of an image request, and clients match on them.
 */
import { MUST_BE_WELL_FORMED } from '../../domain/well-formed.ts';

export type Schema = ObjectSchema | ArraySchema | StringSchema | NumberSchema | { type: 'boolean' };

export interface ObjectSchema {
  type: 'object';
  /** Keys that are not among them are refused. */
  properties: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  /** A key -> the key that it needs beside it. */
  dependencies?: Readonly<Record<string, string>>;
}
interface ArraySchema {
  type: 'array';
  items: Schema;
  minItems?: number;
  maxItems?: number;
}
interface StringSchema {
  type: 'string';
  /** In code points, as JSON Schema counts. */
  minLength?: number;
  maxLength?: number;
  enum?: readonly string[];
  /** Of the whole value: anchored, and linear in its length. */
  pattern?: string;
}
interface NumberSchema {
  type: 'number' | 'integer';
  minimum?: number;
  maximum?: number;
  enum?: readonly number[];
}

/** A key or a value of a request may be long, a message may not; a prompt never stands in one. */
const SHOWN_LENGTH = 64;

/** @returns every violation, each as `#/path/to/member: what is wrong`; empty when the value conforms */
export function violations(schema: Schema, value: unknown, pointer = '#'): string[] {
  switch (schema.type) {
    case 'object':
      return objectViolations(schema, value, pointer);
    case 'array':
      return arrayViolations(schema, value, pointer);
    case 'string':
      return stringViolations(schema, value, pointer);
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrongType('Boolean', value, pointer);
    default:
      return numberViolations(schema, value, pointer);
  }
}

function objectViolations(schema: ObjectSchema, value: unknown, pointer: string): string[] {
  if (!isObject(value)) return wrongType('JSONObject', value, pointer);
  const missing = (schema.required ?? []).filter(key => !Object.hasOwn(value, key));
  const extraneous = Object.keys(value).filter(key => !Object.hasOwn(schema.properties, key));
  return [
    ...missing.map(key => `${pointer}: required key [${key}] not found`),
    ...extraneous.map(key => `${pointer}: extraneous key [${shown(key)}] is not permitted`),
    ...Object.entries(schema.dependencies ?? {})
      .filter(([key, needed]) => Object.hasOwn(value, key) && !Object.hasOwn(value, needed))
      .map(([, needed]) => `${pointer}: property [${needed}] is required`),
    ...Object.entries(schema.properties).flatMap(([key, member]) =>
      Object.hasOwn(value, key) ? violations(member, value[key], `${pointer}/${key}`) : [],
    ),
  ];
}

function arrayViolations(schema: ArraySchema, value: unknown, pointer: string): string[] {
  if (!Array.isArray(value)) return wrongType('JSONArray', value, pointer);
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minItems) return [`${pointer}: expected minimum item count: ${minItems}, found: ${value.length}`];
  if (value.length > maxItems) return [`${pointer}: expected maximum item count: ${maxItems}, found: ${value.length}`];
  return value.flatMap((item, index) => violations(schema.items, item, `${pointer}/${index}`));
}

function stringViolations(schema: StringSchema, value: unknown, pointer: string): string[] {
  if (typeof value !== 'string') return wrongType('String', value, pointer);
  if (!value.isWellFormed()) return [`${pointer}: string ${MUST_BE_WELL_FORMED}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${pointer}: ${shown(value)} is not a valid enum value`];
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
    return [`${pointer}: string [${shown(value)}] does not match pattern ${schema.pattern}`];
  const { minLength = 0, maxLength } = schema;
  if (minLength === 0 && maxLength === undefined) return [];
  const length = codePointCount(value);
  if (length < minLength) return [`${pointer}: expected minLength: ${minLength}, actual: ${length}`];
  if (maxLength !== undefined && length > maxLength)
    return [`${pointer}: expected maxLength: ${maxLength}, actual: ${length}`];
  return [];
}

function numberViolations(schema: NumberSchema, value: unknown, pointer: string): string[] {
  if (typeof value !== 'number') return wrongType(schema.type === 'integer' ? 'Integer' : 'Number', value, pointer);
  if (schema.type === 'integer' && !Number.isInteger(value)) return wrongType('Integer', value, pointer);
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  if (value < minimum) return [`${pointer}: ${value} is not greater or equal to ${minimum}`];
  if (value > maximum) return [`${pointer}: ${value} is not less or equal to ${maximum}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${pointer}: ${value} is not a valid enum value`];
  return [];
}

function wrongType(expected: string, value: unknown, pointer: string): string[] {
  return [`${pointer}: expected type: ${expected}, found: ${javaType(value)}`];
}

/** The Java class that everit's JSON library would have made of the value. */
function javaType(value: unknown): string {
  if (value === null) return 'Null';
  if (Array.isArray(value)) return 'JSONArray';
  if (typeof value === 'string') return 'String';
  if (typeof value === 'boolean') return 'Boolean';
  if (typeof value !== 'number') return 'JSONObject';
  if (!Number.isInteger(value)) return 'BigDecimal';
  return Math.abs(value) <= 2_147_483_647 ? 'Integer' : 'Long';
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function codePointCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function shown(text: string): string {
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}
