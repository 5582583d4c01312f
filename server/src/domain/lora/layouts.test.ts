import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kohyaNames } from './kohya-names.ts';
import { readLora, toDiffusers, toKohya, toPeft } from './layouts.ts';
import { headerLength, parseHeader, type Tensor, toFloat32, writeSafetensors } from './safetensors.ts';

const tensor = (shape: number[], from = 1): Tensor => ({
  shape,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => from + index),
});
const base = new Map([
  ['mid.to_q', [3, 2]],
  ['mid.conv1', [3, 2, 3, 3]],
  ['mid.proj_in', [3, 2, 1, 1]],
]);
const lora = new Map([
  ['mid.to_q', { a: tensor([2, 2]), b: tensor([3, 2]), alpha: 4 }],
  ['mid.conv1', { a: tensor([2, 2, 3, 3]), b: tensor([3, 2, 1, 1]), alpha: 4 }],
]);

/** Bytes to tensors, as an import reads a file. */
function read(file: Uint8Array, name = 'f.safetensors') {
  const length = headerLength(file.subarray(0, 8), file.byteLength, name);
  const { tensors, metadata, dataOffset } = parseHeader(file.subarray(8, 8 + length), file.byteLength, name);
  const values = [...tensors].map(([key, entry]) => {
    const bytes = file.subarray(dataOffset + entry.begin, dataOffset + entry.end);
    return [key, toFloat32(bytes, entry, key, name)] as const;
  });
  return { tensors: new Map(values), metadata, dataOffset };
}

test('a file that is written reads back, its tensors at a multiple of eight bytes', () => {
  const file = writeSafetensors(new Map([['ü', tensor([2, 3])]]), { note: 'ü' });
  const { tensors, metadata, dataOffset } = read(file);
  assert.deepEqual(tensors.get('ü'), tensor([2, 3]));
  assert.deepEqual(metadata, { format: 'pt', note: 'ü' });
  assert.equal(dataOffset % 8, 0);
});

test('half and brain floats read as the numbers that they are', () => {
  const words = (values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
  const of = (dtype: string, values: number[]) => [
    ...toFloat32(words(values), { dtype, shape: [values.length], begin: 0, end: 0 }, 'x', 'f').values,
  ];
  assert.deepEqual(of('F16', [0x3c00, 0xc000, 0x0001, 0x7bff]), [1, -2, 2 ** -24, 65504]);
  assert.deepEqual(of('BF16', [0x3f80, 0xc000]), [1, -2]);
  assert.throws(() => of('F16', [0x7c00]), /not finite/);
  assert.throws(() => of('I16', [1]), /is I16; a LoRA is F32, F16 or BF16/);
  const one = (dtype: string, array: ArrayBufferView) =>
    toFloat32(new Uint8Array(array.buffer), { dtype, shape: [], begin: 0, end: 0 }, 'x.alpha', 'f').values;
  assert.deepEqual([...one('I64', BigInt64Array.of(8n))], [8]);
  assert.deepEqual([...one('I32', Int32Array.of(8))], [8]);
  assert.deepEqual([...one('F64', Float64Array.of(0.5))], [0.5]);
  assert.throws(() => one('I64', BigInt64Array.of(8n, 9n)), /is I64; a LoRA is F32, F16 or BF16/);
});

test('a header that lies about its file is refused, whatever the lie', () => {
  const header = (entries: object, more = 0) => {
    const json = Buffer.from(JSON.stringify(entries));
    const file = Buffer.alloc(8 + json.length + more);
    file.writeBigUInt64LE(BigInt(json.length));
    json.copy(file, 8);
    return file;
  };
  const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  assert.equal(read(header({ a: entry }, 8)).tensors.size, 1);
  const lies: [Uint8Array, RegExp][] = [
    [Buffer.alloc(4), /too short/],
    [Buffer.alloc(16, 0xff), /its header would have/],
    [Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x5b, 0x5d]), /no object/],
    [Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0x7b]), /no JSON/],
    [header({ a: entry }, 7), /its header says/],
    [header({ a: { ...entry, shape: [3] } }, 8), /has 8 bytes for the shape \[3\]/],
    [header({ a: { ...entry, shape: [2 ** 60, 0] } }, 8), /shape|bytes/],
    [header({ a: { ...entry, dtype: 'PICKLE' } }, 8), /has the type PICKLE/],
    [header({ a: entry, b: entry }, 8), /overlap/],
    [header({ a: { ...entry, data_offsets: [8, 16] } }, 16), /gap/],
    [header({ a: { ...entry, data_offsets: [-8, 0] } }, 8), /no offsets/],
    [header({ __metadata__: { a: 1 } }), /map of texts/],
  ];
  for (const [file, message] of lies) assert.throws(() => read(file), message);
});

