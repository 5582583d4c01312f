/**
 * The capacity loop: keeps the units of every provisioned model as its row says, and hands requests to them. Rows are the
 * truth; units are processes of this server and start anew with it.
 */
import { Fault } from '../domain/fault.ts';
import type { Capacity, Inference, PoolFigures } from '../ports/inference.ts';
import type { Keyring } from '../ports/keys.ts';
import type { Store } from '../ports/store.ts';
import { baseUnits } from './base-units.ts';
import { deployments } from './deployments.ts';
import { disabledAccounts } from './disabled-accounts.ts';
import { onDemandRoom } from './on-demand-room.ts';
import { onDemandUnits } from './on-demand-units.ts';
import { type ProvisionedUnits, provisionedUnits } from './provisioned-units.ts';
import { DRAIN_SECONDS, firstOf } from './unit-pool.ts';
import { detectionOf, type UnitStarter } from './unit-start.ts';

export interface ThroughputDependencies extends UnitStarter {
  store: Store;
  keyring: Keyring;
  inference: Inference;
  /** Requests that may wait for one provisioned model or base model; more are throttled. */
  queueLimit: number;
  /** The process of an account's deployments ends when no request came for so long. */
  idleSeconds: number;
  /** Base models whose on-demand unit starts at once, so that the first request is quick. */
  warmBaseModelIds: readonly string[];
}

export interface ThroughputLoop extends Capacity {
  /** Whether a request is being drawn, or waits. */
  isServing(): boolean;
  /** Queues and units as they are now. */
  figures(): PoolFigures[];
  /** Refuses new requests, lets those in hand finish within the grace, and ends every unit. */
  stop(graceSeconds: number): Promise<void>;
}

const POLL_SECONDS = 2;
const RETRY_SECONDS = 2;

/** The service refuses what does not fit when it is bought; a setting may have been lowered since. */
function noRoom(units: number, used: number, capacity: number): Fault {
  const figures = `${used - units} are in use, and this model needs ${units}`;
  return new Fault(
    'unavailable',
    `This server may run ${capacity} model units at once (LIKENESS_MODEL_UNITS): ${figures}. Delete another Provisioned Throughput, or raise the limit.`,
  );
}

export function startThroughputLoop(dependencies: ThroughputDependencies): ThroughputLoop {
  const { store, time, log, queueLimit } = dependencies;
  const provisioned = new Map<string, ProvisionedUnits>();
  const leaving = new Set<Promise<void>>();
  const room = onDemandRoom(
    () => dependencies.inference.capacity(),
    () => [...bases.processes(leave), ...onDemand.processes()],
  );
  const takeRoom = () => room.take();
  const bases = baseUnits({ ...dependencies, queueLimit, takeRoom });
  const stopping = new AbortController();
  const onDemand = onDemandUnits({ ...dependencies, queueLimit, takeRoom });
  let wakeUp = new AbortController();
  const { promise: rowsWereRead, resolve: readRows } = Promise.withResolvers<void>();

  const wake = () => wakeUp.abort();
  const deployed = deployments({ store, time, log, units: onDemand, wake });
  for (const baseModelId of dependencies.warmBaseModelIds) bases.warm(baseModelId);

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      // Taken before the rows are read: a wake in between is not lost.
      wakeUp = new AbortController();
      try {
        await look();
      } catch (error) {
        log.error({ error }, 'the capacity loop could not read its rows');
      }
      readRows();
      await time.sleep(POLL_SECONDS * 1000, AbortSignal.any([wakeUp.signal, stopping.signal]));
    }
  }

  async function look(): Promise<void> {
    const rows = await store.read(async all => {
      const disabled = await disabledAccounts(all);
      return (await all.bedrock.listThroughputsToReconcile()).filter(row => !disabled.includes(row.accountId));
    });
    const arns = new Set(rows.map(row => row.provisionedModelArn));
    for (const [arn, units] of provisioned) if (!arns.has(arn)) remove(arn, units);
    await deployed.match();
    onDemand.endIdle();
    const capacity = dependencies.inference.capacity();
    room.keep(rows.reduce((bought, row) => bought + row.desiredModelUnits, 0));
    let used = 0;
    for (const row of rows) {
      used += row.desiredModelUnits;
      let units = provisioned.get(row.provisionedModelArn);
      if (!units) {
        const drainSeconds = DRAIN_SECONDS;
        units = provisionedUnits(row, { ...dependencies, drainSeconds, retrySeconds: RETRY_SECONDS, wake });
        provisioned.set(row.provisionedModelArn, units);
      }
      units.match(row, used > capacity ? noRoom(row.desiredModelUnits, used, capacity) : null);
    }
  }

  function remove(arn: string, units: ProvisionedUnits): void {
    provisioned.delete(arn);
    leave(units.remove(DRAIN_SECONDS), arn);
  }

  function leave(ending: Promise<void>, modelArn: string): void {
    const removing = ending
      .catch((error: unknown) => log.error({ modelArn, error }, 'units could not be ended'))
      .finally(() => leaving.delete(removing));
    leaving.add(removing);
  }

  let inHand = 0;
  async function counted<Result>(drawing: Promise<Result>): Promise<Result> {
    inHand += 1;
    try {
      return await drawing;
    } finally {
      inHand -= 1;
    }
  }

  function refuseWhenStopping(): void {
    if (stopping.signal.aborted) throw new Fault('unavailable', 'The service is stopping.');
  }

  const looping = loop();
  return {
    wake,
    isServing: () => inHand > 0,
    figures: () => [
      ...bases.figures(),
      ...[...provisioned.values()].map(units => units.figures()),
      ...onDemand.figures(),
    ],
    async invokeBase(baseModelId, request, signal) {
      refuseWhenStopping();
      return counted(bases.invoke(baseModelId, request, signal));
    },
    async invokeProvisioned(provisionedModelArn, request, signal) {
      refuseWhenStopping();
      const units = provisioned.get(provisionedModelArn);
      if (!units) throw new Fault('notReady', 'The provisioned model is not ready yet; try again in a few seconds.');
      return counted(units.invoke(request, signal));
    },
    async invokeOnDemand(model, request, signal) {
      refuseWhenStopping();
      return counted(onDemand.invoke(model, request, signal));
    },
    async loadingModels() {
      await rowsWereRead;
      return [...provisioned].filter(([, units]) => !units.isServing()).map(([arn]) => arn);
    },
    loadProblem: provisionedModelArn => provisioned.get(provisionedModelArn)?.problem(),
    async detectWatermark(baseModelId, image, signal) {
      refuseWhenStopping();
      const { watermark } = await bases.invoke(baseModelId, detectionOf(image), signal);
      if (watermark === null) throw new Fault('modelError', 'The model answered without what it found.');
      return watermark;
    },
    endBase: baseModelId => leave(bases.end(baseModelId), baseModelId),
    async stop(graceSeconds) {
      stopping.abort();
      await looping;
      await Promise.all([
        bases.close(graceSeconds),
        onDemand.close(graceSeconds).then(() => deployed.close()),
        ...[...provisioned.values()].map(units => units.remove(graceSeconds)),
      ]);
      await firstOf([Promise.all(leaving)], graceSeconds, time);
    },
  };
}
