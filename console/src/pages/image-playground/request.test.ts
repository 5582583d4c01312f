import assert from 'node:assert/strict';
import test from 'node:test';
import { actions, initialSettings, missingOf, requestBody } from './request.ts';

const pictures = { images: ['A'], mask: undefined };
const none = { images: [], mask: undefined };

test('Generate image asks for text alone, and for the size, strength and seed that the form shows', () => {
  const settings = { ...initialSettings, prompt: ' Ron the dog ', size: '768x1152', count: 2 };
  assert.deepEqual(requestBody(settings, none), {
    taskType: 'TEXT_IMAGE',
    textToImageParams: { text: 'Ron the dog' },
    imageGenerationConfig: {
      numberOfImages: 2,
      quality: 'standard',
      width: 768,
      height: 1152,
      cfgScale: 8,
      seed: 0,
    },
  });
});

test('An edit keeps the size of its picture, and has either mask', () => {
  const settings = { ...initialSettings, action: 'replace' as const, prompt: 'a cat', maskPrompt: 'the dog' };
  const body = requestBody(settings, pictures);
  assert.deepEqual(body.inPaintingParams, { image: 'A', maskPrompt: 'the dog', text: 'a cat' });
  assert.ok(!('width' in (body.imageGenerationConfig as object)));
  const painted = requestBody({ ...settings, isMaskPainted: true }, { images: ['A'], mask: 'M' });
  assert.deepEqual(painted.inPaintingParams, { image: 'A', maskImage: 'M', text: 'a cat' });
});

test('A picture to generate from brings how closely it is followed, and an extension keeps what is black', () => {
  const { textToImageParams } = requestBody({ ...initialSettings, prompt: 'a dog' }, pictures);
  const followed = { conditionImage: 'A', controlMode: 'CANNY_EDGE', controlStrength: 0.7 };
  assert.deepEqual(textToImageParams, { text: 'a dog', ...followed });
  const extension = { ...initialSettings, action: 'extend' as const, prompt: 'a meadow' };
  const body = requestBody(extension, { images: ['A'], mask: 'M' });
  assert.deepEqual(body.outPaintingParams, {
    image: 'A',
    maskImage: 'M',
    text: 'a meadow',
    outPaintingMode: 'DEFAULT',
  });
  assert.ok(!('width' in (body.imageGenerationConfig as object)));
  assert.deepEqual(missingOf(extension, pictures), ['a larger frame']);
});

test('Removing a background and cropping take no configuration', () => {
  for (const action of ['removeBackground', 'crop'] as const)
    assert.ok(!('imageGenerationConfig' in requestBody({ ...initialSettings, action }, pictures)), action);
});

test('What is missing is named for each action', () => {
  const missing = Object.fromEntries(
    Object.keys(actions).map(action => [action, missingOf({ ...initialSettings, action: action as never }, none)]),
  );
  assert.deepEqual(missing, {
    generate: ['a prompt'],
    variations: ['a picture'],
    remove: ['a picture', 'a mask'],
    replace: ['a prompt', 'a picture', 'a mask'],
    background: ['a prompt', 'a picture', 'a mask'],
    extend: ['a prompt', 'a picture'],
    removeBackground: ['a picture'],
    colours: ['a prompt'],
    crop: ['a picture'],
  });
});
