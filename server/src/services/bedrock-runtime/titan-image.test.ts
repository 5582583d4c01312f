import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Fault, type FaultKind } from '../../domain/fault.ts';
import { readImage } from './input-image.ts';
import { parseTitanImageBody } from './titan-image.ts';

/** The first bytes of a PNG of that size: all that the server looks at. */
function pngHeader(width: number, height: number): string {
  const bytes = Buffer.alloc(33);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]).copy(bytes);
  bytes.write('IHDR', 12, 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes.toString('base64');
}

const parse = (body: unknown, tasks: 'v1' | 'all' = 'all') =>
  parseTitanImageBody(new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)), tasks);

function refusal(body: unknown, tasks: 'v1' | 'all' = 'all', kind: FaultKind = 'invalid'): string {
  try {
    parse(body, tasks);
  } catch (error) {
    if (error instanceof Fault && error.kind === kind) return error.message;
    throw error;
  }
  return 'accepted';
}

/** AWS's sentence around what is wrong. */
const malformed = (what: string) => `Malformed input request: ${what}, please reformat your input and try again.`;
const textImage = (params: object, config?: object) => ({
  taskType: 'TEXT_IMAGE',
  textToImageParams: { text: 'Ron the dog', ...params },
  ...(config && { imageGenerationConfig: config }),
});
const variation = (images: unknown, params: object = {}) => ({
  taskType: 'IMAGE_VARIATION',
  imageVariationParams: { images, ...params },
});

test('a minimal text request gets the defaults', () => {
  assert.deepEqual(parse(textImage({})), {
    task: 'TEXT_IMAGE',
    text: 'Ron the dog',
    negativeText: null,
    images: [],
    similarityStrength: null,
    mask: null,
    outPaintingMode: null,
    colors: [],
    control: null,
    numberOfImages: 1,
    width: 1024,
    height: 1024,
    cfgScale: 8,
    seed: 42,
    quality: 'standard',
  });
});

test('every parameter passes through', () => {
  const config = { numberOfImages: 5, width: 1173, height: 640, cfgScale: 1.1, seed: 2147483646, quality: 'premium' };
  assert.deepEqual(parse(textImage({ negativeText: 'blur' }, config)), {
    task: 'TEXT_IMAGE',
    text: 'Ron the dog',
    negativeText: 'blur',
    images: [],
    similarityStrength: null,
    mask: null,
    outPaintingMode: null,
    colors: [],
    control: null,
    ...config,
  });
});

test('a variation has its images, an optional text and a strength of 0.7', () => {
  const image = pngHeader(512, 768);
  const request = parse(variation([image, image]), 'v1');
  assert.equal(request.similarityStrength, 0.7);
  assert.equal(request.text, null);
  assert.deepEqual(request.images, [image, image]);
  assert.equal(parse(variation([image], { similarityStrength: 0.2, text: 'x' })).similarityStrength, 0.2);
});

test('a text of 536 characters gets the very words of AWS', () => {
  assert.equal(
    refusal(textImage({ text: 'x'.repeat(536) })),
    'Malformed input request: #/textToImageParams/text: expected maxLength: 512, actual: 536, please reformat your input and try again.',
  );
  assert.equal(parse(textImage({ text: 'x'.repeat(512) })).text?.length, 512);
});

test('what is out of its range is named with the range', () => {
  const config = '#/imageGenerationConfig';
  const cases: [object, string][] = [
    [{ numberOfImages: 6 }, `${config}/numberOfImages: 6 is not less or equal to 5`],
    [{ numberOfImages: 0 }, `${config}/numberOfImages: 0 is not greater or equal to 1`],
    [{ cfgScale: 1 }, `${config}/cfgScale: 1 is not greater or equal to 1.1`],
    [{ cfgScale: 10.1 }, `${config}/cfgScale: 10.1 is not less or equal to 10`],
    [{ seed: 2147483647 }, `${config}/seed: 2147483647 is not less or equal to 2147483646`],
    [{ seed: -1 }, `${config}/seed: -1 is not greater or equal to 0`],
    [{ seed: 1.5 }, `${config}/seed: expected type: Integer, found: BigDecimal`],
    [{ quality: 'best' }, `${config}/quality: best is not a valid enum value`],
    [{ size: 1 }, `${config}: extraneous key [size] is not permitted`],
  ];
  for (const [sent, expected] of cases) assert.equal(refusal(textImage({}, sent)), malformed(expected));
  assert.equal(
    refusal(textImage({}, { numberOfImages: 6, cfgScale: 1 })),
    malformed(`${cases[0]?.[1]}${cases[2]?.[1]}`),
    'several at once, without a separator',
  );
  assert.match(
    refusal(textImage({}, { width: 1024, height: 768 })),
    /1024 x 768 is not a permitted width x height: 1024x1024/,
  );
  assert.match(refusal(textImage({}, { width: 512 })), /512 x 1024 is not a permitted/);
  assert.match(
    refusal(textImage({}, { width: 1000, height: '512', quality: 'best' })),
    /best is not a valid enum value#.*width: 1000 is not a valid enum value#.*height: expected type: Integer, found: String; permitted are, as width x height: 1024x1024 768x768 .* 1173x640, please/,
  );
});

