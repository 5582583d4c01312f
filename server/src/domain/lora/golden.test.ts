/**
 * contract/lora holds one LoRA in PEFT's layout and in both layouts that are exported: here the bytes are what this code writes,
 * and worker/tests/test_lora_layouts.py has diffusers itself load them and draw the same pixels.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLora, toDiffusers, toKohya, toPeft } from './layouts.ts';
import { headerLength, parseHeader, toFloat32, writeSafetensors } from './safetensors.ts';

const folder = join(import.meta.dirname, '../../../../contract/lora');
const { lora_alpha: alpha, r: rank } = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8'));

function read(name: string) {
  const file = readFileSync(join(folder, name));
  const length = headerLength(file.subarray(0, 8), file.byteLength, name);
  const { tensors, dataOffset } = parseHeader(file.subarray(8, 8 + length), file.byteLength, name);
  const values = [...tensors].map(([key, entry]) => {
    const bytes = file.subarray(dataOffset + entry.begin, dataOffset + entry.end);
    return [key, toFloat32(bytes, entry, key, name)] as const;
  });
  return new Map(values);
}

const peft = read('adapter_model.safetensors');
/** Every layer fits its own LoRA: linear ones of [out, in]. */
const base = new Map(
  [...peft].flatMap(([key, { shape }]) => {
    const module = /^base_model\.model\.(.+)\.lora_A\.weight$/.exec(key)?.[1];
    const out = peft.get(key.replace('lora_A', 'lora_B'))?.shape[0] ?? 0;
    return module === undefined ? [] : [[module, [out, shape[1] ?? 0]] as const];
  }),
);
const { layers } = readLora(peft, base, alpha, 'adapter_model.safetensors');

for (const [name, tensors] of [
  ['diffusers.safetensors', toDiffusers(layers, 'unet')],
  ['kohya.safetensors', toKohya(layers)],
] as const) {
  test(`an export is written as ${name} has it`, () => {
    assert.ok(readFileSync(join(folder, name)).equals(writeSafetensors(tensors, {})));
  });

  test(`${name} is imported as the same difference`, () => {
    const again = toPeft(readLora(read(name), base, undefined, name).layers);
    const scale = again.alpha / again.rank / (alpha / rank);
    for (const [key, { shape, values }] of peft) {
      assert.deepEqual(again.tensors.get(key)?.shape, shape);
      const factor = key.includes('lora_B') ? scale : 1;
      assert.deepEqual(
        again.tensors.get(key)?.values.map(value => value * factor),
        values,
      );
    }
  });
}
