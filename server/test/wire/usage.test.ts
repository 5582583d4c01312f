import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateModelInvocationJobCommand,
  CreateProvisionedModelThroughputCommand,
  DeleteCustomModelCommand,
  DeleteProvisionedModelThroughputCommand,
  GetModelInvocationJobCommand,
  StopModelCustomizationJobCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { callRoute as callFromShell } from '../../src/cli/signed-call.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, ROOT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, getJob, putDataSet, putRole } from '../support/training-data.ts';
import { allow, makeUser } from './access-support.ts';

const BASE = 'amazon.titan-image-generator-v1';
const body = (numberOfImages: number) => ({
  taskType: 'TEXT_IMAGE',
  textToImageParams: { text: 'Ron the dog in a basket' },
  imageGenerationConfig: { numberOfImages, width: 512, height: 512 },
});

describe('the usage ledger', () => {
  let folder: string;
  let server: TestServer;
  let clients: TestClients;
  let roleArn: string;
  let modelArn: string;
  let jobArn: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-prices-'));
    const pricesPath = join(folder, 'prices.json');
    await writeFile(pricesPath, '{"currency": "USD", "imagesSeen": 0.005, "imagesDrawn": {"512-standard": 0.01}}');
    const compute = createInProcessCompute({ slots: 2, millisecondsAStep: 2 });
    server = await startServer({
      config: { pricesPath },
      overrides: { compute, batch: { pollSeconds: 0.05, submittedSeconds: 0 } },
    });
    clients = server.clients();
    roleArn = await putRole(clients, 'trainer');
    await putDataSet(clients, 'seen');
    jobArn = await createJob(clients, 'seen', roleArn);
    const job = await endedJob(clients, jobArn);
    modelArn = job.outputModelArn ?? assert.fail(job.failureMessage);
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  async function used(dimension: string, query = '?resources=true'): Promise<Record<string, number>> {
    const { status, json } = await callRoute(server, 'GET', `/usage${query}`);
    assert.equal(status, 200, JSON.stringify(json));
    const found = json.entries.filter((entry: { dimension: string }) => entry.dimension === dimension);
    return Object.fromEntries(
      found.map(({ resourceArn, variant, quantity }: Record<string, unknown>) => [
        [resourceArn, variant].filter(Boolean).join(' '),
        quantity,
      ]),
    );
  }

  it('tells the images that a training has seen, with their price, and the model that is stored', async () => {
    // 20 steps; of five images no batch of eight sees more than five.
    assert.deepEqual(await used('imagesSeen'), { [jobArn]: 100 });
    const { [modelArn]: months = 0 } = await used('modelStorageMonths');
    assert.ok(months > 0 && months < 0.001);
    const { json } = await callRoute(server, 'GET', '/usage');
    assert.deepEqual([json.accountId, json.region, json.currency, json.total], [ACCOUNT, 'us-east-1', 'USD', 0.5]);
    const stored = json.entries.find((entry: { dimension: string }) => entry.dimension === 'modelStorageMonths');
    assert.deepEqual([stored.cost, stored.unit, stored.resourceArn], [null, 'months', null]);
  });

  it('estimates a job by those that were completed here, and model units by what the machine has', async () => {
    const estimate = async (body: object) => (await callRoute(server, 'POST', '/estimate', { body })).json;
    const hyperParameters = { stepCount: '40' };
    const job = { baseModelIdentifier: 'amazon.titan-image-generator-v1:0', imageCount: 5, hyperParameters };
    const { stepCount, imagesSeen, minutes, peakMemoryBytes, cost, basedOn, currency } = await estimate({
      customizationJob: job,
    });
    assert.deepEqual([stepCount, imagesSeen, cost, currency], [40, 200, 1, 'USD']);
    assert.deepEqual([peakMemoryBytes, basedOn], [1_000_000_000, { jobs: 1, likeness: 'same' }]);
    // A second for the 20 steps before, and whatever else that job did.
    assert.ok(minutes.low >= 2 / 60 && minutes.low === minutes.high);
    const full = await estimate({ customizationJob: { ...job, hyperParameters: { method: 'full' } } });
    assert.deepEqual([full.minutes, full.basedOn.likeness, full.stepCount > 0], [null, 'none', true]);
    const units = await estimate({ provisionedThroughput: { modelUnits: 9 } });
    assert.deepEqual([units.unitsAvailable, units.isAvailable, units.costPerHour], [8, false, null]);
  });

  it('tells before a job what its captions teach, with the words that the job adds, unless the job says so itself', async () => {
    const told = async (captions: string[] | undefined, hyperParameters = {}) => {
      const baseModelIdentifier = 'amazon.titan-image-generator-v1:0';
      const customizationJob = { baseModelIdentifier, imageCount: 5, captions, hyperParameters };
      return (await callRoute(server, 'POST', '/estimate', { body: { customizationJob } })).json.concept;
    };
    const things = ['a fox', 'a castle', 'a banana', 'a robot', 'a tulip'];
    const styled = things.map(thing => `${thing} in Lumen style`);
    assert.deepEqual([await told(undefined), await told([])], [null, null]);
    assert.deepEqual([await told(things), await told(styled)], ['subject', 'style']);
    assert.equal(await told(styled, { concept: 'subject' }), 'subject');
    assert.equal(await told(things, { captionSuffix: 'in Lumen style' }), 'style');
  });

  it('refuses an estimate by its member', async () => {
    const baseModelIdentifier = 'amazon.titan-image-generator-v1:0';
    const refusals: [object, RegExp][] = [
      [{}, /one member, an object: customizationJob or provisionedThroughput/],
      [{ customizationJob: { baseModelIdentifier: 'amazon.none' } }, /model identifier is invalid/],
      [{ customizationJob: { baseModelIdentifier, imageCount: 4 } }, /imageCount must be .* 5 to 10000; you sent 4/],
      [{ customizationJob: { baseModelIdentifier, imageCount: 5, steps: 1 } }, /customizationJob\.steps is not known/],
      [{ customizationJob: { baseModelIdentifier, imageCount: 5, hyperParameters: { batchSize: '12' } } }, /batchSize/],
      [{ customizationJob: { baseModelIdentifier, imageCount: 5, hyperParameters: null } }, /an object of strings/],
      [
        { customizationJob: { baseModelIdentifier, imageCount: 5, captions: ['a', 1] } },
        /captions must be .* 200 strings/,
      ],
      [
        { customizationJob: { baseModelIdentifier, imageCount: 5, captions: Array(201).fill('a') } },
        /captions must be/,
      ],
      [
        { customizationJob: { baseModelIdentifier, imageCount: 5, captions: ['a', 'b \ud800'] } },
        /^customizationJob\.captions\.1 must be well-formed Unicode; it has half of a surrogate pair\.$/,
      ],
      [{ provisionedThroughput: { modelUnits: 0 } }, /modelUnits must be .* from 1 to 1024; you sent 0/],
      [{ provisionedThroughput: { modelUnits: 1, commitmentDuration: 'Year' } }, /one of OneMonth, SixMonths/],
    ];
    for (const [body, message] of refusals) {
      const { status, json } = await callRoute(server, 'POST', '/estimate', { body });
      assert.deepEqual([status, json.__type], [400, 'ValidationException'], JSON.stringify(body));
      assert.match(json.message, message);
    }
  });

  it('tells of a stopped training what it had seen', async () => {
    await putDataSet(clients, 'stopped');
    const stopped = await createJob(clients, 'stopped', roleArn, { stepCount: '40000' });
    while ((await getJob(clients, stopped)).statusDetails?.trainingDetails?.status !== 'InProgress') await delay(20);
    await delay(100);
    await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: stopped }));
    await endedJob(clients, stopped);
    const { [stopped]: seen = 0 } = await used('imagesSeen');
    assert.ok(seen >= 5 && seen % 5 === 0, String(seen));
  });

  it('tells images drawn on demand, on units that were bought, and in batch, and the hours of the units', async () => {
    const invoke = (modelId: string, count: number) =>
      clients.runtime.send(new InvokeModelCommand({ modelId, body: JSON.stringify(body(count)) }));
    await invoke(BASE, 2);
    await invoke(BASE, 1);
    await assert.rejects(invoke(BASE, 6), { name: 'ValidationException' });
    const purchase = { provisionedModelName: 'units', modelId: modelArn, modelUnits: 2 };
    const { provisionedModelArn = '' } = await clients.bedrock.send(
      new CreateProvisionedModelThroughputCommand(purchase),
    );
    for (let tries = 0; tries < 200; tries += 1) {
      const isReady = await invoke(provisionedModelArn, 1).then(
        () => true,
        () => delay(50, false),
      );
      if (isReady) break;
    }
    const lines = [{ modelInput: body(3) }, { modelInput: body(9) }].map(line => JSON.stringify(line)).join('\n');
    await clients.s3.send(new PutObjectCommand({ Bucket: 'seen', Key: 'batch/in.jsonl', Body: lines }));
    const batch = await clients.bedrock.send(
      new CreateModelInvocationJobCommand({
        ...{ jobName: 'batch', roleArn, modelId: BASE },
        inputDataConfig: { s3InputDataConfig: { s3Uri: 's3://seen/batch/in.jsonl' } },
        outputDataConfig: { s3OutputDataConfig: { s3Uri: 's3://seen/drawn/' } },
      }),
    );
    const { jobArn: jobIdentifier = '' } = batch;
    const get = () => clients.bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier }));
    while ((await get()).status !== 'Completed') await delay(50);

    assert.deepEqual(await used('imagesDrawn'), {
      [`arn:aws:bedrock:us-east-1::foundation-model/${BASE} 512-standard`]: 3,
      [`${provisionedModelArn} 512-standard`]: 1,
      [`${jobIdentifier} 512-standard`]: 3,
    });
    await clients.bedrock.send(
      new DeleteProvisionedModelThroughputCommand({ provisionedModelId: provisionedModelArn }),
    );
    await clients.bedrock.send(new DeleteCustomModelCommand({ modelIdentifier: modelArn }));
    const [hours, months] = [await used('modelUnitHours'), await used('modelStorageMonths')];
    assert.ok((hours[`${provisionedModelArn} none`] ?? 0) > 0);
    await delay(50);
    assert.deepEqual(
      [await used('modelUnitHours'), await used('modelStorageMonths')],
      [hours, months],
      'no longer held',
    );
  });

  it('tells days and months apart, a window, and only the Region of the signature', async () => {
    const today = new Date().toISOString().slice(0, 10);
    const { json } = await callRoute(server, 'GET', `/usage?by=day&from=${today}`);
    assert.ok(json.entries.length > 0);
    assert.ok(json.entries.every((entry: { period: string }) => entry.period >= today));
    assert.deepEqual(await used('imagesSeen', '?from=2026-01-01&to=2026-01-02&by=month'), {});
    const west = await callRoute(server, 'GET', '/usage', { region: 'us-west-2' });
    assert.deepEqual(west.json.entries, []);
  });

  it('refuses a query by its member, and a caller without likeness:GetUsage', async () => {
    const refusals: [string, RegExp][] = [
      ['from=yesterday', /from must be a date like .*"yesterday"/],
      ['to=2026-02-30', /to must be a date/],
      ['from=2026-02-02&to=2026-02-02', /to must be after from/],
      ['from=2020-01-01&to=2026-01-01&by=day', /at most 366 days apart with by=day; you sent 2192/],
      ['by=week', /by must be one of total, day, month; you sent "week"/],
      ['resources=yes', /resources must be true or false/],
      ['account=1', /account is not known/],
    ];
    for (const [query, message] of refusals) {
      const { status, json } = await callRoute(server, 'GET', `/usage?${query}`);
      assert.deepEqual([status, json.__type], [400, 'ValidationException'], query);
      assert.match(json.message, message);
    }
    const told = await callFromShell(
      { endpoint: server.endpoint, region: 'us-east-1', ...ROOT },
      'GET',
      '/usage?to=2026-01-02&from=2026-01-01',
    );
    assert.deepEqual((told as { entries: unknown[] }).entries, [], "the command line's signature covers the query");
    const user = await makeUser(server, 'clerk', allow('likeness:ListQuotas'));
    assert.equal((await callRoute(server, 'GET', '/usage', { credentials: user })).status, 403);
  });
});
