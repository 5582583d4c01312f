import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseFiles } from './choice.ts';
import { type HubFile, readHubPlace } from './client.ts';
import { hubModelId } from './model-download.ts';
import { progressLine } from './progress.ts';

const files = (...paths: string[]): HubFile[] =>
  paths.map(path => ({ path, sizeBytes: 1, sha256: null, gitBlobSha1: 'a'.repeat(40) }));
const index = { _class_name: 'FluxPipeline', transformer: ['diffusers', 'X'], tokenizer_2: ['transformers', 'X'] };
const chosen = (...paths: string[]) => chooseFiles(index, files(...paths)).map(file => file.path);

test('a model of the hub is owner, name and revision; its id is made of the former', () => {
  const place = readHubPlace('hf:Acme-AI/photo_XL.1@refs/pr/4');
  assert.deepEqual(place, { owner: 'Acme-AI', name: 'photo_XL.1', revision: 'refs/pr/4' });
  assert.equal(hubModelId(place), 'acme-ai.photo-xl-1');
  assert.equal(readHubPlace('hf:a/b').revision, 'main');
  for (const wrong of ['hf:photos', 'hf:a/b/c', 'hf:../b', 'hf:a/b@', 'hf:a/b@x/../y', 'hf:a/b c'])
    assert.throws(() => readHubPlace(wrong), /is written hf:OWNER\/NAME/, wrong);
});

test('weights come in one precision: shards with their index where there is no whole file', () => {
  const shard = (number: number, half = '') =>
    `transformer/diffusion_pytorch_model${half}-0000${number}-of-00002.safetensors`;
  const whole = [shard(1), shard(2), 'transformer/diffusion_pytorch_model.safetensors.index.json'];
  const half = [
    shard(1, '.fp16'),
    shard(2, '.fp16'),
    'transformer/diffusion_pytorch_model.safetensors.index.fp16.json',
  ];
  const rest = ['transformer/config.json', 'tokenizer_2/tokenizer.json'];
  assert.deepEqual(chosen(...whole, ...rest).toSorted(), [...whole, ...rest].toSorted());
  assert.deepEqual(chosen(...whole, ...half, ...rest).toSorted(), [...half, ...rest].toSorted());
  assert.deepEqual(chosen('transformer/model.safetensors', ...whole, ...rest), [
    'transformer/config.json',
    'transformer/model.safetensors',
    'tokenizer_2/tokenizer.json',
  ]);
});

test('a part without safetensors is refused by its name, and a path that leads out is never chosen', () => {
  assert.throws(() => chosen('transformer/model.bin'), /no safetensors for transformer \(pickles alone\)/);
  assert.throws(() => chosen('tokenizer_2/x.json'), /no safetensors for transformer: it cannot be used/);
  const wild = ['transformer/../../x.safetensors', '../model_index.json', 'transformer/..', '/etc/x.json'];
  assert.deepEqual(chosen('transformer/model.safetensors', ...wild), ['transformer/model.safetensors']);
});

test('a pipeline that no family serves is refused by its name', () => {
  assert.throws(() => chooseFiles({ _class_name: 'MysteryPipeline' }, []), /a MysteryPipeline, which no family serves/);
});

test('a line of progress tells share, speed and the time left', () => {
  const mebibyte = 1024 ** 2;
  const line = progressLine({
    totalBytes: 400 * mebibyte,
    done: 200 * mebibyte,
    doneBefore: 100 * mebibyte,
    seconds: 50,
  });
  assert.equal(line, '[############------------] 50 %  200.0 of 400.0 MiB  2.0 MiB/s  1 min 40 s left');
  assert.match(progressLine({ totalBytes: 1, done: 0, doneBefore: 0, seconds: 0 }), /time left not known yet/);
});
