import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { signByHand } from '../support/signing.ts';
import { type BedrockServer, plainPng, startBedrock } from './bedrock-server.ts';

let server: BedrockServer;
before(async () => {
  server = await startBedrock();
});
after(() => server.stop());

const art = 'likeness.art-v1';
const png = plainPng(512, 512, 90);
/** As much of a JPEG as says its size: what is checked before a worker decodes it. */
const jpeg = Buffer.from('ffd8ffc0001108010001400301220002110103110', 'hex');

async function detect(body: unknown, credentials = server.settings.credentials) {
  const host = `127.0.0.1:${server.port}`;
  const target = '/detectGeneratedContent';
  const text = JSON.stringify(body);
  const request = signByHand({
    ...{ method: 'POST', target, host, service: 'bedrock', credentials, body: text },
    headers: [['content-type', 'application/json']],
  });
  const headers = request.headers.filter(([name]) => name !== 'host');
  const answer = await fetch(`http://${host}${target}`, { method: 'POST', headers, body: text });
  const json = (await answer.json()) as { message?: string };
  return { status: answer.status, code: answer.headers.get('x-amzn-errortype'), json };
}

const imageOf = (bytes: Buffer) => ({ content: { imageContent: { bytes: bytes.toString('base64') } } });

test('a marked image is GENERATED and another is not, with and without a model', async () => {
  const generated = { detectionResult: 'GENERATED', confidenceLevel: 'HIGH' };
  const foreign = { detectionResult: 'NOT_GENERATED', confidenceLevel: 'HIGH' };
  const arn = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1';
  for (const model of [{}, { foundationModelId: art }, { foundationModelId: arn }]) {
    assert.deepEqual((await detect({ ...model, ...imageOf(png) })).json, generated);
    assert.deepEqual((await detect({ ...model, ...imageOf(jpeg) })).json, foreign);
  }
});

test('what is no image, too large or damaged is refused by its member', async () => {
  const cases: [body: unknown, message: RegExp][] = [
    [{}, /^content\.imageContent\.bytes is required/],
    [{ content: {} }, /is required/],
    [imageOf(Buffer.alloc(0)), /is required/],
    [imageOf(Buffer.from('GIF89a')), /is a GIF, not a JPEG or PNG/],
    [imageOf(png.subarray(0, 12)), /is cut short inside its header/],
    [imageOf(plainPng(63, 512, 0)), /sides of 64 to 4096 pixels; it has 63 x 512/],
    [imageOf(plainPng(512, 4097, 0)), /sides of 64 to 4096 pixels; it has 512 x 4097/],
    [imageOf(Buffer.alloc(18_874_369, png)), /at most 18874368 bytes \(18 MB\); it has 18874369/],
    [imageOf(Buffer.concat([png, Buffer.from('damaged')])), /^content\.imageContent\.bytes does not decode\.$/],
    [{ content: { imageContent: { bytes: '?' } } }, /a blob base64/],
  ];
  for (const [body, message] of cases) {
    const { status, code, json } = await detect(body);
    assert.deepEqual([status, code], [400, 'ValidationException'], json.message);
    assert.match(json.message ?? '', message);
  }
});

test('the largest image that is allowed passes', async () => {
  assert.equal((await detect(imageOf(Buffer.concat([png], 18_874_368)))).status, 200);
});

test('a model that is not there is not found', async () => {
  const { status, code } = await detect({ foundationModelId: 'amazon.absent-v1', ...imageOf(png) });
  assert.deepEqual([status, code], [404, 'ResourceNotFoundException']);
});

test('a user needs bedrock:DetectGeneratedContent, on the model that the request names', async () => {
  await server.iam.send(new CreateUserCommand({ UserName: 'looker' }));
  const { AccessKey } = await server.iam.send(new CreateAccessKeyCommand({ UserName: 'looker' }));
  const credentials = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
  const allow = (Action: string, Resource: string) =>
    server.iam.send(
      new PutUserPolicyCommand({
        ...{ UserName: 'looker', PolicyName: 'only' },
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action, Resource }],
        }),
      }),
    );
  const statusOf = async (body: object) => (await detect(body, credentials)).status;
  await allow('bedrock:InvokeModel', '*');
  const { status, code, json } = await detect({}, credentials);
  assert.deepEqual([status, code], [403, 'AccessDeniedException']);
  assert.match(json.message ?? '', /not authorized to perform: bedrock:DetectGeneratedContent/);
  await allow('bedrock:DetectGeneratedContent', `arn:aws:bedrock:us-east-1::foundation-model/${art}`);
  assert.equal(await statusOf({ foundationModelId: art, ...imageOf(png) }), 200);
  assert.equal(await statusOf({ foundationModelId: 'amazon.titan-image-generator-v1', ...imageOf(png) }), 403);
  assert.equal(await statusOf(imageOf(png)), 403);
  await allow('bedrock:DetectGeneratedContent', '*');
  assert.equal(await statusOf(imageOf(png)), 200);
});
