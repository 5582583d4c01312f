import type { NormalizedSchema } from '@smithy/core/schema';
import type { Call } from '../domain/call.ts';
import type { AccessRequest } from '../domain/operation.ts';
import type { OperationShape } from './contract.ts';
import type { HeaderMap, WireRequest } from './message.ts';
import type { Input } from './protocols/protocol.ts';
import type { Authenticated } from './sigv4/verify.ts';

/** What becomes known of a request on its way through. */
export interface CallNotes {
  caller?: Pick<Authenticated, 'principal' | 'region'>;
  accessKeyId?: string | undefined;
  bearer?: boolean;
  operation?: OperationShape;
  input?: Input;
  output?: Input;
  questions?: readonly AccessRequest[];
  error?: { code: string; message: string };
}

/** AWS's word in the place of what nobody is to read. */
const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

/** Secrets that the models do not mark as sensitive; lower case. */
const SECRET_MEMBERS = new Set(['sessiontoken', 'tokencode', 'granttoken', 'granttokens', 'token', 'credential']);

/** Their messages may repeat what was sent, and that is a prompt. */
const QUOTING_OPERATIONS = new Set(['InvokeModel', 'InvokeModelWithResponseStream', 'Converse', 'ConverseStream']);

/** The call that a request was. @param asked its service, its operation where no schema has it, the server's Region */
export function callOf(
  request: WireRequest,
  headers: HeaderMap,
  notes: CallNotes,
  asked: { service: string; operation?: string | undefined; region: string; at: Date },
): Call {
  const { operation, input, output, error } = notes;
  const name = operation?.name ?? asked.operation;
  const quotes = name !== undefined && QUOTING_OPERATIONS.has(name);
  const shownAs = (schema: NormalizedSchema | undefined, value: Input | undefined) =>
    schema === undefined || value === undefined ? null : nonEmpty(shownStructure(schema, value, asked.service));
  return {
    ...{ requestId: request.requestId, at: asked.at, service: asked.service, operation: name },
    principal: notes.caller?.principal,
    accessKeyId: notes.caller?.principal.accessKeyId ?? notes.accessKeyId,
    bearer: notes.bearer === true,
    region: notes.caller?.region ?? asked.region,
    ...{ sourceIp: request.sourceIp, sourceVpce: request.sourceVpce, userAgent: headers['user-agent'] ?? '' },
    questions: notes.questions ?? [],
    // Looked at only where an entry is written: a list of a thousand objects would cost more than its reading.
    get requestParameters() {
      return shownAs(operation?.input, input);
    },
    get responseElements() {
      return error === undefined ? shownAs(operation?.output, output) : null;
    },
    error: error && quotes ? { ...error, message: 'Left out: it may repeat a part of the prompt.' } : error,
  };
}

/** The members of a structure in CloudTrail's spelling, without what is secret, bytes or a document of any shape. */
function shownStructure(schema: NormalizedSchema, value: Input, service: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    const shownValue = SECRET_MEMBERS.has(name.toLowerCase())
      ? value[name] && HIDDEN
      : shown(member, value[name], service);
    if (shownValue !== undefined) found[spelled(name, service)] = shownValue;
  }
  return found;
}

function shown(schema: NormalizedSchema, value: unknown, service: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (schema.isBlobSchema() || schema.isStreaming() || schema.isDocumentSchema()) return undefined;
  if (schema.getMergedTraits().sensitive) return HIDDEN;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (schema.isStructSchema())
    return typeof value === 'object' ? shownStructure(schema, value as Input, service) : undefined;
  if (schema.isListSchema())
    return Array.isArray(value) ? value.map(item => shown(schema.getValueSchema(), item, service) ?? null) : undefined;
  if (schema.isMapSchema()) {
    const entries = Object.entries(value as object);
    return Object.fromEntries(entries.map(([key, item]) => [key, shown(schema.getValueSchema(), item, service)]));
  }
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

/** `roleName`, `keyId`; CloudTrail's S3 says `bucketName`. */
function spelled(name: string, service: string): string {
  if (service === 's3' && name === 'Bucket') return 'bucketName';
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function nonEmpty(members: Record<string, unknown>): Record<string, unknown> | null {
  return Object.keys(members).length === 0 ? null : members;
}
