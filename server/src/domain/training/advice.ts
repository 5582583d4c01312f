/** The seed system's advice (facts §2.6), given from a job's own curves in the place of the user's eye. */
import limits from '../../../../contract/limits.json' with { type: 'json' };
import type { EvaluationEvent } from './events.ts';

export interface Advice {
  advice: 'moreSteps' | 'fewerSteps' | 'largerBatchOrLearningRate' | 'gentlerOrAnotherBase' | 'enough' | 'notMeasured';
  /** One or two sentences for the user. */
  message: string;
  /** What led to it. */
  numbers: Record<string, number>;
}

/** Cosines. Below this gain of subjectFidelity over the untouched base, there is no sign of the subject. */
const LEAST_GAIN = 0.05;
/**
 * A sample is on its way to a copy where it has come more than this share of the way from the training pictures' own
 * nearness to each other to 1. A share, as pictures of one subject in unlike places lie far apart and a sample of a
 * caption belongs beside its picture.
 */
const COPY_SHARE = 0.5;
/** How far subject and prompt fidelity are below their best where the training has gone too far. */
const FALL = 0.03;
const RISE = 0.02;
/** Of a validation loss on pictures that were not trained on, over its lowest. */
const LOSS_RISE = 1.05;
/** Of the steps that a base model usually takes: below it, a training is not finished, whatever its scores say. */
const USUAL_SHARE = 0.5;
/** The share of the base's promptFidelity below which a model no longer does what prompts say. */
const PROMPTS_KEPT = 0.5;

/** What was asked for, as a job's row has it: members are absent in rows that are older than they. */
export interface AdvisedTraining {
  /** Null while the images are not counted. */
  stepCount: number | null;
  /** What the base model says that a few dozen pictures usually take; null where it says nothing. */
  usualSteps?: number | null;
  /** Whether its best checkpoint became the model: then what came after that one is not advised about. */
  isAutomatic?: boolean;
}

