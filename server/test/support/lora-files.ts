import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiffusers, toKohya, toPeft } from '../../src/domain/lora/layouts.ts';
import type { LoraLayer } from '../../src/domain/lora/lora-layer.ts';
import { type Tensor, writeSafetensors } from '../../src/domain/lora/safetensors.ts';

/** Modules of the tiny UNet that `putBaseWeights` writes, and the shapes of their weights. */
const MODULES: Record<string, number[]> = {
  'mid_block.attentions.0.transformer_blocks.0.attn1.to_q': [4, 4],
  'mid_block.resnets.0.conv1': [4, 4, 3, 3],
};

export function tensor(shape: number[], value = 0.5): Tensor {
  return { shape, values: new Float32Array(shape.reduce((product, side) => product * side, 1)).fill(value) };
}

/** Gives the empty embedded model of a test server the weights of a UNet, as far as a LoRA is fitted to them. */
export async function putBaseWeights(dataDirectory: string, value = 1): Promise<void> {
  const base = join(dataDirectory, 'embedded-model');
  await mkdir(join(base, 'unet'), { recursive: true });
  await writeFile(join(base, 'model_index.json'), '{"_class_name": "LikenessArtPipeline", "unet": ["diffusers", "U"]}');
  const weights = Object.entries(MODULES).map(([module, shape]) => [`${module}.weight`, tensor(shape, value)] as const);
  await writeFile(join(base, 'unet', 'diffusion_pytorch_model.safetensors'), writeSafetensors(new Map(weights), {}));
}

/** A LoRA of rank 2 and alpha 4 on that UNet. */
export const layers: Map<string, LoraLayer> = new Map(
  Object.entries(MODULES).map(([module, [out = 0, ...inside]]) => [
    module,
    { a: tensor([2, ...inside]), b: tensor([out, 2, ...inside.slice(1).map(() => 1)]), alpha: 4 },
  ]),
);

export const peftConfig = (change: object = {}) =>
  JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 4, base_model_name_or_path: 'likeness.art-v1', ...change });
export const peftFile = () => writeSafetensors(toPeft(layers).tensors, {});
export const kohyaFile = (metadata: Record<string, string> = {}) =>
  writeSafetensors(toKohya(layers, new Map(Object.entries(MODULES))), metadata);
export const diffusersFile = (metadata: Record<string, string> = {}) =>
  writeSafetensors(toDiffusers(layers, 'unet'), metadata);

/** The names and contents of a whole model in diffusers layout. */
export function diffusersFolder(): Record<string, string | Uint8Array> {
  const weights = writeSafetensors(new Map([['x.weight', tensor([2, 2])]]), {});
  const index = {
    _class_name: 'StableDiffusionPipeline',
    ...{ unet: ['diffusers', 'U'], vae: ['diffusers', 'V'], scheduler: ['diffusers', 'S'] },
    ...{ text_encoder: ['transformers', 'T'], tokenizer: ['transformers', 'K'], safety_checker: [null, null] },
  };
  return {
    'model_index.json': JSON.stringify(index),
    'README.md': 'stays where it is',
    'unet/config.json': '{}',
    'unet/diffusion_pytorch_model.safetensors': weights,
    'unet/diffusion_pytorch_model.fp16.safetensors': weights,
    'unet/diffusion_pytorch_model.bin': 'a pickle beside it',
    'vae/config.json': '{}',
    'vae/diffusion_pytorch_model.safetensors': weights,
    'text_encoder/config.json': '{}',
    'text_encoder/model.safetensors': weights,
    'tokenizer/vocab.json': '{}',
    'tokenizer/merges.txt': '#version: 0.2',
    'scheduler/scheduler_config.json': '{}',
  };
}
