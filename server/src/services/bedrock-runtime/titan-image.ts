// Gaps: content filters.
// By design: every bound comes from contract/limits.json. width and height default to 1024 (AWS's documented 1408 × 1408
//   is not among its own sizes); an edited image keeps its own size, whatever they say. SMART_CROP is this server's own.
// Client quirks: several violations stand in one message without a separator, as AWS's validator writes them.
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { isDense, MOST_MARKS } from '../../domain/dense-json.ts';
import { Fault } from '../../domain/fault.ts';
import type { ImageRequest, ImageTask } from '../../ports/inference.ts';
import { readImage } from './input-image.ts';
import { isObject, violations } from './json-schema.ts';
import { bodySchema, type MaskedParams, paramsKeys, type TitanBody, tasksOf } from './titan-schemas.ts';

/** What a task makes of its params. */
type TaskRequest = Partial<ImageRequest>;

interface Size {
  width: number;
  height: number;
}

const config = limits.imageGenerationConfig;

/**
 * Reads the body of InvokeModel for an image model (bedrock-facts.md §7.2 to §7.6), defaults filled in.
 * @param tasks which task types the model's id knows
 * @throws Fault invalid in AWS's words
 */
export function parseTitanImageBody(body: Uint8Array | undefined, tasks: 'v1' | 'all'): ImageRequest {
  const value = readJson(body);
  const task = readTask(value, tasks);
  refuse(withSizes(violations(bodySchema(task, tasks), value)));
  const { imageGenerationConfig: sent, ...params } = value as unknown as TitanBody;
  return {
    task,
    text: null,
    negativeText: null,
    images: [],
    similarityStrength: null,
    mask: null,
    outPaintingMode: null,
    colors: [],
    control: null,
    numberOfImages: sent?.numberOfImages ?? config.numberOfImages.default,
    ...readSize(sent),
    cfgScale: sent?.cfgScale ?? config.cfgScale.default,
    seed: sent?.seed ?? config.seed.default,
    quality: sent?.quality ?? 'standard',
    ...readParams(params),
  };
}

/**
 * The member of the request that an input image of the unit came from: what only decoding shows is said of it.
 * @param place as the worker names it: `images[0]`, `mask.image`
 */
export function memberOf(task: ImageTask, place: string): string {
  const params = paramsKeys[task];
  if (task === 'IMAGE_VARIATION') return `${params}.${place}`;
  if (place === 'mask.image') return `${params}.maskImage`;
  if (task === 'TEXT_IMAGE') return `${params}.conditionImage`;
  return `${params}.${task === 'COLOR_GUIDED_GENERATION' ? 'referenceImage' : 'image'}`;
}

function readParams(body: TitanBody): TaskRequest {
  if (body.textToImageParams) return readTextToImage(body.textToImageParams);
  if (body.inPaintingParams) return readMasked(body.inPaintingParams, 'inPaintingParams');
  if (body.outPaintingParams) {
    const { outPaintingMode = 'DEFAULT' } = body.outPaintingParams;
    return { ...readMasked(body.outPaintingParams, 'outPaintingParams'), outPaintingMode };
  }
  if (body.imageVariationParams) return readVariation(body.imageVariationParams);
  if (body.colorGuidedGenerationParams) return readColorGuided(body.colorGuidedGenerationParams);
  if (body.backgroundRemovalParams) {
    const { image } = body.backgroundRemovalParams;
    return { images: [image], numberOfImages: 1, ...readImage(image, 'backgroundRemovalParams.image') };
  }
  return body.smartCropParams ? readCrop(body.smartCropParams) : {};
}

function readTextToImage(params: NonNullable<TitanBody['textToImageParams']>): TaskRequest {
  const texts = { text: params.text, negativeText: params.negativeText ?? null };
  if (params.conditionImage === undefined) return texts;
  readImage(params.conditionImage, 'textToImageParams.conditionImage');
  const { controlMode = 'CANNY_EDGE', controlStrength = limits.controlStrength.default } = params;
  return { ...texts, images: [params.conditionImage], control: { mode: controlMode, strength: controlStrength } };
}

function readMasked(params: MaskedParams, key: string): TaskRequest {
  const { image, maskPrompt, maskImage } = params;
  if ((maskPrompt === undefined) === (maskImage === undefined))
    throw malformed(
      `#/${key}: exactly one of [maskPrompt] and [maskImage] is required, found ${maskImage === undefined ? 'none' : 'both'}`,
    );
  const size = readImage(image, `${key}.image`);
  if (maskImage !== undefined) refuseOtherSize(size, readImage(maskImage, `${key}.maskImage`), key);
  return {
    text: params.text ?? null,
    negativeText: params.negativeText ?? null,
    images: [image],
    mask: { image: maskImage ?? null, prompt: maskPrompt ?? null, isReturned: params.returnMask ?? false },
    ...size,
  };
}

