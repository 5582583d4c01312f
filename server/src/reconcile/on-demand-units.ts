/**
 * Capacity of custom models on demand: the models of an account that ride on one base share a process, which their first
 * request starts and which ends when it is idle. A fully fine-tuned or whole model is
 * a base of its own, with a process of its own.
 */
import { Fault } from '../domain/fault.ts';
import type { DrawnAnswer, InvokeRequest, PoolFigures, ServableModel } from '../ports/inference.ts';
import { refuseOtherWeights } from './base-weights.ts';
import type { OnDemandProcess } from './on-demand-room.ts';
import { DRAIN_SECONDS, type PooledUnit, REQUESTS_IN_HAND, unitPool } from './unit-pool.ts';
import { ownerOf, startUnits, type UnitStarter, WARM_UP } from './unit-start.ts';

export interface OnDemandDependencies extends UnitStarter {
  /** Requests that may wait for one process. */
  queueLimit: number;
  idleSeconds: number;
  /** @throws Fault: there is no room for another process */
  takeRoom(): void;
}

type Request = Omit<InvokeRequest, 'adapterId'>;
type SharedProcess = ReturnType<typeof sharedProcess>;

/** Adapters that a process holds at once; the one used longest ago makes room. */
const MAXIMUM_ADAPTERS = 32;

export function onDemandUnits(dependencies: OnDemandDependencies) {
  const processes = new Map<string, SharedProcess>();
  const leaving = new Set<Promise<void>>();
  let isClosed = false;

  function processOf(model: ServableModel): SharedProcess {
    const own = model.method === 'lora' ? [] : [model.modelId];
    const key = [model.accountId, model.baseModelId, ...own].join('/');
    let found = processes.get(key);
    if (!found) {
      dependencies.takeRoom();
      found = sharedProcess(dependencies, () => forget(key));
      processes.set(key, found);
    }
    return found;
  }

  /** What is forgotten takes no request any more; it ends when those in hand are answered. */
  function forget(key: string): void {
    const process = processes.get(key);
    if (!process) return;
    processes.delete(key);
    const ending = process
      .end(DRAIN_SECONDS)
      .catch((error: unknown) => dependencies.log.error({ error }, 'a shared process could not be ended'))
      .finally(() => leaving.delete(ending));
    leaving.add(ending);
  }

  async function invoke(model: ServableModel, request: Request, signal: AbortSignal): Promise<DrawnAnswer> {
    if (isClosed) throw new Fault('unavailable', 'The service is stopping.');
    return processOf(model).invoke(model, request, signal);
  }

  return {
    invoke,

    /** Loads a model and draws an image with it. @throws Fault with what the user should read */
    async prepare(model: ServableModel, signal: AbortSignal): Promise<void> {
      await invoke(model, WARM_UP, signal);
    },

    figures: (): PoolFigures[] =>
      [...processes].map(([modelId, process]) => ({ kind: 'onDemand', modelId, ...process.figures() })),

    /** Ends what has been idle for too long. */
    endIdle(): void {
      for (const [key, process] of processes) if (process.isOver()) forget(key);
    },

    processes: (): OnDemandProcess[] =>
      [...processes].map(([key, process]) => ({ ...process.use(), end: () => forget(key) })),

    /** Lets go of a model that is deployed nowhere any more. */
    async drop(modelId: string): Promise<void> {
      for (const [key, process] of processes)
        if (key.endsWith(`/${modelId}`)) forget(key);
        else await process.drop(modelId);
    },

    async close(graceSeconds: number): Promise<void> {
      isClosed = true;
      await Promise.all([...[...processes.values()].map(process => process.end(graceSeconds)), ...leaving]);
    },
  };
}

interface Loaded {
  /** Settles when the adapter can draw. */
  ready: Promise<void>;
  inHand: number;
  lastUsedAt: number;
}

