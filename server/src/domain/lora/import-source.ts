/** What lies in S3 where a model is imported from, told by the names alone. */
import { Fault } from '../fault.ts';

export interface SourceObject {
  key: string;
  sizeBytes: number;
}

export type ImportSource =
  /** One file, and PEFT's adapter_config.json where it has one. */
  | { kind: 'lora'; file: SourceObject; config: SourceObject | null }
  /** A folder in diffusers layout: `name` below it, with forward slashes. */
  | { kind: 'whole'; objects: { name: string; object: SourceObject }[] };

export const MAXIMUM_LORA_BYTES = 1024 ** 3;
export const MAXIMUM_FOLDER_BYTES = 64 * 1024 ** 3;
/** Keys that are looked at below the URI. */
export const MAXIMUM_OBJECTS = 1000;
/** Of a JSON or tokenizer file. */
const MAXIMUM_TEXT_BYTES = 64 * 1024 ** 2;

const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle)$/;
const FILE = /^[A-Za-z0-9_][\w.-]{0,200}$/;
const PART_FILE = /\.(safetensors|json|txt|model)$/;

/**
 * @param key what the URI names below its bucket: an object, or a folder with or without its last slash
 * @param objects all keys that begin with it
 * @throws Fault invalid with what would be right
 */
export function readSource(key: string, objects: readonly SourceObject[]): ImportSource {
  const file = objects.find(object => object.key === key);
  if (file && !key.endsWith('/')) {
    if (!key.endsWith('.safetensors')) throw noLora(key);
    return { kind: 'lora', file: bounded(file, MAXIMUM_LORA_BYTES), config: null };
  }
  if (objects.length >= MAXIMUM_OBJECTS)
    throw new Fault(
      'invalid',
      `There are ${MAXIMUM_OBJECTS} objects or more below the URI; name the model's own folder.`,
    );
  const folder = key === '' || key.endsWith('/') ? key : `${key}/`;
  const below = new Map(
    objects.filter(object => object.key.startsWith(folder)).map(object => [object.key.slice(folder.length), object]),
  );
  const config = below.get('adapter_config.json');
  const peft = below.get('adapter_model.safetensors');
  if (below.has('model_index.json'))
    return { kind: 'whole', objects: [...below].map(([name, object]) => ({ name, object })) };
  if (config && peft)
    return { kind: 'lora', file: bounded(peft, MAXIMUM_LORA_BYTES), config: bounded(config, MAXIMUM_TEXT_BYTES) };
  const files = [...below].filter(([name]) => !name.includes('/') && name.endsWith('.safetensors'));
  const [only] = files;
  if (only && files.length === 1) return { kind: 'lora', file: bounded(only[1], MAXIMUM_LORA_BYTES), config: null };
  if (files.length > 1)
    throw new Fault('invalid', `There are ${files.length} *.safetensors below the URI; name the one to import.`);
  throw noLora([...below.keys()].find(name => PICKLE.test(name)) ?? '');
}

/** Parts that no family here loads, whatever model_index.json says of them. */
const UNUSED_PARTS = ['safety_checker', 'feature_extractor', 'image_encoder'];

/**
 * The parts that the files of a folder must bring.
 * @param index model_index.json
 * @throws Fault invalid where it is none, or would take a part from a Python package: a name from elsewhere must not choose what
 *   is imported
 */
export function partsOf(index: unknown): string[] {
  const parts = Object.entries(typeof index === 'object' && index !== null ? index : {}).filter(
    ([name, value]) => Array.isArray(value) && typeof value[0] === 'string' && !UNUSED_PARTS.includes(name),
  );
  if (parts.length === 0) throw new Fault('invalid', 'model_index.json names no parts.');
  const packaged = parts.find(([, [library]]) => library === 'python-package');
  if (packaged)
    throw new Fault('invalid', `model_index.json takes ${packaged[0]} from a Python package; bring its files instead.`);
  return parts.map(([name]) => name);
}

/**
 * The files of a diffusers folder that a model is made of; all others stay where they are.
 * @param parts that model_index.json names
 * @throws Fault invalid for a part in pickles, or past a bound
 */
export function wholeFiles(
  objects: readonly { name: string; object: SourceObject }[],
  parts: readonly string[],
): { name: string; object: SourceObject }[] {
  const files = objects.filter(({ name }) => {
    const [part = '', file, ...deeper] = name.split('/');
    if (file === undefined) return part === 'model_index.json' || part === 'likeness.json';
    return deeper.length === 0 && parts.includes(part) && FILE.test(file) && PART_FILE.test(file);
  });
  for (const part of parts) {
    const names = objects.map(({ name }) => name).filter(name => name.startsWith(`${part}/`));
    const pickle = names.find(name => PICKLE.test(name));
    if (pickle !== undefined && !names.some(name => name.endsWith('.safetensors')))
      throw new Fault(
        'invalid',
        `${pickle} is a pickle, which can run code when it is loaded: convert it to safetensors.`,
      );
  }
  // A reader takes the half-precision variant only where there is no other.
  const kept = files.filter(
    ({ name }) => !name.includes('.fp16.') || !files.some(({ name: other }) => other === name.replace('.fp16.', '.')),
  );
  for (const { name, object } of kept) if (!name.endsWith('.safetensors')) bounded(object, MAXIMUM_TEXT_BYTES);
  const total = kept.reduce((sum, { object }) => sum + object.sizeBytes, 0);
  if (total > MAXIMUM_FOLDER_BYTES)
    throw new Fault('invalid', `The model has ${total} bytes; at most ${MAXIMUM_FOLDER_BYTES} are imported.`);
  return kept;
}

function bounded(object: SourceObject, maximum: number): SourceObject {
  if (object.sizeBytes <= maximum) return object;
  throw new Fault('invalid', `${object.key} has ${object.sizeBytes} bytes; at most ${maximum} are imported.`);
}

function noLora(found: string): Fault {
  if (PICKLE.test(found))
    return new Fault(
      'invalid',
      `${found} is a pickle, which can run code when it is loaded: convert it to safetensors.`,
    );
  return new Fault(
    'invalid',
    'There is no model at the URI. Name a LoRA file (*.safetensors), a folder with adapter_config.json and adapter_model.safetensors, or a diffusers folder with model_index.json.',
  );
}
