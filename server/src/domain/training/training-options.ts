/** Hyperparameters beyond AWS's three: optional keys of the same map, each with a safe default. */
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../fault.ts';
import { familiesThatFindByWords } from '../model-families.ts';
import { MUST_BE_WELL_FORMED } from '../well-formed.ts';
import type { CaptionWords } from './caption-words.ts';
import type { Concept } from './concept.ts';

const bounds = limits.optionalHyperParameters;

type OptionKey = keyof typeof bounds;

/** Keys that a request may leave out. */
export const OPTIONAL_HYPERPARAMETERS: readonly string[] = Object.keys(bounds);

/** As they are applied. */
export interface TrainingOptions {
  method: 'lora' | 'full';
  /** Null or absent: read from the captions once they are there. */
  concept?: Concept | null;
  rank: number;
  alpha: number;
  captionDropout: number;
  /** Null: off. */
  minSnrGamma: number | null;
  /** Weight of the loss on class pictures that the base itself drew; 0: none. */
  priorPreservation: number;
  resolution: number;
  /** Null: by the number of steps, see `validationInterval`. 0: no evaluation. */
  validationInterval: number | null;
  /** Empty: made from the captions. */
  samplePrompts: string[];
  /** Absent in jobs that are older than it. */
  captionWords?: CaptionWords;
  /** Words by which a mask is found in images whose record names none; null: none is. Absent in older jobs. */
  maskPrompt?: string | null;
  /** Weight of the loss outside of a mask; absent in older jobs. */
  unmaskedWeight?: number;
}

/** What of a base model bounds its jobs and gives their defaults. */
export interface OptionDefaults {
  family: string;
  resolution: number;
  sizeMultiple: number;
  lora: { rank: number; alpha: number; maximumRank: number };
  training: { captionDropout: number; minSnrGamma: number | null };
}

/** The custom model that a job starts from, where it does: what it was trained with is the job's. */
export type StartingModel = { modelName: string } & (
  | { method: 'full' }
  | { method: 'lora'; rank: number; alpha: number }
);

/** A full fine-tuning moves every weight: it wants about a tenth of a LoRA's rate. */
const FULL_RATE_SHARE = 0.1;
const FEWEST_EVALUATED_STEPS = 100;

/**
 * Reads the optional keys, whose presence `parseHyperparameters` has checked.
 * @throws Fault invalid naming the key, its bound and the value
 */
export function readTrainingOptions(
  given: Readonly<Record<string, unknown>> | undefined,
  base: OptionDefaults,
  start: StartingModel | null = null,
): { options: TrainingOptions; seed: number | undefined } {
  const read = (key: OptionKey) => optionText(given, key);
  const { method = start?.method ?? 'lora', ...texts } = Object.fromEntries(
    (Object.keys(bounds) as OptionKey[]).map(key => [key, read(key)]),
  );
  if (method !== 'lora' && method !== 'full')
    throw refusal('method', `must be ${bounds.method.values.join(' or ')}`, method);
  const { concept = null } = texts;
  if (concept !== null && concept !== 'subject' && concept !== 'style')
    throw refusal('concept', `must be ${bounds.concept.values.join(' or ')}`, concept);
  if (method === 'full')
    for (const key of ['rank', 'alpha'])
      if (texts[key] !== undefined) throw refusal(key, 'belongs to method lora; leave it out for full', texts[key]);
  if (texts.maskedLoss !== undefined && !familiesThatFindByWords.includes(base.family))
    throw refusal(
      'maskedLoss',
      'finds the subject by its words, which this base model cannot; leave it out, and give masks with mask-ref',
      texts.maskedLoss,
    );
  const { minimum, maximum } = resolutionBounds(base);
  const lora = start?.method === 'lora' ? start : null;
  const rank = wholeNumber('rank', texts.rank, 1, base.lora.maximumRank) ?? lora?.rank ?? base.lora.rank;
  const alpha = decimal('alpha', texts.alpha, bounds.alpha) ?? lora?.alpha ?? (rank * base.lora.alpha) / base.lora.rank;
  if (start) refuseOther(start, { method, rank, alpha });
  const gamma = decimal('minSnrGamma', texts.minSnrGamma, bounds.minSnrGamma) ?? base.training.minSnrGamma;
  const resolution = wholeNumber('resolution', texts.resolution, minimum, maximum) ?? base.resolution;
  if (resolution % base.sizeMultiple !== 0)
    throw refusal('resolution', `must be a multiple of ${base.sizeMultiple} for this base model`, texts.resolution);
  return {
    seed: wholeNumber('seed', texts.seed, bounds.seed.minimum, bounds.seed.maximum),
    options: {
      method,
      concept,
      rank,
      alpha,
      captionDropout:
        decimal('captionDropout', texts.captionDropout, bounds.captionDropout) ?? base.training.captionDropout,
      minSnrGamma: gamma === 0 ? null : gamma,
      priorPreservation: decimal('priorPreservation', texts.priorPreservation, bounds.priorPreservation) ?? 0,
      resolution,
      validationInterval:
        wholeNumber(
          'validationInterval',
          texts.validationInterval,
          bounds.validationInterval.minimum,
          bounds.validationInterval.maximum,
        ) ?? null,
      samplePrompts: readPrompts(texts.samplePrompts),
      maskPrompt: words('maskedLoss', texts.maskedLoss),
      unmaskedWeight:
        decimal('unmaskedWeight', texts.unmaskedWeight, bounds.unmaskedWeight) ?? bounds.unmaskedWeight.default,
      captionWords: {
        triggerWord: words('triggerWord', texts.triggerWord),
        captionPrefix: words('captionPrefix', texts.captionPrefix),
        captionSuffix: words('captionSuffix', texts.captionSuffix),
      },
    },
  };
}

