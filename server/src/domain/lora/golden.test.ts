/**
 * contract/lora holds one LoRA for each model family in PEFT's layout and in both layouts that are exported: here the bytes are
 * what this code writes, and worker/tests/test_lora_layouts.py has diffusers itself load them and draw the same pixels.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLora, toDiffusers, toKohya, toPeft } from './layouts.ts';
import { headerLength, parseHeader, toFloat32, writeSafetensors } from './safetensors.ts';

const families = join(import.meta.dirname, '../../../../contract/lora');

function read(path: string) {
  const file = readFileSync(path);
  const length = headerLength(file.subarray(0, 8), file.byteLength, path);
  const { tensors, dataOffset } = parseHeader(file.subarray(8, 8 + length), file.byteLength, path);
  const values = [...tensors].map(([key, entry]) => {
    const bytes = file.subarray(dataOffset + entry.begin, dataOffset + entry.end);
    return [key, toFloat32(bytes, entry, key, path)] as const;
  });
  return new Map(values);
}

for (const family of readdirSync(families)) {
  const json = (name: string) => JSON.parse(readFileSync(join(families, family, name), 'utf8'));
  const { lora_alpha: alpha, r: rank } = json('adapter_config.json');
  const base = new Map<string, number[]>(Object.entries(json('layers.json')));
  const peft = read(join(families, family, 'adapter_model.safetensors'));
  const { layers } = readLora(peft, base, alpha, 'adapter_model.safetensors');
  const part = base.has('conv_in') ? 'unet' : 'transformer';

  for (const [name, tensors] of [
    ['diffusers.safetensors', toDiffusers(layers, part)],
    ['kohya.safetensors', toKohya(layers, base)],
  ] as const) {
    const path = join(families, family, name);

    test(`an export of ${family} is written as ${name} has it`, () => {
      assert.ok(readFileSync(path).equals(writeSafetensors(tensors, {})));
    });

    test(`${name} of ${family} is imported as the same difference`, () => {
      const again = toPeft(readLora(read(path), base, undefined, name).layers);
      assert.equal(again.rank, rank);
      assert.equal(again.tensors.size, peft.size);
      const scale = again.alpha / again.rank / (alpha / rank);
      for (const [key, { shape, values }] of peft) {
        assert.deepEqual(again.tensors.get(key)?.shape, shape, key);
        const factor = key.includes('lora_B') ? scale : 1;
        assert.deepEqual(
          again.tensors.get(key)?.values.map(value => value * factor),
          values,
        );
      }
    });
  }
}
