/**
 * The layouts that LoRA files come in, read and written: PEFT's own (what a training makes), diffusers' (save_lora_weights)
 * and the one of kohya's scripts, which ComfyUI reads. Only the names differ, and where alpha stands: W + alpha / rank · B A.
 *
 * - PEFT: `base_model.model.<module>.lora_A.weight` and `.lora_B.weight`; alpha in adapter_config.json.
 * - diffusers: `unet.<module>.lora_A.weight` (`transformer.` for SD3 and FLUX), older files `.lora.down.weight`; alpha is the rank,
 *   unless the metadata's lora_adapter_metadata or a `.alpha` says otherwise.
 * - kohya: `lora_unet_<module>.lora_down.weight`, `.lora_up.weight` and `.alpha`, where kohya-names.ts tells the module. Tools
 *   write the same modules as `lora_transformer_<module>` and `diffusion_model.<module, with dots>` too.
 */
import { Fault } from '../fault.ts';
import { joined, separated } from './joined-layers.ts';
import { type KohyaModule, kohyaNames } from './kohya-names.ts';
import { type DenoiserLayers, type LoraLayer, rankOf, scaled } from './lora-layer.ts';
import { shown, type Tensor } from './safetensors.ts';

export interface Lora {
  layout: 'peft' | 'diffusers' | 'kohya';
  /** By the denoiser's module. */
  layers: Map<string, LoraLayer>;
}

export const MAXIMUM_RANK = 256;

const patterns = {
  peft: /^base_model\.model\.(?<module>.+)\.lora_(?<part>A|B)\.weight$/,
  diffusers: /^(?:unet|transformer)\.(?<module>.+?)\.(?:lora_|lora\.)(?<part>A|B|down|up)(?:\.default)?\.weight$/,
  kohya: /^(?:lora_unet_|lora_transformer_|diffusion_model\.)(?<module>.+)\.lora_(?<part>A|B|down|up)\.weight$/,
};
const ALPHA = /^(?:(?:unet|transformer|diffusion_model)\.|lora_unet_|lora_transformer_)(.+)\.alpha$/;
/** Further things that such files may hold, and that are no difference of the form above to the denoiser. */
const unsupported: readonly [RegExp, string][] = [
  [
    /^(lora_te\d?_|text_encoders?(_\d)?\.|base_model\.model\.text_model\.)/,
    'a LoRA of a text encoder, which is not supported: train or export it without',
  ],
  [/dora_scale|magnitude_vector/, 'DoRA, which is not supported'],
  [/\.lora_mid\./, "LoCon's Tucker decomposition, which is not supported: train it without"],
  [/\.hada_/, 'LoHa, which is not supported'],
  [/\.lokr_/, 'LoKr, which is not supported'],
  [/\.oft_/, 'OFT, which is not supported'],
  [/\.on_input$/, '(IA)³, which is not supported'],
  [/\.(diff|diff_b|w_norm|b_norm)$/, 'whole differences of weights beside the LoRA, which are not supported'],
  [/\.lora_[AB]\.bias$/, 'biases in the LoRA, which are not supported'],
];

/**
 * Reads a LoRA of any of the layouts and fits it to a base.
 * @param base the layers of its denoiser
 * @param given alpha by adapter_config.json or lora_adapter_metadata; undefined: each layer's own, or its rank
 * @param name of the file, for the messages
 * @throws Fault invalid naming the first tensor that has no place in the base, or does not fit there
 */
export function readLora(
  tensors: ReadonlyMap<string, Tensor>,
  base: DenoiserLayers,
  given: number | undefined,
  name: string,
): Lora {
  const layout = (Object.keys(patterns) as (keyof typeof patterns)[]).find(key =>
    [...tensors.keys()].some(tensor => patterns[key].test(tensor)),
  );
  for (const tensor of tensors.keys())
    for (const [pattern, what] of unsupported)
      if (pattern.test(tensor)) throw new Fault('invalid', `${name} holds ${what} (${shown(tensor)}).`);
  if (!layout)
    throw new Fault(
      'invalid',
      `${name} holds no LoRA in the layout of PEFT, diffusers or kohya; its first tensor is ${shown([...tensors.keys()][0] ?? 'none')}.`,
    );
  const alone = (module: string): KohyaModule => ({ name: module, modules: [module], isSwapped: false });
  const places =
    layout === 'kohya' ? kohyaNames(base).read : new Map([...base.keys()].map(module => [module, alone(module)]));
  const twice = (layer: string) => new Fault('invalid', `${name} holds two LoRAs of the layer ${layer}.`);
  const found = new Map<KohyaModule, Partial<LoraLayer>>();
  const layerOf = (written: string, tensor: string): Partial<LoraLayer> => {
    const place = places.get(layout === 'kohya' ? written.replaceAll('.', '_') : written);
    if (place === undefined)
      throw new Fault(
        'invalid',
        `${name} was made for another base model: this one has no layer for ${shown(tensor)}.`,
      );
    const layer = found.get(place) ?? {};
    found.set(place, layer);
    return layer;
  };
  for (const [tensor, value] of tensors) {
    const alpha = ALPHA.exec(tensor)?.[1];
    const { module, part } = patterns[layout].exec(tensor)?.groups ?? {};
    if (alpha !== undefined) layerOf(alpha, tensor).alpha = onlyValue(value, tensor, name);
    else if (module === undefined)
      throw new Fault('invalid', `${name} holds ${shown(tensor)}, which is no part of a LoRA.`);
    else {
      const layer = layerOf(module, tensor);
      const matrix = part === 'A' || part === 'down' ? 'a' : 'b';
      if (layer[matrix]) throw twice(shown(module));
      layer[matrix] = value;
    }
  }
  const layers = new Map<string, LoraLayer>();
  for (const [module, { a, b, alpha = given }] of found) {
    if (!a || !b) throw new Fault('invalid', `${name}: the layer ${module.name} lacks one of its two matrices.`);
    const isAlone = module.modules.length === 1 && !module.isSwapped;
    const parts = isAlone ? undefined : separated(module, { a, b, alpha }, base, name);
    for (const [place, layer] of parts ?? [[module.modules[0] ?? '', { a, b, alpha }]]) {
      if (layers.has(place)) throw twice(place);
      layers.set(place, fitted(place, layer, base.get(place) ?? [], name));
    }
  }
  if (layers.size > 0) return { layout, layers };
  throw new Fault('invalid', `${name} changes nothing: every value of its second matrices is zero.`);
}