test('a body that is none of it is refused without a word of its content', () => {
  assert.equal(refusal(''), malformed('#: the body is not JSON in UTF-8'));
  assert.equal(refusal('{"taskType": "secret prompt'), malformed('#: the body is not JSON in UTF-8'));
  assert.equal(refusal('['.repeat(10_001)), malformed('#: more than 10000 members and items'));
  assert.equal(refusal('[]'), malformed('#: expected type: JSONObject, found: JSONArray'));
  assert.equal(refusal({}), malformed('#: required key [taskType] not found'));
  assert.equal(refusal({ taskType: 7 }), malformed('#/taskType: expected type: String, found: Integer'));
  assert.equal(refusal({ taskType: 'VIDEO' }), malformed('#/taskType: VIDEO is not a valid enum value'));
  assert.equal(refusal({ taskType: 'TEXT_IMAGE' }), malformed('#: required key [textToImageParams] not found'));
  assert.equal(
    refusal(textImage({ text: '' })),
    malformed('#/textToImageParams/text: expected minLength: 1, actual: 0'),
  );
  assert.equal(
    refusal({ ...textImage({}), imageVariationParams: {} }),
    malformed('#: extraneous key [imageVariationParams] is not permitted'),
  );
});

const image = pngHeader(640, 480);
const masked = (task: 'INPAINTING' | 'OUTPAINTING', params: object) => ({
  taskType: task,
  [task === 'INPAINTING' ? 'inPaintingParams' : 'outPaintingParams']: { image, ...params },
});

test('tasks of version 2 are none of version 1, and version 1 knows no conditioning', () => {
  for (const taskType of ['COLOR_GUIDED_GENERATION', 'BACKGROUND_REMOVAL', 'SMART_CROP'])
    assert.equal(refusal({ taskType }, 'v1'), malformed(`#/taskType: ${taskType} is not a valid enum value`));
  assert.equal(
    refusal(textImage({ conditionImage: image }), 'v1'),
    malformed('#/textToImageParams: extraneous key [conditionImage] is not permitted'),
  );
  assert.equal(parse(masked('INPAINTING', { maskImage: image }), 'v1').task, 'INPAINTING');
});

test('in- and outpainting keep the size of the image, whatever the configuration says', () => {
  const { task, text, images, mask, outPaintingMode, width, height } = parse({
    ...masked('INPAINTING', { maskImage: image, returnMask: true }),
    imageGenerationConfig: { width: 512, height: 512, numberOfImages: 3 },
  });
  assert.deepEqual(
    { task, text, images, mask, outPaintingMode, width, height },
    {
      task: 'INPAINTING',
      text: null,
      images: [image],
      mask: { image, prompt: null, isReturned: true },
      outPaintingMode: null,
      width: 640,
      height: 480,
    },
  );
  const outpainting = parse(
    masked('OUTPAINTING', { text: 'on the moon', maskPrompt: 'the dog', negativeText: 'a cat' }),
  );
  assert.deepEqual(outpainting.mask, { image: null, prompt: 'the dog', isReturned: false });
  assert.deepEqual([outpainting.outPaintingMode, outpainting.negativeText], ['DEFAULT', 'a cat']);
  const precise = { text: 'on the moon', maskPrompt: 'the dog', outPaintingMode: 'PRECISE' };
  assert.equal(parse(masked('OUTPAINTING', precise)).outPaintingMode, 'PRECISE');
});

