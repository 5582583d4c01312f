/**
 * How kohya's files name a denoiser's modules. UNets of Stable Diffusion 1.x and 2.x: diffusers' names with underscores. SDXL: the
 * names of Stability's own code (`input_blocks_4_1_…`), in which a UNet is one list of blocks down and one up. Stable Diffusion 3
 * and FLUX.1: the names of Stability's and Black Forest Labs' code, in which layers that diffusers keeps apart are one
 * (`joint_blocks_0_x_block_attn_qkv`, `single_blocks_0_linear1`).
 */
import type { DenoiserLayers } from './lora-layer.ts';

/** One module of a file in kohya's layout. */
export interface KohyaModule {
  /** Without `lora_unet_`. */
  name: string;
  /** The denoiser's modules that it is, in the order of its rows. */
  modules: readonly string[];
  /** Whether its two halves of rows (shift, scale) stand the other way round in diffusers. */
  isSwapped: boolean;
}

export interface KohyaNames {
  /** What an export writes. A module of the denoiser that is in none of them has no name in this layout. */
  written: KohyaModule[];
  /** By each name that a file may give it. */
  read: Map<string, KohyaModule>;
  /** Which of kohya's networks a file is for, as its metadata says. */
  network: 'networks.lora' | 'networks.lora_flux' | 'networks.lora_sd3';
}

type Template = readonly [string, ...string[]];

const FLUX: readonly Template[] = [
  ...['img', 'txt'].flatMap((stream): Template[] => {
    const [add, context] = stream === 'img' ? ['to_', ''] : ['add_', '_context'];
    const projection = stream === 'img' ? '' : '_proj';
    const qkv = ['q', 'k', 'v'].map(part => `transformer_blocks.{}.attn.${add}${part}${projection}`);
    return [
      [`double_blocks_{}_${stream}_attn_qkv`, ...qkv],
      [`double_blocks_{}_${stream}_attn_proj`, `transformer_blocks.{}.attn.${context ? 'to_add_out' : 'to_out.0'}`],
      [`double_blocks_{}_${stream}_mlp_0`, `transformer_blocks.{}.ff${context}.net.0.proj`],
      [`double_blocks_{}_${stream}_mlp_2`, `transformer_blocks.{}.ff${context}.net.2`],
      [`double_blocks_{}_${stream}_mod_lin`, `transformer_blocks.{}.norm1${context}.linear`],
    ];
  }),
  [
    'single_blocks_{}_linear1',
    ...['attn.to_q', 'attn.to_k', 'attn.to_v', 'proj_mlp'].map(part => `single_transformer_blocks.{}.${part}`),
  ],
  ['single_blocks_{}_linear2', 'single_transformer_blocks.{}.proj_out'],
  ['single_blocks_{}_modulation_lin', 'single_transformer_blocks.{}.norm.linear'],
  ['img_in', 'x_embedder'],
  ['txt_in', 'context_embedder'],
  ...[
    ['time_in', 'timestep_embedder'],
    ['vector_in', 'text_embedder'],
    ['guidance_in', 'guidance_embedder'],
  ].flatMap(([name, module]): Template[] => [
    [`${name}_in_layer`, `time_text_embed.${module}.linear_1`],
    [`${name}_out_layer`, `time_text_embed.${module}.linear_2`],
  ]),
  ['final_layer_adaLN_modulation_1', 'norm_out.linear'],
  ['final_layer_linear', 'proj_out'],
];

const STABLE_DIFFUSION_3: readonly Template[] = [
  ...['x', 'context'].flatMap((stream): Template[] => {
    const block = `joint_blocks_{}_${stream}_block`;
    const [add, projection, context] = stream === 'x' ? ['to_', '', ''] : ['add_', '_proj', '_context'];
    const qkv = ['q', 'k', 'v'].map(part => `transformer_blocks.{}.attn.${add}${part}${projection}`);
    return [
      [`${block}_attn_qkv`, ...qkv],
      [`${block}_attn_proj`, `transformer_blocks.{}.attn.${context ? 'to_add_out' : 'to_out.0'}`],
      [`${block}_mlp_fc1`, `transformer_blocks.{}.ff${context}.net.0.proj`],
      [`${block}_mlp_fc2`, `transformer_blocks.{}.ff${context}.net.2`],
      [`${block}_adaLN_modulation_1`, `transformer_blocks.{}.norm1${context}.linear`],
    ];
  }),
  // Of Stable Diffusion 3.5 Medium.
  ['joint_blocks_{}_x_block_attn2_qkv', ...['q', 'k', 'v'].map(part => `transformer_blocks.{}.attn2.to_${part}`)],
  ['joint_blocks_{}_x_block_attn2_proj', 'transformer_blocks.{}.attn2.to_out.0'],
  ['x_embedder_proj', 'pos_embed.proj'],
  ['context_embedder', 'context_embedder'],
  ['t_embedder_mlp_0', 'time_text_embed.timestep_embedder.linear_1'],
  ['t_embedder_mlp_2', 'time_text_embed.timestep_embedder.linear_2'],
  ['y_embedder_mlp_0', 'time_text_embed.text_embedder.linear_1'],
  ['y_embedder_mlp_2', 'time_text_embed.text_embedder.linear_2'],
  ['final_layer_adaLN_modulation_1', 'norm_out.linear'],
  ['final_layer_linear', 'proj_out'],
];

