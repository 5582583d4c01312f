/** Files as other tools write them, for the layers of each family in contract/lora: what is imported, and what is refused by name. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { kohyaNames } from './kohya-names.ts';
import { readLora, toPeft } from './layouts.ts';
import { headerLength, parseHeader, type Tensor, toFloat32 } from './safetensors.ts';

const families = join(import.meta.dirname, '../../../../contract/lora');
const FILE = 'style.safetensors';

interface Entry {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** Multiples of 1/8 below 2: the same numbers in every type. */
function values(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, index) => (((index * 7 + seed * 5) % 31) - 15) / 8);
}

const words: Record<string, (value: number) => number> = {
  BF16: value => (new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0) >>> 16,
  F16: value => new Uint16Array(new Float16Array([value]).buffer)[0] ?? 0,
};

function entry(dtype: string, shape: number[], numbers: number[]): Entry {
  const word = words[dtype];
  const array = word ? Uint16Array.from(numbers, word) : Float32Array.from(numbers);
  return { dtype, shape, bytes: new Uint8Array(array.buffer) };
}

/** A file with nothing but tensors: no __metadata__. */
function fileOf(entries: Record<string, Entry>): Uint8Array {
  let at = 0;
  const header = Object.fromEntries(
    Object.entries(entries).map(([name, { dtype, shape, bytes }]) => {
      const begin = at;
      at += bytes.byteLength;
      return [name, { dtype, shape, data_offsets: [begin, at] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return Buffer.concat([length, json, ...Object.values(entries).map(({ bytes }) => bytes)]);
}

function read(file: Uint8Array): Map<string, Tensor> {
  const length = headerLength(file.subarray(0, 8), file.byteLength, FILE);
  const { tensors, dataOffset, metadata } = parseHeader(file.subarray(8, 8 + length), file.byteLength, FILE);
  assert.deepEqual(metadata, {});
  const found = [...tensors].map(([key, tensor]) => {
    const bytes = file.subarray(dataOffset + tensor.begin, dataOffset + tensor.end);
    return [key, toFloat32(bytes, tensor, key, FILE)] as const;
  });
  return new Map(found);
}

/** scale · B A, row by row. */
function product(a: Tensor, b: Tensor, scale: number): number[][] {
  const rank = a.shape[0] ?? 0;
  const inside = a.values.length / rank;
  return Array.from({ length: b.values.length / rank }, (_, row) =>
    Array.from({ length: inside }, (_, column) => {
      let sum = 0;
      for (let k = 0; k < rank; k += 1) sum += (b.values[row * rank + k] ?? 0) * (a.values[k * inside + column] ?? 0);
      return scale * sum;
    }),
  );
}

for (const family of readdirSync(families)) {
  const layers = JSON.parse(readFileSync(join(families, family, 'layers.json'), 'utf8'));
  const base = new Map<string, number[]>(Object.entries(layers));
  const { written } = kohyaNames(base);

  /** Each layer with a rank of its own, 1 to 3, and an alpha that is none. */
  function kohyaFile(dtype: string): Record<string, Entry> {
    const entries: Record<string, Entry> = {};
    written.forEach(({ name, modules }, index) => {
      const rank = 1 + (index % 3);
      const [, ...inside] = base.get(modules[0] ?? '') ?? [];
      const rows = modules.reduce((sum, module) => sum + (base.get(module)?.[0] ?? 0), 0);
      const count = inside.reduce((sides, side) => sides * side, rank);
      entries[`lora_unet_${name}.lora_down.weight`] = entry(dtype, [rank, ...inside], values(count, index));
      const ones = inside.slice(1).map(() => 1);
      entries[`lora_unet_${name}.lora_up.weight`] = entry(dtype, [rows, rank, ...ones], values(rows * rank, index + 1));
      entries[`lora_unet_${name}.alpha`] = entry(dtype, [], [rank / 4]);
    });
    return entries;
  }

  for (const dtype of ['F32', 'F16', 'BF16'])
    test(`a file of kohya's for ${family} in ${dtype}, with ranks and alphas by layer and no metadata, keeps its differences`, () => {
      const entries = kohyaFile(dtype);
      const tensors = read(fileOf(entries));
      const { rank, alpha, tensors: imported } = toPeft(readLora(tensors, base, undefined, FILE).layers);
      assert.equal(rank, 3);
      for (const { name, modules, isSwapped } of written) {
        const [down, up] = ['down', 'up'].map(part => tensors.get(`lora_unet_${name}.lora_${part}.weight`));
        assert.ok(down && up);
        const wanted = product(down, up, 0.25);
        const found = modules.flatMap((module): number[][] => {
          const [a, b] = ['A', 'B'].map(part => imported.get(`base_model.model.${module}.lora_${part}.weight`));
          return a && b ? product(a, b, alpha / rank) : [];
        });
        const half = wanted.length / 2;
        assert.deepEqual(found, isSwapped ? [...wanted.slice(half), ...wanted.slice(0, half)] : wanted, name);
      }
    });

  test(`what a file for ${family} holds beside a LoRA of the denoiser is refused by its name`, () => {
    const entries = kohyaFile('F16');
    const name = `lora_unet_${written[0]?.name}`;
    const strangers: [string, RegExp][] = [
      ['lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight', /a LoRA of a text encoder/],
      ['lora_te1_text_model_encoder_layers_0_self_attn_q_proj.alpha', /a LoRA of a text encoder/],
      ['lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight', /a LoRA of a text encoder/],
      ['lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_down.weight', /a LoRA of a text encoder/],
      ['text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_A.weight', /a LoRA of a text encoder/],
      [
        'text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1.lora_A.weight',
        /a LoRA of a text encoder/,
      ],
      [`${name}.dora_scale`, /DoRA/],
      [`${name}.hada_w1_a`, /LoHa/],
      [`${name}.lokr_w1`, /LoKr/],
      [`${name}.oft_blocks`, /OFT/],
      [`${name}.on_input`, /\(IA\)³/],
      [`${name}.lora_mid.weight`, /LoCon's Tucker decomposition/],
      [`${name}.diff`, /whole differences of weights/],
      [`${name}.diff_b`, /whole differences of weights/],
      [`${name}.scalar`, /which is no part of a LoRA/],
      ['lora_unet_blocks_99_nowhere.lora_up.weight', /was made for another base model: this one has no layer for/],
    ];
    for (const [stranger, message] of strangers) {
      const file = fileOf({ ...entries, [stranger]: entry('F16', [1, 1], [1]) });
      assert.throws(
        () => readLora(read(file), base, undefined, FILE),
        (error: Error) => message.test(error.message) && error.message.includes(stranger),
        stranger,
      );
    }
  });

  test(`a LoHa file for ${family} is refused as such, and so is a layer that comes twice`, () => {
    const name = written.find(({ modules }) => modules.some(module => module.endsWith('to_q')))?.name;
    const loha = ['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b'].map(part => [`lora_unet_${name}.${part}`, part]);
    const entries = Object.fromEntries(loha.map(([key]) => [key, entry('F16', [2, 2], values(4, 0))]));
    assert.throws(() => readLora(read(fileOf(entries)), base, undefined, FILE), /holds LoHa/);
    const whole = kohyaFile('F16');
    const query = [...base.keys()].find(module => module.endsWith('to_q')) ?? '';
    const again = ['down', 'up'].map(part => {
      const [rows = 0, inside = 0] = base.get(query) ?? [];
      const shape = part === 'down' ? [1, inside] : [rows, 1];
      const key = `lora_transformer_${query.replaceAll('.', '_')}.lora_${part}.weight`;
      return [key, entry('F16', shape, values(Math.max(...shape), 0))];
    });
    assert.throws(
      () => readLora(read(fileOf({ ...whole, ...Object.fromEntries(again) })), base, undefined, FILE),
      new RegExp(`holds two LoRAs of the layer ${query}`),
    );
  });
}
