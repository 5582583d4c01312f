import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signByHand } from '../support/signing.ts';
import { type BedrockServer, makeServiceRole, startBedrock, TITAN } from './bedrock-server.ts';

let server: BedrockServer;
let roleArn: string;

before(async () => {
  server = await startBedrock();
  roleArn = await makeServiceRole(server.iam, 'service');
});
after(() => server.stop());

/** What clients that check nothing might send in the place of any member. */
const oddities = [
  null,
  0,
  -1,
  1.5,
  1e21,
  true,
  '',
  'x',
  '\u0000',
  '🐶'.repeat(40),
  'x\ud800',
  '%00%2f',
  '../..',
  [],
  [null],
  {},
  { a: {} },
];

async function send(method: string, target: string, body?: string) {
  const host = `127.0.0.1:${server.port}`;
  const request = signByHand({
    method,
    target,
    host,
    service: 'bedrock',
    credentials: server.settings.credentials,
    headers: body === undefined ? [] : [['content-type', 'application/json']],
    ...(body !== undefined && { body }),
  });
  const headers = request.headers.filter(([name]) => name !== 'host');
  const answer = await fetch(`http://${host}${target}`, { method, headers, ...(body !== undefined && { body }) });
  return { status: answer.status, code: answer.headers.get('x-amzn-errortype'), text: await answer.text() };
}

/** Copies of a value with one member replaced, at any depth; neighbours share the oddities among them, to save time. */
function* broken(value: unknown, turn = 0): Generator<unknown> {
  yield* oddities.filter((_, index) => index % 3 === turn % 3);
  if (typeof value !== 'object' || value === null) return;
  for (const [index, [key, member]] of Object.entries(value).entries())
    for (const changed of broken(member, turn + index + 1))
      yield Array.isArray(value) ? [changed] : { ...value, [key]: changed };
}

/** Refused with a code that clients know, or accepted: never an internal error. */
async function assertClear(method: string, target: string, body?: string): Promise<void> {
  const { status, code, text } = await send(method, target, body);
  const what = `${method} ${target} ${body?.slice(0, 300)}: ${status} ${code} ${text}`;
  assert.ok(status < 500, what);
  if (status < 300) return;
  assert.match(code ?? '', /^[A-Za-z]+(Exception|Error)$/, what);
  assert.ok((JSON.parse(text) as { message?: string }).message, what);
}

test('a job with any member broken gets a clear answer', async () => {
  const good = {
    jobName: 'x',
    customModelName: 'x',
    roleArn,
    baseModelIdentifier: TITAN,
    clientRequestToken: 'token',
    customizationType: 'FINE_TUNING',
    customModelKmsKeyId: 'alias/absent',
    hyperParameters: { stepCount: '10', batchSize: '8' },
    trainingDataConfig: { s3Uri: 's3://bucket/train.jsonl' },
    validationDataConfig: { validators: [{ s3Uri: 's3://bucket/x' }] },
    outputDataConfig: { s3Uri: 's3://bucket/output' },
    jobTags: [{ key: 'a', value: 'b' }],
    vpcConfig: { subnetIds: ['subnet-1'], securityGroupIds: ['sg-1'] },
    customizationConfig: { distillationConfig: { teacherModelConfig: { teacherModelIdentifier: 'x' } } },
  };
  for (const body of broken(good)) await assertClear('POST', '/model-customization-jobs', JSON.stringify(body));
  for (const text of ['', '{', 'null', '"text"', '{"jobName":"a","jobName":"b"}', '\ufeff{}', `${'['.repeat(5000)}`])
    await assertClear('POST', '/model-customization-jobs', text);
});

