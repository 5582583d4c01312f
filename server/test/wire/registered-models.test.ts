import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateProvisionedModelThroughputCommand,
  DeleteProvisionedModelThroughputCommand,
  ListFoundationModelsCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { putBaseModel } from '../support/base-model.ts';
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
      ['DELETE', `/registered-models/${ID}`],
    ] as const)
      assert.equal((await callRoute(server, method, target, { credentials: clerk })).status, 403, method);
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