/** @param base the layers of the denoiser that a file is for, by which its family is told */
export function kohyaNames(base: DenoiserLayers): KohyaNames {
  const modules = [...base.keys()];
  const alone = (name: string, module: string): KohyaModule => ({ name, modules: [module], isSwapped: false });
  const plain = modules.map(module => alone(module.replaceAll('.', '_'), module));
  const isFlux = modules.some(module => module.startsWith('single_transformer_blocks.'));
  if (isFlux || modules.some(module => module.startsWith('transformer_blocks.'))) {
    const written = (isFlux ? FLUX : STABLE_DIFFUSION_3).flatMap(template => expanded(template, base));
    // Some tools write diffusers' names with underscores.
    return {
      written,
      read: byName([...plain, ...written]),
      network: isFlux ? 'networks.lora_flux' : 'networks.lora_sd3',
    };
  }
  const stability = stabilityNames(modules).map(([name, module]) => alone(name, module));
  const isSdxl = base.has('add_embedding.linear_1');
  return {
    written: isSdxl ? stability : plain,
    read: byName([...stability, ...plain]),
    network: 'networks.lora',
  };
}

function byName(modules: readonly KohyaModule[]): Map<string, KohyaModule> {
  return new Map(modules.map(module => [module.name, module]));
}

/** One module for each block that the base has. */
function expanded([name, ...modules]: Template, base: DenoiserLayers): KohyaModule[] {
  const found: KohyaModule[] = [];
  const blocks = name.includes('{}') ? base.size : 1;
  for (let block = 0; block < blocks; block += 1) {
    const own = modules.map(module => module.replace('{}', String(block)));
    if (own.every(module => base.has(module)))
      found.push({ name: name.replace('{}', String(block)), modules: own, isSwapped: isSwapped(own[0] ?? '', base) });
  }
  return found;
}

/**
 * diffusers' AdaLayerNormContinuous takes scale before shift, the authors' code shift before scale. It is the last norm, and in
 * Stable Diffusion 3 the last block's of the text, which is not drawn on: that block has no output for it.
 */
function isSwapped(module: string, base: DenoiserLayers): boolean {
  const block = /^(transformer_blocks\.\d+)\.norm1_context\.linear$/.exec(module)?.[1];
  return module === 'norm_out.linear' || (block !== undefined && !base.has(`${block}.attn.to_add_out`));
}

const RESNET: readonly [string, string][] = [
  ['conv1', 'in_layers.2'],
  ['time_emb_proj', 'emb_layers.1'],
  ['conv2', 'out_layers.3'],
  ['conv_shortcut', 'skip_connection'],
];
const OUTSIDE_BLOCKS: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks_0_0',
  conv_out: 'out_2',
  'time_embedding.linear_1': 'time_embed_0',
  'time_embedding.linear_2': 'time_embed_2',
  'add_embedding.linear_1': 'label_emb_0_0',
  'add_embedding.linear_2': 'label_emb_0_2',
};

/** Of a UNet: name and module. */
function stabilityNames(modules: readonly string[]): [string, string][] {
  const layersPerBlock =
    1 + Math.max(0, ...modules.map(name => Number(/^down_blocks\.\d+\.resnets\.(\d+)\./.exec(name)?.[1] ?? 0)));
  return modules.flatMap(module => {
    const name =
      OUTSIDE_BLOCKS[module] ??
      stabilityName(module, layersPerBlock, hasAttention(module, modules))?.replaceAll('.', '_');
    return name === undefined ? [] : [[name, module] as [string, string]];
  });
}

function hasAttention(module: string, all: readonly string[]): boolean {
  const block = /^up_blocks\.\d+\./.exec(module)?.[0];
  return block !== undefined && all.some(name => name.startsWith(`${block}attentions.`));
}

/** Undefined for a module outside the blocks. */
function stabilityName(module: string, layersPerBlock: number, isAttending: boolean): string | undefined {
  const [, place, block, kind, layer, rest = ''] =
    /^(down|up|mid)_blocks?(?:\.(\d+))?\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (place === undefined) return undefined;
  const [index, position] = [Number(block ?? 0), Number(layer)];
  const inner = kind === 'resnets' ? resnetName(rest) : rest;
  if (place === 'mid') return `middle_block.${kind === 'attentions' ? 1 : position * 2}.${inner}`;
  if (place === 'down') {
    // The first of the list is the convolution in front.
    const first = 1 + index * (layersPerBlock + 1);
    if (kind === 'downsamplers') return `input_blocks.${first + layersPerBlock}.0.op`;
    return `input_blocks.${first + position}.${kind === 'attentions' ? 1 : 0}.${inner}`;
  }
  const first = index * (layersPerBlock + 1);
  if (kind === 'upsamplers') return `output_blocks.${first + layersPerBlock}.${isAttending ? 2 : 1}.conv`;
  return `output_blocks.${first + position}.${kind === 'attentions' ? 1 : 0}.${inner}`;
}

function resnetName(rest: string): string {
  return RESNET.find(([name]) => name === rest)?.[1] ?? rest;
}
