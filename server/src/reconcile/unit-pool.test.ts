import assert from 'node:assert/strict';
import test from 'node:test';
import { createInProcessInference } from '../../test/support/in-process-inference.ts';
import { systemTime } from '../adapters/system.ts';
import { Fault } from '../domain/fault.ts';
import { type PoolRequest, REQUESTS_IN_HAND, unitPool } from './unit-pool.ts';

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
      customModelArn: null,
    });
  return { inference, pool, lost };
}

test('Requests are begun in the order of their arrival, each by the unit that has the fewest in hand', async () => {
  const { inference, pool } = await poolOf(2);
  const texts = Array.from({ length: 2 * REQUESTS_IN_HAND + 2 }, (_, index) => `${index}`);
  const started = Date.now();
  const answers = texts.map(text => pool.invoke(requestOf(text), never, false));
  assert.deepEqual(pool.figures(), { waiting: 2, units: 2 });
  await Promise.all(answers);
  assert.deepEqual(
    inference.requests.map(request => request.text),
    texts,
  );
  assert.ok(Date.now() - started >= 70, 'what waited is begun when something is answered');
  assert.deepEqual(
    inference.units.map(unit => unit.answered),
    [REQUESTS_IN_HAND + 1, REQUESTS_IN_HAND + 1],
  );
});

test('A full queue throttles, and goes on with what it has', async () => {
  const { pool } = await poolOf(1, 2);
  const texts = Array.from({ length: REQUESTS_IN_HAND + 3 }, (_, index) => `${index}`);
  const answers = texts.map(text => pool.invoke(requestOf(text), never, false).then(() => 'drawn', kindOf));
  const drawn = Array.from({ length: REQUESTS_IN_HAND + 2 }, () => 'drawn');
  assert.deepEqual(await Promise.all(answers), [...drawn, 'throttled']);
});

test('All that a unit had in hand when it died is drawn by another, in its order, before what came later', async () => {
  const { inference, pool, lost } = await poolOf(2);
  const texts = Array.from({ length: 2 * REQUESTS_IN_HAND + 1 }, (_, index) => `${index}`);
  const answers = texts.map(text => pool.invoke(requestOf(text), never, false));
  inference.units[0]?.kill();
  assert.equal((await Promise.all(answers)).length, texts.length);
  assert.equal(lost.length, 1);
  assert.deepEqual(
    inference.requests.slice(2 * REQUESTS_IN_HAND).map(request => request.text),
    [...texts.filter((_, index) => index % 2 === 0 && index < 2 * REQUESTS_IN_HAND), texts.at(-1)],
  );
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
    customModelArn: null,
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
  const inHand = Array.from({ length: REQUESTS_IN_HAND }, () =>
    pool.invoke(requestOf('in hand'), leaving.signal, false).catch(kindOf),
  );
  const waiting = pool.invoke(requestOf('waiting'), leaving.signal, false).catch(kindOf);
  const next = pool.invoke(requestOf('next'), never, false);
  leaving.abort();
  assert.deepEqual(new Set(await Promise.all([...inHand, waiting])), new Set(['unavailable']));
  await next;
  assert.equal(inference.units[0]?.answered, REQUESTS_IN_HAND + 1);
  assert.ok(!inference.requests.some(request => request.text === 'waiting'));
});

test('Retired units take nothing new, finish what they have in hand, and end without being missed', async () => {
  const { inference, pool, lost } = await poolOf(1);
  const [old] = pool.units();
  assert.ok(old);
  const first = pool.invoke(requestOf('a'), never, false);
  const retired = pool.retire([old], 10);
  const second = pool.invoke(requestOf('b'), never, true);
  pool.add({
    unit: await inference.start({ baseModelPath: '/', adapter: null, adaptersFolder: null }),
    adapterId: null,
    customModelArn: null,
  });
  await Promise.all([first, second, retired]);
  assert.equal((await old.unit.health()).status, 'gone');
  assert.equal(pool.units().length, 1);
  assert.deepEqual(lost, []);
});
