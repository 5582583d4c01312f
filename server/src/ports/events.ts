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
  deleteChangesUpTo(sequence: number): Promise<void>;
}

/** Where events go. */
export interface EventDestination {
  /** What its progress is kept under. */
  name: string;
  /** How many at once. */
  batchSize: number;
  /** @param events in their order. Resolves when the destination has them for good. @throws where it has not */
  deliver(events: readonly Event[]): Promise<void>;
}
