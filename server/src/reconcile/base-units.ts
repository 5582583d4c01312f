/** On-demand capacity of the base models: one unit each, shared by all accounts, started at its first request. */
import { Fault } from '../domain/fault.ts';
import type { DrawnAnswer, InvokeRequest, PoolFigures } from '../ports/inference.ts';
import type { OnDemandProcess } from './on-demand-room.ts';
import { DRAIN_SECONDS, type UnitPool, unitPool } from './unit-pool.ts';
import { startUnits, type UnitStarter } from './unit-start.ts';

export interface BaseUnitsDependencies extends UnitStarter {
  queueLimit: number;
  /** @throws Fault: there is no room for another process */
  takeRoom(): void;
}

interface Entry {
  pool: UnitPool;
  starting: Promise<void> | undefined;
  lastUsedAt: number;
}

export function baseUnits(dependencies: BaseUnitsDependencies) {
  const entries = new Map<string, Entry>();
  const closed = new AbortController();

  function entryOf(baseModelId: string): Entry {
    let entry = entries.get(baseModelId);
    if (!entry) {
      entry = {
        pool: unitPool({
          queueLimit: dependencies.queueLimit,
          time: dependencies.time,
          onLost: () => replace(baseModelId),
        }),
        starting: undefined,
        lastUsedAt: 0,
      };
      entries.set(baseModelId, entry);
    }
    return entry;
  }

  function replace(baseModelId: string): void {
    try {
      start(baseModelId);
    } catch (fault) {
      entryOf(baseModelId).pool.rejectWaiting(fault as Fault);
    }
  }

  /** Starts the unit where there is none; requests wait in the pool's queue meanwhile. @throws Fault unavailable */
  function start(baseModelId: string): void {
    const entry = entryOf(baseModelId);
    if (closed.signal.aborted || entry.starting || entry.pool.units().length > 0) return;
    dependencies.takeRoom();
    entry.lastUsedAt = dependencies.time.now().getTime();
    entry.starting = startUnits({ baseModelId, custom: null }, 1, dependencies, closed.signal)
      .then(units => {
        for (const pooled of units) entry.pool.add(pooled);
      })
      .catch((error: unknown) => {
        // A unit that was still loading when the service stopped is no fault of anyone's.
        if (!closed.signal.aborted) dependencies.log.warn({ baseModelId, error }, 'a base model could not be loaded');
        const fault = error instanceof Fault ? error : new Fault('modelError', 'The base model could not be loaded.');
        entry.pool.rejectWaiting(fault);
      })
      .finally(() => {
        entry.starting = undefined;
      });
  }

  /** Ends the unit of a model that is registered no more, or gives up its room; requests in hand finish. */
  async function end(baseModelId: string): Promise<void> {
    const entry = entries.get(baseModelId);
    if (!entry) return;
    entries.delete(baseModelId);
    entry.pool.rejectWaiting(new Fault('notFound', `The base model ${baseModelId} is not registered any more.`));
    await entry.starting;
    await entry.pool.retire(entry.pool.units(), DRAIN_SECONDS);
  }

  return {
    /** Starts the unit before its first request, where there is room. */
    warm: replace,

    figures: (): PoolFigures[] =>
      [...entries].map(([modelId, { pool }]) => ({ kind: 'base', modelId, ...pool.figures() })),

    async invoke(
      baseModelId: string,
      request: Omit<InvokeRequest, 'adapterId'>,
      signal: AbortSignal,
    ): Promise<DrawnAnswer> {
      if (!dependencies.baseModels.get(baseModelId))
        throw new Fault('notFound', `The base model ${baseModelId} is not registered.`);
      start(baseModelId);
      const entry = entryOf(baseModelId);
      entry.lastUsedAt = dependencies.time.now().getTime();
      return entry.pool.invoke(request, signal, true);
    },

    /** Those that run or start. @param ended takes the end of one that is ended for its room */
    processes: (ended: (ending: Promise<void>, baseModelId: string) => void): OnDemandProcess[] =>
      [...entries]
        .filter(([, { pool, starting }]) => starting !== undefined || pool.units().length > 0)
        .map(([baseModelId, { pool, starting, lastUsedAt }]) => ({
          isIdle: starting === undefined && pool.isIdle(),
          lastUsedAt,
          end: () => ended(end(baseModelId), baseModelId),
        })),

    end,

    async close(graceSeconds: number): Promise<void> {
      closed.abort();
      await Promise.all(
        [...entries.values()].map(async ({ pool, starting }) => {
          pool.rejectWaiting(new Fault('unavailable', 'The service is stopping.'));
          await starting;
          await pool.retire(pool.units(), graceSeconds);
        }),
      );
    },
  };
}
