import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { callRoute } from '../support/routes.ts';
import { type Credentials, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, pngHeader, putDataSet, putRole } from '../support/training-data.ts';

const compute = () => createInProcessCompute({ slots: 4, millisecondsAStep: 1 });

/** Trains, and waits until what outlives the job is there. @returns how many of its pictures were kept before */
async function cached(
  server: TestServer,
  clients: TestClients,
  roleArn: string,
  bucket: string,
  options: Parameters<typeof createJob>[3],
): Promise<number> {
  const jobArn = await createJob(clients, bucket, roleArn, options);
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  const folder = join(server.dataDirectory, 'runs', jobArn.slice(-12), '1');
  // The data goes last: whatever is kept was kept before.
  while (existsSync(join(folder, 'data')) || existsSync(join(folder, 'kept'))) await delay(10);
  const events = readFileSync(join(folder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  return events.find(event => event.phase === 'caching').done;
}

const caches = (server: TestServer) => {
  const folder = join(server.dataDirectory, 'caches');
  return existsSync(folder) ? readdirSync(folder).filter(name => !name.includes('.')) : [];
};

describe('The cache of a training', () => {
  let server: TestServer;
  let clients: TestClients;
  let roleArn: string;
  const run = (bucket: string, options: Parameters<typeof createJob>[3]) =>
    cached(server, clients, roleArn, bucket, options);

  before(async () => {
    server = await startServer({ overrides: { compute: compute() } });
    clients = server.clients();
    roleArn = await putRole(clients, 'trainer');
    await putDataSet(clients, 'pictures');
  });
  after(() => server.close());

  it('serves the next job on the same pictures, wherever they lie and whatever else it asks for', async () => {
    assert.equal(await run('pictures', { name: 'first' }), 0);
    assert.equal(await run('pictures', { name: 'second', hyperParameters: { rank: '4' } }), 5);
    await putDataSet(clients, 'the-same-elsewhere');
    assert.equal(await run('the-same-elsewhere', {}), 5);
    assert.equal(caches(server).length, 1);
    assert.equal(await run('pictures', { name: 'smaller', hyperParameters: { resolution: '96' } }), 0);
    await clients.s3.send(new PutObjectCommand({ Bucket: 'pictures', Key: 'data/5.png', Body: pngHeader(600, 600) }));
    assert.equal(await run('pictures', { name: 'changed' }), 0);
    assert.equal(caches(server).length, 3);
  });

  it('is encrypted: no name and no number of it can be read from the data folder', async () => {
    for (const id of caches(server))
      for (const name of readdirSync(join(server.dataDirectory, 'caches', id))) {
        const bytes = readFileSync(join(server.dataDirectory, 'caches', id, name), 'latin1');
        assert.doesNotMatch(`${name} ${bytes}`, /index\.json|png/);
      }
  });

  it('is not kept of a job under a key of the customer’s', async () => {
    const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
    await putDataSet(clients, 'sealed', { images: { 1: pngHeader(700, 700) } });
    const before = caches(server);
    for (const name of ['sealed-one', 'sealed-two'])
      assert.equal(await run('sealed', { name, keyId: KeyMetadata?.KeyId ?? '' }), 0);
    assert.deepEqual(caches(server), before);
  });

  it('is never another account’s', async () => {
    const created = await callRoute(server, 'POST', '/accounts', {
      body: { accountId: '210987654321', name: 'rival' },
    });
    const credentials: Credentials = created.json;
    const theirs = server.clients({ credentials });
    const theirRole = await putRole(theirs, 'trainer');
    await putDataSet(theirs, 'their-pictures');
    const count = caches(server).length;
    assert.equal(await cached(server, theirs, theirRole, 'their-pictures', {}), 0);
    assert.equal(caches(server).length, count + 1);
    assert.equal(await cached(server, theirs, theirRole, 'their-pictures', { name: 'again' }), 5);
  });

  it('fails no job when it is damaged, and is made anew', async () => {
    for (const id of caches(server))
      writeFileSync(join(server.dataDirectory, 'caches', id, '00000.bin'), 'no bytes of ours');
    assert.equal(await run('pictures', { name: 'damaged' }), 0);
    assert.equal(await run('pictures', { name: 'mended' }), 5);
  });
});

describe('The bounds of what is kept', () => {
  it('what was not used for its days, and the longest unused past the size, is deleted at the start and after a job', async () => {
    const first = await startServer({ overrides: { compute: compute() }, config: { cacheMebibytes: 1 } });
    const { dataDirectory } = first;
    const clients = first.clients();
    const roleArn = await putRole(clients, 'trainer');
    const use = (server: TestServer, bucket: string, name: string) =>
      cached(server, server.clients(), roleArn, bucket, { name });
    await putDataSet(clients, 'one');
    await putDataSet(clients, 'two', { images: { 1: pngHeader(600, 600) } });
    await use(first, 'one', 'one');
    const [one = ''] = caches(first);
    await use(first, 'two', 'two');
    const two = caches(first).find(id => id !== one) ?? '';
    const age = (id: string, days: number) => {
      const at = Date.now() / 1000 - days * 86_400;
      utimesSync(join(dataDirectory, 'caches', id), at, at);
    };
    age(one, 6.9);
    age(two, 7.1);
    await first.close({ keepData: true });

    const second = await startServer({
      dataDirectory,
      overrides: { compute: compute() },
      config: { cacheMebibytes: 1 },
    });
    while (caches(second).includes(two)) await delay(10);
    assert.deepEqual(caches(second), [one]);
    // Padding as large as the bound: with it, the next one is one too many.
    age(one, 1);
    writeFileSync(join(dataDirectory, 'caches', one, 'padding.bin'), Buffer.alloc(1024 ** 2));
    await use(second, 'two', 'two-again');
    assert.deepEqual(caches(second), [two]);
    await second.close({ keepData: true });

    const off = await startServer({ dataDirectory, overrides: { compute: compute() }, config: { cacheDays: 0 } });
    while (caches(off).length > 0) await delay(10);
    assert.equal(await use(off, 'two', 'two-off'), 0);
    assert.deepEqual(caches(off), []);
    await off.close();
  });
});
