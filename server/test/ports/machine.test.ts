import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { createMachine } from '../../src/adapters/machine.ts';

test('A data folder has room for what it takes, none for more than its disk has, and keeps nothing of the question', async context => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'likeness-machine-'));
  context.after(() => rmSync(dataDirectory, { recursive: true }));
  const machine = createMachine({ dataDirectory, sandboxProblem: null, modelUnits: 1, trainingSlots: 1 });
  const { freeDiskBytes } = await machine.facts();
  assert.equal(await machine.hasRoom(3_000_000), true);
  assert.equal(await machine.hasRoom(freeDiskBytes * 2), false);
  assert.deepEqual(readdirSync(dataDirectory), []);
});
