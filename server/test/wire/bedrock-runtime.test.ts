import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { CreateProvisionedModelThroughputCommand } from '@aws-sdk/client-bedrock';
import {
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  type InvokeModelCommandInput,
  InvokeModelWithResponseStreamCommand,
  StartAsyncInvokeCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { send } from '../support/raw-http.ts';
import { signByHand } from '../support/signing.ts';
import {
  ACCOUNT,
  assertRefused,
  bringIntoService,
  createModel,
  makeServiceRole,
  startBedrock,
} from './bedrock-server.ts';

const onDemand = 'amazon.titan-image-generator-v1';
const v2 = 'amazon.titan-image-generator-v2:0';
const text = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron the dog on the moon' } };
let server: Awaited<ReturnType<typeof startBedrock>>;
let provisioned: string;

before(async () => {
  server = await startBedrock();
  const { provisionedModelArn = '' } = await server.control().send(
    new CreateProvisionedModelThroughputCommand({
      modelUnits: 1,
      provisionedModelName: 'base',
      modelId: 'amazon.titan-image-generator-v1:0',
    }),
  );
  await bringIntoService(server.store, provisionedModelArn);
  provisioned = provisionedModelArn;
});
after(() => server.stop());

function invoke(modelId: string, body: unknown, change: Partial<InvokeModelCommandInput> = {}) {
  const bytes = typeof body === 'string' ? body : JSON.stringify(body);
  return server.runtime().send(new InvokeModelCommand({ modelId, body: bytes, ...change }));
}

async function drawnFor(modelId: string, body: unknown, change: Partial<InvokeModelCommandInput> = {}) {
  const answer = await invoke(modelId, body, change);
  const { images, error } = JSON.parse(new TextDecoder().decode(answer.body)) as { images: string[]; error: unknown };
  assert.equal(error, null);
  const last = server.drawn.at(-1);
  assert.ok(last);
  return { images, ...last };
}

test('an id, its ARN and a provisioned model each reach what answers them', async () => {
  const art = 'likeness.art-v1';
  for (const modelId of [onDemand, `arn:aws:bedrock:us-east-1::foundation-model/${onDemand}`, v2, art])
    assert.equal((await drawnFor(modelId, text)).target, art, modelId);
  assert.equal((await drawnFor(provisioned, text)).target, provisioned);
});

test('defaults are filled in, and every form of Accept and Content-Type for JSON is taken', async () => {
  const { request, images } = await drawnFor(onDemand, text);
  const { requestId, ...asked } = request;
  assert.match(requestId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(asked, {
    task: 'TEXT_IMAGE',
    text: 'Ron the dog on the moon',
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
  assert.equal(images.length, 1);
  for (const accept of ['application/json', '*/*', 'text/html, application/json;q=0.9'])
    await drawnFor(onDemand, text, { accept, contentType: 'application/json; charset=utf-8' });
  for (const contentType of ['application/octet-stream', 'Application/JSON', undefined])
    await drawnFor(onDemand, text, { contentType });
});

test('units of a base model take the tasks of its id, those of a custom model all', async () => {
  const units = async (modelId: string, provisionedModelName: string) => {
    const { provisionedModelArn = '' } = await server
      .control()
      .send(new CreateProvisionedModelThroughputCommand({ modelId, provisionedModelName, modelUnits: 1 }));
    await bringIntoService(server.store, provisionedModelArn);
    return provisionedModelArn;
  };
  const removal = { taskType: 'BACKGROUND_REMOVAL', backgroundRemovalParams: { image: 'aGVsbG8=' } };
  const conditioned = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'a cat', conditionImage: 'aGVsbG8=' } };
  const notOfOne = /#\/taskType: BACKGROUND_REMOVAL is not a valid enum value/;
  await assertRefused(invoke(provisioned, removal), 'ValidationException', 400, notOfOne);
  const noCondition = /#\/textToImageParams: extraneous key \[conditionImage\] is not permitted/;
  await assertRefused(invoke(provisioned, conditioned), 'ValidationException', 400, noCondition);
  // Taken, and only then found to be no picture.
  const roleArn = await makeServiceRole(server.iam, 'service');
  const { modelArn } = await createModel(server, roleArn, 'ron');
  for (const modelId of [await units(v2, 'version-two'), await units(modelArn, 'custom')])
    for (const request of [removal, conditioned])
      await assertRefused(invoke(modelId, request), 'ValidationException', 400, /not a JPEG or PNG/, modelId);
});

test('the answer says how long the model took, in milliseconds', async () => {
  const runtime = server.runtime();
  let headers: Record<string, string> = {};
  runtime.middlewareStack.add(
    next => async args => {
      const result = await next(args);
      headers = (result.response as { headers: Record<string, string> }).headers;
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  await runtime.send(new InvokeModelCommand({ modelId: onDemand, body: JSON.stringify(text) }));
  assert.match(headers['x-amzn-bedrock-invocation-latency'] ?? '', /^\d+$/);
  assert.equal(headers['content-type'], 'application/json');
});

test('a variation of a real picture passes through, up to five of them', async () => {
  const file = await readFile(new URL('../../../models/art/sample/ron_01.jpg', import.meta.url));
  const picture = file.toString('base64');
  const { request } = await drawnFor(provisioned, {
    taskType: 'IMAGE_VARIATION',
    imageVariationParams: { images: [picture, picture], text: 'in the snow', similarityStrength: 0.9 },
    imageGenerationConfig: { numberOfImages: 3, width: 320, height: 704, quality: 'premium' },
  });
  assert.equal(request.task, 'IMAGE_VARIATION');
  assert.deepEqual(request.images, [picture, picture]);
  assert.deepEqual([request.similarityStrength, request.numberOfImages, request.width], [0.9, 3, 320]);
  // Its header is whole; only the units decode it.
  const imageVariationParams = { images: [picture], text: 'the image is damaged' };
  await assertRefused(
    invoke(provisioned, { taskType: 'IMAGE_VARIATION', imageVariationParams }),
    'ValidationException',
    400,
    /^imageVariationParams\.images\[0\] does not decode\.$/,
  );
});

test('edits reach base and custom models, and the answer has the mask or the crop that was asked for', async () => {
  const file = await readFile(new URL('../../../models/art/sample/ron_01.jpg', import.meta.url));
  const image = file.toString('base64');
  const painting = { image, maskPrompt: 'the dog', text: 'a cat', returnMask: true };
  for (const modelId of [onDemand, provisioned]) {
    const answer = await invoke(modelId, { taskType: 'INPAINTING', inPaintingParams: painting });
    const body = JSON.parse(new TextDecoder().decode(answer.body)) as Record<string, unknown>;
    assert.deepEqual(Object.keys(body), ['images', 'maskImage', 'error']);
    assert.deepEqual([server.drawn.at(-1)?.request.width, server.drawn.at(-1)?.request.height], [640, 640]);
  }
  const crop = { taskType: 'SMART_CROP', smartCropParams: { image, aspectRatio: '2:1' } };
  const { body } = await invoke(v2, crop);
  const { cropBox } = JSON.parse(new TextDecoder().decode(body)) as { cropBox: unknown };
  assert.deepEqual(cropBox, { left: 1, top: 2, width: 640, height: 320 });
  const damaged: [object, RegExp][] = [
    [
      { taskType: 'INPAINTING', inPaintingParams: { ...painting, text: 'the image is damaged' } },
      /^inPaintingParams\.image does not decode\.$/,
    ],
    [
      {
        taskType: 'COLOR_GUIDED_GENERATION',
        colorGuidedGenerationParams: { text: 'the image is damaged', colors: ['#000000'], referenceImage: image },
      },
      /^colorGuidedGenerationParams\.referenceImage does not decode\.$/,
    ],
    [
      { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'the image is damaged', conditionImage: image } },
      /^textToImageParams\.conditionImage does not decode\.$/,
    ],
  ];
  for (const [request, message] of damaged)
    await assertRefused(invoke(v2, request), 'ValidationException', 400, message);
});

const notResolved = 'Could not resolve the foundation model from the provided model identifier.';
const invalidId = 'The provided model identifier is invalid.';
const other = (resource: string, account = ACCOUNT, region = 'us-east-1') =>
  `arn:aws:bedrock:${region}:${account}:${resource}`;

const targets: [string, string, string, number, string | RegExp][] = [
  ['a word', 'nonsense', 'ValidationException', 400, invalidId],
  ['an id of no model', 'acme.nothing-v1', 'ResourceNotFoundException', 404, notResolved],
  [
    "another Region's foundation model",
    `arn:aws:bedrock:eu-west-1::foundation-model/${onDemand}`,
    'ResourceNotFoundException',
    404,
    notResolved,
  ],
  [
    'a model that needs Provisioned Throughput',
    'amazon.titan-image-generator-v1:0',
    'ValidationException',
    400,
    /^Invocation of model ID amazon\.titan-image-generator-v1:0 with on-demand throughput isn’t supported\. Retry your request with the ID or ARN of an inference profile that contains this model\./,
  ],
  [
    'a provisioned model that is not there',
    other('provisioned-model/abcdefghijkl'),
    'ResourceNotFoundException',
    404,
    /There is no provisioned model/,
  ],
  [
    "another account's provisioned model",
    other('provisioned-model/abcdefghijkl', '999999999999'),
    'ResourceNotFoundException',
    404,
    /There is no provisioned model/,
  ],
  [
    'a custom model by its own ARN',
    other('custom-model/likeness.art-v1/abcdefghijkl'),
    'ValidationException',
    400,
    /buy Provisioned Throughput/,
  ],
  [
    'a deployment',
    other('custom-model-deployment/abcdefghijkl'),
    'ResourceNotFoundException',
    404,
    /There is no custom model deployment/,
  ],
  ['an ARN of another service', 'arn:aws:s3:::bucket', 'ValidationException', 400, invalidId],
];

for (const [what, modelId, code, status, message] of targets)
  test(`InvokeModel refuses ${what}`, () => assertRefused(invoke(modelId, text), code, status, message));

const malformed = (what: string) => `Malformed input request: ${what}, please reformat your input and try again.`;
const withConfig = (imageGenerationConfig: object) => ({ ...text, imageGenerationConfig });

const bodies: [string, unknown, string | RegExp][] = [
  ['no JSON', 'text', malformed('#: the body is not JSON in UTF-8')],
  [
    'a text of 513 characters',
    { ...text, textToImageParams: { text: 'x'.repeat(513) } },
    malformed('#/textToImageParams/text: expected maxLength: 512, actual: 513'),
  ],
  [
    'a text that is no Unicode',
    { ...text, textToImageParams: { text: 'a dog \ud800' } },
    malformed('#/textToImageParams/text: string must be well-formed Unicode; it has half of a surrogate pair'),
  ],
  [
    'a negative text of 513 characters',
    { ...text, textToImageParams: { text: 'x', negativeText: 'x'.repeat(513) } },
    malformed('#/textToImageParams/negativeText: expected maxLength: 512, actual: 513'),
  ],
  [
    'width 1000',
    withConfig({ width: 1000 }),
    /#\/imageGenerationConfig\/width: 1000 is not a valid enum value; permitted are, as width x height: 1024x1024 768x768 /,
  ],
  ['a pair that is no size', withConfig({ width: 512, height: 768 }), /512 x 768 is not a permitted width x height/],
  ['6 images', withConfig({ numberOfImages: 6 }), /numberOfImages: 6 is not less or equal to 5/],
  ['cfgScale 1.0', withConfig({ cfgScale: 1 }), /cfgScale: 1 is not greater or equal to 1\.1/],
  ['a seed too large', withConfig({ seed: 2147483647 }), /seed: 2147483647 is not less or equal to 2147483646/],
  ['a quality that is none', withConfig({ quality: 'ultra' }), /quality: ultra is not a valid enum value/],
  ['an extraneous key', { ...text, steps: 4 }, malformed('#: extraneous key [steps] is not permitted')],
  ['no task', { textToImageParams: { text: 'x' } }, malformed('#: required key [taskType] not found')],
  ['no params', { taskType: 'INPAINTING' }, malformed('#: required key [inPaintingParams] not found')],
  [
    'no mask',
    { taskType: 'INPAINTING', inPaintingParams: { image: 'aGVsbG8=' } },
    malformed('#/inPaintingParams: exactly one of [maskPrompt] and [maskImage] is required, found none'),
  ],
  [
    'a task of version 2',
    { taskType: 'BACKGROUND_REMOVAL' },
    /#\/taskType: BACKGROUND_REMOVAL is not a valid enum value/,
  ],
  [
    'an image that is none',
    { taskType: 'IMAGE_VARIATION', imageVariationParams: { images: ['aGVsbG8='] } },
    /imageVariationParams\.images\[0\] is another kind of file, not a JPEG or PNG/,
  ],
];

for (const [what, body, message] of bodies)
  test(`InvokeModel refuses a body with ${what}`, () =>
    assertRefused(invoke(onDemand, body), 'ValidationException', 400, message));

test('an empty Accept or Content-Type is as none', async () => {
  const [host, target] = [`127.0.0.1:${server.port}`, `/model/${onDemand}/invoke`];
  for (const name of ['accept', 'content-type']) {
    const request = signByHand({
      ...{ method: 'POST', target, host, service: 'bedrock', credentials: server.settings.credentials },
      ...{ headers: [[name, '']], body: JSON.stringify(text) },
    });
    const answer = await send(server.port, request);
    assert.equal(answer.status, 200, `${name}: ${answer.body.slice(0, 200)}`);
  }
});

test('InvokeModel refuses other formats, and a body too large', async () => {
  const refusals: [Partial<InvokeModelCommandInput>, RegExp][] = [
    [{ accept: 'image/png' }, /accept must be application\/json or \*\/\*; you sent image\/png/],
    [
      { contentType: 'text/plain;charset=UTF-8' },
      /contentType must be application\/json, application\/octet-stream or left out; you sent text\/plain;charset=UTF-8/,
    ],
    [{ body: 'x'.repeat(25_000_001) }, /body/],
  ];
  for (const [change, message] of refusals)
    await assertRefused(invoke(onDemand, text, change), 'ValidationException', 400, message);
});

test('what the units answer reaches the client as the modelled error', async () => {
  const says = (words: string) => ({ taskType: 'TEXT_IMAGE', textToImageParams: { text: words } });
  await assertRefused(invoke(onDemand, says('the process dies')), 'ModelErrorException', 424, /unit ended/);
  await assertRefused(invoke(onDemand, says('the queue is full')), 'ThrottlingException', 429, /Too many requests/);
});

test('a provisioned model of one Region is not there in another', async () => {
  const call = server.runtime('eu-west-1').send(new InvokeModelCommand({ modelId: provisioned, body: '{}' }));
  await assertRefused(call, 'ResourceNotFoundException', 404, /in eu-west-1/);
});

test('operations that an image model does not have are refused by name', async () => {
  const runtime = server.runtime();
  const messages = [{ role: 'user' as const, content: [{ text: 'hello' }] }];
  const calls: [() => Promise<unknown>, RegExp][] = [
    [
      () => runtime.send(new InvokeModelWithResponseStreamCommand({ modelId: onDemand, body: '{}' })),
      /The model is unsupported for streaming/,
    ],
    [() => runtime.send(new ConverseCommand({ modelId: onDemand, messages })), /does not support Converse\./],
    [() => runtime.send(new ConverseStreamCommand({ modelId: onDemand, messages })), /does not support ConverseStream/],
    [
      () => runtime.send(new CountTokensCommand({ modelId: onDemand, input: { converse: { messages } } })),
      /does not support CountTokens/,
    ],
    [
      () =>
        runtime.send(
          new StartAsyncInvokeCommand({
            modelId: onDemand,
            modelInput: {},
            outputDataConfig: { s3OutputDataConfig: { s3Uri: 's3://bucket/x' } },
          }),
        ),
      /does not support StartAsyncInvoke/,
    ],
  ];
  for (const [call, message] of calls) await assertRefused(call(), 'ValidationException', 400, message);
});

test('an operation that no image model has says first whether there is the model', async () => {
  const runtime = server.runtime();
  const unknown = 'amazon.no-such-model-v1';
  const messages = [{ role: 'user' as const, content: [{ text: 'hello' }] }];
  const calls = [
    () => runtime.send(new InvokeModelWithResponseStreamCommand({ modelId: unknown, body: '{}' })),
    () => runtime.send(new ConverseCommand({ modelId: unknown, messages })),
    () => runtime.send(new ConverseStreamCommand({ modelId: unknown, messages })),
  ];
  for (const call of calls)
    await assertRefused(call(), 'ResourceNotFoundException', 404, /Could not resolve the foundation model/);
});
