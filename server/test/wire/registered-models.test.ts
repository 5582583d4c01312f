import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateProvisionedModelThroughputCommand,
  DeleteProvisionedModelThroughputCommand,
  ListFoundationModelsCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { putBaseModel, safetensors } from '../support/base-model.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, makeUser } from './access-support.ts';

const ID = 'acme.photos-v1';

describe('base models that are registered', () => {
  let server: TestServer;
  let root: string;
  let path: string;
  const add = (body: object) => callRoute(server, 'POST', '/registered-models', { body });
  const invoke = () => {
    const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron' } });
    return server.clients().runtime.send(new InvokeModelCommand({ modelId: ID, body }));
  };

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'likeness-registered-'));
    path = await putBaseModel(join(root, 'photos'));
    server = await startServer();
  });
  after(async () => {
    await server.close();
    await rm(root, { recursive: true });
  });

  it('are refused with the member and everything that is missing', async () => {
    const broken = await putBaseModel(join(root, 'broken'));
    await unlink(join(broken, 'vae/config.json'));
    await rename(join(broken, 'tokenizer'), join(broken, 'tokeniser'));
    const linked = await putBaseModel(join(root, 'linked'));
    await unlink(join(linked, 'unet/config.json'));
    await symlink(join(path, 'unet/config.json'), join(linked, 'unet/config.json'));
    const cases: [object, number, RegExp][] = [
      [{}, 400, /path must be a string/],
      [{ path: 'photos', id: ID }, 400, /path must be absolute; you sent "photos"/],
      [{ path, id: 1 }, 400, /id must be a string/],
      [{ path, id: 'Photos', licence: 'MIT' }, 400, /needs an id of the form provider\.model.*"Photos"/],
      [{ path, id: ID, licence: 'a\nb' }, 400, /licence must be 1 to 200 characters of printable ASCII/],
      [{ path, id: ID }, 400, /licence is required where likeness\.json names none/],
      [{ path: root, id: ID, licence: 'MIT' }, 400, /it has no model_index\.json/],
      [{ path: broken, id: ID, licence: 'MIT' }, 400, /part vae is missing.* part tokenizer is missing/],
      [{ path: linked, id: ID, licence: 'MIT' }, 400, /unet\/config\.json links to a place outside/],
      [{ path, id: 'likeness.art-v1', licence: 'MIT' }, 409, /likeness\.art-v1 is taken/],
    ];
    for (const [body, status, message] of cases) {
      const answer = await add(body);
      assert.equal(answer.status, status, JSON.stringify(answer.json));
      assert.match(answer.json.message, message);
    }
  });

  it('are refused for a folder that is none or holds something else, and what its files say stays in them', async () => {
    const secret = 'swordfish-4711';
    const other = join(root, 'other');
    await mkdir(other);
    for (const name of ['model_index.json', 'config.json', 'likeness.json']) await writeFile(join(other, name), secret);
    const file = join(other, 'config.json');
    const odd = await putBaseModel(join(root, 'odd'));
    await writeFile(join(odd, 'unet/config.json'), secret);
    const strange = join(root, 'strange');
    await mkdir(strange);
    await writeFile(join(strange, 'config.json'), '{"model_type": ["blip"]}');
    const wordy = await putBaseModel(join(root, 'wordy'));
    await writeFile(join(wordy, 'unet/diffusion_pytorch_model.safetensors'), safetensors(['a'] as never));
    const elsewhere = await putBaseModel(join(root, 'elsewhere'));
    const index = { _class_name: 'StableDiffusionPipeline', unet: ['python-package', `likeness_worker/${path}/unet`] };
    await writeFile(join(elsewhere, 'model_index.json'), JSON.stringify(index));
    const cases: [string, RegExp][] = [
      [join(root, 'nowhere'), /There is no folder .*nowhere on the machine of the service that it may read/],
      [join(root, 'v1-5.safetensors'), /A single checkpoint becomes a folder by from_single_file/],
      [file, /There is no folder .*config\.json on the machine/],
      [`${path}\0`, /path must be .* without a zero character/],
      [`/${'a'.repeat(5000)}`, /path must be at most 4096 characters; you sent 5001/],
      [other, /model_index\.json of the base model cannot be read/],
      [odd, /unet\/config\.json is not JSON/],
      [strange, /it has no model_index\.json/],
      [wordy, /unet\/diffusion_pytorch_model\.safetensors of the base model is not a safetensors file/],
      [elsewhere, /part unet must be a folder inside a Python package/],
    ];
    for (const [folder, message] of cases) {
      const { status, json } = await add({ path: folder, id: ID, licence: 'MIT' });
      assert.equal(status, 400, JSON.stringify(json));
      assert.match(json.message, message);
      assert.ok(!json.message.includes(secret), json.message);
    }
  });

  it('answer at once, tell their facts, and cannot be registered twice', async () => {
    const { status, json } = await add({ path, id: ID, licence: 'openrail++' });
    assert.equal(status, 201);
    assert.deepEqual([json.id, json.licence, json.origin, json.problem], [ID, 'openrail++', 'registered', null]);
    assert.deepEqual(json.facts.parameters, 18);
    assert.deepEqual([json.facts.memoryBytes, json.facts.resolution], [72, 512]);
    assert.equal((await add({ path, id: ID, licence: 'openrail++' })).status, 409);
    const { modelSummaries } = await server.clients().bedrock.send(new ListFoundationModelsCommand({}));
    assert.ok(modelSummaries?.some(row => row.modelId === ID));
    await invoke();
    const listed = await callRoute(server, 'GET', '/registered-models');
    assert.deepEqual(
      listed.json.registeredModels.map((row: { id: string; origin: string }) => [row.id, row.origin]),
      [
        ['likeness.art-v1', 'embedded'],
        [ID, 'registered'],
      ],
    );
  });

  it('are administered by the first account alone, with its permission', async () => {
    const second = (await callRoute(server, 'POST', '/accounts', { body: { accountId: '111122223333' } })).json;
    const foreign = await callRoute(server, 'GET', '/registered-models', { credentials: second });
    assert.deepEqual([foreign.status, foreign.json.__type], [403, 'AccessDeniedException']);
    const resource = `arn:aws:likeness::${ACCOUNT}:base-model/acme.other`;
    const clerk = await makeUser(server, 'clerk', allow('likeness:DeregisterModel', resource));
    for (const [method, target] of [
      ['GET', '/registered-models'],
      ['POST', '/registered-models'],
      ['DELETE', `/registered-models/${ID}`],
    ] as const) {
      const body = method === 'POST' ? { path, id: 'acme.other', licence: 'MIT' } : '';
      const { status, json } = await callRoute(server, method, target, { body, credentials: clerk });
      assert.deepEqual([status, json.__type], [403, 'AccessDeniedException'], method);
    }
    const own = await callRoute(server, 'DELETE', '/registered-models/acme.other', { credentials: clerk });
    assert.deepEqual([own.status, own.json.__type], [404, 'ResourceNotFoundException']);
  });

  it('are not removed while a throughput uses them, and answer no more once they are', async () => {
    const { bedrock } = server.clients();
    const { provisionedModelArn } = await bedrock.send(
      new CreateProvisionedModelThroughputCommand({ modelId: ID, provisionedModelName: 'one', modelUnits: 1 }),
    );
    const refused = await callRoute(server, 'DELETE', `/registered-models/${ID}`);
    assert.equal(refused.status, 409);
    assert.ok(refused.json.message.includes(`in use by ${provisionedModelArn}`), refused.json.message);
    await bedrock.send(new DeleteProvisionedModelThroughputCommand({ provisionedModelId: provisionedModelArn }));
    assert.equal((await callRoute(server, 'DELETE', `/registered-models/${ID}`)).status, 200);
    await assert.rejects(invoke(), { name: 'ResourceNotFoundException' });
    assert.equal((await callRoute(server, 'DELETE', `/registered-models/${ID}`)).status, 404);
    assert.equal((await callRoute(server, 'DELETE', '/registered-models/likeness.art-v1')).status, 409);
  });
});
