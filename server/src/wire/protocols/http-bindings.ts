import { AwsRestJsonProtocol } from '@aws-sdk/core/protocols';
import { FromStringShapeDeserializer } from '@smithy/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { fromBase64, fromUtf8, toBase64, toUtf8 } from '@smithy/core/serde';
import type { Contract, OperationShape } from '../contract.ts';
import type { HeaderMap } from '../message.ts';
import type { Answer, Encoded, Input } from './protocol.ts';
import { XmlProtocol } from './xml-protocol.ts';

/** What the SDK's codecs ask of a client's configuration. */
export const SERDE = {
  base64Decoder: fromBase64,
  base64Encoder: toBase64,
  utf8Decoder: fromUtf8,
  utf8Encoder: toUtf8,
  endpoint: async () => undefined,
  disableHostPrefix: true,
} as never;

/** Timestamp formats of the SDK's schemas; each REST protocol has another default in queries. */
const DATE_TIME = 5;

/** A member of the query string that is not of its type; the message says what it must be. */
export class UnreadableMember extends Error {
  constructor(member: string, mustBe: string, value: string, cause?: unknown) {
    super(`${member} must be ${mustBe}; you sent "${value.slice(0, SHOWN_LENGTH)}".`, { cause });
  }
}

const SHOWN_LENGTH = 64;

interface Traits {
  httpLabel?: unknown;
  httpQuery?: string;
  httpQueryParams?: unknown;
  httpHeader?: string;
  httpPayload?: unknown;
}

/**
 * The REST bindings (labels, query, headers, payload) of both REST protocols. The SDK's codec turned round: a request is
 * read as if it were a response of the input's shape, and a response is written as if it were a request of the output's.
 */
export class HttpBindings {
  readonly #codec: AwsRestJsonProtocol | XmlProtocol;
  readonly #text: FromStringShapeDeserializer;
  readonly #plans = new Map<OperationShape, Plan>();

  constructor(contract: Contract) {
    const settings = { defaultNamespace: contract.namespace, errorTypeRegistries: [] };
    this.#codec =
      contract.protocol === 'rest-json'
        ? new AwsRestJsonProtocol(settings)
        : new XmlProtocol({ ...settings, xmlNamespace: contract.xmlNamespace });
    this.#codec.setSerdeContext(SERDE);
    // Query strings and labels carry timestamps as date-time in both protocols.
    this.#text = new FromStringShapeDeserializer({
      httpBindings: true,
      timestampFormat: { useTrait: true, default: DATE_TIME },
    });
    this.#text.setSerdeContext(SERDE);
  }

  /** @throws whatever the SDK's codec throws at input that it cannot read */
  async decode(operation: OperationShape, encoded: Encoded): Promise<Input> {
    const plan = this.#plan(operation);
    if (operation.input.isUnitSchema()) return {};
    const headers = this.#readableHeaders(plan, encoded.headers);
    const body = encoded.body instanceof Uint8Array ? encoded.body : new Uint8Array();
    const response = { statusCode: 200, headers, body };
    const decoded = await this.#codec.deserializeResponse(
      { output: plan.fromMessage } as never,
      SERDE,
      response as never,
    );
    const { $metadata: _, ...input } = decoded as unknown as Input;
    for (const [member, schema, traits] of plan.members) {
      if (traits.httpLabel) {
        const label = encoded.labels[member];
        if (label !== undefined) input[member] = this.#text.read(schema, label);
      } else if (traits.httpQuery !== undefined) {
        if (!encoded.query.has(traits.httpQuery)) continue;
        const values = encoded.query.getAll(traits.httpQuery);
        input[member] = schema.isListSchema()
          ? values.map(value => this.#text.read(schema.getValueSchema(), value))
          : this.#readOne(member, schema, values[0] ?? '');
      } else if (plan.streamingMember === member) {
        input[member] = encoded.body;
      }
    }
    for (const [member, value] of Object.entries(input))
      if (value === undefined || value === null) delete input[member];
    return input;
  }

  async encode(operation: OperationShape, output: Input): Promise<Answer> {
    const status = operation.http?.status ?? 200;
    if (operation.output.isUnitSchema()) return { status, headers: {} };
    const request = await this.#codec.serializeRequest(
      { input: this.#plan(operation).output, traits: {} } as never,
      output,
      SERDE,
    );
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers)) if (value !== undefined) headers[name] = value;
    return { status, headers, body: request.body };
  }

  #readOne(member: string, schema: NormalizedSchema, value: string): unknown {
    // The codec takes whatever is not true for false.
    if (schema.isBooleanSchema() && !/^(true|false)$/i.test(value))
      throw new UnreadableMember(member, 'true or false', value);
    try {
      return this.#text.read(schema, value);
    } catch (cause) {
      if (!schema.isTimestampSchema()) throw cause;
      throw new UnreadableMember(member, 'a date in ISO 8601, such as 2026-01-31T12:00:00Z', value, cause);
    }
  }

  #plan(operation: OperationShape): Plan {
    const known = this.#plans.get(operation);
    if (known) return known;
    const plan = planOf(operation);
    this.#plans.set(operation, plan);
    return plan;
  }

  /** A date header that cannot be read counts as absent (RFC 9110 §5.6.7; `Expires: 0` is common). */
  #readableHeaders(plan: Plan, headers: HeaderMap): Record<string, string> {
    const readable: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) readable[name] = value;
    for (const [name, schema] of plan.dateHeaders) {
      if (readable[name] === undefined) continue;
      try {
        this.#text.read(schema, readable[name]);
      } catch {
        delete readable[name];
      }
    }
    return readable;
  }
}

