import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { familyOfPipeline, preparingFamilies } from '../../domain/model-families.ts';
import type { BaseModel } from '../../ports/base-models.ts';

/** AWS's form of a model id: provider.model, so that every ARN made of it passes the clients' patterns. */
const MODEL_ID = /^[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}$/;

interface FamilyDefaults {
  learningRateFactor: number;
  resolution: number;
  sizeMultiple: number;
  maximumRank: number;
}

/** By family, where likeness.json does not say; a rank past the narrowest trained layers only costs time. */
const familyDefaults: Readonly<Record<string, FamilyDefaults>> = {
  art: { learningRateFactor: 100, resolution: 128, sizeMultiple: 32, maximumRank: 64 },
  // A LoRA on Stable Diffusion wants about 1e-4 (diffusers' example) where the seed system's good value is 1e-5.
  'stable-diffusion': { learningRateFactor: 10, resolution: 512, sizeMultiple: 64, maximumRank: 128 },
  'stable-diffusion-xl': { learningRateFactor: 10, resolution: 1024, sizeMultiple: 64, maximumRank: 128 },
  'stable-diffusion-3': { learningRateFactor: 10, resolution: 1024, sizeMultiple: 64, maximumRank: 128 },
  flux: { learningRateFactor: 10, resolution: 1024, sizeMultiple: 64, maximumRank: 128 },
  // They are neither trained nor drawn with.
  blip: { learningRateFactor: 1, resolution: 384, sizeMultiple: 1, maximumRank: 1 },
  clipseg: { learningRateFactor: 1, resolution: 352, sizeMultiple: 1, maximumRank: 1 },
};

/**
 * @param registeredId the id that it shall have; else likeness.json names it
 * @throws Error with one line to show where the folder is no base model, or a member of its likeness.json cannot be right
 */
export async function readBaseModel(path: string, registeredId?: string): Promise<BaseModel> {
  const index = await readJson(join(path, 'model_index.json'));
  const modelType = index === undefined ? section(await readJson(join(path, 'config.json'))).model_type : undefined;
  const preparing = Object.keys(preparingFamilies).find(name => name === modelType);
  if (index === undefined && preparing === undefined)
    throw new Error(`There is no base model in ${path}: model_index.json is missing. A diffusers folder has one.`);
  const settings = section((await readJson(join(path, 'likeness.json'))) ?? {});
  const pipeline = String(section(index)._class_name);
  const family = preparing ?? settings.family ?? familyOfPipeline[pipeline];
  const defaults = typeof family === 'string' && Object.hasOwn(familyDefaults, family) && familyDefaults[family];
  if (typeof family !== 'string' || !defaults)
    throw new Error(
      `The base model in ${path} is a ${pipeline}, which no family supports: ${Object.keys(familyOfPipeline).join(', ')} do.`,
    );
  const id = registeredId ?? settings.id;
  if (typeof id !== 'string' || !MODEL_ID.test(id))
    throw new Error(
      `The base model in ${path} needs an id of the form provider.model (lower-case letters, digits, dashes); it has ${JSON.stringify(id)}.`,
    );
  const lora = section(settings.lora);
  const training = section(settings.training);
  const style = section(training.style);
  const captionDropout = number(path, 'training.captionDropout', training.captionDropout, 0.1, 1);
  const unconditionalPrior = number(path, 'training.unconditionalPrior', training.unconditionalPrior, 0, 1);
  const rank = number(path, 'lora.rank', lora.rank, 16);
  return {
    id,
    name: typeof settings.name === 'string' ? settings.name : id,
    licence: typeof settings.licence === 'string' ? settings.licence : 'unknown',
    path,
    family,
    learningRateFactor: number(path, 'learningRateFactor', settings.learningRateFactor, defaults.learningRateFactor),
    resolution: number(path, 'resolution', settings.resolution ?? (await sampleSize(path)), defaults.resolution),
    sizeMultiple: number(path, 'sizeMultiple', settings.sizeMultiple, defaults.sizeMultiple),
    lora: {
      rank,
      alpha: number(path, 'lora.alpha', lora.alpha, rank),
      maximumRank: number(path, 'lora.maximumRank', lora.maximumRank, Math.max(rank, defaults.maximumRank)),
    },
    training: {
      captionDropout,
      unconditionalPrior,
      warmupSteps: number(path, 'training.warmupSteps', training.warmupSteps, 20),
      usualSteps: steps(path, 'training.usualSteps', training.usualSteps),
      minSnrGamma:
        training.minSnrGamma === null || training.minSnrGamma === undefined
          ? null
          : number(path, 'training.minSnrGamma', training.minSnrGamma, 5),
      learningRateSchedule: schedule(path, training.learningRateSchedule ?? 'constant'),
      style: {
        captionDropout: number(path, 'training.style.captionDropout', style.captionDropout, captionDropout, 1),
        unconditionalPrior: number(
          path,
          'training.style.unconditionalPrior',
          style.unconditionalPrior,
          unconditionalPrior,
          1,
        ),
      },
    },
  };
}

/** Stable Diffusion 2 at 768 px differs from 1.5 only in the denoiser's sample_size, in latents of 8 pixels. */
async function sampleSize(path: string): Promise<number | undefined> {
  const config =
    (await readJson(join(path, 'unet', 'config.json'))) ?? (await readJson(join(path, 'transformer', 'config.json')));
  const size = section(config).sample_size;
  return typeof size === 'number' && size > 0 ? size * 8 : undefined;
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR')
      return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the file, which may be anything on this machine.
    throw new Error(`${path} is not JSON.`);
  }
}

function section(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function number(path: string, member: string, value: unknown, fallback: number, maximum = Number.MAX_VALUE): number {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'number' || !(value >= 0 && value <= maximum))
    throw new Error(
      `${join(path, 'likeness.json')}: ${member} must be a number, 0 ${maximum === Number.MAX_VALUE ? 'or more' : `to ${maximum}`}; it is ${JSON.stringify(value)}.`,
    );
  return value;
}

function steps(path: string, member: string, value: unknown): number | null {
  const { minimum, maximum } = limits.hyperParameters.stepCount;
  if (value === undefined || value === null) return null;
  if (Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum) return Number(value);
  throw new Error(
    `${join(path, 'likeness.json')}: ${member} must be a whole number from ${minimum} to ${maximum}; it is ${JSON.stringify(value)}.`,
  );
}

function schedule(path: string, value: unknown): 'constant' | 'cosine' {
  if (value === 'constant' || value === 'cosine') return value;
  throw new Error(
    `${join(path, 'likeness.json')}: training.learningRateSchedule must be constant or cosine; it is ${JSON.stringify(value)}.`,
  );
}