/** @param evaluations of one job, by step, the one before the first step included */
export function advise(
  evaluations: readonly EvaluationEvent[],
  { stepCount, usualSteps = null, isAutomatic = false }: AdvisedTraining,
): Advice {
  const before = evaluations.find(event => event.step === 0);
  const chosen = isAutomatic ? evaluations.findLast(event => event.isBest) : undefined;
  const after = evaluations.filter(event => event.step > 0 && event.step <= (chosen?.step ?? event.step));
  const last = after.at(-1);
  if (!before || !last || before.subjectFidelity === null || last.subjectFidelity === null)
    return {
      advice: 'notMeasured',
      message: 'There are no scores to advise from: the job was too short for evaluations, or has no encoder.',
      numbers: {},
    };
  const best = after.reduce((one, other) => (other.score > one.score ? other : one));
  const likest = after.reduce((one, other) => (fidelity(other) > fidelity(one) ? other : one));
  const lowest = after.reduce((one, other) => (other.validationLoss < one.validationLoss ? other : one));
  const previous = after.at(-2) ?? before;
  const gain = last.subjectFidelity - before.subjectFidelity;
  const rise = last.score - previous.score;
  const numbers = {
    lastStep: last.step,
    bestStep: best.step,
    bestScore: best.score,
    lastScore: last.score,
    subjectFidelityGain: gain,
    wayToCopies: wayToCopies(last),
    scoreRise: rise,
    lowestValidationLoss: lowest.validationLoss,
    lastValidationLoss: last.validationLoss,
  };
  const fewer = (why: string, steps: number): Advice => {
    const { minimum } = limits.hyperParameters.stepCount;
    const what =
      steps < minimum
        ? `Fewer than ${minimum} steps there are not: lower learningRate instead.`
        : `Train fewer steps: about ${steps}.`;
    return { advice: 'fewerSteps', message: `${why} ${what}`, numbers };
  };
  const more = (why: string, steps: number): Advice => {
    const { maximum } = limits.hyperParameters.stepCount;
    if ((stepCount ?? 0) < maximum)
      return { advice: 'moreSteps', message: `${why} Train more steps: about ${Math.min(maximum, steps)}.`, numbers };
    return {
      advice: 'largerBatchOrLearningRate',
      message: `${why} At ${maximum.toLocaleString('en-US')} steps, raise batchSize or learningRate instead.`,
      numbers,
    };
  };
  // Seen where an illustration model was trained on photographs: every prompt gave the same patches of colour.
  if (best.score < before.score && hasLostPrompts(before, last))
    return {
      advice: 'gentlerOrAnotherBase',
      message: `The model no longer does what prompts say: prompt fidelity fell from ${shown(before.promptFidelity)} to ${shown(last.promptFidelity)}, and no checkpoint scores as high as the base did (${shown(before.score)}; best ${shown(best.score)}). Lower learningRate or set priorPreservation; if that does not help, the pictures are of a kind that this base model does not draw: take another.`,
      numbers: { ...numbers, scoreBefore: before.score },
    };
  if (wayToCopies(last) > COPY_SHARE)
    return fewer(
      `Samples lie much nearer to single training pictures (${shown(last.nearestTraining)}) than those to each other (${shown(last.trainingNearest)}): the model begins to repeat them.`,
      after.findLast(event => wayToCopies(event) <= COPY_SHARE)?.step ?? Math.round(last.step * 0.7),
    );
  // The scores settle long before the pictures do: after 25 steps of a usual 500 they said no less than after 100.
  if (usualSteps !== null && last.step < USUAL_SHARE * usualSteps)
    return more(`This base model usually takes about ${usualSteps} steps of 8; these were ${last.step}.`, usualSteps);
  if (fidelity(likest) - fidelity(last) > FALL)
    return fewer(
      `Subject and prompts were shown best after ${likest.step} steps (${shown(fidelity(likest))}), and less well after ${last.step} (${shown(fidelity(last))}).`,
      likest.step,
    );
  const isUnseen = last.validationSource !== 'training';
  if (isUnseen && last.validationLoss > LOSS_RISE * lowest.validationLoss)
    return fewer(
      `The validation loss was lowest after ${lowest.step} steps (${shown(lowest.validationLoss)}) and rose to ${shown(last.validationLoss)}.`,
      lowest.step,
    );
  if (gain < LEAST_GAIN)
    return more(
      `There is little sign of the subject yet: its fidelity rose by ${shown(gain)} over the base model's.`,
      last.step * 2,
    );
  if (rise > RISE)
    return more(
      `The score still rises: by ${shown(rise)} in the last ${last.step - previous.step} steps.`,
      Math.round(last.step * 1.5),
    );
  return {
    advice: 'enough',
    message: `The score has settled (${shown(last.score)} after ${last.step} steps, ${shown(best.score)} at its best after ${best.step}).`,
    numbers,
  };
}

/** What is left of a score once drift and copies are put aside: drift is no reason for fewer steps, it comes early and stays. */
function fidelity({ subjectFidelity, promptFidelity }: EvaluationEvent): number {
  return (subjectFidelity ?? 0) + (promptFidelity ?? 0);
}

/** The share of the way from the training pictures' own nearness to each other to a copy's, which is 1. */
function wayToCopies({ nearestTraining, trainingNearest }: EvaluationEvent): number {
  if (nearestTraining === null || trainingNearest === null || trainingNearest >= 1) return 0;
  return (nearestTraining - trainingNearest) / (1 - trainingNearest);
}

function hasLostPrompts(before: EvaluationEvent, last: EvaluationEvent): boolean {
  if (before.promptFidelity === null || last.promptFidelity === null) return false;
  return last.promptFidelity < PROMPTS_KEPT * before.promptFidelity;
}

function shown(value: number | null): string {
  return value === null ? 'not measured' : value.toFixed(3);
}
