import limits from '../../../../contract/limits.json' with { type: 'json' };
import type { ImageTask } from '../../ports/inference.ts';
import type { ObjectSchema, Schema } from './json-schema.ts';

/** The body of a request once its schema holds; which of the params is there, its task says. */
export interface TitanBody {
  textToImageParams?: {
    text: string;
    negativeText?: string;
    conditionImage?: string;
    controlMode?: 'CANNY_EDGE' | 'SEGMENTATION';
    controlStrength?: number;
  };
  inPaintingParams?: MaskedParams;
  outPaintingParams?: MaskedParams & { outPaintingMode?: 'DEFAULT' | 'PRECISE' };
  imageVariationParams?: { images: string[]; text?: string; negativeText?: string; similarityStrength?: number };
  colorGuidedGenerationParams?: { text: string; colors: string[]; negativeText?: string; referenceImage?: string };
  backgroundRemovalParams?: { image: string };
  smartCropParams?: { image: string; aspectRatio: string; subjectPrompt?: string };
  imageGenerationConfig?: {
    numberOfImages?: number;
    quality?: 'standard' | 'premium';
    width?: number;
    height?: number;
    cfgScale?: number;
    seed?: number;
  };
}

/** Of INPAINTING and OUTPAINTING. */
export interface MaskedParams {
  image: string;
  maskPrompt?: string;
  maskImage?: string;
  text?: string;
  negativeText?: string;
  returnMask?: boolean;
}

export type ParamsKey = Exclude<keyof TitanBody, 'imageGenerationConfig'>;

export const paramsKeys: Readonly<Record<ImageTask, ParamsKey>> = {
  TEXT_IMAGE: 'textToImageParams',
  INPAINTING: 'inPaintingParams',
  OUTPAINTING: 'outPaintingParams',
  IMAGE_VARIATION: 'imageVariationParams',
  COLOR_GUIDED_GENERATION: 'colorGuidedGenerationParams',
  BACKGROUND_REMOVAL: 'backgroundRemovalParams',
  SMART_CROP: 'smartCropParams',
};

/** The tasks that each version of the model knows. */
export const tasksOf: Readonly<Record<'v1' | 'all', readonly ImageTask[]>> = {
  v1: ['TEXT_IMAGE', 'INPAINTING', 'OUTPAINTING', 'IMAGE_VARIATION'],
  all: Object.keys(paramsKeys) as ImageTask[],
};

const prompt: Schema = {
  type: 'string',
  minLength: limits.prompt.minimumLength,
  maxLength: limits.prompt.maximumLength,
};
const image: Schema = { type: 'string' };
const texts = { text: prompt, negativeText: prompt };
const masked = { image, maskPrompt: prompt, maskImage: image, ...texts, returnMask: { type: 'boolean' } } as const;

const params: Readonly<Record<ImageTask, ObjectSchema>> = {
  TEXT_IMAGE: {
    type: 'object',
    required: ['text'],
    properties: {
      ...texts,
      conditionImage: image,
      controlMode: { type: 'string', enum: ['CANNY_EDGE', 'SEGMENTATION'] },
      controlStrength: { type: 'number', ...range(limits.controlStrength) },
    },
    dependencies: { controlMode: 'conditionImage', controlStrength: 'conditionImage' },
  },
  INPAINTING: { type: 'object', required: ['image'], properties: masked },
  OUTPAINTING: {
    type: 'object',
    required: ['image', 'text'],
    properties: { ...masked, outPaintingMode: { type: 'string', enum: ['DEFAULT', 'PRECISE'] } },
  },
  IMAGE_VARIATION: {
    type: 'object',
    required: ['images'],
    properties: {
      images: { type: 'array', minItems: 1, maxItems: limits.variationImage.maximumCount, items: image },
      ...texts,
      similarityStrength: { type: 'number', ...range(limits.similarityStrength) },
    },
  },
  COLOR_GUIDED_GENERATION: {
    type: 'object',
    required: ['text', 'colors'],
    properties: {
      ...texts,
      colors: {
        type: 'array',
        minItems: limits.colors.minimumCount,
        maxItems: limits.colors.maximumCount,
        items: { type: 'string', pattern: limits.colors.pattern },
      },
      referenceImage: image,
    },
  },
  BACKGROUND_REMOVAL: { type: 'object', required: ['image'], properties: { image } },
  SMART_CROP: {
    type: 'object',
    required: ['image', 'aspectRatio'],
    properties: {
      image,
      aspectRatio: { type: 'string', pattern: '^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$' },
      subjectPrompt: prompt,
    },
  },
};

const config = limits.imageGenerationConfig;
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

/** Of the whole body of a task. @param tasks version 1 knows no conditioning of TEXT_IMAGE */
export function bodySchema(task: ImageTask, tasks: 'v1' | 'all'): ObjectSchema {
  const key = paramsKeys[task];
  const schema: ObjectSchema =
    task === 'TEXT_IMAGE' && tasks === 'v1' ? { type: 'object', required: ['text'], properties: texts } : params[task];
  return {
    type: 'object',
    required: [key],
    properties: { taskType: { type: 'string' }, [key]: schema, imageGenerationConfig },
  };
}

function range({ minimum, maximum }: { minimum: number; maximum: number }) {
  return { minimum, maximum };
}