for (const [layout, write] of [
  ['peft', () => toPeft(lora).tensors],
  ['diffusers', () => toDiffusers(lora, 'unet')],
  ['kohya', () => toKohya(lora, base)],
] as const)
  test(`what is written in the layout of ${layout} is read as the same difference`, () => {
    const given = layout === 'peft' ? 4 : undefined;
    const { tensors } = read(writeSafetensors(write(), {}));
    const found = readLora(tensors, base, given, 'f');
    assert.equal(found.layout, layout);
    for (const [module, { a, b, alpha }] of lora) {
      const same = found.layers.get(module);
      assert.deepEqual(same?.a, a);
      const scale = layout === 'diffusers' ? alpha / 2 : 1;
      assert.deepEqual(
        [...(same?.b.values ?? [])],
        [...b.values].map(value => value * scale),
      );
      assert.equal(same?.alpha, layout === 'diffusers' ? 2 : 4);
    }
  });

test('layers of several ranks and alphas become one rank and one alpha, and stay the same difference', () => {
  const mixed = new Map([
    ['mid.to_q', { a: tensor([1, 2]), b: tensor([3, 1]), alpha: 0.5 }],
    ['mid.conv1', { a: tensor([2, 2, 3, 3]), b: tensor([3, 2, 1, 1]), alpha: 2 }],
  ]);
  const { rank, alpha, tensors } = toPeft(mixed);
  assert.deepEqual([rank, alpha], [2, 2]);
  assert.deepEqual(tensors.get('base_model.model.mid.to_q.lora_A.weight'), {
    shape: [2, 2],
    values: Float32Array.of(1, 2, 0, 0),
  });
  assert.deepEqual(tensors.get('base_model.model.mid.to_q.lora_B.weight'), {
    shape: [3, 2],
    values: Float32Array.of(0.5, 0, 1, 0, 1.5, 0),
  });
  assert.deepEqual(tensors.get('base_model.model.mid.conv1.lora_B.weight')?.values, tensor([3, 2]).values);
});

test('what has no place in the base, does not fit or is no LoRA is refused by its name', () => {
  const of = (entries: Record<string, Tensor>) => () =>
    readLora(new Map(Object.entries(entries)), base, undefined, 'f');
  const [a, b] = [tensor([2, 2]), tensor([3, 2])];
  assert.throws(of({}), /holds no LoRA .* its first tensor is none/);
  assert.throws(of({ 'model.weight': a }), /holds no LoRA/);
  assert.throws(
    of({ 'unet.far.lora_A.weight': a, 'unet.far.lora_B.weight': b }),
    /no layer for unet.far.lora_A.weight/,
  );
  assert.throws(of({ 'unet.mid.to_q.lora_A.weight': a }), /lacks one of its two matrices/);
  assert.throws(
    of({ 'unet.mid.to_q.lora_A.weight': tensor([2, 5]), 'unet.mid.to_q.lora_B.weight': b }),
    /made for another base model: mid.to_q has a weight of \[3,2\], and its LoRA is \[3,2\] times \[2,5\]/,
  );
  assert.throws(
    of({ 'unet.mid.to_q.lora_A.weight': tensor([300, 2]), 'unet.mid.to_q.lora_B.weight': b }),
    /rank of mid.to_q must be 1 to 256; it is 300/,
  );
  const kohya = { 'lora_unet_mid_to_q.lora_down.weight': a, 'lora_unet_mid_to_q.lora_up.weight': b };
  assert.throws(of({ ...kohya, 'lora_unet_mid_to_q.alpha': a }), /must be one number/);
  assert.throws(of({ ...kohya, stray: a }), /stray, which is no part of a LoRA/);
});

test('a convolution of 1 x 1 takes the LoRA of a linear layer', () => {
  const linear = { 'unet.mid.proj_in.lora_A.weight': tensor([2, 2]), 'unet.mid.proj_in.lora_B.weight': tensor([3, 2]) };
  const { layers } = readLora(new Map(Object.entries(linear)), base, undefined, 'f');
  assert.deepEqual(layers.get('mid.proj_in')?.a.shape, [2, 2, 1, 1]);
  assert.deepEqual(layers.get('mid.proj_in')?.b.shape, [3, 2, 1, 1]);
});

test("SDXL's modules are found by the names of Stability's code too", () => {
  const modules = [
    'down_blocks.0.resnets.0.conv1',
    'down_blocks.0.resnets.1.conv1',
    'down_blocks.0.downsamplers.0.conv',
    'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q',
    'down_blocks.2.attentions.1.proj_out',
    'mid_block.attentions.0.transformer_blocks.9.attn2.to_out.0',
    'mid_block.resnets.1.time_emb_proj',
    'up_blocks.0.attentions.0.proj_in',
    'up_blocks.0.upsamplers.0.conv',
    'up_blocks.1.resnets.2.conv_shortcut',
  ];
  const names = kohyaNames(new Map(modules.map(module => [module, [1, 1]]))).read;
  const wanted = {
    input_blocks_1_0_in_layers_2: modules[0],
    input_blocks_3_0_op: modules[2],
    input_blocks_4_1_transformer_blocks_0_attn1_to_q: modules[3],
    input_blocks_8_1_proj_out: modules[4],
    middle_block_1_transformer_blocks_9_attn2_to_out_0: modules[5],
    middle_block_2_emb_layers_1: modules[6],
    output_blocks_0_1_proj_in: modules[7],
    output_blocks_2_2_conv: modules[8],
    output_blocks_5_0_skip_connection: modules[9],
  };
  for (const [name, module] of Object.entries(wanted)) assert.deepEqual(names.get(name)?.modules, [module], name);
  assert.deepEqual(names.get('mid_block_resnets_1_time_emb_proj')?.modules, [modules[6]]);
});

