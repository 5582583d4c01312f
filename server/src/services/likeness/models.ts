import { buffer } from 'node:stream/consumers';
import { Fault } from '../../domain/fault.ts';
import { kohyaNames } from '../../domain/lora/kohya-names.ts';
import { readLora, toDiffusers, toKohya } from '../../domain/lora/layouts.ts';
import { headerLength, parseHeader, toFloat32, writeSafetensors } from '../../domain/lora/safetensors.ts';
import type { AccessRequest, RequestContext } from '../../domain/operation.ts';
import type { Route, RouteInput } from '../../domain/route.ts';
import type { ServableModel } from '../../ports/inference.ts';
import type { StoredFile } from '../../ports/model-store.ts';
import type { Tag } from '../../ports/store-bedrock.ts';
import type { LikenessDependencies } from './dependencies.ts';

type Dependencies = Pick<LikenessDependencies, 'store' | 'baseModels' | 'modelStore' | 'keyring'>;
type Model = ServableModel & { modelName: string; tags: Tag[]; sizeBytes: number };

const FORMATS = ['diffusers', 'kohya'] as const;
const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

/** What AWS's shapes have no place for: which weights a model fits, and its LoRA as a file that other tools load. */
export function modelRoutes({ store, baseModels, modelStore, keyring }: Dependencies): Route[] {
  async function find({ params }: RouteInput, ctx: RequestContext) {
    const scope = { accountId: ctx.accountId, region: ctx.region };
    return store.read(async ({ bedrock }) => {
      const custom = await bedrock.modelById(scope, params.modelId ?? '');
      const model: Model | undefined =
        custom?.status === 'Active' ? custom : await bedrock.importedModelById(scope, params.modelId ?? '');
      return model && { model, policy: await bedrock.resourcePolicyOf(model.modelArn) };
    });
  }

  async function authorize(input: RouteInput, ctx: RequestContext): Promise<AccessRequest[]> {
    const found = await find(input, ctx);
    if (!found) return [{ resource: `arn:aws:likeness:${ctx.region}:${ctx.accountId}:*` }];
    const { model, policy } = found;
    const conditions = Object.fromEntries(model.tags.map(tag => [`aws:ResourceTag/${tag.key}`, tag.value]));
    return [{ resource: model.modelArn, conditions, ...(policy === undefined ? {} : { resourcePolicy: policy }) }];
  }

  async function required(input: RouteInput, ctx: RequestContext): Promise<Model> {
    const found = await find(input, ctx);
    if (found) return found.model;
    throw new Fault('notFound', 'There is no such model; its id is the last part of its ARN.');
  }

  return [
    {
      method: 'GET',
      path: '/models/{modelId}',
      action: 'GetModel',
      authorize,
      async handle(input, ctx) {
        const model = await required(input, ctx);
        const base = baseModels.get(model.baseModelId);
        const { modelArn, modelName, method, baseModelId, sizeBytes } = model;
        return {
          json: {
            ...{ modelArn, modelName, method, sizeBytes },
            baseModelId: model.method === 'whole' ? null : baseModelId,
            baseWeightsSha256: model.baseWeightsSha256 ?? null,
            installedWeightsSha256: base ? await baseModels.weightsDigest(base.path) : null,
          },
        };
      },
    },
    {
      method: 'GET',
      path: '/models/{modelId}/export',
      action: 'ExportModel',
      async authorize(input, ctx) {
        const { keyArn } = (await find(input, ctx))?.model ?? {};
        const key = await keyring.decryptRequests(keyArn, ctx);
        return [...(await authorize(input, ctx)), ...key];
      },
      async handle(input, ctx) {
        const model = await required(input, ctx);
        const format = FORMATS.find(name => name === input.query.get('format'));
        if (!format)
          throw new Fault('invalid', `format must be diffusers or kohya; you sent ${input.query.get('format')}.`);
        const { accountId, region, keyArn, modelArn } = model;
        if (keyArn !== null) await keyring.resolve(keyArn, accountId, region);
        const stored = await modelStore.files(model.modelId, { accountId, region, keyArn, resourceArn: modelArn });
        const bytes = await exported(model, format, stored);
        const name = format === 'kohya' ? `${model.modelName}.safetensors` : 'pytorch_lora_weights.safetensors';
        return {
          headers: {
            'content-type': 'application/octet-stream',
            'content-disposition': `attachment; filename="${name}"`,
            'content-length': String(bytes.byteLength),
          },
          stream: inPieces(bytes),
        };
      },
    },
  ];

  async function exported(model: Model, format: (typeof FORMATS)[number], stored: StoredFile[]): Promise<Uint8Array> {
    const { baseModelId, baseWeightsSha256, modelName, method } = model;
    if (method !== 'lora')
      throw new Fault(
        'invalid',
        `The model ${modelName} has no LoRA: it was ${method === 'full' ? 'fine-tuned fully' : 'imported whole'}.`,
      );
    const base = baseModels.get(baseModelId);
    if (!base) throw new Fault('invalid', `The base model ${baseModelId} is not registered (any more).`);
    const { part, layers: places } = await baseModels.denoiser(base);
    const config = JSON.parse((await bytesOf(stored, CONFIG)).toString()) as { r: number; lora_alpha: number };
    const file = await bytesOf(stored, WEIGHTS);
    const length = headerLength(file.subarray(0, 8), file.byteLength, WEIGHTS);
    const { tensors, dataOffset } = parseHeader(file.subarray(8, 8 + length), file.byteLength, WEIGHTS);
    const values = [...tensors].map(([key, entry]) => {
      const bytes = file.subarray(dataOffset + entry.begin, dataOffset + entry.end);
      return [key, toFloat32(bytes, entry, key, WEIGHTS)] as const;
    });
    const { layers } = readLora(new Map(values), places, config.lora_alpha, WEIGHTS);
    // An import of this file elsewhere knows by it what it fits.
    const origin = {
      'likeness.base_model': baseModelId,
      ...(baseWeightsSha256 ? { 'likeness.base_weights_sha256': baseWeightsSha256 } : {}),
    };
    if (format === 'diffusers') return writeSafetensors(toDiffusers(layers, part), origin);
    const network = { ss_network_module: kohyaNames(places).network, ss_network_dim: String(config.r) };
    const metadata = { ...origin, ...network, ss_network_alpha: String(config.lora_alpha) };
    return writeSafetensors(toKohya(layers, places), metadata);
  }
}

async function bytesOf(files: StoredFile[], name: string): Promise<Buffer> {
  const file = files.find(one => one.name === name);
  if (!file) throw new Fault('internal', `The stored model lacks ${name}.`);
  return buffer(file.read());
}

const PIECE_BYTES = 1024 * 1024;

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
