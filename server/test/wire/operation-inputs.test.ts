import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as bedrock from '@aws-sdk/client-bedrock';
import * as runtime from '@aws-sdk/client-bedrock-runtime';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import fc from 'fast-check';
import constraints from '../../generated/constraints.json' with { type: 'json' };
import { loadContract, type ServiceName } from '../../src/wire/contract.ts';
import { linearRegExp } from '../../src/wire/validate.ts';
import { startServer, type TestServer } from '../support/server.ts';
import type { Refused } from './access-support.ts';

interface Schema {
  type?: string;
  $ref?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
}

type Structure = Record<string, unknown>;
interface Outside {
  /** What is wrong, for the report of a failure. */
  what: string;
  value: unknown;
}

const SEED = 20_240_501;
const LONGEST = 20_000;
const MOST_ITEMS = 1000;
const MODULES: Record<ServiceName, object> = { s3, iam, sts, kms, bedrock, 'bedrock-runtime': runtime };
/** What a service says of an input outside its model. */
const INVALID: Record<ServiceName, RegExp> = {
  bedrock: /^ValidationException$/,
  'bedrock-runtime': /^ValidationException$/,
  iam: /^ValidationError$/,
  sts: /^ValidationError$/,
  kms: /^(ValidationException|SerializationException)$/,
  s3: /^(InvalidArgument|InvalidRequest|MalformedXML|InvalidTag|InvalidStorageClass|InvalidLocationConstraint)$/,
};
const LISTS_IN_JSON = new Set<ServiceName>(['bedrock', 'bedrock-runtime', 'kms']);
/** In ASCII without spaces at the ends, which headers carry as they are. */
const ODD = ['!', '-', '/', '~', 'a b', '!'.repeat(40), 'A'.repeat(300)];
const PLAIN = ['a', 'abc', 'a-name', '/', '123456789012', 'arn:aws:iam::123456789012:role/role', 's3://bucket/key'];

/** The values of one service's schemas: those inside every bound, and those one step outside of one. */
class Values {
  readonly #schemas: Record<string, Schema>;
  readonly #pools = new Map<string, string[]>();

  constructor(schemas: Record<string, Schema>) {
    this.#schemas = schemas;
  }

