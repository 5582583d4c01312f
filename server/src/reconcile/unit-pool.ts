import { Fault } from '../domain/fault.ts';
import type { DrawnAnswer, InvokeRequest, Unit } from '../ports/inference.ts';
import type { Time } from '../ports/time.ts';

/** With an adapter of its own, where the unit is shared; without, the unit's answers. */
export type PoolRequest = Omit<InvokeRequest, 'adapterId'> & { adapterId?: string | null };

/** A unit and the adapter of it that answers; null: the base model. */
export interface PooledUnit {
  unit: Unit;
  adapterId: string | null;
  /** ARN of the custom model that it holds; null: a base model, to which adapters may be added. */
  customModelArn: string | null;
}

export type UnitPool = ReturnType<typeof unitPool>;

interface Waiting {
  request: PoolRequest;
  resolve(answer: DrawnAnswer): void;
  reject(error: unknown): void;
  /** A unit died under it once before. */
  wasRetried: boolean;
}

/** What gives up its place finishes what it has in hand for so long. */
export const DRAIN_SECONDS = 900;

/**
 * Requests that a unit has in hand at most: those that it draws together, and those that it draws next, so that it can
 * choose them by their shape and adapter.
 */
export const REQUESTS_IN_HAND = 8;

/**
 * The units of one provisioned model, or of a base model on demand: a few requests at a time each, a bounded queue in order
 * of arrival in front of all. No request hangs: it is answered, or fails with its unit, its queue or its time.
 * @param options.onLost a unit died or hung, and is out
 */
export function unitPool(options: { queueLimit: number; time: Time; onLost(): void }) {
  /** Those that live, with what they have in hand. */
  const inHand = new Map<PooledUnit, Set<Promise<void>>>();
  const leaving = new Set<PooledUnit>();
  const queue: Waiting[] = [];

  /** The least busy unit with room for another request. */
  function unitWithRoom(): PooledUnit | undefined {
    const busyness = (pooled: PooledUnit) => inHand.get(pooled)?.size ?? 0;
    const [least] = units().sort((a, b) => busyness(a) - busyness(b));
    return least && busyness(least) < REQUESTS_IN_HAND ? least : undefined;
  }

  function dispatch(): void {
    for (;;) {
      const pooled = queue.length > 0 ? unitWithRoom() : undefined;
      const waiting = pooled && queue.shift();
      if (!waiting) return;
      const running: Promise<void> = run(pooled, waiting).finally(() => {
        inHand.get(pooled)?.delete(running);
        dispatch();
      });
      inHand.get(pooled)?.add(running);
    }
  }

  async function run(pooled: PooledUnit, waiting: Waiting): Promise<void> {
    try {
      // Never aborted with its caller: the worker would go on drawing, and its next request would wait behind that.
      const request = { adapterId: pooled.adapterId, ...waiting.request };
      const answer = await pooled.unit.invoke(request, new AbortController().signal);
      waiting.resolve({ ...answer, customModelArn: pooled.customModelArn });
    } catch (error) {
      if (isLoss(error)) lose(pooled, waiting, error);
      else waiting.reject(error);
    }
  }

  /** Each request in hand of a unit that died comes here. */
  function lose(pooled: PooledUnit, waiting: Waiting, error: unknown): void {
    const isFirst = inHand.delete(pooled) && !leaving.has(pooled);
    if (isFirst) void end(pooled);
    const isHung = error instanceof Fault && error.kind === 'modelTimeout';
    if (!isHung && !waiting.wasRetried && units().length > 0) {
      waiting.wasRetried = true;
      // First in the queue, those that died with it in the order in which they came.
      const index = queue.findIndex(other => !other.wasRetried);
      queue.splice(index < 0 ? queue.length : index, 0, waiting);
    } else {
      const isDraining = error instanceof Fault && error.kind === 'notReady';
      waiting.reject(isDraining ? new Fault('modelError', 'The model unit ended; try again.') : error);
    }
    if (isFirst) options.onLost();
  }

  async function end(pooled: PooledUnit): Promise<void> {
    // A unit that cannot be ended is no reason to end the server; `ended` tells when it is gone.
    await pooled.unit.stop(0).catch(() => undefined);
  }

  function units(): PooledUnit[] {
    return [...inHand.keys()].filter(pooled => !leaving.has(pooled));
  }

  return {
    add(pooled: PooledUnit): void {
      inHand.set(pooled, new Set());
      void pooled.unit.ended.then(() => {
        // One that leaves is not lost; with requests in hand, those fail by themselves, and the first of them tells.
        if (!leaving.has(pooled) && inHand.get(pooled)?.size === 0 && inHand.delete(pooled)) options.onLost();
      });
      dispatch();
    },

    /** Takes units out at once, lets each finish what it has in hand, and ends it. */
    async retire(retired: readonly PooledUnit[], graceSeconds: number): Promise<void> {
      for (const pooled of retired) leaving.add(pooled);
      await Promise.all(
        retired.map(async pooled => {
          const drawing = Promise.all(inHand.get(pooled) ?? []);
          await firstOf([drawing, pooled.unit.ended], graceSeconds, options.time);
          await end(pooled);
          inHand.delete(pooled);
          leaving.delete(pooled);
        }),
      );
    },

    /** Those that take requests. */
    units,

    isIdle: () => queue.length === 0 && [...inHand.values()].every(requests => requests.size === 0),

    figures: () => ({ waiting: queue.length, units: units().length }),

    /**
     * @param waitsForUnits whether a request may wait while there is no unit yet; otherwise it is notReady
     * @throws Fault throttled (the queue is full), notReady, and what Unit.invoke throws
     */
    invoke(request: PoolRequest, signal: AbortSignal, waitsForUnits: boolean): Promise<DrawnAnswer> {
      if (units().length === 0 && !waitsForUnits)
        return Promise.reject(new Fault('notReady', 'The model is loading; try again in a few seconds.'));
      if (queue.length >= options.queueLimit && !unitWithRoom())
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