test('a purchase, a change and tags with any member broken get a clear answer', async () => {
  const purchase = {
    modelUnits: 1,
    provisionedModelName: 'x',
    modelId: 'absent',
    commitmentDuration: 'OneMonth',
    tags: [{ key: 'a', value: 'b' }],
  };
  for (const body of broken(purchase)) await assertClear('POST', '/provisioned-model-throughput', JSON.stringify(body));
  for (const body of broken({ desiredModelId: 'x', desiredProvisionedModelName: 'y' }))
    await assertClear('PATCH', '/provisioned-model-throughput/absent', JSON.stringify(body));
  const resourceARN = 'arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl';
  for (const body of broken({ resourceARN, tags: [{ key: 'a', value: 'b' }] }))
    await assertClear('POST', '/tagResource', JSON.stringify(body));
  for (const body of broken({ resourceARN, tagKeys: ['a'] }))
    await assertClear('POST', '/untagResource', JSON.stringify(body));
  for (const body of broken({ resourceARN })) await assertClear('POST', '/listTagsForResource', JSON.stringify(body));
});

test('an image request with any member broken gets a clear answer', async () => {
  const bodies = [
    {
      taskType: 'TEXT_IMAGE',
      textToImageParams: { text: 'x', negativeText: 'y' },
      imageGenerationConfig: { numberOfImages: 1, quality: 'standard', width: 512, height: 512, cfgScale: 8, seed: 1 },
    },
    { taskType: 'IMAGE_VARIATION', imageVariationParams: { images: ['aGVsbG8='], similarityStrength: 0.7 } },
  ];
  const path = '/model/amazon.titan-image-generator-v1/invoke';
  for (const good of bodies) for (const body of broken(good)) await assertClear('POST', path, JSON.stringify(body));
  for (const text of ['', '{', 'null', '[]', '{"taskType":"TEXT_IMAGE","__proto__":{}}', '\ud800'])
    await assertClear('POST', path, text);
});

test('a detection with any member broken gets a clear answer', async () => {
  const good = { foundationModelId: 'likeness.art-v1', content: { imageContent: { bytes: 'aGVsbG8=' } } };
  for (const body of broken(good)) await assertClear('POST', '/detectGeneratedContent', JSON.stringify(body));
});

test('any identifier, filter and page gets a clear answer', async () => {
  const identifiers = [
    'x',
    'arn',
    'arn:aws:bedrock:us-east-1:123456789012:custom-model',
    `arn:aws:bedrock:us-east-1:123456789012:custom-model/${TITAN}/abcdefghijkl`,
    'arn:aws:bedrock:::',
    '%',
    '\u0000',
    'é',
    'x'.repeat(3000),
    "' or 1=1 --",
  ];
  const paths = [
    'model-customization-jobs',
    'custom-models',
    'provisioned-model-throughput',
    'foundation-models',
    'model',
  ];
  for (const path of paths)
    for (const identifier of identifiers) {
      await assertClear('GET', `/${path}/${encodeURIComponent(identifier)}`);
      await assertClear('DELETE', `/${path}/${encodeURIComponent(identifier)}`);
      await assertClear('POST', `/${path}/${encodeURIComponent(identifier)}/stop`);
      await assertClear('POST', `/${path}/${encodeURIComponent(identifier)}/invoke`, '{}');
    }
  const lists = ['model-customization-jobs', 'custom-models', 'provisioned-model-throughputs', 'foundation-models'];
  const queries = [
    'maxResults=x',
    'maxResults=1.5',
    'maxResults=-1',
    'maxResults=1&maxResults=2',
    'creationTimeAfter=yesterday',
    'creationTimeAfter=99999999999999',
    'creationTimeBefore=2024-13-45T00%3A00%3A00Z',
    'nextToken=%00',
    'nextToken=a.b.c',
    'isOwned=maybe',
    'sortBy=Name',
    'nameContains=%25',
    'byProvider=%00',
    'byInferenceType=FREE',
  ];
  for (const list of lists) for (const query of queries) await assertClear('GET', `/${list}?${query}`);
});

test('A time filter that is no date is named with what was sent', async () => {
  const { status, code, text } = await send('GET', '/model-customization-jobs?creationTimeAfter=yesterday');
  assert.deepEqual([status, code], [400, 'ValidationException']);
  assert.match(text, /creationTimeAfter must be a date in ISO 8601.*you sent \\"yesterday\\"/);
});
