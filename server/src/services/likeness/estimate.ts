import limits from '../../../../contract/limits.json' with { type: 'json' };
import { Fault } from '../../domain/fault.ts';
import type { RequestContext } from '../../domain/operation.ts';
import { costOf } from '../../domain/prices.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import { withCaptionWords } from '../../domain/training/caption-words.ts';
import { type Concept, conceptOf } from '../../domain/training/concept.ts';
import { estimateTraining, type PastTraining } from '../../domain/training/estimate.ts';
import { automaticStepCount, parseHyperparameters } from '../../domain/training/hyperparameters.ts';
import { readTrainingOptions, type TrainingOptions } from '../../domain/training/training-options.ts';
import { imagesSeen } from '../../domain/usage.ts';
import type { CustomizationJobRow } from '../../ports/store-bedrock.ts';
import type { LikenessDependencies } from './dependencies.ts';

type Dependencies = Pick<
  LikenessDependencies,
  'store' | 'readJobBase' | 'prices' | 'quotas' | 'machineUnits' | 'trainingSlots'
>;

/** Completed jobs that are looked at. */
const NEWEST_JOBS = 500;
/** Captions that tell a concept; of a larger set the caller picks them. */
const MOST_CAPTIONS = 200;
const COMMITMENTS = ['OneMonth', 'SixMonths'];

/** What a job or a purchase will take, before there is one. */
export function estimateRoutes(deps: Dependencies): Route[] {
  return [
    {
      method: 'POST',
      path: '/estimate',
      action: 'GetEstimate',
      async handle({ body }, ctx) {
        const [kind, ...others] = Object.keys(body);
        const given = kind === undefined ? undefined : body[kind];
        const isKnown = kind === 'customizationJob' || kind === 'provisionedThroughput';
        if (!isKnown || others.length > 0 || typeof given !== 'object' || given === null || Array.isArray(given))
          throw new Fault(
            'invalid',
            'The body must have one member, an object: customizationJob or provisionedThroughput.',
          );
        const members = given as RouteInput['body'];
        const estimate = kind === 'customizationJob' ? ofJob(members, ctx, deps) : ofPurchase(members, deps);
        return { json: { currency: deps.prices?.currency ?? null, ...(await estimate) } };
      },
    },
  ];
}

async function ofJob(given: RouteInput['body'], ctx: RequestContext, deps: Dependencies) {
  refuseUnknown(given, 'customizationJob', ['baseModelIdentifier', 'imageCount', 'hyperParameters', 'captions']);
  const { baseModelIdentifier, hyperParameters } = given;
  const { store, prices, trainingSlots } = deps;
  if (typeof baseModelIdentifier !== 'string')
    throw new Fault('invalid', 'customizationJob.baseModelIdentifier must be a string.');
  const { base, start } = await deps.readJobBase(baseModelIdentifier, ctx);
  const { minimumCount, maximumCount } = limits.trainingImages;
  const imageCount = wholeNumber(given, 'customizationJob', 'imageCount', minimumCount, maximumCount);
  if (hyperParameters !== undefined && (Object(hyperParameters) !== hyperParameters || Array.isArray(hyperParameters)))
    throw new Fault('invalid', 'customizationJob.hyperParameters must be an object of strings.');
  const sent = (hyperParameters ?? {}) as Record<string, string>;
  const { hyperparameters } = parseHyperparameters({ stepCount: 'auto', ...sent });
  const { options } = readTrainingOptions(sent, base, start);
  const captions = captionsOf(given);
  const { batchSize } = hyperparameters;
  const stepCount = hyperparameters.stepCount === 'auto' ? automaticStepCount(imageCount) : hyperparameters.stepCount;
  const { completed, unfinished } = await store.read(async rows => ({
    completed: await rows.bedrock.listCompletedJobs(NEWEST_JOBS),
    unfinished: await rows.bedrock.listUnfinishedJobs(),
  }));
  const { method, resolution } = options;
  const plan = { baseModelId: base.id, method, resolution, batchSize, imagesSeen: batchSize * stepCount };
  const past = completed.flatMap(job => pastTraining(job, ctx.accountId) ?? []);
  const billed = imagesSeen(imageCount, batchSize, stepCount);
  return {
    ...{ stepCount, batchSize, imagesSeen: billed },
    concept: conceptThatIsTrained(options, captions),
    ...estimateTraining(plan, past),
    cost: costOf(prices, { dimension: 'imagesSeen', variant: '', quantity: billed }),
    queue: { trainingSlots, unfinishedJobs: unfinished.length },
  };
}