test('exactly one mask is asked for, and a mask image of the size of the image', () => {
  const neither = '#/inPaintingParams: exactly one of [maskPrompt] and [maskImage] is required, found none';
  assert.equal(refusal(masked('INPAINTING', {})), malformed(neither));
  const both = { maskPrompt: 'the dog', maskImage: image };
  assert.equal(refusal(masked('INPAINTING', both)), malformed(neither.replace('none', 'both')));
  assert.match(
    refusal(masked('OUTPAINTING', { ...both, text: 'x' })),
    /#\/outPaintingParams: exactly one of .* found both/,
  );
  assert.equal(
    refusal(masked('INPAINTING', { maskImage: pngHeader(480, 640) })),
    'inPaintingParams.maskImage must have the size of inPaintingParams.image, 640 x 480; it has 480 x 640. Both are taken upright, as their EXIF orientation shows them.',
  );
  assert.match(refusal(masked('INPAINTING', { maskImage: '?' })), /^inPaintingParams\.maskImage must be the base64/);
  assert.equal(
    refusal(masked('OUTPAINTING', { maskImage: image })),
    malformed('#/outPaintingParams: required key [text] not found'),
  );
  assert.equal(
    refusal(masked('INPAINTING', { maskImage: image, outPaintingMode: 'PRECISE' })),
    malformed('#/inPaintingParams: extraneous key [outPaintingMode] is not permitted'),
  );
  assert.equal(
    refusal(masked('OUTPAINTING', { text: 'x', maskImage: image, outPaintingMode: 'SHARP' })),
    malformed('#/outPaintingParams/outPaintingMode: SHARP is not a valid enum value'),
  );
});

test('a condition image has a mode and a strength, and they have it', () => {
  const { images, control, width } = parse(textImage({ conditionImage: image }));
  assert.deepEqual([images, control, width], [[image], { mode: 'CANNY_EDGE', strength: 0.7 }, 1024]);
  const set = { conditionImage: image, controlMode: 'SEGMENTATION', controlStrength: 0 };
  assert.deepEqual(parse(textImage(set)).control, { mode: 'SEGMENTATION', strength: 0 });
  for (const alone of [{ controlMode: 'CANNY_EDGE' }, { controlStrength: 0.5 }])
    assert.equal(refusal(textImage(alone)), malformed('#/textToImageParams: property [conditionImage] is required'));
  assert.match(refusal(textImage({ ...set, controlStrength: 1.1 })), /controlStrength: 1\.1 is not less or equal to 1/);
  assert.match(refusal(textImage({ ...set, controlMode: 'DEPTH' })), /controlMode: DEPTH is not a valid enum value/);
});

test('one to ten colours are taken, as #RRGGBB', () => {
  const guided = (colors: unknown, params: object = {}) => ({
    taskType: 'COLOR_GUIDED_GENERATION',
    colorGuidedGenerationParams: { text: 'a dog', colors, ...params },
  });
  const path = '#/colorGuidedGenerationParams/colors';
  const { colors, images } = parse(guided(['#ff8800', '#FFFFFF'], { referenceImage: image }));
  assert.deepEqual([colors, images], [['#ff8800', '#FFFFFF'], [image]]);
  assert.equal(refusal(guided([])), malformed(`${path}: expected minimum item count: 1, found: 0`));
  assert.equal(
    refusal(guided(Array(11).fill('#000000'))),
    malformed(`${path}: expected maximum item count: 10, found: 11`),
  );
  assert.equal(refusal(guided(['red'])), malformed(`${path}/0: string [red] does not match pattern ^#[0-9A-Fa-f]{6}$`));
});

