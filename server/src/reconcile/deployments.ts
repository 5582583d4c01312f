/** Brings deployments of custom models from Creating to Active and through their updates, by loading their models. */
import { Fault } from '../domain/fault.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { DeploymentRow } from '../ports/store-deployments.ts';
import type { Time } from '../ports/time.ts';
import type { onDemandUnits } from './on-demand-units.ts';

export interface DeploymentsDependencies {
  store: Store;
  time: Time;
  log: Log;
  units: Pick<ReturnType<typeof onDemandUnits>, 'prepare' | 'drop'>;
  wake(): void;
}

/** A model that cannot be loaded so many times in a row fails its creation, or its update. */
const MAXIMUM_LOADS = 2;

export function deployments({ store, time, log, units, wake }: DeploymentsDependencies) {
  const closed = new AbortController();
  /** By deployment and generation: what is being loaded. */
  const working = new Map<string, Promise<void>>();
  const failures = new Map<string, number>();
  let deployed = new Set<string>();

  async function settle(row: DeploymentRow, key: string): Promise<void> {
    const isUpdate = row.status === 'Active';
    const modelArn = isUpdate && row.update ? row.update.modelArn : row.modelArn;
    try {
      const model = await store.read(rows => rows.bedrock.modelByArn(modelArn));
      if (!model) throw new Fault('notFound', `The custom model ${modelArn} does not exist (any more).`);
      await units.prepare(model, closed.signal);
      await advance(
        row,
        isUpdate ? { modelArn, update: { modelArn, status: 'UpdateCompleted' } } : { status: 'Active' },
      );
      failures.delete(key);
    } catch (error) {
      if (closed.signal.aborted) return;
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      log.warn({ deploymentArn: row.deploymentArn, count, error }, 'a deployed model could not be loaded');
      if (count < MAXIMUM_LOADS) return;
      failures.delete(key);
      const failureMessage = error instanceof Fault ? error.message : 'The model could not be loaded.';
      const patch = isUpdate
        ? { update: { modelArn, status: 'UpdateFailed' as const } }
        : { status: 'Failed' as const };
      await advance(row, { ...patch, failureMessage });
    }
  }

  async function advance(
    row: DeploymentRow,
    patch: Partial<Pick<DeploymentRow, 'status' | 'failureMessage' | 'modelArn' | 'update'>>,
  ): Promise<void> {
    const lastUpdatedAt = time.now().getTime();
    await store.transaction(rows =>
      rows.bedrock.advanceDeployment(row.deploymentId, row.generation, { ...patch, lastUpdatedAt }),
    );
  }

  return {
    /** Looks at all rows; returns at once. */
    async match(): Promise<void> {
      const rows = await store.read(all => all.bedrock.listAllDeployments());
      for (const row of rows) {
        const key = `${row.deploymentId}/${row.generation}`;
        const isDue = row.status === 'Creating' || (row.status === 'Active' && row.update?.status === 'Updating');
        if (!isDue || working.has(key)) continue;
        const work = settle(row, key)
          .catch((error: unknown) => log.error({ deploymentArn: row.deploymentArn, error }, 'a deployment met a fault'))
          .finally(() => {
            working.delete(key);
            wake();
          });
        working.set(key, work);
      }
      const now = new Set(rows.flatMap(row => [row.modelArn, row.update?.modelArn ?? row.modelArn]));
      for (const modelArn of deployed) if (!now.has(modelArn)) await units.drop(modelArn.slice(-12));
      deployed = now;
    },

    async close(): Promise<void> {
      closed.abort();
      await Promise.all(working.values());
    },
  };
}
