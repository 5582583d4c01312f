import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { weightsDigest } from './weights-digest.ts';

test('a digest is of the weights of the parts: a copy has the same, changed weights another', async context => {
  const root = await mkdtemp(join(tmpdir(), 'likeness-digest-'));
  context.after(() => rm(root, { recursive: true }));
  const base = join(root, 'base');
  await mkdir(join(base, 'unet'), { recursive: true });
  await mkdir(join(base, 'encoder'));
  const index = { _class_name: 'X', unet: ['diffusers', 'U'], tokenizer: ['python-package', 'some/model'] };
  await writeFile(join(base, 'model_index.json'), JSON.stringify(index));
  await writeFile(join(base, 'unet', 'a.safetensors'), 'a');
  const first = await weightsDigest(base);
  assert.match(first, /^[0-9a-f]{64}$/);
  await cp(base, join(root, 'copy'), { recursive: true });
  assert.equal(await weightsDigest(join(root, 'copy')), first);
  await writeFile(join(base, 'encoder', 'model.safetensors'), 'no part of the pipeline');
  await writeFile(join(base, 'unet', 'config.json'), '{}');
  assert.equal(await weightsDigest(base), first);
  await writeFile(join(base, 'unet', 'b.safetensors'), 'b');
  const second = await weightsDigest(base);
  assert.notEqual(second, first);
  await writeFile(join(base, 'unet', 'b.safetensors'), 'B!');
  assert.notEqual(await weightsDigest(base), second);
});
