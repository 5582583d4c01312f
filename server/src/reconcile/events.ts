/**
 * Tells each destination of changes of state, in their order, at least once. A destination that does not take an event gets it
 * again, later and later; the others do not wait for it.
 */
import { eventOf } from '../domain/events/state-change.ts';
import type { EventDestination } from '../ports/events.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { Time } from '../ports/time.ts';

export interface EventSettings {
  pollMilliseconds: number;
  /** Between two tries; it doubles with each up to the longest. */
  firstWaitMilliseconds: number;
  longestWaitMilliseconds: number;
}

export const DEFAULT_EVENT_SETTINGS: EventSettings = {
  pollMilliseconds: 1000,
  firstWaitMilliseconds: 1000,
  longestWaitMilliseconds: 5 * 60_000,
};

interface EventsDependencies {
  store: Store;
  time: Time;
  log: Log;
  destinations: readonly EventDestination[];
  settings: EventSettings;
}

/** Starts to tell. `stop` lets a delivery in hand end; what it leaves untold the next start tells. */
export async function startEvents(dependencies: EventsDependencies): Promise<{ stop(): Promise<void> }> {
  const { store, time, log, destinations, settings } = dependencies;
  const stopping = new AbortController();
  const told = new Map<string, number>();

  await store.transaction(async ({ events }) => {
    for (const { name } of destinations) {
      const known = await events.destinationSequence(name);
      // A new destination hears of what happens from now on.
      const sequence = known ?? (await events.lastSequence());
      if (known === undefined) await events.setDestinationSequence(name, sequence);
      told.set(name, sequence);
    }
  });

  async function tellNext(destination: EventDestination): Promise<boolean> {
    const { name, batchSize } = destination;
    const changes = await store.read(({ events }) => events.changesAfter(told.get(name) ?? 0, batchSize));
    const last = changes.at(-1);
    if (last === undefined) return false;
    await destination.deliver(changes.map(eventOf));
    told.set(name, last.sequence);
    await store.transaction(async ({ events }) => {
      await events.setDestinationSequence(name, last.sequence);
      await events.deleteChangesUpTo(Math.min(...told.values()));
    });
    return true;
  }

  async function follow(destination: EventDestination): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      let waitMilliseconds = settings.pollMilliseconds;
      try {
        if (await tellNext(destination)) waitMilliseconds = 0;
        failures = 0;
      } catch (error) {
        waitMilliseconds = Math.min(settings.firstWaitMilliseconds * 2 ** failures, settings.longestWaitMilliseconds);
        failures += 1;
        log.warn(
          { error, destination: destination.name, failures },
          'an event could not be delivered; it is tried again',
        );
      }
      if (waitMilliseconds > 0) await time.sleep(waitMilliseconds, stopping.signal);
    }
  }

  const following = destinations.map(follow);
  return {
    async stop() {
      stopping.abort();
      await Promise.all(following);
    },
  };
}