/** @param onLost its unit died: another process takes its place */
function sharedProcess(dependencies: OnDemandDependencies, onLost: () => void) {
  const { inference, modelStore, time, queueLimit, idleSeconds } = dependencies;
  const pool = unitPool({ queueLimit, time, onLost });
  const adapters = new Map<string, Loaded>();
  const ended = new AbortController();
  let starting: Promise<{ pooled: PooledUnit; adaptersFolder: string }> | undefined;
  /** Adapters are loaded and let go of one after another. */
  let changing: Promise<unknown> = Promise.resolve();
  let inHand = 0;
  let lastUsedAt = time.now().getTime();

  function inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const changed = changing.then(change);
    changing = changed.catch(() => undefined);
    return changed;
  }

  async function start(model: ServableModel) {
    const adaptersFolder = await inference.createWeightsFolder();
    try {
      const custom = model.method === 'lora' ? null : model;
      const served = { baseModelId: model.baseModelId, custom, adaptersFolder };
      const [pooled] = await startUnits(served, 1, dependencies, ended.signal);
      if (!pooled) throw new Fault('internal', 'No unit was started.');
      pool.add(pooled);
      return { pooled, adaptersFolder };
    } catch (error) {
      starting = undefined;
      await inference.deleteWeightsFolder(adaptersFolder);
      throw error;
    }
  }

  async function load(model: ServableModel): Promise<void> {
    starting ??= start(model);
    const { pooled, adaptersFolder } = await starting;
    if (model.method !== 'lora') return;
    await refuseOtherWeights(model, dependencies);
    await makeRoom();
    const folder = `${adaptersFolder}/${model.modelId}`;
    await inTurn(async () => {
      try {
        await modelStore.open(model.modelId, folder, ownerOf(model));
        await pooled.unit.load(model.modelId, folder);
      } finally {
        await inference.deleteWeightsFolder(folder);
      }
    });
  }

  async function makeRoom(): Promise<void> {
    while (adapters.size > MAXIMUM_ADAPTERS) {
      const idle = [...adapters].filter(([, adapter]) => adapter.inHand === 0);
      const [oldest] = idle.sort(([, a], [, b]) => a.lastUsedAt - b.lastUsedAt);
      if (!oldest) return;
      await drop(oldest[0]);
    }
  }

  async function drop(modelId: string): Promise<void> {
    const adapter = adapters.get(modelId);
    if (!adapter || adapter.inHand > 0) return;
    adapters.delete(modelId);
    const started = await starting?.catch(() => undefined);
    // A unit that is gone has let go of everything.
    if (started) await inTurn(() => started.pooled.unit.unload(modelId)).catch(() => undefined);
  }

  function adapterOf(model: ServableModel): Loaded {
    let adapter = adapters.get(model.modelId);
    if (!adapter) {
      const ready = load(model);
      adapter = { ready, inHand: 0, lastUsedAt: 0 };
      adapters.set(model.modelId, adapter);
      // The next request tries again.
      ready.catch(() => adapters.delete(model.modelId));
    }
    return adapter;
  }

  return {
    async invoke(model: ServableModel, request: Request, signal: AbortSignal): Promise<DrawnAnswer> {
      if (inHand >= queueLimit + REQUESTS_IN_HAND)
        throw new Fault('throttled', `${queueLimit} requests are waiting for this model already; try again later.`);
      inHand += 1;
      const adapter = adapterOf(model);
      adapter.inHand += 1;
      try {
        await adapter.ready;
        const adapterId = model.method === 'lora' ? model.modelId : null;
        const answer = await pool.invoke({ ...request, adapterId }, signal, false);
        return { ...answer, customModelArn: model.modelArn };
      } finally {
        inHand -= 1;
        adapter.inHand -= 1;
        lastUsedAt = time.now().getTime();
        adapter.lastUsedAt = lastUsedAt;
      }
    },

    drop,

    figures: () => pool.figures(),

    use: () => ({ isIdle: inHand === 0, lastUsedAt }),

    isOver: () => inHand === 0 && time.now().getTime() - lastUsedAt > idleSeconds * 1000,

    async end(graceSeconds: number): Promise<void> {
      // A unit that is still loading when the service stops is not waited for.
      if (graceSeconds === 0 || pool.units().length === 0) ended.abort();
      const started = await starting?.catch(() => undefined);
      await pool.retire(pool.units(), graceSeconds);
      pool.rejectWaiting(new Fault('modelError', 'The model unit ended; try again.'));
      ended.abort();
      if (started) await inference.deleteWeightsFolder(started.adaptersFolder);
    },
  };
}
