/**
 * Layers that one layout keeps apart and another has as one: queries, keys and values (and in FLUX.1's single blocks the first
 * layer of what follows them) read the same input, so their weights stand below each other, and so do their LoRAs: A's rows below
 * each other, B's blocks along a diagonal. Nothing is rounded or approximated on either way.
 */
import { Fault } from '../fault.ts';
import type { KohyaModule } from './kohya-names.ts';
import { type DenoiserLayers, type LoraLayer, rankOf, scaled } from './lora-layer.ts';
import type { Tensor } from './safetensors.ts';

/**
 * @param layers some or all of the module's; those without a LoRA become zeros
 * @returns undefined where the LoRA touches none of them
 */
export function joined(
  module: KohyaModule,
  layers: ReadonlyMap<string, LoraLayer>,
  base: DenoiserLayers,
): LoraLayer | undefined {
  const present = module.modules.flatMap(name => layers.get(name) ?? []);
  const [first] = present;
  if (!first) return undefined;
  if (module.modules.length === 1) return module.isSwapped ? { ...first, b: halvesSwapped(first.b) } : first;
  const scales = present.map(layer => layer.alpha / rankOf(layer));
  const hasOneScale = scales.every(scale => scale === scales[0]);
  const isShared = present.every(
    ({ a }) => a.shape.join() === first.a.shape.join() && isSame(a.values, first.a.values),
  );
  const rank = isShared ? rankOf(first) : present.reduce((sum, layer) => sum + rankOf(layer), 0);
  const rows = module.modules.reduce((sum, name) => sum + (base.get(name)?.[0] ?? 0), 0);
  const b = new Float32Array(rows * rank);
  let [row, column] = [0, 0];
  for (const name of module.modules) {
    const layer = layers.get(name);
    const own = layer ? rankOf(layer) : 0;
    const values = layer && scaled(layer.b, hasOneScale ? 1 : layer.alpha / own).values;
    const end = row + (base.get(name)?.[0] ?? 0);
    for (let from = 0; row < end; row += 1, from += own)
      if (values) b.set(values.subarray(from, from + own), row * rank + column);
    if (!isShared) column += own;
  }
  const inside = first.a.shape[1] ?? 0;
  const a = new Float32Array(rank * inside);
  let at = 0;
  for (const layer of isShared ? [first] : present) {
    a.set(layer.a.values, at);
    at += layer.a.values.length;
  }
  return {
    a: { shape: [rank, inside], values: a },
    b: { shape: [rows, rank], values: b },
    alpha: hasOneScale ? (scales[0] ?? 1) * rank : rank,
  };
}

/**
 * The reverse of `joined`: each layer with the ranks alone that act on it. A layer on which none acts has no LoRA.
 * @param alpha of the joined layer; undefined: its rank
 * @throws Fault invalid where the joined layer does not have the rows of the base's
 */
export function separated(
  module: KohyaModule,
  { a, b, alpha }: { a: Tensor; b: Tensor; alpha: number | undefined },
  base: DenoiserLayers,
  fileName: string,
): [string, LoraLayer][] {
  const rank = a.shape[0] ?? 0;
  const heights = module.modules.map(name => base.get(name)?.[0] ?? 0);
  const rows = heights.reduce((sum, height) => sum + height, 0);
  if (b.shape[0] !== rows || b.values.length !== rows * rank)
    throw new Fault(
      'invalid',
      `${fileName} was made for another base model: its ${module.name} is [${b.shape}] times [${a.shape}], and here it has ${rows} rows.`,
    );
  const scale = (alpha ?? rank) / rank;
  if (module.modules.length === 1) {
    const [name = ''] = module.modules;
    return [[name, { a, b: module.isSwapped ? halvesSwapped(b) : b, alpha: scale * rank }]];
  }
  const inside = a.values.length / rank;
  let row = 0;
  return module.modules.flatMap((name, index): [string, LoraLayer][] => {
    const height = heights[index] ?? 0;
    const values = b.values.subarray(row * rank, (row + height) * rank);
    row += height;
    const acting = Array.from({ length: rank }, (_, column) => column).filter(column => isActing(values, column, rank));
    if (acting.length === 0) return [];
    const ownA = new Float32Array(acting.length * inside);
    acting.forEach((from, to) => {
      ownA.set(a.values.subarray(from * inside, (from + 1) * inside), to * inside);
    });
    const ownB = Float32Array.from({ length: height * acting.length }, (_, at) => {
      const [line, column] = [Math.floor(at / acting.length), acting[at % acting.length] ?? 0];
      return values[line * rank + column] ?? 0;
    });
    const layer = {
      a: { shape: a.shape.with(0, acting.length), values: ownA },
      b: { shape: [height, acting.length], values: ownB },
      alpha: scale * acting.length,
    };
    return [[name, layer]];
  });
}

function isActing(values: Float32Array, column: number, rank: number): boolean {
  for (let at = column; at < values.length; at += rank) if (values[at] !== 0) return true;
  return false;
}

function isSame(one: Float32Array, other: Float32Array): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

function halvesSwapped({ shape, values }: Tensor): Tensor {
  const half = values.length / 2;
  const swapped = new Float32Array(values.length);
  swapped.set(values.subarray(half));
  swapped.set(values.subarray(0, half), half);
  return { shape, values: swapped };
}
