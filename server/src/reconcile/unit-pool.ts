import { Fault } from '../domain/fault.ts';
import type { InvokeAnswer, InvokeRequest, Unit } from '../ports/inference.ts';
import type { Time } from '../ports/time.ts';

/** With an adapter of its own, where the unit is shared; without, the unit's answers. */
export type PoolRequest = Omit<InvokeRequest, 'adapterId'> & { adapterId?: string | null };

/** A unit and the adapter of it that answers; null: the base model. */
export interface PooledUnit {
  unit: Unit;
  adapterId: string | null;
}

export type UnitPool = ReturnType<typeof unitPool>;

interface Waiting {
  request: PoolRequest;
  resolve(answer: InvokeAnswer): void;
  reject(error: unknown): void;
  /** A unit died under it once before. */
  wasRetried: boolean;
}

/**
 * The units of one provisioned model, or of a base model on demand: one request at a time each, a bounded queue in order
 * of arrival in front of all. No request hangs: it is answered, or fails with its unit, its queue or its time.
 * @param options.onLost a unit died or hung, and is out
 */
export function unitPool(options: { queueLimit: number; time: Time; onLost(): void }) {
  const free: PooledUnit[] = [];
  const busy = new Map<PooledUnit, Promise<void>>();
  const leaving = new Set<PooledUnit>();
  const queue: Waiting[] = [];

  function dispatch(): void {
    while (queue.length > 0) {
      const pooled = free.shift();
      const waiting = pooled && queue.shift();
      if (!pooled || !waiting) return;
      busy.set(pooled, run(pooled, waiting));
    }
  }

  async function run(pooled: PooledUnit, waiting: Waiting): Promise<void> {
    try {
      // Never aborted with its caller: the worker would go on drawing, and its next request would wait behind that.
      const request = { adapterId: pooled.adapterId, ...waiting.request };
      waiting.resolve(await pooled.unit.invoke(request, new AbortController().signal));
      giveBack(pooled);
    } catch (error) {
      if (isLoss(error)) lose(pooled, waiting, error);
      else {
        waiting.reject(error);
        giveBack(pooled);
      }
    }
    dispatch();
  }

  function giveBack(pooled: PooledUnit): void {
    // A unit that left, or died after its answer, is not in `busy` any more.
    if (busy.delete(pooled) && !leaving.has(pooled)) free.push(pooled);
  }

  function lose(pooled: PooledUnit, waiting: Waiting, error: unknown): void {
    remove(pooled);
    void end(pooled);
    const isHung = error instanceof Fault && error.kind === 'modelTimeout';
    if (!isHung && !waiting.wasRetried && free.length + busy.size > 0) {
      waiting.wasRetried = true;
      queue.unshift(waiting);
    } else {
      const isDraining = error instanceof Fault && error.kind === 'notReady';
      waiting.reject(isDraining ? new Fault('modelError', 'The model unit ended; try again.') : error);
    }
    options.onLost();
  }

  async function end(pooled: PooledUnit): Promise<void> {
    // A unit that cannot be ended is no reason to end the server; `ended` tells when it is gone.
    await pooled.unit.stop(0).catch(() => undefined);
  }

  function remove(pooled: PooledUnit): boolean {
    const index = free.indexOf(pooled);
    if (index >= 0) free.splice(index, 1);
    return busy.delete(pooled) || index >= 0;
  }

  function units(): PooledUnit[] {
    return [...free, ...busy.keys()].filter(pooled => !leaving.has(pooled));
  }

  return {
    add(pooled: PooledUnit): void {
      free.push(pooled);
      void pooled.unit.ended.then(() => {
        // In hand it fails by itself, and is then told of by `lose`.
        if (!busy.has(pooled) && remove(pooled)) options.onLost();
      });
      dispatch();
    },

    /** Takes units out at once, lets each finish what it has in hand, and ends it. */
    async retire(retired: readonly PooledUnit[], graceSeconds: number): Promise<void> {
      for (const pooled of retired) {
        leaving.add(pooled);
        const index = free.indexOf(pooled);
        if (index >= 0) free.splice(index, 1);
      }
      await Promise.all(
        retired.map(async pooled => {
          const inHand = busy.get(pooled);
          if (inHand) await firstOf([inHand, pooled.unit.ended], graceSeconds, options.time);
          await end(pooled);
          remove(pooled);
          leaving.delete(pooled);
        }),
      );
    },

    /** Those that take requests. */
    units,

    figures: () => ({ waiting: queue.length, units: units().length }),

    /**
     * @param waitsForUnits whether a request may wait while there is no unit yet; otherwise it is notReady
     * @throws Fault throttled (the queue is full), notReady, and what Unit.invoke throws
     */
    invoke(request: PoolRequest, signal: AbortSignal, waitsForUnits: boolean): Promise<InvokeAnswer> {
      if (units().length === 0 && !waitsForUnits)
        return Promise.reject(new Fault('notReady', 'The model is loading; try again in a few seconds.'));
      if (queue.length >= options.queueLimit && free.length === 0)
        return Promise.reject(
          new Fault('throttled', `${queue.length} requests are waiting for this model already; try again later.`),
        );
      return new Promise((resolve, reject) => {
        const waiting: Waiting = { request, resolve, reject, wasRetried: false };
        queue.push(waiting);
        const leave = () => {
          const index = queue.indexOf(waiting);
          if (index >= 0) queue.splice(index, 1);
          reject(new Fault('unavailable', 'The request ended before its images were drawn.'));
        };
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave, { once: true });
        dispatch();
      });
    },

    /** Fails every request that waits: no unit will come. */
    rejectWaiting(fault: Fault): void {
      for (const waiting of queue.splice(0)) waiting.reject(fault);
    },
  };
}

/** The process is gone, hangs, or is about to go. A connection's end has no status; a worker's own 500 has one. */
export function isLoss(error: unknown): boolean {
  if (!(error instanceof Fault)) return true;
  if (error.kind === 'modelTimeout' || error.kind === 'notReady') return true;
  return error.kind === 'modelError' && error.members.originalStatusCode === undefined;
}

/** Waits for one of the promises, at most so long. */
export async function firstOf(promises: readonly Promise<unknown>[], seconds: number, time: Time): Promise<void> {
  const done = new AbortController();
  await Promise.race([...promises, time.sleep(seconds * 1000, done.signal)]);
  // Or the timer would keep the process for the whole time.
  done.abort();
}
