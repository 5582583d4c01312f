import type { Tensor } from './safetensors.ts';

/** A layer's difference, as it is on disk: A [rank, in, …] and B [out, rank, …]. */
export interface LoraLayer {
  a: Tensor;
  b: Tensor;
  alpha: number;
}

/** Shapes of the weights that a LoRA may touch, by the denoiser's module. */
export type DenoiserLayers = ReadonlyMap<string, readonly number[]>;

export function rankOf(layer: LoraLayer): number {
  return layer.a.shape[0] ?? 0;
}

export function scaled(tensor: Tensor, scale: number): Tensor {
  return scale === 1 ? tensor : { shape: tensor.shape, values: tensor.values.map(value => value * scale) };
}
