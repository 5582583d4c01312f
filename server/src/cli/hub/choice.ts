import { familyOfPipeline } from '../../domain/model-families.ts';
import { CliFailure } from '../failure.ts';
import type { HubFile } from './client.ts';

/** In many repositories, and nothing that is loaded here. */
const UNUSED_PARTS = new Set(['safety_checker', 'feature_extractor', 'image_encoder']);
const WITHOUT_WEIGHTS = /^(scheduler|tokenizer)/;
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle)$/;

/**
 * The files of a diffusers repository that a base model needs: each part's configuration and its weights in safetensors,
 * the fp16 variant where there is one; no pickles, no other framework's, no second copies.
 * @param index its model_index.json
 * @throws CliFailure naming the pipeline that no family serves, or each part that lacks safetensors
 */
export function chooseFiles(index: Readonly<Record<string, unknown>>, files: readonly HubFile[]): HubFile[] {
  const pipeline = String(index._class_name);
  if (!Object.hasOwn(familyOfPipeline, pipeline))
    throw new CliFailure(
      `the repository is a ${pipeline}, which no family serves: ${Object.keys(familyOfPipeline).join(', ')} are.`,
    );
  const usable = files.filter(file => /^([\w-][\w.-]*\/)?[\w-][\w.-]*$/.test(file.path));
  const problems: string[] = [];
  const parts = Object.entries(index).filter(
    ([part, kind]) => Array.isArray(kind) && kind[0] && !UNUSED_PARTS.has(part),
  );
  const chosen = parts.flatMap(([part]) => {
    const inside = usable.filter(file => file.path.startsWith(`${part}/`));
    const weights = chosenWeights(inside);
    if (weights.length === 0 && !WITHOUT_WEIGHTS.test(part))
      problems.push(inside.some(file => PICKLE.test(file.path)) ? `${part} (pickles alone)` : part);
    const isHalf = weights.some(file => isOfHalf(file));
    const rest = inside.filter(({ path }) => /\.(json|txt|model)$/.test(path) && !/\.index.*\.json$/.test(path));
    const indices = inside.filter(file => /\.safetensors\.index.*\.json$/.test(file.path) && isOfHalf(file) === isHalf);
    return [...rest, ...(weights.length > 1 ? indices : []), ...weights];
  });
  if (problems.length > 0)
    throw new CliFailure(`the repository has no safetensors for ${problems.join(', ')}: it cannot be used.`);
  return [
    ...usable.filter(({ path }) => /^(model_index\.json|likeness\.json|licen[cs]e[\w.-]*)$/i.test(path)),
    ...chosen,
  ];
}

/** Shards or one file, of one precision; a repository may have both kinds, and both precisions. */
function chosenWeights(files: readonly HubFile[]): HubFile[] {
  const weights = files.filter(({ path }) => path.endsWith('.safetensors') && !path.includes('.non_ema'));
  const half = weights.filter(isOfHalf);
  const precision = half.length > 0 ? half : weights;
  const single = precision.filter(({ path }) => !/-\d{5}-of-\d{5}\./.test(path));
  // Of several files that are no shards, diffusers and transformers load the one with their own name.
  const own = single.filter(({ path }) => /\/(diffusion_pytorch_model|model)(\.fp16)?\.safetensors$/.test(path));
  return own.length > 0 ? own : precision;
}

function isOfHalf({ path }: HubFile): boolean {
  return path.includes('.fp16');
}
