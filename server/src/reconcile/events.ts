/**
 * Tells each destination of changes of state, at least once, those of a resource in their order. A destination that does not
 * take an event gets it again, later and later; the other destinations do not wait for it, and neither do the events of other
 * resources where the destination takes each alone.
 */
import { eventOf, type StateChange } from '../domain/events/state-change.ts';
import type { EventDestination, EventRetry, EventRows } from '../ports/events.ts';
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

  await store.transaction(async ({ events }) => {
    await events.deleteRetriesExcept(destinations.map(({ name }) => name));
    for (const { name } of destinations) {
      // A new destination hears of what happens from now on.
      if ((await events.destinationSequence(name)) === undefined)
        await events.setDestinationSequence(name, await events.lastSequence());
    }
  });

  /** After an event that was not taken, each time twice as long, up to the longest. */
  function waitAfter(failures: number): number {
    return Math.min(settings.firstWaitMilliseconds * 2 ** failures, settings.longestWaitMilliseconds);
  }

  /** Those up to here need not be told to this destination, or wait as retries. */
  async function noteTold({ name }: EventDestination, sequence: number, retry?: EventRetry): Promise<void> {
    await store.transaction(async ({ events }) => {
      if (retry !== undefined) await events.putRetry(name, retry);
      await events.setDestinationSequence(name, sequence);
      await forgetTold(events);
    });
  }

  /** By the rows alone: what a destination has in hand is not noted yet, and may have to wait as a retry. */
  async function forgetTold(events: EventRows): Promise<void> {
    const sequences: number[] = [];
    for (const { name } of destinations) sequences.push((await events.destinationSequence(name)) ?? 0);
    await events.deleteChangesUpTo(Math.min(...sequences));
  }

  function warn(error: unknown, { name }: EventDestination, failures: number): void {
    log.warn({ error, destination: name, failures }, 'an event could not be delivered; it is tried again');
  }

  /** @returns whether there was something new. @throws where a destination that takes all or nothing did not */
  async function tellNext(destination: EventDestination): Promise<boolean> {
    const { name, batchSize, takesEachAlone } = destination;
    const changes = await store.read(async ({ events }) =>
      events.changesAfter((await events.destinationSequence(name)) ?? 0, batchSize),
    );
    const last = changes.at(-1);
    if (last === undefined) return false;
    const retry = takesEachAlone ? await tellAlone(destination, last) : undefined;
    if (!takesEachAlone) await destination.deliver(changes.map(eventOf));
    await noteTold(destination, last.sequence, retry);
    return true;
  }

  /** @returns what is to be tried again: this event, or one that waits behind an earlier one of its resource */
  async function tellAlone(destination: EventDestination, change: StateChange): Promise<EventRetry | undefined> {
    const { sequence } = change;
    const event = eventOf(change);
    const [resource = ''] = event.resources;
    const now = () => time.now().getTime();
    const isBehind = await store.read(({ events }) => events.hasRetryOf(destination.name, resource));
    if (isBehind) return { sequence, resource, failures: 0, retryAt: now() };
    try {
      await destination.deliver([event]);
      return undefined;
    } catch (error) {
      warn(error, destination, 1);
      return { sequence, resource, failures: 1, retryAt: now() + waitAfter(0) };
    }
  }

  /** Tries one that is due again. @returns whether there was one, and it was taken */
  async function retryOne(destination: EventDestination): Promise<boolean> {
    const { name } = destination;
    const now = time.now().getTime();
    const due = await store.read(async ({ events }) => {
      const retry = await events.dueRetry(name, now);
      return retry && { retry, change: (await events.changesAfter(retry.sequence - 1, 1))[0] };
    });
    if (due?.change === undefined) return false;
    const { retry } = due;
    try {
      await destination.deliver([eventOf(due.change)]);
    } catch (error) {
      const failures = retry.failures + 1;
      warn(error, destination, failures);
      const later = { ...retry, failures, retryAt: time.now().getTime() + waitAfter(retry.failures) };
      await store.transaction(({ events }) => events.putRetry(name, later));
      return false;
    }
    await store.transaction(async ({ events }) => {
      await events.deleteRetry(name, retry.sequence);
      await forgetTold(events);
    });
    return true;
  }

  async function follow(destination: EventDestination): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      let waitMilliseconds = settings.pollMilliseconds;
      try {
        // What is new first: an event that is not taken for days holds up none of another resource.
        const [isNew, isRetried] = [await tellNext(destination), await retryOne(destination)];
        if (isNew || isRetried) waitMilliseconds = 0;
        failures = 0;
      } catch (error) {
        waitMilliseconds = waitAfter(failures);
        failures += 1;
        warn(error, destination, failures);
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
