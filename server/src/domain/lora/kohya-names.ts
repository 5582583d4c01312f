/**
 * How kohya's files name a UNet's modules: diffusers' names with underscores for Stable Diffusion 1.x and 2.x, and for SDXL the
 * names of Stability's own code (`input_blocks_4_1_…`), in which a UNet is one list of blocks down and one up.
 */

const RESNET: readonly [string, string][] = [
  ['conv1', 'in_layers.2'],
  ['time_emb_proj', 'emb_layers.1'],
  ['conv2', 'out_layers.3'],
  ['conv_shortcut', 'skip_connection'],
];

/** @returns module by each name that a file may give it, without `lora_unet_` */
export function kohyaNames(modules: Iterable<string>): Map<string, string> {
  const names = new Map<string, string>();
  const all = [...modules];
  const layersPerBlock =
    1 + Math.max(0, ...all.map(name => Number(/^down_blocks\.\d+\.resnets\.(\d+)\./.exec(name)?.[1] ?? 0)));
  for (const module of all) {
    const other = stabilityName(module, layersPerBlock, hasAttention(module, all));
    if (other !== undefined) names.set(other.replaceAll('.', '_'), module);
    names.set(module.replaceAll('.', '_'), module);
  }
  return names;
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