  resolve(schema: Schema): Schema {
    return schema.$ref ? (this.#schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema;
  }

  /** Anything inside the bounds; `full` has every member down to a depth of two. */
  inside(given: Schema, full: boolean, depth = 0): fc.Arbitrary<unknown> {
    const schema = this.resolve(given);
    if (schema.type === 'object' && schema.properties) {
      const required = schema.required ?? [];
      const union = schema.minProperties === 1;
      const names = Object.keys(schema.properties).filter((name, index) =>
        union ? index === 0 : required.includes(name) || depth < 2,
      );
      const members = names.map(name => {
        // Checked by the service; without it, S3 reads another operation.
        const isSource = name === 'CopySource';
        const member = isSource ? fc.constant('abc/a') : this.inside(schema.properties?.[name] ?? {}, full, depth + 1);
        const must = full || union || required.includes(name);
        return [name, must ? member : fc.option(member, { nil: undefined })];
      });
      return fc.record(Object.fromEntries(members));
    }
    if (schema.type === 'object') return fc.constant({});
    if (schema.type === 'array') {
      const minLength = Math.max(schema.minItems ?? 0, full && depth < 3 ? 1 : 0);
      return fc.array(this.inside(schema.items ?? {}, full, depth + 1), {
        minLength,
        maxLength: Math.max(minLength, 1),
      });
    }
    if (schema.type === 'integer' || schema.type === 'number') {
      const min = Math.max(schema.minimum ?? 0, -(2 ** 31));
      return fc.integer({ min, max: Math.max(min, Math.min(schema.maximum ?? 100, 2 ** 31 - 1)) });
    }
    if (schema.type === 'boolean') return fc.boolean();
    if (schema.type === 'string') return fc.constantFrom(...this.#texts(schema));
    return fc.constant(undefined);
  }

  /** The input again and again, each time with one member one step outside one of its bounds. */
  *outside(given: Schema, value: unknown, path = ''): Generator<Outside> {
    const schema = this.resolve(given);
    if (schema.type === 'string') yield* this.#outsideTexts(schema, value, path);
    else if (schema.type === 'integer' || schema.type === 'number') {
      if (schema.minimum !== undefined && schema.minimum > -(2 ** 31))
        yield { what: `${path} too small`, value: schema.minimum - 1 };
      if (schema.maximum !== undefined && schema.maximum < 2 ** 31 - 1)
        yield { what: `${path} too large`, value: schema.maximum + 1 };
    } else if (schema.type === 'array') yield* this.#outsideLists(schema, value as unknown[] | undefined, path);
    else if (schema.properties && value !== undefined) {
      const some = value as Structure;
      for (const name of schema.required ?? [])
        yield { what: `${path}.${name} missing`, value: { ...some, [name]: undefined } };
      for (const [name, member] of Object.entries(schema.properties))
        if (some[name] !== undefined)
          for (const { what, value: wrong } of this.outside(member, some[name], `${path}.${name}`))
            yield { what, value: { ...some, [name]: wrong } };
    }
  }

  *#outsideTexts(schema: Schema, value: unknown, path: string): Generator<Outside> {
    const text = String(value ?? '');
    if (schema.minLength) yield { what: `${path} too short`, value: text.slice(0, schema.minLength - 1) };
    if (schema.maxLength !== undefined && schema.maxLength < LONGEST)
      yield { what: `${path} too long`, value: text.padEnd(schema.maxLength + 1, 'a') };
    if (schema.enum) yield { what: `${path} in no enum`, value: 'NoneOfThem' };
    const expression = schema.pattern && linearRegExp(schema.pattern, 'u');
    const odd = expression && ODD.find(one => !expression.test(one));
    if (odd) yield { what: `${path} of no such pattern`, value: odd };
  }

  *#outsideLists(schema: Schema, value: unknown[] | undefined, path: string): Generator<Outside> {
    const [first] = value ?? [];
    if (schema.minItems) yield { what: `${path} with too few`, value: value?.slice(0, schema.minItems - 1) ?? [] };
    if (first === undefined) return;
    // A structure without members leaves no trace in a form.
    const seen = typeof first !== 'object' || Object.keys(first ?? {}).length > 0;
    if (seen && schema.maxItems !== undefined && schema.maxItems < MOST_ITEMS)
      yield { what: `${path} with too many`, value: Array(schema.maxItems + 1).fill(first) };
    for (const { what, value: wrong } of this.outside(schema.items ?? {}, first, `${path}[0]`))
      yield { what, value: [wrong, ...(value ?? []).slice(1)] };
  }

  #texts(schema: Schema): string[] {
    if (schema.enum) return schema.enum;
    const { pattern = '', minLength = 0, maxLength = LONGEST } = schema;
    const id = `${pattern} ${minLength} ${maxLength}`;
    const known = this.#pools.get(id);
    if (known) return known;
    const expression = linearRegExp(pattern, 'u');
    const fits = (text: string) => text.length >= minLength && text.length <= maxLength && expression.test(text);
    const candidates = [...PLAIN, 'a'.repeat(Math.min(minLength, LONGEST)), ...matching(pattern)];
    const pool = [...new Set(candidates.filter(fits))].slice(0, 12);
    // A pattern that nothing here meets: still a text, which the service refuses.
    this.#pools.set(id, pool.length === 0 ? ['a'] : pool);
    return this.#pools.get(id) ?? [];
  }
}

function membersOf(service: ServiceName, operation: string) {
  return [...(loadContract(service).operations.get(operation)?.input.structIterator() ?? [])];
}

/** The members that stand in the path. */
function labelsOf(service: ServiceName, operation: string): Set<string> {
  const labels = membersOf(service, operation).filter(([, member]) => member.getMergedTraits().httpLabel);
  return new Set(labels.map(([name]) => name));
}

/** Without these, S3 reads another operation; and a digest of another body is refused before the body is read. */
const TELLS_THE_OPERATION = new Set(['.UploadId missing', '.CopySource missing']);
const DIGEST = 'ContentMD5';