/** A training goes on from weights as they are: their kind and shape are not the job's to choose. */
function refuseOther(start: StartingModel, chosen: { method: string; rank: number; alpha: number }): void {
  const { modelName, ...fixed } = start;
  for (const [key, value] of Object.entries(fixed)) {
    const own = chosen[key as keyof typeof chosen];
    if (own !== value)
      throw refusal(key, `must be ${value}, as of the custom model ${modelName} that the job starts from`, String(own));
  }
}

/** Of a job that was made before there were options. */
export function defaultOptions(base: OptionDefaults): TrainingOptions {
  return readTrainingOptions({}, base).options;
}

/** The optional keys that were given, as given. */
export function givenOptions(given: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const entries = OPTIONAL_HYPERPARAMETERS.map(key => [key, optionText(given, key as OptionKey)] as const);
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

/** The learning rate applied: the request's, on the seed system's scale, times the base model's factor. */
export function appliedLearningRate(requested: number, factor: number, method: 'lora' | 'full'): number {
  return requested * factor * (method === 'full' ? FULL_RATE_SHARE : 1);
}

/**
 * Steps from one evaluation to the next: as given, else a quarter of the training and at most 500; null for none, which
 * is also what a training of fewer than 100 steps gets unless it asks (by the key, or by validation data): its evaluation
 * would cost more than it.
 *
 * @param mayEndAt from which step on the training may end by itself: it is looked at four times before
 */
export function validationInterval(
  given: number | null,
  stepCount: number,
  { hasData = false, mayEndAt = stepCount } = {},
): number | null {
  if (given === 0) return null;
  if (given !== null) return given;
  if (stepCount < FEWEST_EVALUATED_STEPS && !hasData) return null;
  return Math.min(500, Math.ceil(Math.min(stepCount, mayEndAt) / 4));
}

/** From a half to one and a half times what the base was trained at: past either it draws badly. */
function resolutionBounds({ resolution, sizeMultiple }: OptionDefaults): { minimum: number; maximum: number } {
  return {
    minimum: Math.ceil(resolution / 2 / sizeMultiple) * sizeMultiple,
    maximum: Math.floor((resolution * 1.5) / sizeMultiple) * sizeMultiple,
  };
}

function optionText(given: Readonly<Record<string, unknown>> | undefined, key: OptionKey): string | undefined {
  const value = given && Object.hasOwn(given, key) ? given[key] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw new Fault('invalid', `hyperParameters.${key} must be a JSON string; you sent a value of type ${typeof value}.`);
}

function wholeNumber(key: string, text: string | undefined, minimum: number, maximum: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw refusal(key, `must be a whole number from ${minimum} to ${maximum}`, text);
}

function decimal(
  key: string,
  text: string | undefined,
  { minimum, maximum }: { minimum: number; maximum: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw refusal(key, `must be a number from ${minimum} to ${maximum}`, text);
}

type WordsKey = 'triggerWord' | 'captionPrefix' | 'captionSuffix' | 'maskedLoss';

function words(key: WordsKey, text: string | undefined): string | null {
  if (text === undefined) return null;
  const { minimumLength, maximumLength } = bounds[key];
  const length = [...text.trim()].length;
  if (length < minimumLength || length > maximumLength)
    throw new Fault(
      'invalid',
      `hyperParameters.${key} must be ${minimumLength} to ${maximumLength} characters; it has ${length}.`,
    );
  if (/\p{Cc}/u.test(text)) throw new Fault('invalid', `hyperParameters.${key} must be one line of text.`);
  return text.trim();
}

/** A JSON array of texts in a string: a prompt may hold any separator that one could choose. */
function readPrompts(text: string | undefined): string[] {
  if (text === undefined) return [];
  const { minimumLength, maximumLength } = limits.prompt;
  const form = `must be a JSON array of 1 to ${bounds.samplePrompts.maximumCount} prompts, such as ["a dog on the moon"]`;
  let prompts: unknown;
  try {
    prompts = JSON.parse(text);
  } catch {
    throw new Fault('invalid', `hyperParameters.samplePrompts ${form}; what you sent is not JSON.`);
  }
  if (!Array.isArray(prompts) || prompts.length < 1 || prompts.length > bounds.samplePrompts.maximumCount)
    throw new Fault(
      'invalid',
      `hyperParameters.samplePrompts ${form}; you sent ${Array.isArray(prompts) ? `${prompts.length} prompts` : 'no array'}.`,
    );
  for (const [index, prompt] of prompts.entries())
    if (typeof prompt !== 'string' || prompt.trim() === '' || [...prompt].length > maximumLength)
      throw new Fault(
        'invalid',
        `hyperParameters.samplePrompts[${index}] must be a text of ${minimumLength} to ${maximumLength} characters; ${
          typeof prompt === 'string' ? `you sent ${[...prompt].length}` : `you sent a value of type ${typeof prompt}`
        }.`,
      );
    else if (!prompt.isWellFormed())
      throw new Fault('invalid', `hyperParameters.samplePrompts[${index}] ${MUST_BE_WELL_FORMED}.`);
  return prompts as string[];
}

function refusal(key: string, rule: string, text: string | undefined): Fault {
  const shown = (text ?? '').length > 40 ? `${text?.slice(0, 40)}…` : text;
  return new Fault('invalid', `hyperParameters.${key} ${rule}; you sent "${shown}".`);
}