interface Plan {
  members: [member: string, schema: NormalizedSchema, traits: Traits][];
  /** The input's schema without what stands in the path, the query or a stream. */
  fromMessage: unknown;
  output: unknown;
  streamingMember: string | undefined;
  dateHeaders: [name: string, schema: NormalizedSchema][];
}

function planOf(operation: OperationShape): Plan {
  const plan: Plan = {
    members: [],
    fromMessage: 'unit',
    output: operation.output.getSchema(),
    streamingMember: undefined,
    dateHeaders: [],
  };
  if (operation.input.isUnitSchema()) return plan;
  const source = operation.input.getSchema() as unknown as [number, string, string, unknown, string[], unknown[]];
  const names: string[] = [];
  const schemas: unknown[] = [];
  for (const [index, [member, schema]] of [...operation.input.structIterator()].entries()) {
    const traits = schema.getMergedTraits() as Traits;
    plan.members.push([member, schema, traits]);
    if (traits.httpPayload && schema.isStreaming()) plan.streamingMember = member;
    else if (!traits.httpLabel && !traits.httpQuery && !traits.httpQueryParams) {
      names.push(member);
      schemas.push(source[5][index]);
      if (traits.httpHeader && schema.isTimestampSchema())
        plan.dateHeaders.push([traits.httpHeader.toLowerCase(), schema]);
    }
  }
  plan.fromMessage = [source[0], source[1], source[2], source[3], names, schemas];
  return plan;
}

/** Whether the operation's payload streams in: its body is never held whole. */
export function streamsIn(operation: OperationShape): boolean {
  if (operation.input.isUnitSchema()) return false;
  return [...operation.input.structIterator()].some(
    ([, schema]) => schema.isStreaming() && Boolean(schema.getMergedTraits().httpPayload),
  );
}

/** Names of the headers that an operation's input binds, lower-case. */
export function boundHeaders(operation: OperationShape): ReadonlySet<string> {
  if (operation.input.isUnitSchema()) return new Set();
  const names = [...operation.input.structIterator()].map(
    ([, schema]) => (schema.getMergedTraits() as Traits).httpHeader,
  );
  return new Set(names.filter(name => name !== undefined).map(name => name.toLowerCase()));
}
