/** The body of InvokeModel, made from what the page asks for. */
import limits from '../../../../contract/limits.json' with { type: 'json' };

export type Action =
  | 'generate'
  | 'variations'
  | 'remove'
  | 'replace'
  | 'background'
  | 'extend'
  | 'removeBackground'
  | 'colours'
  | 'crop';

interface ActionFacts {
  label: string;
  taskType: string;
  /** Whether it takes a picture; a mask; a prompt (`optional`: may be left empty). */
  images: 'none' | 'one' | 'several' | 'optional';
  mask: boolean;
  prompt: 'needed' | 'optional' | 'none';
  /** Whether size, number, strength and seed have a meaning. */
  configured: boolean;
}

/** The seed system's actions in its order and words, then ours. */
export const actions: Readonly<Record<Action, ActionFacts>> = {
  generate: facts('Generate image', 'TEXT_IMAGE', 'optional', false, 'needed'),
  variations: facts('Generate variations', 'IMAGE_VARIATION', 'several', false, 'optional'),
  remove: facts('Remove object', 'INPAINTING', 'one', true, 'none'),
  replace: facts('Replace object', 'INPAINTING', 'one', true, 'needed'),
  background: facts('Replace background', 'OUTPAINTING', 'one', true, 'needed'),
  extend: facts('Extend image', 'OUTPAINTING', 'one', false, 'needed'),
  removeBackground: { ...facts('Remove background', 'BACKGROUND_REMOVAL', 'one', false, 'none'), configured: false },
  colours: facts('Colour-guided generation', 'COLOR_GUIDED_GENERATION', 'optional', false, 'needed'),
  crop: { ...facts('Smart crop', 'SMART_CROP', 'one', false, 'none'), configured: false },
};

function facts(
  label: string,
  taskType: string,
  images: ActionFacts['images'],
  mask: boolean,
  prompt: ActionFacts['prompt'],
): ActionFacts {
  return { label, taskType, images, mask, prompt, configured: true };
}

export interface Settings {
  action: Action;
  prompt: string;
  negativePrompt: string;
  /** "1024 x 1024" is `1024x1024` here. */
  size: string;
  quality: 'standard' | 'premium';
  count: number;
  strength: number;
  seed: number;
  similarity: number;
  isMaskPainted: boolean;
  maskPrompt: string;
  /** `#RRGGBB` each. */
  colours: readonly string[];
  aspectRatio: string;
  /** What a crop keeps; '': what stands out. */
  subject: string;
  controlMode: 'CANNY_EDGE' | 'SEGMENTATION';
  controlStrength: number;
  outPaintingMode: 'DEFAULT' | 'PRECISE';
}

const config = limits.imageGenerationConfig;

export const initialSettings: Settings = {
  action: 'generate',
  prompt: '',
  negativePrompt: '',
  size: '1024x1024',
  quality: 'standard',
  count: 1,
  strength: config.cfgScale.default,
  seed: 0,
  similarity: limits.similarityStrength.default,
  isMaskPainted: false,
  maskPrompt: '',
  colours: ['#FF9900', '#232F3E'],
  aspectRatio: '16:9',
  subject: '',
  controlMode: 'CANNY_EDGE',
  controlStrength: limits.controlStrength.default,
  outPaintingMode: 'DEFAULT',
};

/** Pictures of a request: base64, or names of files in code that a person runs. */
export interface Pictures<Picture> {
  images: readonly Picture[];
  mask: Picture | undefined;
}

/** @returns the body, as InvokeModel takes it */
export function requestBody<Picture>(settings: Settings, { images, mask }: Pictures<Picture>): Record<string, unknown> {
  const { action } = settings;
  const { taskType, configured } = actions[action];
  const [image] = images;
  const text = settings.prompt.trim() === '' ? {} : { text: settings.prompt.trim() };
  const texts = {
    ...text,
    ...(settings.negativePrompt.trim() === '' ? {} : { negativeText: settings.negativePrompt.trim() }),
  };
  const masked = settings.isMaskPainted ? { maskImage: mask } : { maskPrompt: settings.maskPrompt.trim() };
  const params: Readonly<Record<Action, Record<string, unknown>>> = {
    generate: {
      textToImageParams: {
        ...texts,
        ...(image === undefined
          ? {}
          : {
              conditionImage: image,
              controlMode: settings.controlMode,
              controlStrength: settings.controlStrength,
            }),
      },
    },
    variations: { imageVariationParams: { images, ...texts, similarityStrength: settings.similarity } },
    remove: { inPaintingParams: { image, ...masked } },
    replace: { inPaintingParams: { image, ...masked, ...texts } },
    background: {
      outPaintingParams: { image, ...masked, ...texts, outPaintingMode: settings.outPaintingMode },
    },
    extend: { outPaintingParams: { image, maskImage: mask, ...texts, outPaintingMode: settings.outPaintingMode } },
    removeBackground: { backgroundRemovalParams: { image } },
    colours: {
      colorGuidedGenerationParams: {
        ...texts,
        colors: settings.colours,
        ...(image === undefined ? {} : { referenceImage: image }),
      },
    },
    crop: {
      smartCropParams: {
        image,
        aspectRatio: settings.aspectRatio,
        ...(settings.subject.trim() === '' ? {} : { subjectPrompt: settings.subject.trim() }),
      },
    },
  };
  return { taskType, ...params[action], ...(configured ? { imageGenerationConfig: generation(settings) } : {}) };
}

function generation(settings: Settings): Record<string, unknown> {
  const { action, size, quality, count, strength, seed } = settings;
  const [width, height] = size.split('x').map(Number);
  // What is edited keeps the size of its picture.
  const sized = actions[action].taskType.endsWith('PAINTING') ? {} : { width, height };
  return { numberOfImages: count, quality, ...sized, cfgScale: strength, seed };
}

/** What is still missing before the request makes sense. */
export function missingOf(settings: Settings, { images, mask }: Pictures<unknown>): string[] {
  const { images: takes, mask: isMasked, prompt } = actions[settings.action];
  const lacksMask = settings.isMaskPainted ? mask === undefined : settings.maskPrompt.trim() === '';
  const needed: [string, boolean][] = [
    ['a prompt', prompt === 'needed' && settings.prompt.trim() === ''],
    ['a picture', (takes === 'one' || takes === 'several') && images.length === 0],
    ['a mask', isMasked && lacksMask],
    ['a larger frame', settings.action === 'extend' && images.length > 0 && mask === undefined],
    ['a colour', settings.action === 'colours' && settings.colours.length === 0],
  ];
  return needed.filter(([, isMissing]) => isMissing).map(([name]) => name);
}