function captionsOf({ captions }: RouteInput['body']): string[] {
  if (captions === undefined) return [];
  if (!Array.isArray(captions) || captions.length > MOST_CAPTIONS || captions.some(text => typeof text !== 'string'))
    throw new Fault(
      'invalid',
      `customizationJob.captions must be a list of at most ${MOST_CAPTIONS} strings; you sent ${shown(captions)}.`,
    );
  return captions;
}

/** As a job decides it; null where it would read it from captions and none are given. */
function conceptThatIsTrained({ concept, captionWords }: TrainingOptions, captions: readonly string[]): Concept | null {
  if (concept) return concept;
  if (captions.length === 0) return null;
  return conceptOf(captionWords ? captions.map(caption => withCaptionWords(caption, captionWords)) : captions);
}

function pastTraining(job: CustomizationJobRow, accountId: string): PastTraining | undefined {
  const { resolved, imagesSeen: seen, trainingSeconds, endedAt, statusDetails, measured } = job;
  const { startedAt } = statusDetails.dataProcessing;
  const { options } = resolved;
  if (!options || seen === null || trainingSeconds === null || endedAt === null || startedAt === null) return undefined;
  return {
    ...{ baseModelId: job.baseModelId, method: options.method, resolution: options.resolution },
    ...{ batchSize: resolved.batchSize, imagesSeen: seen, trainingSeconds },
    otherSeconds: Math.max(0, (endedAt - startedAt) / 1000 - trainingSeconds),
    ...(measured ?? { peakMemoryBytes: null, bestScore: null, encoder: null }),
    isOwn: job.accountId === accountId,
  };
}

async function ofPurchase(given: RouteInput['body'], { store, prices, quotas, machineUnits }: Dependencies) {
  refuseUnknown(given, 'provisionedThroughput', ['modelUnits', 'commitmentDuration']);
  const modelUnits = wholeNumber(given, 'provisionedThroughput', 'modelUnits', 1, 1024);
  const { commitmentDuration = null } = given;
  if (commitmentDuration !== null && !COMMITMENTS.includes(commitmentDuration as string))
    throw new Fault(
      'invalid',
      `provisionedThroughput.commitmentDuration must be one of ${COMMITMENTS.join(', ')}, or left out; you sent ${shown(commitmentDuration)}.`,
    );
  const bought = await store.read(rows => rows.bedrock.countModelUnits());
  const free = Math.max(0, machineUnits - bought);
  const unitsAvailable = Math.min(free, quotas.modelUnitsEach ?? free);
  const variant = (commitmentDuration as string | null) ?? 'none';
  return {
    ...{ modelUnits, unitsAvailable, isAvailable: modelUnits <= unitsAvailable },
    costPerHour: costOf(prices, { dimension: 'modelUnitHours', variant, quantity: modelUnits }),
  };
}

function refuseUnknown(given: RouteInput['body'], where: string, known: readonly string[]): void {
  for (const name of Object.keys(given))
    if (!known.includes(name))
      throw new Fault('invalid', `${where}.${name} is not known; it may have ${known.join(', ')}.`);
}

function wholeNumber(given: RouteInput['body'], where: string, name: string, minimum: number, maximum: number): number {
  const value = given[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum)
    throw new Fault(
      'invalid',
      `${where}.${name} must be a whole number from ${minimum} to ${maximum}; you sent ${shown(value)}.`,
    );
  return value;
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 100) ?? 'nothing';
}