function onlyValue({ values }: Tensor, tensor: string, name: string): number {
  const [value = Number.NaN] = values;
  if (values.length === 1 && value > 0) return value;
  throw new Fault('invalid', `${name}: ${shown(tensor)} must be one number above 0.`);
}

function fitted(
  module: string,
  { a, b, alpha }: { a: Tensor; b: Tensor; alpha: number | undefined },
  weight: readonly number[],
  name: string,
): LoraLayer {
  const rank = a.shape[0] ?? 0;
  if (rank < 1 || rank > MAXIMUM_RANK)
    throw new Fault('invalid', `${name}: the rank of ${shown(module)} must be 1 to ${MAXIMUM_RANK}; it is ${rank}.`);
  const [out = 0, ...inside] = weight;
  const ones = inside.slice(1).map(() => 1);
  const layer = { a: reshaped(a, [rank, ...inside]), b: reshaped(b, [out, rank, ...ones]) };
  if (!layer.a || !layer.b)
    throw new Fault(
      'invalid',
      `${name} was made for another base model: ${shown(module)} has a weight of [${weight}], and its LoRA is [${b.shape}] times [${a.shape}].`,
    );
  return { a: layer.a, b: layer.b, alpha: alpha ?? rank };
}

/** A convolution of 1 × 1 and a linear layer are one thing: sides of 1 at the end may be missing or over. */
function reshaped(tensor: Tensor, shape: number[]): Tensor | undefined {
  const bare = (sides: readonly number[]) => {
    const last = sides.findLastIndex((side, index) => side !== 1 || index < 2);
    return sides.slice(0, last + 1).join();
  };
  return bare(tensor.shape) === bare(shape) ? { shape, values: tensor.values } : undefined;
}

/** adapter_config.json's numbers and the tensors of adapter_model.safetensors: one rank and one alpha for all layers. */
export function toPeft(layers: ReadonlyMap<string, LoraLayer>): {
  rank: number;
  alpha: number;
  tensors: Map<string, Tensor>;
} {
  const [first] = layers.values();
  const rank = Math.max(...[...layers.values()].map(rankOf));
  const isUniform = [...layers.values()].every(layer => rankOf(layer) === rank && layer.alpha === first?.alpha);
  const alpha = isUniform && first ? first.alpha : rank;
  const tensors = new Map<string, Tensor>();
  for (const [module, layer] of layers) {
    const scale = isUniform ? 1 : layer.alpha / rankOf(layer);
    tensors.set(`base_model.model.${module}.lora_A.weight`, padded(layer.a, 0, rank));
    tensors.set(`base_model.model.${module}.lora_B.weight`, padded(scaled(layer.b, scale), 1, rank));
  }
  return { rank, alpha, tensors };
}

/** @param denoiser the part that it belongs to, as diffusers names it */
export function toDiffusers(
  layers: ReadonlyMap<string, LoraLayer>,
  denoiser: 'unet' | 'transformer',
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [module, layer] of layers) {
    tensors.set(`${denoiser}.${module}.lora_A.weight`, layer.a);
    // A reader without metadata takes alpha for the rank.
    tensors.set(`${denoiser}.${module}.lora_B.weight`, scaled(layer.b, layer.alpha / rankOf(layer)));
  }
  return tensors;
}

/**
 * @param base the layers of the denoiser
 * @throws Fault invalid naming a layer that this layout has no name for
 */
export function toKohya(layers: ReadonlyMap<string, LoraLayer>, base: DenoiserLayers): Map<string, Tensor> {
  const { written } = kohyaNames(base);
  const named = new Set(written.flatMap(({ modules }) => modules));
  const nameless = [...layers.keys()].find(module => !named.has(module));
  if (nameless !== undefined)
    throw new Fault('invalid', `The layout of kohya has no name for the layer ${nameless}: export it as diffusers.`);
  const tensors = new Map<string, Tensor>();
  for (const module of written) {
    const layer = joined(module, layers, base);
    if (!layer) continue;
    const name = `lora_unet_${module.name}`;
    tensors.set(`${name}.lora_down.weight`, layer.a);
    tensors.set(`${name}.lora_up.weight`, layer.b);
    tensors.set(`${name}.alpha`, { shape: [], values: Float32Array.of(layer.alpha) });
  }
  return tensors;
}

/** Zeros behind, so that a dimension becomes `size`: a LoRA of a greater rank that is the same difference. */
function padded(tensor: Tensor, dimension: 0 | 1, size: number): Tensor {
  const before = tensor.shape[dimension] ?? 0;
  if (before === size) return tensor;
  const shape = tensor.shape.with(dimension, size);
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  const rows = dimension === 0 ? 1 : (tensor.shape[0] ?? 0);
  const width = tensor.values.length / rows;
  for (let row = 0; row < rows; row += 1)
    values.set(tensor.values.subarray(row * width, (row + 1) * width), (row * values.length) / rows);
  return { shape, values };
}
