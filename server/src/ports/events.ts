import type { Event, StateChange } from '../domain/events/state-change.ts';

/**
 * Changes of state that were not told to everyone yet. They are written in the transaction that makes the change, by the
 * database itself, so that none is lost and none made up.
 */
export interface EventRows {
  /** In their order. */
  changesAfter(sequence: number, limit: number): Promise<StateChange[]>;
  countChanges(): Promise<number>;
  /** Of the newest change there ever was; 0 before the first. */
  lastSequence(): Promise<number>;
  /** How far a destination was told; undefined for one that is new. */
  destinationSequence(name: string): Promise<number | undefined>;
  setDestinationSequence(name: string, sequence: number): Promise<void>;
  /** But for those that a destination is to be told again. */
  deleteChangesUpTo(sequence: number): Promise<void>;
  /** Notes, or notes anew, that a destination is to be told of a change later. */
  putRetry(destination: string, retry: EventRetry): Promise<void>;
  deleteRetry(destination: string, sequence: number): Promise<void>;
  /** Whether a destination is still to be told of something about this resource. */
  hasRetryOf(destination: string, resource: string): Promise<boolean>;
  /** The one whose time came first, no later than `now`; of each resource only its earliest change. */
  dueRetry(destination: string, now: number): Promise<EventRetry | undefined>;
  /** Those of all destinations but these. */
  deleteRetriesExcept(destinations: readonly string[]): Promise<void>;
}

/** A change that a destination did not take, or that waits behind such a one of its resource. */
export interface EventRetry {
  sequence: number;
  /** ARN of the job, throughput or deployment. */
  resource: string;
  /** Tries so far. */
  failures: number;
  /** Milliseconds since the epoch. */
  retryAt: number;
}

/** Where events go. */
export interface EventDestination {
  /** What its progress is kept under. */
  name: string;
  /** How many at once. */
  batchSize: number;
  /**
   * Whether an event that it does not take says nothing of the others: they go on past it, each resource's in their order.
   * Where not, all wait behind it.
   */
  takesEachAlone: boolean;
  /** @param events in their order. Resolves when the destination has them for good. @throws where it has not */
  deliver(events: readonly Event[]): Promise<void>;
}
