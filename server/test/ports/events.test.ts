import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemTime } from '../../src/adapters/system.ts';
import { type Event, eventOf } from '../../src/domain/events/state-change.ts';
import type { EventDestination } from '../../src/ports/events.ts';
import type { Store } from '../../src/ports/store.ts';
import { startEvents } from '../../src/reconcile/events.ts';

const scope = { accountId: '111122223333', region: 'us-east-1' };
const fm = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1:0';
const arnOf = (id: string) => `arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/${id}`;

describe('changes of state', () => {
  let folder: string;
  let store: Store;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-events-'));
    store = await openSqliteStore(join(folder, 'rows.sqlite'));
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const started: { stop(): Promise<void> }[] = [];
  afterEach(async () => {
    // Of a test that failed: it would tell on, and the process would not end.
    for (const events of started.splice(0)) await events.stop();
    await store.transaction(async ({ events }) => events.deleteChangesUpTo(await events.lastSequence()));
  });

  const insertDeployment = (id: string) =>
    store.transaction(rows =>
      rows.bedrock.insertDeployment({
        ...{ ...scope, deploymentId: id, deploymentArn: arnOf(id), deploymentName: id },
        ...{ description: null, tags: [], modelArn: `${fm}/x`, createdAt: 1000 },
      }),
    );
  const told = async () => (await store.read(({ events }) => events.changesAfter(0, 1000))).map(eventOf);

  it('are written with the change or not at all', async () => {
    await assert.rejects(
      store.transaction(async rows => {
        await rows.bedrock.insertDeployment({
          ...{ ...scope, deploymentId: 'undone', deploymentArn: arnOf('undone'), deploymentName: 'undone' },
          ...{ description: null, tags: [], modelArn: fm, createdAt: 1000 },
        });
        throw new Error('undone');
      }),
      /undone/,
    );
    assert.deepEqual(await told(), []);
    await insertDeployment('done');
    const [event, ...others] = await told();
    assert.equal(others.length, 0);
    assert.match(event?.id ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual(event, {
      ...{ version: '0', id: event?.id, 'detail-type': 'Custom Model Deployment State Change', source: 'aws.bedrock' },
      ...{ account: scope.accountId, region: scope.region, time: '1970-01-01T00:00:01Z', resources: [arnOf('done')] },
      detail: {
        ...{ version: '0.0', modelDeploymentName: 'done', customModelDeploymentArn: arnOf('done') },
        ...{ modelArn: `${fm}/x`, status: 'Creating' },
        ...{ creationTime: '1970-01-01T00:00:01.000Z', lastUpdatedTime: '1970-01-01T00:00:01.000Z' },
      },
    });
  });

  it('are told of a deployment and its updates, and that it was deleted; other changes are none', async () => {
    await insertDeployment('one');
    await store.transaction(async ({ bedrock }) => {
      await bedrock.advanceDeployment('one', 1, { status: 'Active', lastUpdatedAt: 2000 });
      await bedrock.advanceDeployment('one', 1, { lastUpdatedAt: 3000 });
      await bedrock.requestDeploymentUpdate('one', `${fm}/y`, 4000);
      await bedrock.deleteDeployment('one');
    });
    const states = (await told()).map(({ detail }) => [detail.status, detail.updateStatus]);
    assert.deepEqual(states, [
      ['Creating', undefined],
      ['Active', undefined],
      ['Active', 'Updating'],
      ['Deleted', 'Updating'],
    ]);
  });

  it('are told of Provisioned Throughput with what serves and what shall', async () => {
    const provisionedModelArn = 'arn:aws:bedrock:us-east-1:111122223333:provisioned-model/p1';
    await store.transaction(async ({ bedrock }) => {
      await bedrock.insertThroughput({
        ...{ ...scope, provisionedModelId: 'p1', provisionedModelArn, provisionedModelName: 'p', modelUnits: 2 },
        ...{ modelArn: fm, foundationModelId: 'x', foundationModelArn: fm, baseModelId: 'b', tags: [] },
        ...{ purchasedFor: 'customModel', commitmentDuration: null, commitmentExpiresAt: null, createdAt: 1000 },
      });
      await bedrock.advanceThroughput('p1', 1, { status: 'InService', lastModifiedAt: 2000 });
      await bedrock.requestModelChange('p1', `${fm}/new`, 3000);
    });
    const details = (await told()).map(({ detail }) => detail);
    assert.deepEqual(
      details.map(({ status, modelUnits, desiredModelArn }) => [status, modelUnits, desiredModelArn]),
      [
        ['Creating', 2, fm],
        ['InService', 2, fm],
        ['Updating', 2, `${fm}/new`],
      ],
    );
  });

  it('are told of jobs that copy, import and create models', async () => {
    const arn = 'arn:aws:bedrock:us-east-1:111122223333:custom-model/x/m';
    const job = { ...scope, modelArn: arn, modelName: 'm', modelTags: [], keyArn: null, tags: [], createdAt: 1000 };
    const imported = {
      source: { s3Uri: 's3://models/m/' },
      roleArn: 'arn:aws:iam::111122223333:role/r',
      vpcConfig: null,
    };
    await store.transaction(async ({ bedrock }) => {
      const source = { modelArn: `${arn}0`, modelName: 'm0', accountId: scope.accountId };
      const named = (id: string) => ({ ...job, jobId: id, jobArn: `${arn}/${id}`, jobName: id, modelId: id });
      await bedrock.insertModelJob({ ...named('c'), kind: 'copy', source });
      await bedrock.insertModelJob({ ...named('i'), ...imported, kind: 'import' });
      await bedrock.insertModelJob({ ...named('n'), ...imported, kind: 'create' });
      await bedrock.endModelJob('c', { status: 'Completed', failureMessage: null, endedAt: 2000 });
    });
    const events = await told();
    assert.deepEqual(
      events.map(event => [event['detail-type'], event.detail.status, event.detail.sourceModelArn]),
      [
        ['Model Copy Job State Change', 'InProgress', `${arn}0`],
        ['Model Import Job State Change', 'InProgress', undefined],
        ['Custom Model State Change', 'InProgress', undefined],
        ['Model Copy Job State Change', 'Completed', `${arn}0`],
      ],
    );
    assert.deepEqual([events[3]?.detail.targetModelArn, events[3]?.detail.endTime], [arn, '1970-01-01T00:00:02.000Z']);
    assert.deepEqual(events[1]?.detail.modelDataSource, { s3DataSource: { s3Uri: 's3://models/m/' } });
  });

  const settings = { pollMilliseconds: 5, firstWaitMilliseconds: 5, longestWaitMilliseconds: 20 };
  async function start(...destinations: EventDestination[]) {
    const log = pino({ level: 'silent' });
    const events = await startEvents({ store, time: systemTime(), log, destinations, settings });
    started.push(events);
    return events;
  }

  /** A destination that remembers what it was sent. @param takes whether it says that it has it */
  function remembering(name: string, takes: (event: Event) => boolean = () => true, takesEachAlone = false) {
    const received: Event[] = [];
    const destination: EventDestination = {
      ...{ name, batchSize: 1, takesEachAlone },
      async deliver(events) {
        received.push(...events);
        if (!events.every(takes)) throw new Error('not now');
      },
    };
    return { received, destination };
  }

  async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await delay(5)) if (await isDone()) return;
    assert.fail('it did not come to that within 10 seconds');
  }

  it('reach a destination in order, again under the same id where it did not take one, and no other waits', async () => {
    let refusals = 2;
    const slow = remembering('slow', () => refusals-- <= 0);
    const quick = remembering('quick');
    const events = await start(slow.destination, quick.destination);
    for (const id of ['a', 'b', 'c']) await insertDeployment(id);
    await until(() => slow.received.length === 5 && quick.received.length === 3);
    await until(async () => (await told()).length === 0);
    await events.stop();
    const names = slow.received.map(({ detail }) => detail.modelDeploymentName);
    assert.deepEqual(names, ['a', 'a', 'a', 'b', 'c']);
    assert.equal(new Set(slow.received.map(({ id }) => id)).size, 3);
    assert.deepEqual(
      [...new Set(slow.received.map(({ id }) => id))],
      quick.received.map(({ id }) => id),
    );
  });

  it('go past one that a destination which takes each alone does not take, each resource in its order', async () => {
    let isPoisoned = true;
    const takes = ({ detail }: Event) => !isPoisoned || detail.modelDeploymentName !== 'poison';
    const hook = remembering('alone', takes, true);
    const file = remembering('all', undefined);
    const first = await start(hook.destination, file.destination);
    await insertDeployment('poison');
    await until(() => hook.received.length > 1);
    await store.transaction(({ bedrock }) =>
      bedrock.advanceDeployment('poison', 1, { status: 'Active', lastUpdatedAt: 2000 }),
    );
    for (const id of ['x', 'y']) await insertDeployment(id);
    const taken = () =>
      hook.received.filter(takes).map(({ detail }) => `${detail.modelDeploymentName} ${detail.status}`);
    await until(() => taken().length === 2 && file.received.length === 4);
    assert.deepEqual(taken(), ['x Creating', 'y Creating']);
    // Two are left: the one that was not taken, and the one behind it, which was not even tried.
    await until(async () => (await told()).length === 2);
    assert.ok(hook.received.every(({ detail }) => detail.status === 'Creating'));
    await first.stop();

    isPoisoned = false;
    const again = remembering('alone', takes, true);
    const second = await start(again.destination, file.destination);
    await until(async () => (await told()).length === 0);
    await second.stop();
    assert.deepEqual(
      again.received.map(({ detail }) => `${detail.modelDeploymentName} ${detail.status}`),
      ['poison Creating', 'poison Active'],
    );
    assert.equal(again.received[0]?.id, hook.received[0]?.id);
    assert.equal(file.received.length, 4);
  });

  it('that one destination does not take are all kept for it, while others take theirs at the same time', async () => {
    const refusing = remembering('refusing', () => false, true);
    const others = ['one', 'two', 'three', 'four'].map(name => remembering(name));
    const events = await start(refusing.destination, ...others.map(({ destination }) => destination));
    const names = Array.from({ length: 40 }, (_, index) => `kept-${index}`);
    for (const name of names) await insertDeployment(name);
    await until(() => others.every(({ received }) => received.length === names.length));
    await until(() => new Set(refusing.received.map(({ id }) => id)).size === names.length);
    await events.stop();
    assert.deepEqual(
      (await told()).map(({ detail }) => detail.modelDeploymentName),
      names,
    );
  });

  it('that waited for a destination which is named no more are forgotten', async () => {
    const gone = remembering('gone', () => false, true);
    const first = await start(gone.destination);
    await insertDeployment('unwanted');
    await until(() => gone.received.length > 1);
    await first.stop();
    const kept = remembering('kept');
    const second = await start(kept.destination);
    await insertDeployment('wanted');
    await until(async () => (await told()).length === 0);
    await second.stop();
    assert.equal(kept.received.length, 1);
  });

  it('wait for a destination over a restart, and are not told again to the others', async () => {
    const refusing = remembering('hook', () => false);
    const file = remembering('file');
    const first = await start(refusing.destination, file.destination);
    await insertDeployment('over');
    await until(() => refusing.received.length > 1 && file.received.length === 1);
    await first.stop();
    const [hook, again] = [remembering('hook'), remembering('file')];
    const second = await start(hook.destination, again.destination);
    await until(() => hook.received.length === 1);
    await second.stop();
    assert.equal(hook.received[0]?.id, refusing.received[0]?.id);
    assert.deepEqual(again.received, []);
  });

  it('of before a destination was named are not for it, even where their rows are gone', async () => {
    await insertDeployment('early');
    await store.transaction(async ({ events }) => events.deleteChangesUpTo(await events.lastSequence()));
    const late = remembering('late');
    const events = await start(late.destination);
    await insertDeployment('later');
    await until(() => late.received.length > 0);
    await events.stop();
    assert.deepEqual(
      late.received.map(({ detail }) => detail.modelDeploymentName),
      ['later'],
    );
  });
});
