import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { endPhases, enterPhase, newStatusDetails, stopPhases } from '../../src/domain/training/job-state.ts';
import type { Store } from '../../src/ports/store.ts';
import type { JobClaim, NewCustomizationJob, NewThroughput } from '../../src/ports/store-bedrock.ts';

const fm = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1:0';
let directory: string;
let store: Store;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'likeness-rows-'));
  store = await openSqliteStore(join(directory, 'rows.sqlite'));
});
after(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

/** A job of an account of its own unless told, so that tests do not see each other's. */
function newJob(jobId: string, change: Partial<NewCustomizationJob> = {}): NewCustomizationJob {
  const accountId = change.accountId ?? '111111111111';
  return {
    jobId,
    accountId,
    region: 'us-east-1',
    jobArn: `arn:aws:bedrock:us-east-1:${accountId}:model-customization-job/amazon.titan-image-generator-v1:0/${jobId}`,
    jobName: `job-${jobId}`,
    customModelName: `model-${jobId}`,
    customModelId: `m${jobId}`,
    customModelArn: `arn:aws:bedrock:us-east-1:${accountId}:custom-model/amazon.titan-image-generator-v1:0/m${jobId}`,
    roleArn: `arn:aws:iam::${accountId}:role/service`,
    foundationModelId: 'amazon.titan-image-generator-v1:0',
    foundationModelArn: fm,
    baseModelId: 'likeness.art-v1',
    customizationType: 'FINE_TUNING',
    hyperParameters: { stepCount: '10', batchSize: '8', learningRate: '1e-5' },
    resolved: { stepCount: 10, batchSize: 8, requestedLearningRate: 1e-5, learningRate: 1e-3 },
    trainingDataS3Uri: 's3://bucket/train.jsonl',
    outputDataS3Uri: 's3://bucket/output',
    vpcConfig: null,
    keyArn: null,
    clientRequestToken: null,
    jobTags: [{ key: 'a', value: 'b' }],
    customModelTags: [],
    seed: 4294967295,
    createdAt: 1000,
    ...change,
  };
}

/** Takes a job as the training loop does. */
const claimNext = (claim: Partial<JobClaim> = {}) =>
  store.transaction(rows =>
    rows.bedrock.claimNextJob({
      ...{ owner: 'one', now: 1, leaseSeconds: 60, slots: 1, slotsEach: null, validations: 1 },
      ...{ disabledAccounts: [], lastTakenAt: new Map(), ...claim },
    }),
  );

const insert = (job: NewCustomizationJob) => store.transaction(rows => rows.bedrock.insertJob(job, newStatusDetails()));
const result = {
  ...{ trainingLoss: 0.25, method: 'lora' as const, baseWeightsSha256: 'b'.repeat(64) },
  ...{ sizeBytes: 7, imagesSeen: 80, trainingSeconds: 3.5 },
  measured: { peakMemoryBytes: 5, bestScore: 0.5, encoder: 'own' },
};

/** Jobs of earlier tests are out of the queue. */
async function emptyQueue(): Promise<void> {
  await store.transaction(async rows => {
    await rows.bedrock.releaseAllLeases();
    for (const job of await rows.bedrock.listUnfinishedJobs())
      await rows.bedrock.endJob(job.jobId, job.fencingToken, {
        status: 'Failed',
        statusDetails: job.statusDetails,
        failureMessage: null,
        endedAt: 1,
      });
  });
}

test('a job reads back as it was written, by id and by name, and only in its own Region and account', async () => {
  const job = newJob('read00000000', { vpcConfig: { subnetIds: ['subnet-1'], securityGroupIds: ['sg-1'] } });
  await insert(job);
  const found = await store.read(rows => rows.bedrock.jobById(job, job.jobId));
  assert.deepEqual({ ...found, ...job }, found);
  assert.equal(found?.status, 'InProgress');
  assert.deepEqual(await store.read(rows => rows.bedrock.jobByName(job, job.jobName)), found);
  assert.equal(await store.read(rows => rows.bedrock.jobById({ ...job, region: 'us-west-2' }, job.jobId)), undefined);
  assert.equal(await store.read(rows => rows.bedrock.jobById({ ...job, accountId: '2' }, job.jobId)), undefined);
  await assert.rejects(insert({ ...job, jobId: 'read00000001' }), 'a second job of the same name');
});

test('a claim takes the oldest job, keeps to its number, and fences off the holder before', async () => {
  await emptyQueue();
  await insert(newJob('claim0000002', { createdAt: 2000 }));
  await insert(newJob('claim0000001', { createdAt: 1000 }));
  const claim = (now: number, owner = 'one') => claimNext({ owner, now, leaseSeconds: 10 });
  const first = await claim(5000);
  assert.equal(first?.jobId, 'claim0000001');
  assert.equal(first?.leaseUntil, 15_000);
  assert.equal(await claim(5000), undefined, 'one validation at once');
  const advance = (token: number, attempt: number) =>
    store.transaction(rows => rows.bedrock.advanceJob('claim0000001', token, { attempt }));
  assert.equal(await advance(1, 1), true);
  const again = await claim(15_000, 'two');
  assert.equal(again?.jobId, 'claim0000001', 'the lease is over');
  assert.equal(again?.attempt, 1);
  assert.equal(await advance(1, 9), false, 'an older token changes nothing');
  assert.equal(await advance(2, 2), true);
  assert.equal((await claim(15_000, 'one'))?.jobId, 'claim0000002', 'another owner has slots of its own');
});

test('validation waits for no training, and trainings go by priority and then from account to account', async () => {
  await emptyQueue();
  const jobs = [
    newJob('queue0000001', { accountId: '111111111111', createdAt: 1000 }),
    newJob('queue0000002', { accountId: '111111111111', createdAt: 2000 }),
    newJob('queue0000003', { accountId: '222222222222', createdAt: 3000 }),
    newJob('queue0000004', { accountId: '222222222222', createdAt: 4000, priority: 7 }),
  ];
  const [first, ...others] = jobs;
  if (first) await insert(first);
  const validate = async () => {
    const job = await claimNext();
    if (job?.queuedAt !== null) return undefined;
    const { jobId, fencingToken } = job;
    await store.transaction(rows => rows.bedrock.advanceJob(jobId, fencingToken, { queuedAt: 5000 }));
    await store.transaction(rows => rows.bedrock.releaseLease(jobId, fencingToken));
    return jobId;
  };
  assert.equal(await validate(), 'queue0000001');
  const training = await claimNext();
  assert.deepEqual([training?.jobId, training?.queuedAt], ['queue0000001', 5000]);
  for (const job of others) await insert(job);
  const validated = [await validate(), await validate(), await validate()];
  assert.deepEqual(validated, ['queue0000004', 'queue0000002', 'queue0000003'], 'while another trains');
  assert.equal(await claimNext(), undefined, 'the one slot is taken');

  const order: (string | undefined)[] = [];
  const lastTakenAt = new Map([['111111111111', 1]]);
  for (let held = training, turn = 2; held; turn += 1) {
    const { jobId, fencingToken, statusDetails } = held;
    const end = { status: 'Stopped', statusDetails, failureMessage: null, endedAt: 6000 } as const;
    await store.transaction(rows => rows.bedrock.endJob(jobId, fencingToken, end));
    held = await claimNext({ lastTakenAt });
    if (held) order.push(held.jobId);
    if (held) lastTakenAt.set(held.accountId, turn);
  }
  assert.deepEqual(order, ['queue0000004', 'queue0000002', 'queue0000003']);
});

test("a disabled account's jobs stay where they are, but for one that is Stopping", async () => {
  await emptyQueue();
  const job = newJob('disabled0001');
  await insert(job);
  const disabledAccounts = [job.accountId];
  assert.equal(await claimNext({ disabledAccounts }), undefined);
  const details = newStatusDetails();
  await store.transaction(rows => rows.bedrock.requestStop(job.jobId, stopPhases(details, 2), 2));
  assert.equal((await claimNext({ disabledAccounts }))?.jobId, job.jobId);
});

test('a stop shows at once, is taken past the slots, and wins over a completion that comes late', async () => {
  await emptyQueue();
  const job = newJob('stop00000001');
  await insert(job);
  await insert(newJob('stop00000002', { createdAt: 2000 }));
  const held = await claimNext();
  assert.equal(held?.jobId, job.jobId);
  const details = enterPhase(newStatusDetails(), 'training', 2000);
  const stop = (jobId: string) =>
    store.transaction(rows => rows.bedrock.requestStop(jobId, stopPhases(details, 3000), 3000));
  assert.equal(await stop(job.jobId), true);
  assert.equal(await stop(job.jobId), false, 'a second stop finds it Stopping');
  await stop('stop00000002');
  assert.equal((await claimNext())?.jobId, 'stop00000002');
  const complete = await store.transaction(rows =>
    rows.bedrock.completeJob(job.jobId, 1, { ...result, statusDetails: details, endedAt: 4000 }),
  );
  assert.equal(complete, 'stopping');
  const ended = await store.transaction(rows =>
    rows.bedrock.endJob(job.jobId, 1, {
      status: 'Stopped',
      statusDetails: endPhases(stopPhases(details, 3000), 'Stopped', 4000),
      failureMessage: null,
      endedAt: 4000,
    }),
  );
  assert.equal(ended, true);
  const row = await store.read(rows => rows.bedrock.jobById(job, job.jobId));
  assert.equal(row?.status, 'Stopped');
  assert.equal(row?.statusDetails.training.status, 'Stopped');
  assert.equal(row?.endedAt, 4000);
  assert.equal(await store.read(rows => rows.bedrock.modelByName(job, job.customModelName)), undefined);
});

test('a completed job and its model appear together, and the name is taken from the create on', async () => {
  await emptyQueue();
  const job = newJob('done00000001');
  await insert(job);
  const inUse = () => store.read(rows => rows.bedrock.modelNameInUse(job, job.customModelName));
  assert.equal(await inUse(), true, 'reserved by the unfinished job');
  await claimNext();
  const complete = (token: number) =>
    store.transaction(rows =>
      rows.bedrock.completeJob(job.jobId, token, { ...result, statusDetails: newStatusDetails(), endedAt: 9000 }),
    );
  assert.equal(await complete(7), 'fenced');
  assert.equal(await complete(1), 'completed');
  assert.equal(await complete(1), 'fenced', 'an ended job has no holder');
  const model = await store.read(rows => rows.bedrock.modelByArn(job.customModelArn));
  const [last] = await store.read(rows => rows.bedrock.listCompletedJobs(1));
  assert.deepEqual([last?.jobId, last?.measured], [job.jobId, result.measured]);
  assert.equal(model?.createdAt, job.createdAt);
  assert.equal(model?.method, 'lora');
  assert.equal(await inUse(), true);
  assert.ok((await store.read(rows => rows.bedrock.listStoredModelIds())).includes(job.customModelId));
  assert.equal(await store.transaction(rows => rows.bedrock.deleteModel(job.customModelArn)), true);
  assert.equal(await inUse(), false);
});

test('pages walk every row once, in both orders, with filters', async () => {
  const scope = { accountId: '333333333333', region: 'us-east-1' };
  for (let index = 0; index < 7; index++)
    await insert(newJob(`page0000000${index}`, { ...scope, createdAt: 1000 + Math.floor(index / 2) }));
  for (const sortOrder of ['Ascending', 'Descending'] as const) {
    const seen: string[] = [];
    let position: string | undefined;
    do {
      const page = await store.read(rows => rows.bedrock.listJobs(scope, { sortOrder, limit: 3, position }));
      seen.push(...page.rows.map(row => row.jobId));
      position = page.next;
    } while (position !== undefined);
    const expected = [...Array(7).keys()].map(index => `page0000000${index}`);
    assert.deepEqual(seen, sortOrder === 'Ascending' ? expected : expected.reverse());
  }
  const list = (options: { nameContains?: string; createdAfter?: number; createdBefore?: number }) =>
    store.read(async rows =>
      (await rows.bedrock.listJobs(scope, { sortOrder: 'Ascending', limit: 9, ...options })).rows.map(row => row.jobId),
    );
  assert.deepEqual(await list({ nameContains: '0005' }), ['page00000005']);
  assert.deepEqual(await list({ nameContains: 'JOB' }), []);
  assert.deepEqual(await list({ nameContains: '%' }), []);
  assert.deepEqual(await list({ createdAfter: 1000, createdBefore: 1002 }), ['page00000002', 'page00000003']);
});

test('a throughput changes model only from InService, and a late loop cannot undo a newer change', async () => {
  const throughput: NewThroughput = {
    accountId: '444444444444',
    region: 'us-east-1',
    provisionedModelId: 'unit00000001',
    provisionedModelArn: 'arn:aws:bedrock:us-east-1:444444444444:provisioned-model/unit00000001',
    provisionedModelName: 'ron',
    modelUnits: 2,
    modelArn: 'arn:old',
    foundationModelId: 'amazon.titan-image-generator-v1:0',
    foundationModelArn: fm,
    baseModelId: 'likeness.art-v1',
    purchasedFor: 'customModel',
    commitmentDuration: null,
    commitmentExpiresAt: null,
    tags: [],
    createdAt: 1000,
  };
  const id = throughput.provisionedModelId;
  await store.transaction(rows => rows.bedrock.insertThroughput(throughput));
  const change = () => store.transaction(rows => rows.bedrock.requestModelChange(id, 'arn:new', 2000));
  assert.equal(await change(), false, 'still Creating');
  const advance = (generation: number, patch: { status: 'InService'; modelArn?: string }) =>
    store.transaction(rows => rows.bedrock.advanceThroughput(id, generation, { ...patch, lastModifiedAt: 3000 }));
  assert.equal(await advance(1, { status: 'InService' }), true);
  assert.equal(await change(), true);
  assert.equal(await store.read(rows => rows.bedrock.throughputUsesModel('arn:new')), true);
  assert.equal(await advance(1, { status: 'InService' }), false);
  assert.equal(await advance(2, { status: 'InService', modelArn: 'arn:new' }), true);
  const row = await store.read(rows => rows.bedrock.throughputByArn(throughput.provisionedModelArn));
  assert.equal(row?.modelArn, 'arn:new');
  assert.equal(row?.status, 'InService');
  assert.equal(await store.read(rows => rows.bedrock.countModelUnits()), 2);
  assert.deepEqual(
    (await store.read(rows => rows.bedrock.listThroughputsToReconcile())).map(each => each.provisionedModelId),
    [id],
  );
  assert.equal(await store.transaction(rows => rows.bedrock.deleteThroughput(id)), true);
  assert.equal(await advance(2, { status: 'InService' }), false);
});

test('tags and request tokens are kept by account and Region', async () => {
  const job = newJob('tags00000001', { accountId: '555555555555' });
  await insert(job);
  const tags = [{ key: 'project', value: 'ron' }];
  assert.equal(await store.transaction(rows => rows.bedrock.replaceTags(job, job.jobArn, tags)), true);
  assert.deepEqual(await store.read(rows => rows.bedrock.tagsOf(job, job.jobArn)), tags);
  assert.equal(await store.read(rows => rows.bedrock.tagsOf({ ...job, region: 'eu-west-1' }, job.jobArn)), undefined);
  const token = { accountId: '5', region: 'r', operation: 'Create', token: 't', parametersSha256: 'p' };
  await store.transaction(rows => rows.bedrock.insertRequestToken({ ...token, resourceArn: 'arn', createdAt: 1 }));
  const find = () => store.read(rows => rows.bedrock.findRequestToken(token, 'Create', 't'));
  assert.deepEqual(await find(), { parametersSha256: 'p', resourceArn: 'arn' });
  await store.transaction(rows => rows.bedrock.deleteRequestTokensBefore(2));
  assert.equal(await find(), undefined);
});