function refuseOtherSize(image: Size, mask: Size, key: string): void {
  if (mask.width === image.width && mask.height === image.height) return;
  const isTurned = mask.width === image.height && mask.height === image.width;
  const why = isTurned ? ' Both are taken upright, as their EXIF orientation shows them.' : '';
  throw new Fault(
    'invalid',
    `${key}.maskImage must have the size of ${key}.image, ${image.width} x ${image.height}; it has ${mask.width} x ${mask.height}.${why}`,
  );
}

function readVariation(params: NonNullable<TitanBody['imageVariationParams']>): TaskRequest {
  // AWS: 4,096 x 4,096 here and 1,408 elsewhere. The worker scales them to what it draws, one after another.
  for (const [index, image] of params.images.entries())
    readImage(image, `imageVariationParams.images[${index}]`, limits.variationImage);
  return {
    text: params.text ?? null,
    negativeText: params.negativeText ?? null,
    images: params.images,
    similarityStrength: params.similarityStrength ?? limits.similarityStrength.default,
  };
}

function readColorGuided(params: NonNullable<TitanBody['colorGuidedGenerationParams']>): TaskRequest {
  const { referenceImage } = params;
  if (referenceImage !== undefined) readImage(referenceImage, 'colorGuidedGenerationParams.referenceImage');
  return {
    text: params.text,
    negativeText: params.negativeText ?? null,
    images: referenceImage === undefined ? [] : [referenceImage],
    colors: params.colors,
  };
}

/** The largest crop of that aspect; where it lies, the worker finds. */
function readCrop(params: NonNullable<TitanBody['smartCropParams']>): TaskRequest {
  const { width, height } = readImage(params.image, 'smartCropParams.image');
  const [across = 1, down = 1] = params.aspectRatio.split(':').map(Number);
  const scale = Math.min(width / across, height / down);
  return {
    text: params.subjectPrompt ?? null,
    images: [params.image],
    numberOfImages: 1,
    width: Math.max(1, Math.round(across * scale)),
    height: Math.max(1, Math.round(down * scale)),
  };
}

function readJson(body: Uint8Array | undefined): Record<string, unknown> {
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body ?? new Uint8Array());
    value = isDense(text) ? undefined : JSON.parse(text);
  } catch {
    // What JSON.parse says quotes the body, and with it the prompt.
    throw malformed('#: the body is not JSON in UTF-8');
  }
  if (value === undefined) throw malformed(`#: more than ${MOST_MARKS} members and items`);
  if (!isObject(value)) refuse(violations({ type: 'object', properties: {} }, value));
  return value as Record<string, unknown>;
}

function readTask(value: Record<string, unknown>, tasks: 'v1' | 'all'): ImageTask {
  if (!Object.hasOwn(value, 'taskType')) throw malformed('#: required key [taskType] not found');
  refuse(violations({ type: 'string', enum: tasksOf[tasks] }, value.taskType, '#/taskType'));
  return value.taskType as ImageTask;
}

function readSize(sent: TitanBody['imageGenerationConfig']): Size {
  const { width = config.defaultSize.width, height = config.defaultSize.height } = sent ?? {};
  if (!config.sizes.some(([permittedWidth, permittedHeight]) => permittedWidth === width && permittedHeight === height))
    throw malformed(
      `#/imageGenerationConfig: ${width} x ${height} is not a permitted width x height: ${PERMITTED_SIZES}`,
    );
  return { width, height };
}

const PERMITTED_SIZES = config.sizes.map(pair => pair.join('x')).join(' ');
const WRONG_SIDE = /^#\/imageGenerationConfig\/(width|height): /;

/** AWS names a wrong side and no right one: the sizes that would do follow. */
function withSizes(found: readonly string[]): readonly string[] {
  return found.some(violation => WRONG_SIDE.test(violation))
    ? [...found, `; permitted are, as width x height: ${PERMITTED_SIZES}`]
    : found;
}

function refuse(found: readonly string[]): void {
  if (found.length > 0) throw malformed(found.join(''));
}

function malformed(what: string): Fault {
  return new Fault('invalid', `Malformed input request: ${what}, please reformat your input and try again.`);
}