test('a background is removed and a crop is found at the size that the image allows', () => {
  const removal = parse({ taskType: 'BACKGROUND_REMOVAL', backgroundRemovalParams: { image } });
  assert.deepEqual([removal.images, removal.width, removal.height], [[image], 640, 480]);
  assert.match(
    refusal({ taskType: 'BACKGROUND_REMOVAL', backgroundRemovalParams: { image: '?' } }),
    /^backgroundRemovalParams\.image must be the base64/,
  );
  const crop = (aspectRatio: string) => ({ taskType: 'SMART_CROP', smartCropParams: { image, aspectRatio } });
  for (const [ratio, width, height] of [
    ['1:1', 480, 480],
    ['16:9', 640, 360],
    ['9:16', 270, 480],
  ] as const)
    assert.deepEqual([parse(crop(ratio)).width, parse(crop(ratio)).height], [width, height], ratio);
  assert.match(refusal(crop('wide')), /#\/smartCropParams\/aspectRatio: string \[wide\] does not match pattern/);
  assert.match(refusal(crop('0:1')), /does not match pattern/);
});

test('input images are named by their place and what is wrong with them', () => {
  const good = pngHeader(512, 512);
  const member = 'imageVariationParams.images';
  assert.equal(
    refusal(variation('x')),
    malformed('#/imageVariationParams/images: expected type: JSONArray, found: String'),
  );
  assert.equal(
    refusal(variation([])),
    malformed('#/imageVariationParams/images: expected minimum item count: 1, found: 0'),
  );
  assert.equal(
    refusal(variation([good, good, good, good, good, good])),
    malformed('#/imageVariationParams/images: expected maximum item count: 5, found: 6'),
  );
  assert.match(refusal(variation([good, 'no base64!'])), /^imageVariationParams\.images\[1\] must be the base64/);
  assert.match(refusal(variation([''])), /images\[0\] must be the base64/);
  assert.match(refusal(variation([`data:image/png;base64,${good}`])), /images\[0\] must be plain base64, without/);
  assert.match(
    refusal(variation([Buffer.from('GIF89a……').toString('base64')])),
    /images\[0\] is a GIF, not a JPEG or PNG/,
  );
  assert.match(refusal(variation([good.slice(0, 16)])), /images\[0\] is cut short inside its header/);
  assert.equal(
    refusal(variation([pngHeader(32, 512)])),
    `${member}[0] must have sides of 64 to 4096 pixels; it has 32 x 512.`,
  );
  assert.match(refusal(variation([pngHeader(512, 4097)])), /it has 512 x 4097/);
  const heavy = Buffer.concat([Buffer.from(good, 'base64'), Buffer.alloc(5_242_880)]).toString('base64');
  assert.match(refusal(variation([heavy])), /images\[0\] must have at most 5242880 bytes \(5 MB\); it has 5242913/);
  assert.match(refusal(variation([good], { similarityStrength: 0.1 })), /0\.1 is not greater or equal to 0\.2/);
});

test('a variation takes pictures of up to 4096 pixels a side, every other task of up to 1408', () => {
  const large = pngHeader(4096, 4096);
  assert.deepEqual(parse(variation([large])).images, [large]);
  const wide = pngHeader(1409, 640);
  const refused = (task: string, key: string, params: object) =>
    assert.match(
      refusal({ taskType: task, [key]: params }),
      new RegExp(`^${key}\\.\\w+ must have sides of 64 to 1408 pixels; it has 1409 x 640\\.$`),
      task,
    );
  refused('TEXT_IMAGE', 'textToImageParams', { text: 'a cat', conditionImage: wide });
  refused('INPAINTING', 'inPaintingParams', { image: wide, maskPrompt: 'the cat' });
  refused('OUTPAINTING', 'outPaintingParams', { image: wide, maskPrompt: 'the cat', text: 'a beach' });
  refused('COLOR_GUIDED_GENERATION', 'colorGuidedGenerationParams', {
    ...{ text: 'a cat', colors: ['#ff8800'], referenceImage: wide },
  });
  refused('BACKGROUND_REMOVAL', 'backgroundRemovalParams', { image: wide });
  refused('SMART_CROP', 'smartCropParams', { image: wide, aspectRatio: '1:1' });
});

test('a picture that a camera stored turned has the size at which a person sees it, and so must its mask', () => {
  // Orientation 6 of 640 x 480 stored pixels; what follows the size is the worker's.
  const exif = 'ffe10022 457869660000 49492a00 08000000 0100 1201 0300 01000000 06000000 00000000'.replaceAll(' ', '');
  const turned = Buffer.from(`ffd8${exif}ffc0000b0801e0028003011100ffda`, 'hex').toString('base64');
  assert.deepEqual(readImage(turned, 'image'), { width: 480, height: 640 });
  const request = (maskImage: string) => ({
    taskType: 'INPAINTING',
    inPaintingParams: { image: turned, maskImage, text: 'a cat' },
  });
  const { width, height } = parse(request(pngHeader(480, 640)));
  assert.deepEqual([width, height], [480, 640]);
  assert.match(refusal(request(pngHeader(640, 480))), /480 x 640; it has 640 x 480\. Both are taken upright/);
});

test('the size of a real JPEG is read from its header', async () => {
  const file = await readFile(new URL('../../../../models/art/sample/ron_01.jpg', import.meta.url));
  assert.deepEqual(readImage(file.toString('base64'), 'image'), { width: 640, height: 640 });
});
