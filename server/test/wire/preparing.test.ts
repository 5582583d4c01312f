import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ListFoundationModelsCommand } from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { safetensors } from '../support/base-model.ts';
import { callRoute } from '../support/routes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { pngHeader } from '../support/training-data.ts';
import { allow, makeUser } from './access-support.ts';

const image = pngHeader().toString('base64');

async function putBlip(folder: string): Promise<string> {
  await mkdir(folder);
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({ model_type: 'blip', vision_config: { image_size: 384 } }),
  );
  await writeFile(join(folder, 'model.safetensors'), safetensors());
  await writeFile(join(folder, 'vocab.txt'), '[PAD]');
  return folder;
}

describe('captions and masks for pictures', () => {
  let server: TestServer;
  let root: string;
  const caption = (body: object) => callRoute(server, 'POST', '/captions', { body });
  const mask = (body: object) => callRoute(server, 'POST', '/masks', { body });

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'likeness-preparing-'));
    server = await startServer();
  });
  after(async () => {
    await server.close();
    await rm(root, { recursive: true });
  });

  it('come of the embedded model where no other is registered', async () => {
    const answer = await caption({ image, triggerWord: ' Ron the dog ' });
    assert.equal(answer.status, 200, JSON.stringify(answer.json));
    assert.match(answer.json.caption, /^Ron the dog as .* sees it$/);
    assert.equal(answer.json.modelId, 'likeness.art-v1');
    const found = await mask({ image, subject: 'the dog' });
    assert.deepEqual([found.status, found.json.modelId], [200, 'likeness.art-v1']);
    assert.match(Buffer.from(found.json.maskImage, 'base64').toString(), /^the dog by base/);
  });

  it('come of a captioning folder once it is registered, which nothing else is done with', async () => {
    const path = await putBlip(join(root, 'blip'));
    const added = await callRoute(server, 'POST', '/registered-models', {
      body: { path, id: 'acme.captions-v1', licence: 'bsd-3-clause' },
    });
    assert.equal(added.status, 201, JSON.stringify(added.json));
    assert.deepEqual([added.json.facts.family, added.json.facts.tasks], ['blip', ['CAPTION']]);
    assert.equal((await caption({ image })).json.modelId, 'acme.captions-v1');
    assert.equal((await caption({ image, modelId: 'likeness.art-v1' })).json.modelId, 'likeness.art-v1');
    assert.equal((await mask({ image, subject: 'the dog' })).json.modelId, 'likeness.art-v1');
    const { modelSummaries } = await server.clients().bedrock.send(new ListFoundationModelsCommand({}));
    assert.ok(!modelSummaries?.some(row => row.modelId === 'acme.captions-v1'));
    const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron' } });
    const drawn = server.clients().runtime.send(new InvokeModelCommand({ modelId: 'acme.captions-v1', body }));
    await assert.rejects(drawn, { name: 'ResourceNotFoundException' });
    assert.equal((await callRoute(server, 'DELETE', '/registered-models/acme.captions-v1')).status, 200);
    assert.equal((await caption({ image, modelId: 'acme.captions-v1' })).status, 404);
  });

  it('are refused with the member that is wrong', async () => {
    const cases: [typeof caption, object, RegExp][] = [
      [caption, {}, /image is required: the base64/],
      [caption, { image: 'data:image/png;base64,AAAA' }, /image is required: the base64/],
      [caption, { image: Buffer.from('GIF89a').toString('base64') }, /image is a GIF, not a JPEG or PNG/],
      [caption, { image: pngHeader(5000, 512).toString('base64') }, /each side must be at most 4096/],
      [caption, { image, triggerWord: '' }, /triggerWord must be a text of 1 to 64 characters/],
      [caption, { image, modelId: 3 }, /modelId must be a string/],
      [caption, { image, subject: 'x' }, /subject is not known; the body may have image, modelId, triggerWord/],
      [mask, { image }, /subject is required: words for what to find/],
      [mask, { image, subject: 'x'.repeat(513) }, /subject must be a text of 1 to 512 characters/],
    ];
    for (const [ask, body, message] of cases) {
      const answer = await ask(body);
      assert.equal(answer.status, 400, JSON.stringify(answer.json));
      assert.match(answer.json.message, message);
    }
  });

  it('take a picture of more than a mebibyte, and ask for their own permission', async () => {
    const large = Buffer.concat([pngHeader().subarray(0, 33), Buffer.alloc(2 * 1024 * 1024), pngHeader().subarray(33)]);
    assert.equal((await caption({ image: large.toString('base64') })).status, 200);
    const user = await makeUser(server, 'captioner', allow('likeness:GenerateCaption', '*'));
    const asked = { credentials: user, body: { image, subject: 'the dog' } };
    assert.equal((await callRoute(server, 'POST', '/masks', asked)).status, 403);
    assert.equal((await callRoute(server, 'POST', '/captions', { credentials: user, body: { image } })).status, 200);
  });
});
