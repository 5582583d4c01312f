import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import { illFormedPath, MUST_BE_WELL_FORMED } from '../domain/well-formed.ts';
import type { ProtocolName, ServiceName } from './contract.ts';
import { lowerCamel } from './protocols/member-types.ts';
import type { Input } from './protocols/protocol.ts';
import { Refusal } from './refusal.ts';

/** `server/generated/constraints.json`, as scripts/generate-constraints.py writes it. */
export interface Constraints {
  services: Readonly<Partial<Record<ServiceName, ServiceConstraints>>>;
}

export interface ServiceConstraints {
  /** Operation -> the name of its input's schema. */
  operations: Readonly<Record<string, string>>;
  schemas: Readonly<Record<string, unknown>>;
}

/** @returns why the input breaks the model's constraints, or undefined */
export type Validate = (
  service: ServiceName,
  protocol: ProtocolName,
  operation: string,
  input: Input,
) => Refusal | undefined;

/** Problems named in one answer. */
const MESSAGE_LIMIT = 10;
/** Characters of a value that an answer repeats. */
const VALUE_LIMIT = 256;

/** Checks inputs against what botocore's models say (length, range, pattern, enum, required) and the SDK's schemas do not. */
export function createValidator(constraints: Constraints): Validate {
  const compilers = new Map<ServiceName, Ajv2020>();
  const compiled = new Map<string, ValidateFunction | undefined>();

  function validatorOf(service: ServiceName, operation: string): ValidateFunction | undefined {
    const id = `${service}/${operation}`;
    if (compiled.has(id)) return compiled.get(id);
    const model = constraints.services[service];
    const schema = model?.operations[operation];
    let validate: ValidateFunction | undefined;
    if (model && schema !== undefined) {
      const compiler = compilers.get(service) ?? createCompiler(model);
      compilers.set(service, compiler);
      validate = compiler.compile({ $ref: `model#/$defs/${schema}` });
    }
    compiled.set(id, validate);
    return validate;
  }

  return (service, protocol, operation, input) => {
    const validate = validatorOf(service, operation);
    if (validate && !validate(input)) return refusal(protocol, validate.errors ?? [], input);
    const illFormed = illFormedPath(input);
    return illFormed && notUnicode(protocol, illFormed, input);
  };
}

function createCompiler(model: ServiceConstraints): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true, verbose: true, code: { regExp: linearRegExp } });
  // Blobs are bytes by now: JSON Schema has no word for their length.
  ajv.addKeyword({
    keyword: 'minBytes',
    validate: (limit: number, value: unknown) => !(value instanceof Uint8Array) || value.byteLength >= limit,
  });
  ajv.addKeyword({
    keyword: 'maxBytes',
    validate: (limit: number, value: unknown) => !(value instanceof Uint8Array) || value.byteLength <= limit,
  });
  ajv.addSchema({ $id: 'model', $defs: model.schemas });
  return ajv;
}

/**
 * Patterns run in RE2, in linear time: AWS's own JobName pattern is exponential in V8.
 * ajv caches compiled patterns by `toString()`, so each needs its own, or all collide and everything passes.
 */
export function linearRegExp(pattern: string, flags: string) {
  const expression = RE2JS.compile(toRe2(pattern));
  return {
    test: (text: string) => expression.matcher(text).find(),
    toString: () => `/${pattern}/${flags}`,
  };
}
linearRegExp.code = 'linearRegExp';

/** RE2 repeats at most this often. */
const RE2_REPEAT_LIMIT = 1000;

/** Java's pattern language, which the models use, as RE2 reads it. */
function toRe2(pattern: string): string {
  return pattern
    .replace(/\\u([0-9a-fA-F]{4})/g, '\\x{$1}')
    .replace(/\\\//g, '/')
    .replace(/\{(\d+),(\d+)\}/g, (whole, from: string, to: string) => {
      if (Number(to) <= RE2_REPEAT_LIMIT) return whole;
      // The length itself is checked by maxLength.
      return Number(from) <= RE2_REPEAT_LIMIT ? `{${from},}` : '*';
    });
}

function refusal(protocol: ProtocolName, errors: readonly ErrorObject[], input: Input): Refusal {
  // What is no number at all is not too small and too large as well.
  const mistyped = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath));
  const told = errors.filter(
    ({ keyword, instancePath }) => keyword !== 'propertyNames' && (keyword === 'type' || !mistyped.has(instancePath)),
  );
  const wrongType = told.some(({ keyword }) => keyword === 'type');
  const sentences = [...new Set(told.map(error => sentence(error, input, protocol)))];
  const count = sentences.length === 1 ? '1 validation error' : `${sentences.length} validation errors`;
  const message = `${count} detected: ${sentences.slice(0, MESSAGE_LIMIT).join('; ')}`;
  switch (protocol) {
    case 'rest-json':
      return new Refusal(400, 'ValidationException', message);
    case 'json-1-1':
      return new Refusal(400, wrongType ? 'SerializationException' : 'ValidationException', message);
    case 'query':
      return new Refusal(400, wrongType ? 'MalformedInput' : 'ValidationError', message);
    case 'rest-xml':
      return new Refusal(400, s3Code(told[0], input), message);
  }
}

