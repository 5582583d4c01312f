import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../../src/domain/fault.ts';
import type { Inference, InvokeRequest, Unit, UnitModel } from '../../src/ports/inference.ts';

export interface InProcessUnit extends Unit {
  readonly model: UnitModel;
  /** kill -9. */
  kill(): void;
  readonly answered: number;
  readonly adapterIds: string[];
}

/**
 * An Inference without processes: an "image" is the request's text and the model's name, in base64, or a picture.
 * `failLoads`, `failAdapters`: how many of the next starts, or of the next adapters, fail to load; `invokeMilliseconds`
 * may change at any time.
 */
export function createInProcessInference(options: {
  capacity: number;
  loadMilliseconds: number;
  invokeMilliseconds: number;
  /** What it answers with in the place of the text. */
  picture?: Buffer;
}) {
  const inference = {
    units: [] as InProcessUnit[],
    failLoads: 0,
    failAdapters: 0,
    requests: [] as InvokeRequest[],
    invokeMilliseconds: options.invokeMilliseconds,
  };
  let started = 0;

  function start(model: UnitModel, files: string[]): Unit {
    started += 1;
    const startedAt = Date.now();
    const isBroken = inference.failLoads > 0;
    if (isBroken) inference.failLoads -= 1;
    let answered = 0;
    let isGone = false;
    const inHand = new Set<() => void>();
    const later = new Map<string, string[]>();
    const { promise: ended, resolve: end } = Promise.withResolvers<string>();
    const kill = () => {
      isGone = true;
      inference.units = inference.units.filter(other => other !== unit);
      for (const fail of inHand) fail();
      end('killed');
    };
    const unit: InProcessUnit = {
      id: `unit-${started}`,
      model,
      ended,
      kill,
      get answered() {
        return answered;
      },
      async health() {
        if (isGone) return { status: 'gone', message: 'killed' };
        if (Date.now() - startedAt < options.loadMilliseconds) return { status: 'loading', message: null };
        return isBroken ? { status: 'failed', message: 'broken' } : { status: 'ready', message: null };
      },
      invoke(request) {
        if (isGone) return Promise.reject(new Fault('modelError', 'The model unit ended; try again.'));
        if (Date.now() - startedAt < options.loadMilliseconds)
          return Promise.reject(new Fault('notReady', 'The model is not ready: it loads.'));
        if (request.width % 2 === 1) return Promise.reject(new Fault('invalid', 'width must be even'));
        const added = request.adapterId === null ? undefined : later.get(request.adapterId);
        if (request.adapterId !== (model.adapter?.id ?? null) && added === undefined)
          return Promise.reject(new Fault('invalid', `adapterId ${request.adapterId} is not loaded`));
        inference.requests.push(request);
        return new Promise((resolve, reject) => {
          const fail = () =>
            reject(new Fault('modelError', 'The model unit ended while it drew the images; try again.'));
          inHand.add(fail);
          setTimeout(() => {
            inHand.delete(fail);
            answered += 1;
            const told = `${request.text} by ${request.adapterId ?? 'base'} with ${added ?? files}`;
            const image = (options.picture ?? Buffer.from(told)).toString('base64');
            resolve({
              images: Array.from({ length: request.numberOfImages }, () => image),
              maskImage: null,
              cropBox: null,
              watermark: request.task === 'DETECTION' ? { isFound: false, score: 4, rightBits: 40 } : null,
              isWatermarked: request.task !== 'DETECTION',
              caption:
                request.task === 'CAPTION' ? `${request.text ?? 'a thing'} as ${model.baseModelPath} sees it` : null,
            });
          }, inference.invokeMilliseconds);
        });
      },
      async load(adapterId, folder) {
        if (isGone) throw new Fault('modelError', 'The model unit ended; try again.');
        if (model.adaptersFolder === null || !folder.startsWith(`${model.adaptersFolder}/`))
          throw new Fault('invalid', "folder must lie below the worker's adapters folder");
        if (inference.failAdapters > 0) {
          inference.failAdapters -= 1;
          throw new Fault('invalid', `The adapter ${adapterId} was made for another base model.`);
        }
        const files = await readdir(folder);
        if (files.length === 0) throw new Fault('invalid', `The adapter ${adapterId} cannot be read.`);
        later.set(adapterId, files);
      },
      async unload(adapterId) {
        later.delete(adapterId);
      },
      get adapterIds() {
        return [...later.keys()];
      },
      async stop(graceSeconds) {
        const deadline = Date.now() + graceSeconds * 1000;
        while (inHand.size > 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 5));
        if (!isGone) kill();
      },
    };
    inference.units.push(unit);
    return unit;
  }

  const port: Inference = {
    start: async (model: UnitModel) => start(model, model.adapter ? await readdir(model.adapter.folder) : []),
    capacity: () => options.capacity,
    createWeightsFolder: () => mkdtemp(join(tmpdir(), 'likeness-weights-')),
    deleteWeightsFolder: (folder: string) => rm(folder, { recursive: true, force: true }),
  };
  return Object.assign(inference, port);
}