const FLUX = new Map<string, number[]>([
  ...['to_q', 'to_k', 'to_v'].map((part): [string, number[]] => [`single_transformer_blocks.0.attn.${part}`, [2, 2]]),
  ['single_transformer_blocks.0.proj_mlp', [3, 2]],
  ['norm_out.linear', [4, 2]],
  ['norm_out.other', [4, 2]],
]);
const single = (part: string) => `single_transformer_blocks.0.${part}`;
const linear = (rank: number, rows: number, alpha: number, from = 1) => ({
  a: tensor([rank, 2], from),
  b: tensor([rows, rank], from),
  alpha,
});

test('layers that kohya has as one are joined along a diagonal, with zeros where one has no LoRA', () => {
  const tensors = toKohya(
    new Map([
      [single('attn.to_q'), linear(1, 2, 2, 5)],
      [single('proj_mlp'), linear(2, 3, 4)],
    ]),
    FLUX,
  );
  const name = 'lora_unet_single_blocks_0_linear1';
  assert.deepEqual([...tensors.keys()].sort(), [`${name}.alpha`, `${name}.lora_down.weight`, `${name}.lora_up.weight`]);
  assert.deepEqual(tensors.get(`${name}.lora_down.weight`), {
    shape: [3, 2],
    values: Float32Array.of(5, 6, 1, 2, 3, 4),
  });
  assert.deepEqual(tensors.get(`${name}.lora_up.weight`), {
    shape: [9, 3],
    values: Float32Array.of(...[5, 0, 0, 6, 0, 0], ...Array(12).fill(0), ...[0, 1, 2, 0, 3, 4, 0, 5, 6]),
  });
  // Both have alpha / rank = 2, and 3 ranks have it with an alpha of 6.
  assert.deepEqual([...(tensors.get(`${name}.alpha`)?.values ?? [])], [6]);
});

test('joined layers of several scales keep their own, and come apart as what they were', () => {
  const layers = new Map([
    [single('attn.to_k'), linear(1, 2, 0.5, 5)],
    [single('attn.to_v'), linear(2, 2, 4)],
  ]);
  const tensors = toKohya(layers, FLUX);
  assert.deepEqual([...(tensors.get('lora_unet_single_blocks_0_linear1.alpha')?.values ?? [])], [3]);
  const again = readLora(tensors, FLUX, undefined, 'f').layers;
  assert.deepEqual([...again.keys()], [...layers.keys()]);
  for (const [module, { a, b, alpha }] of layers) {
    const found = again.get(module);
    assert.deepEqual(found?.a, a);
    const scale = alpha / (a.shape[0] ?? 0);
    assert.deepEqual(found?.b, { shape: b.shape, values: b.values.map(value => value * scale) });
    assert.equal(found?.alpha, a.shape[0]);
  }
});

test("one A for queries, keys and values, as kohya's scripts train it, is exported as one again", () => {
  const name = 'lora_unet_single_blocks_0_linear1';
  const file = new Map([
    [`${name}.lora_down.weight`, tensor([2, 2])],
    [`${name}.lora_up.weight`, tensor([9, 2])],
    [`${name}.alpha`, { shape: [], values: Float32Array.of(1) }],
  ]);
  const { layers } = readLora(file, FLUX, undefined, 'f');
  assert.equal(layers.size, 4);
  assert.deepEqual(toKohya(layers, FLUX), file);
});

test('the last norm has scale before shift in diffusers, and shift before scale in kohya', () => {
  const layers = new Map([['norm_out.linear', linear(1, 4, 1)]]);
  const tensors = toKohya(layers, FLUX);
  assert.deepEqual(
    tensors.get('lora_unet_final_layer_adaLN_modulation_1.lora_up.weight')?.values,
    Float32Array.of(3, 4, 1, 2),
  );
  assert.deepEqual(readLora(tensors, FLUX, undefined, 'f').layers, layers);
});

test('a layer that kohya has no name for is refused by its name', () => {
  assert.throws(
    () => toKohya(new Map([['norm_out.other', linear(1, 4, 1)]]), FLUX),
    /kohya has no name for the layer norm_out.other: export it as diffusers/,
  );
});