/** No model says so: what is no Unicode has no length and matches no pattern. */
function notUnicode(protocol: ProtocolName, path: readonly string[], input: Input): Refusal {
  const pointer = path.map(step => `/${step.replace(/~/g, '~0').replace(/\//g, '~1')}`).join('');
  const member = spelled(memberPath(pointer, input), protocol);
  const message = `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member ${MUST_BE_WELL_FORMED}`;
  return new Refusal(400, NOT_UNICODE[protocol], message);
}

const NOT_UNICODE: Readonly<Record<ProtocolName, string>> = {
  'rest-json': 'ValidationException',
  'json-1-1': 'ValidationException',
  query: 'ValidationError',
  'rest-xml': 'InvalidArgument',
};

/** S3 has codes of its own for some members. */
const S3_CODES: Readonly<Record<string, string>> = {
  StorageClass: 'InvalidStorageClass',
  ChecksumAlgorithm: 'InvalidRequest',
  ChecksumType: 'InvalidRequest',
};

/** A member of a body breaks the XML's schema; any other is an argument. */
function s3Code(error: ErrorObject | undefined, input: Input): string {
  const path = memberPath(error?.instancePath ?? '', input) || String(error?.params.missingProperty ?? '');
  if (/^Tagging\..*\.Key$/.test(path)) return 'InvalidTag';
  if (/^AccessControlPolicy\b/.test(path)) return 'MalformedACLError';
  const inBody = /^(\w*Configuration|Delete|MultipartUpload|OwnershipControls|Tagging(?=\.))\b/.test(path);
  return S3_CODES[path] ?? (inBody ? 'MalformedXML' : 'InvalidArgument');
}

/** One broken constraint in the words of AWS's services. */
function sentence(error: ErrorObject, input: Input, protocol: ProtocolName): string {
  const { keyword, params, schema, parentSchema, data } = error;
  const path = memberPath(error.instancePath, input);
  if (keyword === 'required') {
    const member = path === '' ? String(params.missingProperty) : `${path}.${params.missingProperty}`;
    return `Value null at '${spelled(member, protocol)}' failed to satisfy constraint: Member must not be null`;
  }
  const constraint = constraintText(keyword, schema);
  if (error.propertyName !== undefined)
    return `Value at '${spelled(path, protocol)}' failed to satisfy constraint: Map keys must satisfy constraint: [${constraint}]`;
  const sensitive = (parentSchema as { sensitive?: boolean } | undefined)?.sensitive === true;
  const repeatable = typeof data === 'string' || typeof data === 'boolean' || Number.isFinite(data);
  const shown = sensitive || !repeatable ? '' : ` '${shorten(String(data))}'`;
  return `Value${shown} at '${spelled(path, protocol)}' failed to satisfy constraint: ${constraint}`;
}

function spelled(path: string, protocol: ProtocolName): string {
  return protocol === 'query' || protocol === 'json-1-1' ? lowerCamel(path) : path;
}

function constraintText(keyword: string, limit: unknown): string {
  switch (keyword) {
    case 'minLength':
    case 'minItems':
    case 'minProperties':
    case 'minBytes':
      return `Member must have length greater than or equal to ${limit}`;
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
    case 'maxBytes':
      return `Member must have length less than or equal to ${limit}`;
    case 'minimum':
      return `Member must have value greater than or equal to ${limit}`;
    case 'maximum':
      return `Member must have value less than or equal to ${limit}`;
    case 'pattern':
      return `Member must satisfy regular expression pattern: ${String(limit).replace(/^\^\(\?:|\)\$$/g, '')}`;
    case 'enum':
      return `Member must satisfy enum value set: [${(limit as string[]).join(', ')}]`;
    case 'type':
      return `Member must be of type ${limit}`;
    default:
      return `Member must satisfy ${keyword}`;
  }
}

/** `/tags/0/key` as AWS writes it: `tags.1.member.key`. */
function memberPath(pointer: string, input: Input): string {
  let path = '';
  let value: unknown = input;
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replace(/~1/g, '/').replace(/~0/g, '~');
    const part = Array.isArray(value) ? `${Number(name) + 1}.member` : name;
    path = path === '' ? part : `${path}.${part}`;
    value = (value as Record<string, unknown> | undefined)?.[name];
  }
  return path;
}

function shorten(text: string): string {
  return text.length <= VALUE_LIMIT ? text : `${text.slice(0, VALUE_LIMIT)}…`;
}
