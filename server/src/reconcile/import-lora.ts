/** A LoRA file from elsewhere: read, fitted to the base that it names, and written in the layout that units load. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../domain/fault.ts';
import { supportingModel } from '../domain/foundation-model.ts';
import { readLora, toPeft } from '../domain/lora/layouts.ts';
import { headerLength, parseHeader, type Tensor, toFloat32, writeSafetensors } from '../domain/lora/safetensors.ts';
import type { BaseModel, BaseModels, CatalogueEntry } from '../ports/base-models.ts';
import type { Tag } from '../ports/store-bedrock.ts';

/** A tag of the model that names the base of a LoRA: AWS's requests have no member for it. */
export const BASE_TAG = 'likeness:base-model';
/** Of our own exports. */
const BASE_METADATA = 'likeness.base_model';
const WEIGHTS_METADATA = 'likeness.base_weights_sha256';

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
/** Of adapter_config.json and lora_adapter_metadata: whose effect is not W + alpha / rank · B A, the same alpha for all. */
const UNSUPPORTED = ['use_dora', 'use_rslora', 'alpha_pattern', 'lora_bias', 'modules_to_save', 'fan_in_fan_out'];

export interface FittedLora {
  entry: CatalogueEntry;
  base: BaseModel;
  baseWeightsSha256: string;
}

/**
 * @param file in the private folder of the job
 * @param configText adapter_config.json, or null
 * @param output an existing folder, which receives adapter_config.json and adapter_model.safetensors
 * @param name of the object, for the messages
 * @throws Fault invalid with what is wrong, and what would be right
 */
export async function importLora(
  file: string,
  configText: string | null,
  output: string,
  { baseModels, tags, name }: { baseModels: BaseModels; tags: readonly Tag[]; name: string },
): Promise<FittedLora> {
  const bytes = await readFile(file);
  const length = headerLength(bytes.subarray(0, 8), bytes.byteLength, name);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.byteLength, name);
  const config = configText === null ? {} : readObject(configText, CONFIG);
  const { entry, base } = namedBase(baseModels, tags, [header.metadata[BASE_METADATA], config.base_model_name_or_path]);
  const baseWeightsSha256 = await baseModels.weightsDigest(base.path);
  const madeOn = header.metadata[WEIGHTS_METADATA];
  if (madeOn !== undefined && madeOn !== baseWeightsSha256) {
    const saidBase = header.metadata[BASE_METADATA]?.slice(0, 100);
    throw new Fault(
      'invalid',
      saidBase === undefined || saidBase === base.id
        ? `${name} was exported from a model of other weights of ${base.id} (sha256 ${madeOn}) than those installed here (sha256 ${baseWeightsSha256}).`
        : `${name} was exported from a model of ${saidBase}, whose weights are others than those of ${base.id}: tag the model with ${BASE_TAG}=${saidBase}.`,
    );
  }
  const tensors = new Map<string, Tensor>();
  for (const [key, tensor] of header.tensors) {
    const { begin, end } = tensor;
    const data = bytes.subarray(header.dataOffset + begin, header.dataOffset + end);
    tensors.set(key, toFloat32(data, tensor, key, name));
    // Others get their turn: a large file takes seconds.
    await new Promise(resolve => setImmediate(resolve));
  }
  const { layers } = await baseModels.denoiser(base);
  const lora = readLora(tensors, layers, givenAlpha(config, header.metadata), name);
  const { rank, alpha, tensors: written } = toPeft(lora.layers);
  await writeFile(join(output, WEIGHTS), writeSafetensors(written, {}), { mode: 0o600 });
  const peft = {
    ...{ peft_type: 'LORA', task_type: null, base_model_name_or_path: base.id, inference_mode: true },
    ...{ r: rank, lora_alpha: alpha, lora_dropout: 0, bias: 'none', fan_in_fan_out: false },
    target_modules: [...lora.layers.keys()].sort(),
  };
  await writeFile(join(output, CONFIG), JSON.stringify(peft), { mode: 0o600 });
  return { entry, base, baseWeightsSha256 };

  function givenAlpha(adapterConfig: Record<string, unknown>, metadata: Record<string, string>): number | undefined {
    const own = adapterConfig.lora_alpha ?? diffusersConfig(metadata).lora_alpha;
    for (const settings of [adapterConfig, diffusersConfig(metadata)])
      for (const option of UNSUPPORTED)
        if (isSet(settings[option]))
          throw new Fault('invalid', `${name} has ${option}, which is not supported; merge it into plain LoRA first.`);
    if (own === undefined || own === null) return undefined;
    if (typeof own === 'number' && Number.isFinite(own) && own > 0) return own;
    throw new Fault('invalid', `lora_alpha must be a number above 0; it is ${JSON.stringify(own).slice(0, 50)}.`);
  }
}

/** The base by the model's tag, else by what the file itself says. */
function namedBase(
  baseModels: BaseModels,
  tags: readonly Tag[],
  said: unknown[],
): { entry: CatalogueEntry; base: BaseModel } {
  const tag = tags.find(({ key }) => key === BASE_TAG)?.value;
  const name = tag ?? said.find(value => typeof value === 'string' && value !== '');
  const entry = typeof name === 'string' ? supportingModel(baseModels.catalogue(), name, 'FINE_TUNING') : undefined;
  const base = entry && baseModels.get(entry.baseModelId);
  if (entry && base) return { entry, base };
  const registered = baseModels.catalogue().map(row => row.modelId);
  const why =
    typeof name === 'string'
      ? `names the base ${name.slice(0, 100)}, which is not registered here`
      : 'does not name its base';
  throw new Fault('invalid', `The LoRA ${why}. Tag the model with ${BASE_TAG}: one of ${registered.join(', ')}.`);
}

/** What diffusers' save_lora_weights tells of PEFT's configuration, without the prefix of the part. */
function diffusersConfig(metadata: Record<string, string>): Record<string, unknown> {
  const text = metadata.lora_adapter_metadata;
  if (text === undefined) return {};
  const entries = Object.entries(readObject(text, 'lora_adapter_metadata'));
  return Object.fromEntries(entries.map(([key, value]) => [key.replace(/^(unet|transformer)\./, ''), value]));
}

function readObject(text: string, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Answered below, as any other text that is no object.
  }
  throw new Fault('invalid', `${name} is no JSON object.`);
}

function isSet(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}
