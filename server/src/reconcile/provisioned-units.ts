/** One provisioned model: its pool of units, and what to do so that they match the row. */
import { Fault } from '../domain/fault.ts';
import type { UsageKey } from '../domain/usage.ts';
import type { DrawnAnswer, InvokeRequest, PoolFigures } from '../ports/inference.ts';
import type { Keyring } from '../ports/keys.ts';
import type { Store } from '../ports/store.ts';
import type { ThroughputPatch, ThroughputRow } from '../ports/store-bedrock.ts';
import { type PooledUnit, unitPool } from './unit-pool.ts';
import { type ServedModel, startUnits, type UnitStarter } from './unit-start.ts';

export interface ProvisionedDependencies extends UnitStarter {
  store: Store;
  keyring: Keyring;
  /** Requests that may wait for one model. */
  queueLimit: number;
  drainSeconds: number;
  retrySeconds: number;
  wake(): void;
}

export type ProvisionedUnits = ReturnType<typeof provisionedUnits>;

/** A model that cannot be loaded so many times in a row fails its creation, or its update. */
const MAXIMUM_LOADS = 2;
const MAXIMUM_RETRY_SECONDS = 60;

export function provisionedUnits(first: ThroughputRow, dependencies: ProvisionedDependencies) {
  const { store, keyring, log, time, queueLimit, drainSeconds, retrySeconds, wake } = dependencies;
  const { provisionedModelArn, provisionedModelId } = first;
  const removed = new AbortController();
  const pool = unitPool({ queueLimit, time, onLost: wake });
  /** Which model the units in the pool hold. */
  let servedArn: string | null = null;
  let keyArn: string | null = null;
  let loadFailures = 0;
  let problem: Fault | null = null;
  let retryAt = 0;
  let working: Promise<void> | undefined;

  async function reconcile(row: ThroughputRow, noRoom: Fault | null): Promise<void> {
    if (time.now().getTime() < retryAt) return;
    // While Updating, what serves now comes first: after a restart of the server too.
    const wantedArn = row.status === 'Creating' ? row.desiredModelArn : row.modelArn;
    const missing = row.desiredModelUnits - (servedArn === wantedArn ? pool.units().length : 0);
    if (missing > 0) {
      const units = noRoom ? await failed(row, wantedArn, noRoom) : await load(row, wantedArn, missing);
      if (!units) return;
      await serve(wantedArn, units);
    }
    if (row.status === 'Creating') await advance(row, { status: 'InService', modelArn: wantedArn });
    if (row.status === 'Updating') await update(row);
  }

  async function update(row: ThroughputRow): Promise<void> {
    const units = await load(row, row.desiredModelArn, row.desiredModelUnits);
    if (!units) return;
    const isCurrent = await advance(row, { status: 'InService', modelArn: row.desiredModelArn, failureMessage: null });
    if (!isCurrent) await Promise.allSettled(units.map(({ unit }) => unit.stop(0)));
    else await serve(row.desiredModelArn, units);
  }

  /** New units take over from those of another model, which finish what they have in hand: no request fails. */
  async function serve(modelArn: string, units: PooledUnit[]): Promise<void> {
    const before = servedArn === modelArn ? [] : pool.units();
    for (const pooled of units) pool.add(pooled);
    servedArn = modelArn;
    // Not awaited: a request in hand may take minutes, and the row's change need not wait for it.
    void pool.retire(before, drainSeconds);
  }

  /** @returns undefined when it failed: the row says so, or another try follows */
  async function load(row: ThroughputRow, modelArn: string, count: number): Promise<PooledUnit[] | undefined> {
    try {
      const model = await servedModel(row, modelArn);
      const units = await startUnits(model, count, dependencies, removed.signal);
      keyArn = model.custom?.keyArn ?? null;
      loadFailures = 0;
      problem = null;
      return units;
    } catch (error) {
      if (removed.signal.aborted) return undefined;
      return failed(row, modelArn, error);
    }
  }

  async function failed(row: ThroughputRow, modelArn: string, error: unknown): Promise<undefined> {
    loadFailures += 1;
    log.warn({ provisionedModelArn, loadFailures, error }, 'a provisioned model could not be loaded');
    const fault = error instanceof Fault ? error : new Fault('modelError', 'The model could not be loaded.');
    if (pool.units().length === 0) {
      problem = fault;
      pool.rejectWaiting(fault);
    }
    const isFinal = loadFailures >= MAXIMUM_LOADS;
    if (isFinal && row.status === 'Creating') {
      await advance(row, { status: 'Failed', failureMessage: fault.message });
    } else if (isFinal && row.status === 'Updating' && modelArn === row.desiredModelArn) {
      await advance(row, { status: 'InService', desiredModelArn: row.modelArn, failureMessage: fault.message });
      loadFailures = 0;
    } else {
      retryAt = time.now().getTime() + 1000 * Math.min(MAXIMUM_RETRY_SECONDS, retrySeconds * 2 ** loadFailures);
    }
  }

  async function servedModel(row: ThroughputRow, modelArn: string): Promise<ServedModel> {
    if (modelArn.includes(':foundation-model/')) return { baseModelId: row.baseModelId, custom: null };
    const model = await store.read(rows => rows.bedrock.modelByArn(modelArn));
    if (!model) throw new Fault('notFound', `The custom model ${modelArn} does not exist (any more).`);
    return { baseModelId: model.baseModelId, custom: model };
  }

  function advance(row: ThroughputRow, patch: Omit<ThroughputPatch, 'lastModifiedAt'>): Promise<boolean> {
    const now = time.now().getTime();
    return store.transaction(async rows => {
      const whole = { ...patch, lastModifiedAt: now };
      const isAdvanced = await rows.bedrock.advanceThroughput(provisionedModelId, row.generation, whole);
      if (isAdvanced && patch.status === 'InService') await rows.usage.beginSpan(heldUnits(row), row.modelUnits, now);
      return isAdvanced;
    });
  }

  return {
    /**
     * Starts what the row asks for, one thing after another; returns at once.
     * @param noRoom why none of its units may start here; null when they may
     */
    match(row: ThroughputRow, noRoom: Fault | null): void {
      working ??= reconcile(row, noRoom)
        .catch((error: unknown) => log.error({ provisionedModelArn, error }, 'a provisioned model met a fault'))
        .finally(() => {
          working = undefined;
        });
    },

    problem: () => (pool.units().length === 0 ? problem?.message : undefined),

    isServing: () => pool.units().length > 0,

    figures: (): PoolFigures => ({ kind: 'provisioned', modelId: provisionedModelArn, ...pool.figures() }),

    async invoke(request: Omit<InvokeRequest, 'adapterId'>, signal: AbortSignal): Promise<DrawnAnswer> {
      // A disabled key makes the model unusable, though its units hold the weights still.
      if (keyArn !== null) await keyring.resolve(keyArn, first.accountId, first.region);
      if (problem && pool.units().length === 0) throw problem;
      return pool.invoke(request, signal, false);
    },

    /** Lets requests in hand finish, then ends every unit. */
    async remove(graceSeconds: number): Promise<void> {
      removed.abort();
      pool.rejectWaiting(new Fault('notFound', `The provisioned model ${provisionedModelArn} was deleted.`));
      await working;
      await pool.retire(pool.units(), graceSeconds);
    },
  };
}

/** AWS: from the first time in service to the delete, whatever the units do meanwhile. */
function heldUnits({ accountId, region, provisionedModelArn, commitmentDuration }: ThroughputRow): UsageKey {
  const variant = commitmentDuration ?? 'none';
  return { accountId, region, resourceArn: provisionedModelArn, dimension: 'modelUnitHours', variant };
}
