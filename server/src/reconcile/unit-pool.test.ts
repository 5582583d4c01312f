import assert from 'node:assert/strict';
import test from 'node:test';
import { createInProcessInference } from '../../test/support/in-process-inference.ts';
import { systemTime } from '../adapters/system.ts';
import { Fault } from '../domain/fault.ts';
import { type PoolRequest, unitPool } from './unit-pool.ts';

const never = new AbortController().signal;
const kindOf = (error: unknown) => (error instanceof Fault ? error.kind : String(error));

function requestOf(text: string): PoolRequest {
  return {
    requestId: text,
    task: 'TEXT_IMAGE',
    text,
    negativeText: null,
    images: [],
    similarityStrength: null,
    mask: null,
    outPaintingMode: null,
    colors: [],
    control: null,
    numberOfImages: 1,
    width: 512,
    height: 512,
    cfgScale: 8,
    seed: 0,
    quality: 'standard',
  };
}

async function poolOf(count: number, queueLimit = 10) {
  const inference = createInProcessInference({ capacity: 9, loadMilliseconds: 0, invokeMilliseconds: 40 });
  const lost: number[] = [];
  const pool = unitPool({ queueLimit, time: systemTime(), onLost: () => lost.push(Date.now()) });
  for (let index = 0; index < count; index += 1)
    pool.add({
      unit: await inference.start({ baseModelPath: '/', adapter: null, adaptersFolder: null }),
      adapterId: null,
    });
  return { inference, pool, lost };
}

test('Each unit draws one request at a time, and requests are begun in the order of their arrival', async () => {
  const { inference, pool } = await poolOf(2);
  const started = Date.now();
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(text => pool.invoke(requestOf(text), never, false)));
  assert.deepEqual(
    inference.requests.map(request => request.text),
    ['a', 'b', 'c', 'd', 'e'],
  );
  assert.ok(Date.now() - started >= 110, 'five requests on two units take three rounds');
});

test('A full queue throttles, and goes on with what it has', async () => {
  const { pool } = await poolOf(1, 2);
  const answers = ['a', 'b', 'c', 'd'].map(text =>
    pool.invoke(requestOf(text), never, false).then(() => 'drawn', kindOf),
  );
  assert.deepEqual(await Promise.all(answers), ['drawn', 'drawn', 'drawn', 'throttled']);
});

test('The request of a unit that dies is drawn by another', async () => {
  const { inference, pool, lost } = await poolOf(2);
  const answer = pool.invoke(requestOf('a'), never, false);
  inference.units[0]?.kill();
  assert.equal((await answer).images.length, 1);
  assert.equal(lost.length, 1);
  assert.equal(pool.units().length, 1);
});

test('A request is tried again once only, and without another unit fails with modelError', async () => {
  const { inference, pool } = await poolOf(2);
  const answer = pool.invoke(requestOf('a'), never, false).catch(kindOf);
  inference.units[0]?.kill();
  await new Promise(resolve => setTimeout(resolve, 5));
  inference.units[0]?.kill();
  assert.equal(await answer, 'modelError');
  assert.equal(await pool.invoke(requestOf('b'), never, false).catch(kindOf), 'notReady');
});

test('An idle unit that dies leaves the pool, and is told', async () => {
  const { inference, pool, lost } = await poolOf(1);
  inference.units[0]?.kill();
  await new Promise(resolve => setTimeout(resolve, 5));
  assert.deepEqual([pool.units().length, lost.length], [0, 1]);
});

test('Requests may wait for a first unit, and fail together when none will come', async () => {
  const { inference, pool } = await poolOf(0);
  const first = pool.invoke(requestOf('a'), never, true);
  pool.add({
    unit: await inference.start({ baseModelPath: '/', adapter: null, adaptersFolder: null }),
    adapterId: null,
  });
  assert.equal((await first).images.length, 1);
  const { pool: empty } = await poolOf(0);
  const second = empty.invoke(requestOf('b'), never, true).catch(kindOf);
  empty.rejectWaiting(new Fault('modelError', 'no'));
  assert.equal(await second, 'modelError');
});

test('A caller who leaves frees the queue; its unit finishes first', async () => {
  const { inference, pool } = await poolOf(1);
  const leaving = new AbortController();
  const first = pool.invoke(requestOf('a'), leaving.signal, false).catch(kindOf);
  const second = pool.invoke(requestOf('b'), leaving.signal, false).catch(kindOf);
  const third = pool.invoke(requestOf('c'), never, false);
  leaving.abort();
  assert.deepEqual([await first, await second], ['unavailable', 'unavailable']);
  await third;
  assert.deepEqual(
    inference.requests.map(request => request.text),
    ['a', 'c'],
  );
});

test('Retired units take nothing new, finish what they have in hand, and end', async () => {
  const { inference, pool } = await poolOf(1);
  const [old] = pool.units();
  assert.ok(old);
  const first = pool.invoke(requestOf('a'), never, false);
  const retired = pool.retire([old], 10);
  const second = pool.invoke(requestOf('b'), never, true);
  pool.add({
    unit: await inference.start({ baseModelPath: '/', adapter: null, adaptersFolder: null }),
    adapterId: null,
  });
  await Promise.all([first, second, retired]);
  assert.equal((await old.unit.health()).status, 'gone');
  assert.equal(pool.units().length, 1);
});
