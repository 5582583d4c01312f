import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../fault.ts';
import { givenOptions, OPTIONAL_HYPERPARAMETERS } from './training-options.ts';

const bounds = limits.hyperParameters;

export interface Hyperparameters {
  /** `auto`: by the number of images, known after validation. */
  stepCount: number | 'auto';
  batchSize: number;
  /** On the seed system's scale; a base model's factor turns it into its own. */
  learningRate: number;
}

/**
 * Reads `hyperParameters` of a request (bedrock-facts.md §2.6).
 * @param given as sent: AWS's contract says a map of strings, some clients send numbers
 * @returns the numbers of AWS's three, and the map to echo: what was sent, the three's defaults filled in
 * @throws Fault invalid naming the key, its bound and the value
 */
export function parseHyperparameters(given: Readonly<Record<string, unknown>> | undefined): {
  hyperparameters: Hyperparameters;
  echoed: Record<string, string>;
} {
  for (const key of Object.keys(given ?? {}))
    if (!Object.hasOwn(bounds, key) && !OPTIONAL_HYPERPARAMETERS.includes(key))
      throw new Fault(
        'invalid',
        `hyperParameters.${key} is not a hyperparameter of this model; it takes ${[...Object.keys(bounds), ...OPTIONAL_HYPERPARAMETERS].join(', ')}.`,
      );
  const stepCount = text(given, 'stepCount');
  if (stepCount === undefined)
    throw new Fault(
      'invalid',
      `hyperParameters.stepCount is required: a whole number from ${bounds.stepCount.minimum} to ${bounds.stepCount.maximum}, or auto.`,
    );
  const batchSize = text(given, 'batchSize') ?? String(bounds.batchSize.default);
  // Written out, as the documentation shows it: String(1e-5) would be "0.00001" too, but only by luck of the value.
  const learningRate = text(given, 'learningRate') ?? bounds.learningRate.default.toFixed(5);
  return {
    hyperparameters: {
      stepCount: readStepCount(stepCount),
      batchSize: readBatchSize(batchSize),
      learningRate: readLearningRate(learningRate),
    },
    echoed: { stepCount: stepCount.toLowerCase(), batchSize, learningRate, ...givenOptions(given) },
  };
}

/**
 * What `auto` stands for: the seed system's recommended steps by number of images, straight lines between its points
 * (and from the origin to the first), never below 500.
 */
export function automaticStepCount(imageCount: number): number {
  let [previousImages, previousSteps] = [0, 0];
  for (const [images = 0, steps = 0] of limits.recommendedSteps) {
    if (imageCount <= images) {
      const share = (imageCount - previousImages) / (images - previousImages);
      const step = Math.round(previousSteps + share * (steps - previousSteps));
      return Math.max(bounds.stepCount.automaticMinimum, step);
    }
    [previousImages, previousSteps] = [images, steps];
  }
  return previousSteps;
}

function text(given: Readonly<Record<string, unknown>> | undefined, key: keyof typeof bounds): string | undefined {
  const value = given?.[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string')
    throw new Fault(
      'invalid',
      `hyperParameters.${key} must be a JSON string, such as "${value}"; you sent the ${typeof value} ${value}.`,
    );
  return value;
}

function readStepCount(value: string): number | 'auto' {
  if (value.toLowerCase() === 'auto') return 'auto';
  const { minimum, maximum } = bounds.stepCount;
  const steps = wholeNumber(value);
  if (steps === undefined || steps < minimum || steps > maximum)
    throw new Fault(
      'invalid',
      `hyperParameters.stepCount must be a whole number from ${minimum} to ${maximum}, or auto; you sent "${shown(value)}".`,
    );
  return steps;
}

function readBatchSize(value: string): number {
  const { minimum, maximum, multipleOf } = bounds.batchSize;
  const size = wholeNumber(value);
  if (size === undefined || size < minimum || size > maximum || size % multipleOf !== 0)
    throw new Fault(
      'invalid',
      `hyperParameters.batchSize must be a multiple of ${multipleOf} from ${minimum} to ${maximum}; you sent "${shown(value)}".`,
    );
  return size;
}

function readLearningRate(value: string): number {
  const { minimum, maximum } = bounds.learningRate;
  const rate = /^(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(value) ? Number(value) : undefined;
  if (rate === undefined || !(rate >= minimum && rate <= maximum))
    throw new Fault(
      'invalid',
      `hyperParameters.learningRate must be a number from ${minimum} to ${maximum}; you sent "${shown(value)}".`,
    );
  return rate;
}

function wholeNumber(value: string): number | undefined {
  return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/** A value may be as long as a request allows; a message may not. */
function shown(value: string): string {
  return value.length > 40 ? `${value.slice(0, 40)}…` : value;
}
