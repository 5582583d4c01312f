import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openBaseModels } from './base-models.ts';

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'likeness-base-'));
});
after(() => rm(root, { recursive: true }));

async function folder(name: string, files: Record<string, unknown>): Promise<string> {
  const path = join(root, name);
  await mkdir(path);
  for (const [file, content] of Object.entries(files))
    await writeFile(join(path, file), typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('the embedded model answers behind every id; a map sends one elsewhere', async () => {
  const embeddedModelPath = await folder('embedded', {
    'model_index.json': { _class_name: 'LikenessArtPipeline' },
    'likeness.json': { id: 'likeness.art-v1', name: 'Art', licence: 'Apache-2.0', family: 'art', lora: { rank: 8 } },
  });
  const own = await folder('own', { 'model_index.json': { _class_name: 'StableDiffusionPipeline' } });
  const models = await openBaseModels({
    registrationsPath: join(root, 'none.json'),
    embeddedModelPath,
    baseModelPaths: { 'acme.photos-v1': own },
    modelMap: { 'amazon.titan-image-generator-v2:0': 'acme.photos-v1' },
  });
  assert.deepEqual(Object.fromEntries(models.catalogue().map(row => [row.modelId, row.baseModelId])), {
    'likeness.art-v1': 'likeness.art-v1',
    'acme.photos-v1': 'acme.photos-v1',
    'amazon.titan-image-generator-v1:0': 'likeness.art-v1',
    'amazon.titan-image-generator-v1': 'likeness.art-v1',
    'amazon.titan-image-generator-v2:0': 'acme.photos-v1',
  });
  assert.deepEqual(models.get('likeness.art-v1'), {
    id: 'likeness.art-v1',
    name: 'Art',
    licence: 'Apache-2.0',
    path: embeddedModelPath,
    family: 'art',
    learningRateFactor: 100,
    resolution: 128,
    sizeMultiple: 32,
    lora: { rank: 8, alpha: 8, maximumRank: 64 },
    training: {
      captionDropout: 0.1,
      unconditionalPrior: 0,
      warmupSteps: 20,
      usualSteps: null,
      minSnrGamma: null,
      learningRateSchedule: 'constant',
      style: { captionDropout: 0.1, unconditionalPrior: 0 },
    },
  });
  assert.equal(models.get('acme.photos-v1')?.learningRateFactor, 10);
  assert.equal(models.get('acme.unknown'), undefined);
  const refused = (change: object) =>
    openBaseModels({ embeddedModelPath, modelMap: {}, registrationsPath: join(root, 'none.json'), ...change });
  await assert.rejects(refused({ modelMap: { 'amazon.titan-image-generator-v2:0': 'x.y' } }), /x\.y, which is not/);
  await assert.rejects(refused({ modelMap: { 'x.y': 'likeness.art-v1' } }), /no compatibility id/);
  await assert.rejects(refused({ baseModelPaths: { 'likeness.art-v1': own } }), /is taken/);
  await assert.rejects(refused({ baseModelPaths: { Photos: own } }), /needs an id of the form provider\.model/);
  await assert.rejects(refused({ embeddedModelPath: join(root, 'nowhere') }), /There is no base model in .*nowhere/);
});

test('a folder that cannot be right is refused with the member', async () => {
  const bad = async (name: string, likeness: unknown, pipeline = 'LikenessArtPipeline') =>
    openBaseModels({
      embeddedModelPath: await folder(name, {
        'model_index.json': { _class_name: pipeline },
        'likeness.json': likeness,
      }),
      modelMap: {},
      registrationsPath: join(root, 'none.json'),
    });
  await assert.rejects(bad('a', '{'), /likeness\.json is not JSON/);
  await assert.rejects(bad('b', {}, 'MysteryPipeline'), /MysteryPipeline, which no family supports/);
  await assert.rejects(bad('c', { id: 'x.y', lora: { rank: '16' } }), /lora\.rank must be a number.*"16"/);
  await assert.rejects(
    bad('d', { id: 'x.y', training: { learningRateSchedule: 'warm' } }),
    /must be constant or cosine/,
  );
  await assert.rejects(
    bad('e', { id: 'x.y', training: { unconditionalPrior: 1.5 } }),
    /must be a number, 0 to 1.*1\.5/,
  );
  await assert.rejects(
    bad('g', { id: 'x.y', training: { usualSteps: 5 } }),
    /training\.usualSteps must be a whole number from 10 to 40000; it is 5/,
  );
  await assert.rejects(
    bad('f', { id: 'x.y', training: { style: { captionDropout: 'most' } } }),
    /training\.style\.captionDropout must be a number, 0 to 1.*"most"/,
  );
});

test('a registration outlives the process; one whose folder is gone is listed with the reason and stops no start', async () => {
  const home = join(root, 'home');
  await mkdir(join(home, 'base-models'), { recursive: true });
  const embeddedModelPath = await folder('embedded-again', {
    'model_index.json': { _class_name: 'LikenessArtPipeline' },
    'likeness.json': { id: 'likeness.art-v1', licence: 'Apache-2.0' },
  });
  const open = () =>
    openBaseModels({ embeddedModelPath, modelMap: {}, registrationsPath: join(home, 'base-models.json') });
  const path = await folder('photos', { 'model_index.json': { _class_name: 'FluxPipeline' } });
  const downloaded = join(home, 'base-models', 'acme.two');
  await cp(path, downloaded, { recursive: true });
  const facts = { family: 'flux', resolution: 1024, tasks: [], parameters: 1, sizeBytes: 2, memoryBytes: 4 };
  const rest = { licence: 'own', facts, registeredAt: '2026-11-25T12:00:00.000Z' };
  const first = await open();
  await Promise.all([
    first.register({ path, id: 'acme.one', ...rest }),
    first.register({ path: downloaded, id: 'acme.two', ...rest }),
    first.register({ path: downloaded, id: 'acme.three', ...rest }),
  ]);
  await assert.rejects(first.register({ path, id: 'acme.one', ...rest }), /acme\.one is taken/);
  const second = await open();
  assert.equal(second.get('acme.one')?.licence, 'own');
  assert.ok(second.catalogue().some(row => row.modelId === 'acme.two'));
  await rename(path, `${path}-away`);
  const third = await open();
  assert.equal(third.get('acme.one'), undefined);
  assert.match(third.list().find(row => row.id === 'acme.one')?.problem ?? '', /There is no base model in/);
  await third.deregister('acme.one');
  await third.deregister('acme.two');
  assert.ok((await stat(downloaded)).isDirectory(), 'it answers under another id');
  await third.deregister('acme.three');
  assert.deepEqual(
    (await open()).list().map(row => row.id),
    ['likeness.art-v1'],
  );
  await assert.rejects(stat(downloaded), { code: 'ENOENT' });
  assert.ok((await stat(`${path}-away`)).isDirectory(), 'a folder of the user is never deleted');
});

test('what was downloaded is found again where the data folder was restored in another place', async () => {
  const files = {
    'model_index.json': { _class_name: 'LikenessArtPipeline' },
    'likeness.json': { id: 'likeness.art-v1', name: 'Art', licence: 'Apache-2.0', family: 'art', lora: { rank: 8 } },
  };
  const embeddedModelPath = await folder('embedded-beside', files);
  const photos = { 'model_index.json': { _class_name: 'StableDiffusionPipeline' } };
  await folder('data', {});
  await folder('data/base-models', {});
  const path = await folder('data/base-models/photos', photos);
  const open = (data: string) =>
    openBaseModels({ embeddedModelPath, modelMap: {}, registrationsPath: join(root, data, 'base-models.json') });
  const about = { licence: 'mit', facts: null as never, registeredAt: '2026-11-25T12:00:00.000Z' };
  await (await open('data')).register({ path, id: 'acme.photos-v1', ...about });
  await rename(join(root, 'data'), join(root, 'restored'));
  const restored = join(root, 'restored/base-models/photos');
  assert.equal((await open('restored')).get('acme.photos-v1')?.path, restored);

  const whole = { v: 1, models: [{ id: 'acme.photos-v1', path, licence: 'mit', facts: null }] };
  await writeFile(join(root, 'restored/base-models.json'), JSON.stringify(whole));
  assert.equal((await open('restored')).get('acme.photos-v1')?.path, restored, 'written by an earlier version');
});
