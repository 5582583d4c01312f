// Gaps: guardrails, latency-optimised inference, service tiers beside the default one: each is refused, none ignored.
// By design: refusals of guardrails and latency have AWS's own words, because clients match them to fall back.
// Client quirks: trace without a guardrail traces nothing on AWS either, so it is taken; an empty guardrailIdentifier,
//   which the model's pattern allows, is none.
import type { InvokeModelRequest } from '@aws-sdk/client-bedrock-runtime';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { formatArn } from '../../domain/arn.ts';
import { Fault } from '../../domain/fault.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';

/** What of an invocation decides who may make it, wherever an operation's input has it. */
export interface GovernedInput {
  guardrailIdentifier?: string | undefined;
  guardrailVersion?: string | undefined;
  /** A header of InvokeModel; a structure of Converse. */
  serviceTier?: string | { type?: string | undefined } | undefined;
  guardrailConfig?: { guardrailIdentifier?: string | undefined; guardrailVersion?: string | undefined } | undefined;
}

/** AWS's bounds of Converse's requestMetadata, whose JSON form InvokeModel's header is. */
const MOST_METADATA = 16;
const LONGEST_METADATA_CHARACTERS = 256;
const METADATA_TEXT = /^[a-zA-Z0-9\s:_@$#=/+,.-]*$/;

export const NO_SUCH_GUARDRAIL = 'The guardrail identifier or version provided in the request does not exist.';

/** The ARN of a guardrail of the caller's account; an ARN stays as it is. */
export function guardrailArn(identifier: string, { region, accountId }: RequestContext): string {
  if (identifier.startsWith('arn:')) return identifier;
  return formatArn({ service: 'bedrock', region, accountId, resource: `guardrail/${identifier}` });
}

/**
 * bedrock:GuardrailIdentifier and bedrock:ServiceTier, where the request names one.
 * AWS: a numbered version follows the guardrail's ARN behind a colon, the working draft has none.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html
 */
export function invocationConditions(
  input: GovernedInput,
  ctx: RequestContext,
): NonNullable<AccessRequest['conditions']> {
  const { guardrailIdentifier: guardrail, guardrailVersion: version } = input.guardrailConfig ?? input;
  const tier = typeof input.serviceTier === 'object' ? input.serviceTier.type : input.serviceTier;
  const isNumbered = version !== undefined && version !== '' && version !== 'DRAFT';
  return {
    ...(guardrail && {
      'bedrock:GuardrailIdentifier': `${guardrailArn(guardrail, ctx)}${isNumbered ? `:${version}` : ''}`,
    }),
    ...(tier !== undefined && { 'bedrock:ServiceTier': tier }),
  };
}

/** @throws Fault invalid or unsupported for a member of the headers that would have to be ignored */
export function refuseOptions(input: InvokeModelRequest, modelId: string, { region }: RequestContext): void {
  refuseForeignFormats(input);
  const { guardrailIdentifier, guardrailVersion, performanceConfigLatency, serviceTier } = input;
  if (guardrailIdentifier) {
    if (!guardrailVersion)
      throw new Fault('invalid', 'guardrailVersion is required with guardrailIdentifier: a number, or DRAFT.');
    throw new Fault('unsupported', `${NO_SUCH_GUARDRAIL} Guardrails are not supported by this server.`);
  }
  if (guardrailVersion)
    throw new Fault('invalid', 'guardrailVersion is taken with guardrailIdentifier only; send both, or neither.');
  if (performanceConfigLatency === 'optimized')
    throw new Fault('unsupported', `Latency performance configuration is not supported for ${modelId} in ${region}`);
  if (serviceTier !== undefined && serviceTier !== 'default')
    throw new Fault(
      'unsupported',
      `The service tier is not supported for ${modelId}: serviceTier must be default, or left out; you sent ${serviceTier}.`,
    );
}

/**
 * Reads the header requestMetadata, for the log of invocations.
 * @throws Fault invalid for what is no JSON object of short texts; its values are the customer's and are not repeated
 */
export function readRequestMetadata(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  const entries = Object.entries(jsonObject(text));
  if (entries.length < 1 || entries.length > MOST_METADATA)
    throw new Fault('invalid', `requestMetadata must have 1 to ${MOST_METADATA} keys; it has ${entries.length}.`);
  for (const [index, [key, value]] of entries.entries()) {
    if (key === '' || !isMetadataText(key) || typeof value !== 'string' || !isMetadataText(value))
      throw new Fault(
        'invalid',
        `requestMetadata must map keys to texts of at most ${LONGEST_METADATA_CHARACTERS} characters matching ${METADATA_TEXT.source}; entry ${index + 1} does not.`,
      );
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function isMetadataText(text: string): boolean {
  return text.length <= LONGEST_METADATA_CHARACTERS && METADATA_TEXT.test(text);
}

function jsonObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Fault('invalid', 'requestMetadata must be a JSON object; it is not JSON.', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Fault('invalid', 'requestMetadata must be a JSON object of keys and texts.');
  return value;
}

function refuseForeignFormats(input: InvokeModelRequest): void {
  // An empty header is as none.
  if (input.contentType && !isJson(input.contentType) && !isBytes(input.contentType))
    throw new Fault(
      'invalid',
      `contentType must be application/json, application/octet-stream or left out; you sent ${input.contentType.slice(0, 100)}.`,
    );
  if (input.accept && !input.accept.split(',').some(type => isJson(type) || /^\s*\*\/\*/.test(type)))
    throw new Fault('invalid', `accept must be application/json or */*; you sent ${input.accept.slice(0, 100)}.`);
  const { maximumSizeBytes } = limits.invokeBody;
  if ((input.body?.byteLength ?? 0) > maximumSizeBytes)
    throw new Fault('invalid', `body must have at most ${maximumSizeBytes} bytes; it has ${input.body?.byteLength}.`);
}

function isJson(mediaType: string): boolean {
  return bareType(mediaType) === 'application/json';
}

function isBytes(mediaType: string): boolean {
  return bareType(mediaType) === 'application/octet-stream';
}

function bareType(mediaType: string): string | undefined {
  return mediaType.split(';')[0]?.trim().toLowerCase();
}
