// Gaps: INPAINTING, OUTPAINTING, COLOR_GUIDED_GENERATION, BACKGROUND_REMOVAL, conditioning and SMART_CROP: refused by name
//   until their issue; content filters.
// By design: every bound comes from contract/limits.json. width and height default to 1024 (AWS's documented 1408 × 1408
//   is not among its own sizes).
// Client quirks: several violations stand in one message without a separator, as AWS's validator writes them.
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../../domain/fault.ts';
import type { InvokeRequest } from '../../ports/inference.ts';
import { readImage } from './input-image.ts';
import { isObject, type ObjectSchema, type Schema, violations } from './json-schema.ts';

/** What a Titan Image body asks for, defaults filled in. */
export type ImageRequest = Omit<InvokeRequest, 'adapterId' | 'requestId'>;

const tasksV1 = ['TEXT_IMAGE', 'INPAINTING', 'OUTPAINTING', 'IMAGE_VARIATION'];
const tasksAll = [...tasksV1, 'COLOR_GUIDED_GENERATION', 'BACKGROUND_REMOVAL', 'SMART_CROP'];
const implemented = ['TEXT_IMAGE', 'IMAGE_VARIATION'] as const;
/** Members of textToImageParams that version 2 of the model knows. */
const conditioning = ['conditionImage', 'controlMode', 'controlStrength'];

const config = limits.imageGenerationConfig;
const prompt: Schema = {
  type: 'string',
  minLength: limits.prompt.minimumLength,
  maxLength: limits.prompt.maximumLength,
};
const imageGenerationConfig: ObjectSchema = {
  type: 'object',
  properties: {
    numberOfImages: { type: 'integer', ...range(config.numberOfImages) },
    quality: { type: 'string', enum: config.quality.values },
    width: { type: 'integer', enum: config.sizes.map(([width = 0]) => width) },
    height: { type: 'integer', enum: config.sizes.map(([, height = 0]) => height) },
    cfgScale: { type: 'number', ...range(config.cfgScale) },
    seed: { type: 'integer', ...range(config.seed) },
  },
};
const schemas: Readonly<Record<(typeof implemented)[number], ObjectSchema>> = {
  TEXT_IMAGE: bodySchema('textToImageParams', {
    type: 'object',
    required: ['text'],
    properties: { text: prompt, negativeText: prompt },
  }),
  IMAGE_VARIATION: bodySchema('imageVariationParams', {
    type: 'object',
    required: ['images'],
    properties: {
      images: { type: 'array', minItems: 1, maxItems: limits.inputImage.maximumCount, items: { type: 'string' } },
      text: prompt,
      negativeText: prompt,
      similarityStrength: { type: 'number', ...range(limits.similarityStrength) },
    },
  }),
};

/**
 * Reads the body of InvokeModel for an image model (bedrock-facts.md §7.2 to §7.6).
 * @param tasks which task types the model's id knows
 * @throws Fault invalid in AWS's words; unsupported for a task of another issue
 */
export function parseTitanImageBody(body: Uint8Array | undefined, tasks: 'v1' | 'all'): ImageRequest {
  const value = readJson(body);
  const task = readTask(value, tasks);
  refuseConditioning(value, tasks);
  refuse(violations(schemas[task], value));
  const { textToImageParams, imageVariationParams, imageGenerationConfig: sent } = value as unknown as TitanBody;
  const params = textToImageParams ?? imageVariationParams;
  const size = readSize(sent);
  const images = imageVariationParams?.images ?? [];
  for (const [index, image] of images.entries()) readImage(image, `imageVariationParams.images[${index}]`);
  return {
    task,
    text: params?.text ?? null,
    negativeText: params?.negativeText ?? null,
    images,
    similarityStrength: imageVariationParams
      ? (imageVariationParams.similarityStrength ?? limits.similarityStrength.default)
      : null,
    numberOfImages: sent?.numberOfImages ?? config.numberOfImages.default,
    ...size,
    cfgScale: sent?.cfgScale ?? config.cfgScale.default,
    seed: sent?.seed ?? config.seed.default,
    quality: sent?.quality ?? 'standard',
  };
}

/** The body once its schema holds. */
interface TitanBody {
  textToImageParams?: { text: string; negativeText?: string };
  imageVariationParams?: { images: string[]; text?: string; negativeText?: string; similarityStrength?: number };
  imageGenerationConfig?: {
    numberOfImages?: number;
    quality?: 'standard' | 'premium';
    width?: number;
    height?: number;
    cfgScale?: number;
    seed?: number;
  };
}

function readJson(body: Uint8Array | undefined): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body ?? new Uint8Array()));
  } catch {
    // What JSON.parse says quotes the body, and with it the prompt.
    throw malformed('#: the body is not JSON in UTF-8');
  }
  if (!isObject(value)) refuse(violations({ type: 'object', properties: {} }, value));
  return value as Record<string, unknown>;
}

function readTask(value: Record<string, unknown>, tasks: 'v1' | 'all'): (typeof implemented)[number] {
  const known = tasks === 'v1' ? tasksV1 : tasksAll;
  if (!Object.hasOwn(value, 'taskType')) throw malformed('#: required key [taskType] not found');
  refuse(violations({ type: 'string', enum: known }, value.taskType, '#/taskType'));
  const task = implemented.find(name => name === value.taskType);
  if (task === undefined)
    throw new Fault(
      'unsupported',
      `taskType ${value.taskType} is not supported by this server yet; it supports ${implemented.join(' and ')}.`,
    );
  return task;
}

function refuseConditioning(value: Record<string, unknown>, tasks: 'v1' | 'all'): void {
  const params = value.textToImageParams;
  if (tasks === 'v1' || !isObject(params)) return;
  const member = conditioning.find(key => Object.hasOwn(params, key));
  if (member !== undefined)
    throw new Fault(
      'unsupported',
      `textToImageParams.${member} (image conditioning) is not supported by this server yet.`,
    );
}

function readSize(sent: TitanBody['imageGenerationConfig']): { width: number; height: number } {
  const { width = config.defaultSize.width, height = config.defaultSize.height } = sent ?? {};
  if (!config.sizes.some(([permittedWidth, permittedHeight]) => permittedWidth === width && permittedHeight === height))
    throw malformed(
      `#/imageGenerationConfig: ${width} x ${height} is not a permitted width x height: ${config.sizes.map(pair => pair.join('x')).join(' ')}`,
    );
  return { width, height };
}

function bodySchema(paramsKey: string, params: ObjectSchema): ObjectSchema {
  return {
    type: 'object',
    required: [paramsKey],
    properties: { taskType: { type: 'string' }, [paramsKey]: params, imageGenerationConfig },
  };
}

function range({ minimum, maximum }: { minimum: number; maximum: number }) {
  return { minimum, maximum };
}

function refuse(found: readonly string[]): void {
  if (found.length > 0) throw malformed(found.join(''));
}

function malformed(what: string): Fault {
  return new Fault('invalid', `Malformed input request: ${what}, please reformat your input and try again.`);
}