/** The members that the SDK knows too: it sends no others. */
function known(service: ServiceName, operation: string, schema: Schema): Schema {
  const names = new Set(membersOf(service, operation).map(([name]) => name));
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => names.has(name) && name !== DIGEST);
  return { ...schema, properties: Object.fromEntries(properties) };
}

/** Printable texts that a pattern accepts, where fast-check can read the pattern. */
function matching(pattern: string): string[] {
  if (pattern === '') return [];
  try {
    const texts = fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 20, seed: SEED });
    return texts.filter(text => /^[ -~]*$/.test(text));
  } catch {
    return [];
  }
}

describe('inputs of every operation', () => {
  let server: TestServer;
  let clients: Record<ServiceName, { send(command: never, options: object): Promise<unknown> }>;
  before(async () => {
    server = await startServer();
    const { runtime: ofRuntime, ...others } = server.clients();
    clients = { ...others, 'bedrock-runtime': ofRuntime } as never;
  });
  after(() => server.close());

  /** Sends it; answers the refusal, or undefined where it was accepted or the client itself refused to send it. */
  async function call(service: ServiceName, operation: string, input: unknown): Promise<Refused | undefined | 'sent'> {
    const Command = (MODULES[service] as Record<string, new (input: unknown) => never>)[`${operation}Command`];
    assert.ok(Command, operation);
    const abortSignal = AbortSignal.timeout(20_000);
    try {
      const answer = (await clients[service].send(new Command(input), { abortSignal })) as { Body?: unknown };
      (answer.Body as { destroy?(): void } | undefined)?.destroy?.();
      return 'sent';
    } catch (caught) {
      const error = caught as Refused & { code?: string };
      const said = `${operation}: ${error.name} ${error.code ?? ''} ${error.message} for ${JSON.stringify(input)?.slice(0, 600)}`;
      assert.doesNotMatch(`${error.name} ${error.code}`, /AbortError|TimeoutError|ECONN|EPIPE/, said);
      const status = error.$metadata?.httpStatusCode;
      if (status === undefined) return undefined;
      // 501 is how S3 refuses by name.
      assert.ok(status < 500 || status === 501, `${status} ${said}`);
      return error;
    }
  }

  for (const [service, model] of Object.entries(constraints.services) as [
    ServiceName,
    { operations: Record<string, string>; schemas: Record<string, Schema> },
  ][]) {
    const values = new Values(model.schemas);
    const operations = Object.entries(model.operations).filter(([name]) => !name.includes('Bidirectional'));

    it(`of ${service} inside every bound are answered, and never fail`, async () => {
      for (const [operation, shape] of operations)
        await fc.assert(
          fc.asyncProperty(values.inside(model.schemas[shape] ?? {}, false), async input => {
            await call(service, operation, input);
          }),
          { numRuns: 3, seed: SEED },
        );
    });

    it(`of ${service} one step outside one bound are refused as invalid`, async () => {
      const wrong: string[] = [];
      for (const [operation, shape] of operations) {
        const schema = known(service, operation, model.schemas[shape] ?? {});
        const labels = labelsOf(service, operation);
        const [full] = fc.sample(values.inside(schema, true), { numRuns: 1, seed: SEED });
        for (const { what, value } of values.outside(schema, full)) {
          // No such list is sent at all where lists are repeated members.
          if (what.endsWith('too few') && !LISTS_IN_JSON.has(service)) continue;
          if (service === 's3' && TELLS_THE_OPERATION.has(what)) continue;
          // An empty label is the path of another operation.
          if (Object.entries(value as Structure).some(([name, one]) => !one && labels.has(name))) continue;
          const error = await call(service, operation, value);
          if (error === undefined) continue;
          if (error === 'sent') wrong.push(`${operation} accepts ${what}`);
          else if (error.message !== 'UnknownError' && !INVALID[service].test(error.name))
            wrong.push(`${operation}: ${what}: ${error.name} ${error.message}`);
        }
      }
      assert.deepEqual(wrong, []);
    });
  }
});
