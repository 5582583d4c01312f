/** Captions and masks for a picture that has none, before there is a job. */
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../../domain/fault.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import { readImageHeader } from '../../domain/training/image-facts.ts';
import { checkImageSize } from '../../domain/training/manifest.ts';
import type { BaseModel } from '../../ports/base-models.ts';
import type { InvokeAnswer, InvokeRequest, PreparingTask } from '../../ports/inference.ts';
import type { LikenessDependencies } from './dependencies.ts';

/** The largest picture that a job takes, in base64, and what stands around it. */
const MAXIMUM_BODY_BYTES = Math.ceil((limits.trainingImage.maximumSizeBytes * 4) / 3) + 64 * 1024;

export function preparingRoutes(deps: Pick<LikenessDependencies, 'baseModels' | 'capacity'>): Route[] {
  const { baseModels, capacity } = deps;

  async function prepare(
    task: PreparingTask,
    body: RouteInput['body'],
    text: string | null,
    requestId: string,
    signal: AbortSignal,
  ) {
    const image = readPicture(body.image);
    const model = modelFor(task, body.modelId);
    const answer = await capacity.invokeBase(model.id, requestOf(task, image, text, requestId), signal).catch(told);
    return { answer, modelId: model.id };
  }

  function modelFor(task: PreparingTask, modelId: unknown): BaseModel {
    if (modelId === undefined || modelId === null) return baseModels.preparer(task);
    if (typeof modelId !== 'string')
      throw new Fault('invalid', 'modelId must be a string: the id of a registered model.');
    const model = baseModels.get(modelId);
    if (model) return model;
    throw new Fault(
      'notFound',
      `The model ${modelId.slice(0, 100)} is not registered: "likeness model list" shows those that are.`,
    );
  }

  return [
    {
      method: 'POST',
      path: '/captions',
      action: 'GenerateCaption',
      maximumBodyBytes: MAXIMUM_BODY_BYTES,
      shownMembers: ['modelId'],
      async handle({ body }, ctx) {
        refuseUnknown(body, ['image', 'modelId', 'triggerWord']);
        const triggerWord = words(body, 'triggerWord', limits.optionalHyperParameters.triggerWord.maximumLength);
        const { answer, modelId } = await prepare('CAPTION', body, triggerWord, ctx.requestId, ctx.signal);
        const caption = answer.caption?.trim().slice(0, limits.caption.maximumLength) ?? '';
        if (caption.length < limits.caption.minimumLength)
          throw new Fault('modelError', `The model ${modelId} found no words for this picture.`);
        return { json: { caption, modelId } };
      },
    },
    {
      method: 'POST',
      path: '/masks',
      action: 'GenerateMask',
      maximumBodyBytes: MAXIMUM_BODY_BYTES,
      shownMembers: ['modelId'],
      async handle({ body }, ctx) {
        refuseUnknown(body, ['image', 'modelId', 'subject']);
        const subject = words(body, 'subject', limits.prompt.maximumLength);
        if (subject === null)
          throw new Fault('invalid', 'subject is required: words for what to find, such as "the dog".');
        const { answer, modelId } = await prepare('MASK', body, subject, ctx.requestId, ctx.signal);
        const [maskImage] = answer.images;
        if (maskImage === undefined) throw new Fault('modelError', `The model ${modelId} answered without a mask.`);
        return { json: { maskImage, modelId } };
      },
    },
  ];
}

/** The worker speaks of its own members. */
function told(error: unknown): InvokeAnswer {
  if (!(error instanceof Fault) || error.kind !== 'invalid') throw error;
  throw new Fault('invalid', `${error.message.replace('images[0]', 'image')}.`, { cause: error });
}

function readPicture(image: unknown): string {
  if (typeof image !== 'string' || image === '' || image.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(image))
    throw new Fault('invalid', 'image is required: the base64 of a JPEG or PNG, without the data: prefix.');
  const bytes = Buffer.from(image, 'base64');
  const tooLarge = checkImageSize(bytes.length);
  if (tooLarge !== undefined) throw new Fault('invalid', `image ${tooLarge}.`);
  const header = readImageHeader(bytes, true);
  if (header.kind !== 'image')
    throw new Fault('invalid', `image ${header.kind === 'unusable' ? header.reason : 'has no header'}.`);
  const { width, height } = header.facts;
  const { maximumSidePixels } = limits.trainingImage;
  if (Math.max(width, height) > maximumSidePixels)
    throw new Fault('invalid', `image is ${width} x ${height} pixels: each side must be at most ${maximumSidePixels}.`);
  return image;
}

function words(body: RouteInput['body'], member: string, maximumLength: number): string | null {
  const value = body[member];
  if (value === undefined || value === null) return null;
  const length = typeof value === 'string' ? [...value.trim()].length : 0;
  if (typeof value !== 'string' || length < 1 || length > maximumLength)
    throw new Fault('invalid', `${member} must be a text of 1 to ${maximumLength} characters.`);
  return value.trim();
}

function refuseUnknown(body: RouteInput['body'], known: readonly string[]): void {
  for (const name of Object.keys(body))
    if (!known.includes(name))
      throw new Fault('invalid', `${name.slice(0, 40)} is not known; the body may have ${known.join(', ')}.`);
}

function requestOf(
  task: PreparingTask,
  image: string,
  text: string | null,
  requestId: string,
): Omit<InvokeRequest, 'adapterId'> {
  return {
    ...{ requestId, task, text, images: [image] },
    ...{ negativeText: null, similarityStrength: null, mask: null, outPaintingMode: null, colors: [], control: null },
    // Nothing is drawn: these only have to be within their bounds.
    ...{ numberOfImages: 1, width: 2, height: 2, cfgScale: 8, seed: 0, quality: 'standard' },
  };
}
