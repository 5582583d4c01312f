/** Files of models as customers bring them, and what the service's own stores hold of them. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { type Product, projectRoot, until, weightsPath } from './product.ts';

/** A tensor of float32: its shape, and its values as they lie in a file. */
export interface Tensor {
  shape: number[];
  bytes: Buffer;
}

export type Tensors = ReadonlyMap<string, Tensor>;

const UNET = join(weightsPath, 'unet/diffusion_pytorch_model.safetensors');
const FLOAT_BYTES = 4;

/** The embedded model as a folder that needs no Python package: files by their names, 150 MB. */
export function wholeModel(): Map<string, () => Buffer> {
  const files = new Map(filesBelow(weightsPath).map(({ path, name }) => [name, () => readFileSync(path)]));
  const index = JSON.parse(readFileSync(join(weightsPath, 'model_index.json'), 'utf8'));
  const packages = join(projectRoot, '.venv/lib');
  for (const part of ['text_encoder', 'tokenizer']) {
    const [, reference] = index[part];
    index[part] = ['transformers', part === 'tokenizer' ? 'AutoTokenizer' : 'AutoModel'];
    const [python = ''] = readdirSync(packages);
    const folder = join(packages, python, 'site-packages', reference);
    const wanted = part === 'tokenizer' ? /^(tokenizer|special_tokens)|^vocab|^config\.json/ : /^(config\.json|model)/;
    for (const { path, name } of filesBelow(folder))
      if (wanted.test(name)) files.set(`${part}/${name}`, () => readFileSync(path));
  }
  return files.set('model_index.json', () => Buffer.from(JSON.stringify(index)));
}

/** A LoRA, in diffusers' layout, on every layer of the embedded model's UNet whose name the pattern matches. */
export function loraOf(layers: RegExp, rank: number): Tensors {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape }] of Object.entries(unetHeader())) {
    const layer = name.replace(/\.weight$/, '');
    const [outputs, inputs] = shape;
    if (outputs === undefined || inputs === undefined || layer === name || !layers.test(layer)) continue;
    tensors.set(`unet.${layer}.lora_A.weight`, tensor([rank, inputs], tensors.size));
    tensors.set(`unet.${layer}.lora_B.weight`, tensor([outputs, rank], tensors.size));
  }
  return tensors;
}

function tensor(shape: number[], seed: number): Tensor {
  const count = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: count }, (_, index) => ((index * 31 + seed * 17) % 251) / 25_100);
  return { shape, bytes: Buffer.from(values.buffer) };
}

function unetHeader(): Record<string, { shape: number[] }> {
  const file = openSync(UNET, 'r');
  try {
    const length = Buffer.alloc(8);
    readSync(file, length, 0, 8, 0);
    const header = Buffer.alloc(Number(length.readBigUInt64LE()));
    readSync(file, header, 0, header.length, 8);
    const { __metadata__: _, ...tensors } = JSON.parse(header.toString());
    return tensors;
  } finally {
    closeSync(file);
  }
}

export function safetensorsOf(tensors: Tensors): Buffer {
  const header: Record<string, object> = {};
  let size = 0;
  for (const [name, { shape, bytes }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [size, size + bytes.length] };
    size += bytes.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...[...tensors.values()].map(({ bytes }) => bytes)]);
}

export function tensorsIn(path: string): Tensors {
  const content = readFileSync(path);
  const start = 8 + Number(content.readBigUInt64LE());
  const { __metadata__: _, ...header } = JSON.parse(content.subarray(8, start).toString());
  return new Map(
    Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        assert.equal(dtype, 'F32');
        assert.equal(
          to - from,
          shape.reduce((product, length) => product * length, FLOAT_BYTES),
        );
        return [name, { shape, bytes: content.subarray(start + from, start + to) }];
      },
    ),
  );
}

/** Every file below a folder with its name there, with forward slashes. */
export function filesBelow(folder: string): { path: string; name: string }[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(path => ({ path, name: relative(folder, path).split(sep).join('/') }));
}

/** The stores hold so many models, and nothing of what was interrupted. */
export async function assertNothingHalf(product: Product, modelCount: number): Promise<void> {
  await until('what was interrupted is cleaned', () => filesBelow(join(product.data, 'imports')).length === 0);
  assert.equal(readdirSync(join(product.data, 'models')).length, modelCount);
}
