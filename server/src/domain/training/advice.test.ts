import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advise } from './advice.ts';
import type { EvaluationEvent } from './events.ts';

function evaluation(step: number, values: Partial<EvaluationEvent> = {}): EvaluationEvent {
  return {
    ...{ type: 'evaluation', step, path: `evaluations/step-${step}`, validationSource: 'heldOut', encoder: 'one' },
    ...{ validationLoss: 0.3, score: 1, isBest: false, subjectFidelity: 0.8, promptFidelity: 0.5, priorDrift: 0.1 },
    ...{ diversity: 0.2, nearestTraining: 0.6, trainingNearest: 0.6, ...values },
  };
}

const start = evaluation(0, { subjectFidelity: 0.4, score: 0.5 });
const advice = (after: EvaluationEvent[], stepCount = 1000, usualSteps: number | null = null, isAutomatic = false) =>
  advise([start, ...after], { stepCount, usualSteps, isAutomatic });

test('no sign of the subject, or a score that still rises: more steps', () => {
  const none = advice([evaluation(500, { subjectFidelity: 0.42 }), evaluation(1000, { subjectFidelity: 0.43 })]);
  assert.equal(none.advice, 'moreSteps');
  assert.match(none.message, /little sign of the subject.*about 2000\./);
  const rising = advice([evaluation(500), evaluation(1000, { score: 1.1 })]);
  assert.equal(rising.advice, 'moreSteps');
  assert.match(rising.message, /still rises.*about 1500\./);
});

test('more than 40,000 steps there are not: a larger batch or learning rate', () => {
  const none = advice([evaluation(40_000, { subjectFidelity: 0.41 })], 40_000);
  assert.equal(none.advice, 'largerBatchOrLearningRate');
});

test('copies, a score past its best, or a validation loss that rose: fewer steps', () => {
  const copies = advice([evaluation(500), evaluation(750), evaluation(1000, { nearestTraining: 0.85 })]);
  assert.match(copies.message, /begins to repeat them\. Train fewer steps: about 750\./);
  const alone = advice([evaluation(1000, { nearestTraining: 0.85 })]);
  assert.match(alone.message, /Train fewer steps: about 700\./);
  const past = advice([evaluation(500, { subjectFidelity: 0.9 }), evaluation(1000)]);
  assert.match(past.message, /shown best after 500 steps \(1\.400\).*\(1\.300\)\. Train fewer steps: about 500\./);
  const loss = [evaluation(500, { validationLoss: 0.2 }), evaluation(1000)];
  assert.equal(advice(loss).advice, 'fewerSteps');
  const onTraining = loss.map(event => ({ ...event, validationSource: 'training' as const }));
  assert.equal(advice(onTraining).advice, 'enough');
});

test('fewer than 10 steps there are not: a lower learning rate', () => {
  const past = advice([evaluation(5, { subjectFidelity: 0.9 }), evaluation(10)], 10);
  assert.match(past.message, /best after 5 steps .*Fewer than 10 steps there are not: lower learningRate instead\.$/);
});

test('a likeness beside its picture is no copy, where the pictures of a set are far apart', () => {
  // Measured: an invented robot in twelve places, drawn well after 500 steps, when the pictures lay at 0.69.
  const robot = { trainingNearest: 0.691, nearestTraining: 0.8 };
  const { advice: given, numbers } = advice([evaluation(500, robot), evaluation(1000, robot)]);
  assert.equal(given, 'enough');
  assert.ok(Math.abs((numbers.wayToCopies ?? 0) - 0.353) < 0.001);
});

test('a model that no longer does what prompts say: gentler, or another base', () => {
  const lost = { subjectFidelity: 0.7, promptFidelity: 0.02, priorDrift: 0.9, score: 0.3 };
  const base = { ...start, score: 0.84 };
  const after = [evaluation(500, { ...lost, score: 0.34 }), evaluation(1000, lost)];
  const asked = { stepCount: 1000, usualSteps: null, isAutomatic: false };
  const given = advise([base, ...after], asked);
  assert.equal(given.advice, 'gentlerOrAnotherBase');
  assert.match(given.message, /fell from 0\.500 to 0\.020.*\(0\.840; best 0\.340\)\. Lower learningRate/);
  const follows = after.map(event => ({ ...event, promptFidelity: 0.4 }));
  assert.notEqual(advise([base, ...follows], asked).advice, 'gentlerOrAnotherBase');
});

test('fewer steps than the base usually takes: more, though the scores are level, or fell by the base that was forgotten', () => {
  // Measured on Ron and Smila: 100 steps, an evaluation every 25.
  const early = [
    evaluation(25, { subjectFidelity: 0.951, promptFidelity: 0.531, priorDrift: 0.408, score: 1.261 }),
    evaluation(100, { subjectFidelity: 0.961, promptFidelity: 0.523, priorDrift: 0.425, score: 1.225 }),
  ];
  const short = advice(early, 100, 500);
  assert.equal(short.advice, 'moreSteps');
  assert.match(short.message, /usually takes about 500 steps of 8; these were 100\. Train more steps: about 500\.$/);
  assert.equal(advice(early, 100).advice, 'enough');
  assert.equal(advice([evaluation(250), evaluation(350)], 350, 500).advice, 'enough');
  const copies = advice([evaluation(50, { nearestTraining: 0.95 })], 50, 500);
  assert.equal(copies.advice, 'fewerSteps');
});

test('of a training whose best checkpoint became the model, what came after it is no reason for fewer steps', () => {
  // Measured on Ron and Smila with stepCount auto, whose best was that of step 750.
  const after = [
    evaluation(250, { validationLoss: 0.243, score: 1.202 }),
    evaluation(750, { validationLoss: 0.254, score: 1.21, isBest: true }),
    evaluation(1125, { validationLoss: 0.272, score: 1.205 }),
  ];
  assert.equal(advice(after, 7500, 500, true).advice, 'enough');
  assert.equal(advice(after, 7500, 500, true).numbers.lastStep, 750);
  assert.equal(advice(after, 1125, 500).advice, 'fewerSteps');
});

test('a settled score is enough, and the numbers that led to it are told', () => {
  const settled = advice([evaluation(500), evaluation(1000, { score: 1.01 })]);
  assert.equal(settled.advice, 'enough');
  assert.equal(settled.numbers.bestStep, 1000);
  assert.ok(Math.abs((settled.numbers.subjectFidelityGain ?? 0) - 0.4) < 1e-9);
});

test('without scores there is no advice', () => {
  assert.equal(advise([], { stepCount: 10, usualSteps: null, isAutomatic: false }).advice, 'notMeasured');
  assert.equal(advice([evaluation(500, { subjectFidelity: null })]).advice, 'notMeasured');
});
