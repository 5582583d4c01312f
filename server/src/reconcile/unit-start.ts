/** Starting model units: the model's weights decrypted for the moment of loading, and a warm-up image from each unit. */
import { Fault } from '../domain/fault.ts';
import type { BaseModels } from '../ports/base-models.ts';
import type { Inference, InvokeRequest, ServableModel, Unit, UnitModel } from '../ports/inference.ts';
import type { KeyOwner } from '../ports/keys.ts';
import type { Log } from '../ports/log.ts';
import type { ModelStore } from '../ports/model-store.ts';
import type { Time } from '../ports/time.ts';
import { refuseOtherWeights } from './base-weights.ts';
import type { PooledUnit } from './unit-pool.ts';

export interface UnitStarter {
  inference: Inference;
  modelStore: ModelStore;
  baseModels: BaseModels;
  time: Time;
  log: Log;
}

/** What units are to hold: a registered base model, and a custom model on it or null. */
export interface ServedModel {
  baseModelId: string;
  custom: ServableModel | null;
  /** Of units to which LoRAs are added later. */
  adaptersFolder?: string;
}

const LOAD_TIMEOUT_SECONDS = 1800;
const HEALTH_POLL_MILLISECONDS = 200;

export const WARM_UP: Omit<InvokeRequest, 'adapterId'> = {
  requestId: 'warm-up',
  task: 'TEXT_IMAGE',
  text: 'warm up',
  negativeText: null,
  images: [],
  similarityStrength: null,
  mask: null,
  outPaintingMode: null,
  colors: [],
  control: null,
  numberOfImages: 1,
  width: 512,
  height: 512,
  cfgScale: 8,
  seed: 0,
  quality: 'standard',
};

/** A request that draws nothing: looks for the watermark in one image (base64). */
export function detectionOf(image: string): Omit<InvokeRequest, 'adapterId'> {
  return { ...WARM_UP, requestId: 'detection', task: 'DETECTION', text: null, images: [image] };
}

/**
 * Starts units and resolves when each has drawn an image. All or none: on a fault those that did start are ended.
 * @param signal aborted when nobody wants them any more
 * @throws Fault with what the user should read
 */
export async function startUnits(
  model: ServedModel,
  count: number,
  starter: UnitStarter,
  signal: AbortSignal,
): Promise<PooledUnit[]> {
  const isWhole = model.custom?.method === 'whole';
  const base = starter.baseModels.get(model.baseModelId);
  if (!base && !isWhole) throw new Fault('notFound', `The base model ${model.baseModelId} is not registered.`);
  if (model.custom) await refuseOtherWeights(model.custom, starter);
  const folder = model.custom ? await openWeights(model.custom, starter) : null;
  const started: Unit[] = [];
  try {
    const { modelId: id, method } = model.custom ?? { modelId: '', method: 'lora' as const };
    const weights = folder === null ? null : weightsIn(folder);
    const adapter = weights === null || method === 'whole' ? null : { id, folder: weights, method };
    const unitModel: UnitModel = {
      baseModelPath: (isWhole ? weights : base?.path) ?? '',
      adapter,
      adaptersFolder: model.adaptersFolder ?? null,
    };
    // A fully fine-tuned denoiser is the unit's base; only a LoRA is named in a request.
    const adapterId = adapter?.method === 'lora' ? adapter.id : null;
    const starting = Array.from({ length: count }, async () => {
      const unit = await starter.inference.start(unitModel);
      started.push(unit);
      await ready(unit, starter.time, signal);
      await unit.invoke({ ...WARM_UP, adapterId }, signal);
      return { unit, adapterId, customModelArn: model.custom?.modelArn ?? null };
    });
    const settled = await Promise.allSettled(starting);
    const failed = settled.find(result => result.status === 'rejected');
    if (failed) throw failed.reason;
    return settled.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  } catch (error) {
    await Promise.allSettled(started.map(unit => unit.stop(0)));
    throw error;
  } finally {
    if (folder !== null) await starter.inference.deleteWeightsFolder(folder);
  }
}

async function openWeights(custom: ServableModel, starter: UnitStarter): Promise<string> {
  const folder = await starter.inference.createWeightsFolder();
  try {
    await starter.modelStore.open(custom.modelId, weightsIn(folder), ownerOf(custom));
    return folder;
  } catch (error) {
    await starter.inference.deleteWeightsFolder(folder);
    throw error;
  }
}

/** Whose key the model's weights are under. */
export function ownerOf({ accountId, region, keyArn, modelArn }: ServableModel): KeyOwner {
  return { accountId, region, keyArn, resourceArn: modelArn };
}

/** `open` makes its folder itself. */
function weightsIn(folder: string): string {
  return `${folder}/weights`;
}

async function ready(unit: Unit, time: Time, signal: AbortSignal): Promise<void> {
  const deadline = time.now().getTime() + LOAD_TIMEOUT_SECONDS * 1000;
  for (;;) {
    if (signal.aborted) throw new Fault('unavailable', 'The model unit is not wanted any more.');
    const { status, message } = await unit.health();
    if (status === 'ready') return;
    if (status === 'failed') throw new Fault('modelError', `The model could not be loaded: ${message ?? 'no reason'}`);
    if (status === 'gone')
      throw new Fault('modelError', `The model unit ended while it loaded. The end of its log: ${message ?? ''}`);
    if (time.now().getTime() > deadline)
      throw new Fault('modelError', `The model did not load within ${LOAD_TIMEOUT_SECONDS} seconds.`);
    await time.sleep(HEALTH_POLL_MILLISECONDS, signal);
  }
}
