import assert from 'node:assert/strict';
import test from 'node:test';
import { Fault } from '../domain/fault.ts';
import { type OnDemandProcess, onDemandRoom } from './on-demand-room.ts';

/** Processes by name: whether each is idle, the one used longest ago first. */
function roomOf(capacity: number, given: Record<string, boolean>) {
  const running = new Map<string, OnDemandProcess>();
  for (const [index, [name, isIdle]] of Object.entries(given).entries())
    running.set(name, { isIdle, lastUsedAt: index, end: () => running.delete(name) });
  return {
    running,
    room: onDemandRoom(
      () => capacity,
      () => [...running.values()],
    ),
  };
}

test('A process starts where there is room beside what is bought and what runs', () => {
  const { room, running } = roomOf(3, { first: true });
  room.keep(1);
  room.take();
  assert.deepEqual([...running.keys()], ['first']);
});

test('Without room the process that has been idle longest ends for the new one', () => {
  const { room, running } = roomOf(3, { busy: false, idle: true, idleLater: true });
  room.take();
  assert.deepEqual([...running.keys()], ['busy', 'idleLater']);
});

test('Where all are busy, or all units are bought, it is refused with the figures and the setting', () => {
  const { room } = roomOf(2, { busy: false });
  room.keep(1);
  assert.throws(
    () => room.take(),
    (error: unknown) =>
      error instanceof Fault &&
      error.kind === 'unavailable' &&
      /may run 2 model units at once \(LIKENESS_MODEL_UNITS\): 1 are bought, and 1 processes/.test(error.message),
  );
  const full = roomOf(1, { idle: true });
  full.room.keep(1);
  assert.deepEqual([...full.running.keys()], [], 'what is bought comes first');
  assert.throws(() => full.room.take(), /1 are bought, and 0 processes/);
});

test('A purchase ends idle processes at once, and busy ones when they are idle', () => {
  const { room, running } = roomOf(2, { busy: false, idle: true });
  room.keep(2);
  assert.deepEqual([...running.keys()], ['busy']);
  const busy = running.get('busy');
  if (busy) busy.isIdle = true;
  room.keep(2);
  assert.deepEqual([...running.keys()], []);
});
