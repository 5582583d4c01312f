import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from './config.ts';

test('base models and the model map are lists of pairs', () => {
  const config = readConfig({
    LIKENESS_BASE_MODELS: 'acme.photos-v1=/models/photos,acme.logos-v1=/models/logos',
    LIKENESS_MODEL_MAP: 'amazon.titan-image-generator-v2:0=acme.photos-v1',
  });
  assert.deepEqual(config.baseModelPaths, { 'acme.photos-v1': '/models/photos', 'acme.logos-v1': '/models/logos' });
  assert.deepEqual(config.modelMap, { 'amazon.titan-image-generator-v2:0': 'acme.photos-v1' });
  assert.deepEqual(readConfig({}).baseModelPaths, {});
  assert.deepEqual(readConfig({ LIKENESS_MODEL_MAP: '' }).modelMap, {});
});

test('a setting out of form is refused with its name and its value', () => {
  const refusals: [NodeJS.ProcessEnv, RegExp][] = [
    [{ LIKENESS_PORT: '65536' }, /LIKENESS_PORT must be a whole number from 0 to 65535; it is "65536"/],
    [{ LIKENESS_SANDBOX: 'maybe' }, /LIKENESS_SANDBOX must be one of auto, require, off; it is "maybe"/],
    [
      { LIKENESS_BASE_MODELS: '/models/photos' },
      /LIKENESS_BASE_MODELS must look like id=folder,…; it has "\/models\/photos"/,
    ],
    [{ LIKENESS_MODEL_MAP: 'a=b=c' }, /LIKENESS_MODEL_MAP must look like id=baseModelId/],
  ];
  for (const [environment, message] of refusals) assert.throws(() => readConfig(environment), message);
});
