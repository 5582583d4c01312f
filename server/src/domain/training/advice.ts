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
/** How far the last score is below the best one where the training has gone too far. */
const FALL = 0.03;
const RISE = 0.02;
/** Of a validation loss on pictures that were not trained on, over its lowest. */
const LOSS_RISE = 1.05;
/** The share of the base's promptFidelity below which a model no longer does what prompts say. */
const PROMPTS_KEPT = 0.5;

/**
 * @param evaluations of one job, by step, the one before the first step included
 * @param training the steps that were asked for
 */
export function advise(evaluations: readonly EvaluationEvent[], training: { stepCount: number }): Advice {
  const before = evaluations.find(event => event.step === 0);
  const after = evaluations.filter(event => event.step > 0);
  const last = after.at(-1);
  if (!before || !last || before.subjectFidelity === null || last.subjectFidelity === null)
    return {
      advice: 'notMeasured',
      message: 'There are no scores to advise from: the job was too short for evaluations, or has no encoder.',
      numbers: {},
    };
  const best = after.reduce((one, other) => (other.score > one.score ? other : one));
  const lowest = after.reduce((one, other) => (other.validationLoss < one.validationLoss ? other : one));
  const previous = after.at(-2) ?? before;
  const { nearestTraining, trainingNearest } = last;
  const nearness =
    nearestTraining === null || trainingNearest === null || trainingNearest >= 1
      ? 0
      : (nearestTraining - trainingNearest) / (1 - trainingNearest);
  const gain = last.subjectFidelity - before.subjectFidelity;
  const rise = last.score - previous.score;
  const numbers = {
    lastStep: last.step,
    bestStep: best.step,
    bestScore: best.score,
    lastScore: last.score,
    subjectFidelityGain: gain,
    wayToCopies: nearness,
    scoreRise: rise,
    lowestValidationLoss: lowest.validationLoss,
    lastValidationLoss: last.validationLoss,
  };
  const fewer = (why: string): Advice => {
    const { minimum } = limits.hyperParameters.stepCount;
    const steps = best.step < last.step ? best.step : Math.round(last.step * 0.7);
    const what =
      steps < minimum
        ? `Fewer than ${minimum} steps there are not: lower learningRate instead.`
        : `Train fewer steps: about ${steps}.`;
    return { advice: 'fewerSteps', message: `${why} ${what}`, numbers };
  };
  // Seen where an illustration model was trained on photographs: every prompt gave the same patches of colour.
  if (best.score < before.score && hasLostPrompts(before, last))
    return {
      advice: 'gentlerOrAnotherBase',
      message: `The model no longer does what prompts say: prompt fidelity fell from ${shown(before.promptFidelity)} to ${shown(last.promptFidelity)}, and no checkpoint scores as high as the base did (${shown(before.score)}; best ${shown(best.score)}). Lower learningRate or set priorPreservation; if that does not help, the pictures are of a kind that this base model does not draw: take another.`,
      numbers: { ...numbers, scoreBefore: before.score },
    };
  if (nearness > COPY_SHARE)
    return fewer(
      `Samples lie much nearer to single training pictures (${shown(nearestTraining)}) than those to each other (${shown(trainingNearest)}): the model begins to repeat them.`,
    );
  if (best.step < last.step && best.score - last.score > FALL)
    return fewer(
      `The score was best after ${best.step} steps (${shown(best.score)}) and fell to ${shown(last.score)} after ${last.step}.`,
    );
  const isUnseen = last.validationSource !== 'training';
  if (isUnseen && lowest.step < last.step && last.validationLoss > LOSS_RISE * lowest.validationLoss)
    return fewer(
      `The validation loss was lowest after ${lowest.step} steps (${shown(lowest.validationLoss)}) and rose to ${shown(last.validationLoss)}.`,
    );
  if (gain < LEAST_GAIN || rise > RISE) {
    const why =
      gain < LEAST_GAIN
        ? `There is little sign of the subject yet: its fidelity rose by ${shown(gain)} over the base model's.`
        : `The score still rises: by ${shown(rise)} in the last ${last.step - previous.step} steps.`;
    const { maximum } = limits.hyperParameters.stepCount;
    if (training.stepCount >= maximum)
      return {
        advice: 'largerBatchOrLearningRate',
        message: `${why} At ${maximum.toLocaleString('en-US')} steps, raise batchSize or learningRate instead.`,
        numbers,
      };
    const steps = Math.min(maximum, Math.round(last.step * (gain < LEAST_GAIN ? 2 : 1.5)));
    return { advice: 'moreSteps', message: `${why} Train more steps: about ${steps}.`, numbers };
  }
  return {
    advice: 'enough',
    message: `The score has settled (${shown(last.score)} after ${last.step} steps, ${shown(best.score)} at its best after ${best.step}).`,
    numbers,
  };
}

function hasLostPrompts(before: EvaluationEvent, last: EvaluationEvent): boolean {
  if (before.promptFidelity === null || last.promptFidelity === null) return false;
  return last.promptFidelity < PROMPTS_KEPT * before.promptFidelity;
}

function shown(value: number | null): string {
  return value === null ? 'not measured' : value.toFixed(3);
}
