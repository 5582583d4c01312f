import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateTraining, type PastTraining } from './estimate.ts';

const plan = { baseModelId: 'art', method: 'lora', resolution: 128, batchSize: 8, imagesSeen: 600 } as const;
const job = (change: Partial<PastTraining> = {}): PastTraining => ({
  ...{ ...plan, imagesSeen: 100, trainingSeconds: 10, otherSeconds: 30, isOwn: true },
  ...{ peakMemoryBytes: 1000, bestScore: 0.5, encoder: 'own', ...change },
});

test('nothing is guessed where no training of that base model and method was completed', () => {
  const others = [job({ baseModelId: 'photos' }), job({ method: 'full' }), job({ imagesSeen: 0 })];
  const { minutes, peakMemoryBytes, score, basedOn } = estimateTraining(plan, others);
  assert.deepEqual([minutes, peakMemoryBytes, score], [null, null, null]);
  assert.deepEqual(basedOn, { jobs: 0, likeness: 'none' });
});

test('minutes are the images times what one took, and what is beside the training', () => {
  const past = [job(), job({ trainingSeconds: 20, otherSeconds: 60 }), job({ trainingSeconds: 15, otherSeconds: 90 })];
  const { minutes, basedOn } = estimateTraining(plan, past);
  assert.deepEqual(minutes, { low: 1.5, expected: 2.5, high: 3.5 });
  assert.deepEqual(basedOn, { jobs: 3, likeness: 'same' });
});

test('jobs of another batch size stand in where there are none of the same, and memory is the most that was held', () => {
  const past = [job({ batchSize: 16, peakMemoryBytes: 2000 }), job({ resolution: 256, peakMemoryBytes: null })];
  const { peakMemoryBytes, basedOn } = estimateTraining(plan, past);
  assert.deepEqual([peakMemoryBytes, basedOn], [2000, { jobs: 2, likeness: 'similar' }]);
  assert.equal(estimateTraining(plan, [...past, job()]).peakMemoryBytes, 1000);
});

test('the score band is of the own jobs that the newest encoder judged', () => {
  const past = [
    job({ bestScore: 0.9, isOwn: false }),
    job({ bestScore: 0.6, encoder: 'clip' }),
    job({ bestScore: 0.4, encoder: 'clip' }),
    job({ bestScore: 0.1 }),
    job({ bestScore: null }),
  ];
  assert.deepEqual(estimateTraining(plan, past).score, { low: 0.4, high: 0.6, encoder: 'clip', jobs: 2 });
  assert.equal(estimateTraining(plan, past.slice(0, 1)).score, null);
});
