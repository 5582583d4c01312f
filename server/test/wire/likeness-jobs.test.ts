import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteCustomModelCommand,
  GetCustomModelCommand,
  StopModelCustomizationJobCommand,
} from '@aws-sdk/client-bedrock';
import { CreateKeyCommand, ListGrantsCommand } from '@aws-sdk/client-kms';
import Sqlite from 'better-sqlite3';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { send } from '../support/raw-http.ts';
import { callRoute } from '../support/routes.ts';
import { type Credentials, ROOT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { signByHand } from '../support/signing.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';
import { makeUser } from './access-support.ts';

describe('the routes of a job', () => {
  let server: TestServer;
  let nobody: Credentials;
  let encoder: string;
  let jobId: string;

  before(async () => {
    encoder = await mkdtemp(join(tmpdir(), 'likeness-encoder-'));
    await writeFile(join(encoder, 'config.json'), JSON.stringify({ model_type: 'clip', _name_or_path: 'small' }));
    server = await startServer({
      config: { scoreEncoderPaths: { 'likeness.art-v1': encoder } },
      overrides: { compute: createInProcessCompute({ slots: 1, millisecondsAStep: 2 }) },
    });
    nobody = await makeUser(server, 'nobody');
    const clients = server.clients();
    const roleArn = await putRole(clients, 'trainer');
    await putDataSet(clients, 'watched');
    const hyperParameters = { validationInterval: '10', rank: '4' };
    const jobArn = await createJob(clients, 'watched', roleArn, { hyperParameters });
    await endedJob(clients, jobArn);
    jobId = jobArn.slice(-12);
  });
  after(async () => {
    await server.close();
    await rm(encoder, { recursive: true });
  });

  it('advise, with the numbers that led to it and the hyperparameters as given and as applied', async () => {
    const { status, json } = await callRoute(server, 'GET', `/jobs/${jobId}/advice`);
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal(json.advice, 'moreSteps');
    assert.equal(json.numbers.lastStep, 20);
    assert.deepEqual([json.hyperParameters.given.rank, json.hyperParameters.applied.rank], ['4', 4]);
    assert.equal(json.hyperParameters.applied.concept, 'subject');
    assert.match(json.modelArn, /:custom-model\//);
    assert.deepEqual(json.warnings, []);
    assert.deepEqual(
      json.evaluations.map((evaluation: { step: number }) => evaluation.step),
      [0, 10, 20],
    );
    assert.deepEqual([...new Set(json.evaluations.map((one: { encoder: string }) => one.encoder))], ['small']);
    assert.ok(!JSON.stringify(json).includes('evaluations/step'));
  });

  it('send the events as they come, and the end; a client goes on from the last id', async () => {
    const stream = async (target: string) => {
      const request = signByHand({
        ...{ method: 'GET', region: 'us-east-1', service: 'likeness', host: `127.0.0.1:${server.port}` },
        ...{ target, body: '', credentials: ROOT, say: {} },
      });
      return send(server.port, request);
    };
    const whole = await stream(`/_likeness/v1/jobs/${jobId}/events`);
    assert.equal(whole.headers['content-type'], 'text/event-stream');
    assert.equal(whole.body.match(/^event: step$/gm)?.length, 20);
    assert.equal(whole.body.match(/^event: evaluation$/gm)?.length, 3);
    assert.match(whole.body, /event: end\ndata: {"status":"Completed"}\n\n/);
    const id = /^id: (.*)$/m.exec(whole.body)?.[1] ?? '';
    const rest = await stream(`/_likeness/v1/jobs/${jobId}/events?after=${encodeURIComponent(id)}`);
    assert.deepEqual(rest.body.match(/^event: .*$/gm), ['event: end']);
  });

  it('list the checkpoints beside the model, and make a model of one that its deletion outlives', async () => {
    const { status, json } = await callRoute(server, 'GET', `/jobs/${jobId}/checkpoints`);
    assert.equal(status, 200, JSON.stringify(json));
    assert.deepEqual(
      json.checkpoints.map(({ step, validationLoss, score }: Record<string, number>) => [step, validationLoss, score]),
      [[10, 1 / 11, 0.1]],
      'the last step is the model itself',
    );
    assert.ok(Date.parse(json.checkpoints[0].expiresAt) > Date.now() + 6.9 * 24 * 60 * 60 * 1000);
    const promote = (step: string, body: object, options = {}) =>
      callRoute(server, 'POST', `/jobs/${jobId}/checkpoints/${step}/promote`, { body, ...options });
    const made = await promote('10', { modelName: 'earlier' });
    assert.equal(made.status, 201, JSON.stringify(made.json));

    const { bedrock } = server.clients();
    const model = await bedrock.send(new GetCustomModelCommand({ modelIdentifier: 'earlier' }));
    assert.deepEqual([model.modelArn, model.jobName], [made.json.modelArn, 'job-watched']);
    const taken = await promote('10', { modelName: 'model-watched' });
    assert.deepEqual([taken.status, taken.json.message], [400, 'The provided custom model name is currently in use.']);
    for (const step of ['20', '11', '010', 'x']) assert.equal((await promote(step, { modelName: 'no' })).status, 404);
    for (const modelName of ['', 'a--b', 'a b', 'a'.repeat(64), 7, undefined]) {
      const odd = await promote('10', { modelName });
      assert.deepEqual([odd.status, odd.json.__type], [400, 'ValidationException'], String(modelName));
      assert.match(odd.json.message, /^modelName must be 1 to 63/);
    }
    assert.equal((await promote('10', { modelName: 'no' }, { credentials: nobody })).status, 403);
    assert.equal((await promote('10', { modelName: 'no' }, { region: 'eu-west-1' })).status, 404);

    await bedrock.send(new DeleteCustomModelCommand({ modelIdentifier: 'model-watched' }));
    assert.deepEqual((await callRoute(server, 'GET', `/jobs/${jobId}/checkpoints`)).json.checkpoints, []);
    assert.equal((await promote('10', { modelName: 'late' })).status, 404);
    assert.ok(await bedrock.send(new GetCustomModelCommand({ modelIdentifier: 'earlier' })));
  });

  it('show what was drawn along the steps while the job trains, after a stop and after its end', async () => {
    const clients = server.clients();
    await putDataSet(clients, 'drawn');
    const roleArn = await putRole(clients, 'drawer');
    const hyperParameters = { validationInterval: '10', stepCount: '4000' };
    const jobArn = await createJob(clients, 'drawn', roleArn, { hyperParameters });
    const id = jobArn.slice(-12);
    const list = async () => (await callRoute(server, 'GET', `/jobs/${id}/samples`)).json;
    assert.deepEqual((await list()).expiresAt, null);
    await until(async () => (await list()).samples.some(({ step }: { step: number }) => step >= 20));
    const running = await list();
    assert.deepEqual([running.status, running.expiresAt, running.prompts], ['InProgress', null, ['a <prompt>']]);
    assert.deepEqual(running.samples.slice(0, 3), [
      { step: 0, prompt: 0, seed: 42 },
      { step: 10, prompt: 0, seed: 42 },
      { step: 20, prompt: 0, seed: 42 },
    ]);
    assert.equal(await pictureOf(id, '10/0/42'), '200 image/png picture after 10');
    await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
    assert.equal((await endedJob(clients, jobArn)).status, 'Stopped');
    const stopped = await list();
    assert.ok(stopped.samples.length >= running.samples.length);
    assert.ok(Date.parse(stopped.expiresAt) > Date.now() + 6.9 * 24 * 60 * 60 * 1000);
    assert.equal(await pictureOf(id, '10/0/42'), '200 image/png picture after 10');
    for (const other of ['11/0/42', '10/1/42', '10/0/43', '010/0/42', 'x/0/42'])
      assert.match(await pictureOf(id, other), /^404 /, other);
  });

  it('go with the model that they are of', async () => {
    const clients = server.clients();
    await putDataSet(clients, 'gone');
    const roleArn = await putRole(clients, 'goer');
    const jobArn = await createJob(clients, 'gone', roleArn, { hyperParameters: { validationInterval: '10' } });
    await endedJob(clients, jobArn);
    const id = jobArn.slice(-12);
    const completed = (await callRoute(server, 'GET', `/jobs/${id}/samples`)).json;
    assert.deepEqual(
      completed.samples.map(({ step }: { step: number }) => step),
      [0, 10, 20],
    );
    assert.equal(await pictureOf(id, '20/0/42'), '200 image/png picture after 20');
    await clients.bedrock.send(new DeleteCustomModelCommand({ modelIdentifier: 'model-gone' }));
    assert.deepEqual((await callRoute(server, 'GET', `/jobs/${id}/samples`)).json.samples, []);
    assert.match(await pictureOf(id, '20/0/42'), /^404 /);
  });

  it('name every record that the job could not use, a hundred at a time, and end with the log', async () => {
    const clients = server.clients();
    const line = (number: number) => JSON.stringify({ 'image-ref': `s3://faulty/data/${number}.png`, caption: 'no' });
    const lines = Object.fromEntries(Array.from({ length: 105 }, (_, index) => [index + 2, line(index + 2)]));
    await putDataSet(clients, 'faulty', { count: 110, lines });
    const roleArn = await putRole(clients, 'finder');
    const jobArn = await createJob(clients, 'faulty', roleArn);
    assert.equal((await endedJob(clients, jobArn)).status, 'Failed');
    const route = `/jobs/${jobArn.slice(-12)}/data-errors`;
    const first = (await callRoute(server, 'GET', route)).json;
    assert.deepEqual([first.manifestUri, first.count, first.errors.length], ['s3://faulty/data/train.jsonl', 105, 100]);
    assert.deepEqual([first.errors[0].line, first.errors[0].imageRef], [2, 's3://faulty/data/2.png']);
    assert.match(first.errors[0].reason, /^"caption" must be 3 to 1024 characters/);
    const rest = (await callRoute(server, 'GET', `${route}?after=${first.nextAfter}`)).json;
    assert.deepEqual([rest.errors.length, rest.errors.at(-1).line, rest.nextAfter], [5, 106, null]);
    const few = (await callRoute(server, 'GET', `${route}?maxResults=2&after=3`)).json;
    assert.deepEqual([few.errors.map(({ line }: { line: number }) => line), few.nextAfter], [[4, 5], 5]);
    for (const odd of ['after=soon', 'maxResults=0', 'maxResults=1001'])
      assert.equal((await callRoute(server, 'GET', `${route}?${odd}`)).status, 400, odd);
    assert.deepEqual((await callRoute(server, 'GET', `/jobs/${jobId}/data-errors`)).json, {
      ...{ manifestUri: null, count: 0, errors: [], nextAfter: null },
    });
    const log = await callRoute(server, 'GET', `/jobs/${jobId}/log`);
    assert.deepEqual([log.status, log.json], [200, { attempt: 1, log: '' }]);
  });

  it('fail by the name of the setting where the encoder that shall score is not there', async () => {
    await rm(encoder, { recursive: true });
    const clients = server.clients();
    await putDataSet(clients, 'unscored');
    const roleArn = await putRole(clients, 'second');
    const job = await endedJob(clients, await createJob(clients, 'unscored', roleArn));
    assert.equal(job.status, 'Failed');
    assert.match(job.failureMessage ?? '', /LIKENESS_SCORE_ENCODERS names for likeness.art-v1 cannot be read/);
    await mkdir(encoder);
  });

  it('refuse what is not there, not allowed or not a position', async () => {
    const absent = await callRoute(server, 'GET', '/jobs/aaaaaaaaaaaa/advice');
    assert.deepEqual([absent.status, absent.json.__type], [404, 'ResourceNotFoundException']);
    const elsewhere = await callRoute(server, 'GET', `/jobs/${jobId}/advice`, { region: 'eu-west-1' });
    assert.equal(elsewhere.status, 404);
    for (const route of ['advice', 'events', 'checkpoints', 'samples', 'samples/10/0/42', 'data-errors', 'log']) {
      const denied = await callRoute(server, 'GET', `/jobs/${jobId}/${route}`, { credentials: nobody });
      assert.deepEqual([denied.status, denied.json.__type], [403, 'AccessDeniedException']);
    }
    const odd = await callRoute(server, 'GET', `/jobs/${jobId}/events?after=soon`);
    assert.deepEqual([odd.status, odd.json.__type], [400, 'ValidationException']);
  });

  /** Status, type and body of a sample. @param sample `10/0/42` */
  async function pictureOf(id: string, sample: string): Promise<string> {
    const request = signByHand({
      ...{ method: 'GET', region: 'us-east-1', service: 'likeness', host: `127.0.0.1:${server.port}` },
      ...{ target: `/_likeness/v1/jobs/${id}/samples/${sample}`, body: '', credentials: ROOT, say: {} },
    });
    const { status, headers, body } = await send(server.port, request);
    return `${status} ${headers['content-type']} ${body}`;
  }
});

it('Samples are there while they are being kept: their row comes before their bytes', async () => {
  const server = await startServer({
    overrides: { compute: createInProcessCompute({ slots: 1, millisecondsAStep: 2 }) },
  });
  try {
    const clients = server.clients();
    await putDataSet(clients, 'kept');
    const hyperParameters = { validationInterval: '40000', stepCount: '40000' };
    const jobArn = await createJob(clients, 'kept', await putRole(clients, 'keeper'), { hyperParameters });
    const samples = async () => (await callRoute(server, 'GET', `/jobs/${jobArn.slice(-12)}/samples`)).json.samples;
    await until(async () => (await samples()).length > 0);
    const drawn = await samples();
    const rows = new Sqlite(join(server.dataDirectory, 'likeness.sqlite'));
    rows.exec(
      "insert into bedrock_checkpoints (weights_id, model_id, kind, expires_at) select custom_model_id || '-samples', custom_model_id, 'samples', 9e15 from bedrock_jobs",
    );
    rows.close();
    assert.deepEqual(await samples(), drawn);
    await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
    await endedJob(clients, jobArn);
    assert.deepEqual(await samples(), drawn);
  } finally {
    await server.close();
  }
});

it('Samples of a job that made no model give their key back when their time is over', async () => {
  const compute = createInProcessCompute({ slots: 1, millisecondsAStep: 2 });
  const first = await startServer({ overrides: { compute } });
  const { kms, bedrock, ...others } = first.clients();
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const keyId = KeyMetadata?.KeyId ?? '';
  await putDataSet({ kms, bedrock, ...others }, 'sealed');
  const roleArn = await putRole({ kms, bedrock, ...others }, 'sealer');
  const hyperParameters = { validationInterval: '4000', stepCount: '4000' };
  const jobArn = await createJob({ kms, bedrock, ...others }, 'sealed', roleArn, { keyId, hyperParameters });
  const samples = async () => (await callRoute(first, 'GET', `/jobs/${jobArn.slice(-12)}/samples`)).json.samples;
  await until(async () => (await samples()).length > 0);
  await bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  await endedJob({ kms, bedrock, ...others }, jobArn);
  assert.equal((await samples()).length, 1, 'under the key of the job');
  const ofModel = async (clients: TestClients) =>
    (await clients.kms.send(new ListGrantsCommand({ KeyId: keyId }))).Grants?.filter(({ Name }) =>
      Name?.includes(':custom-model/'),
    ).length;
  assert.equal(await ofModel(first.clients()), 1);
  await first.close({ keepData: true });

  const [weightsId = ''] = (await readdir(join(first.dataDirectory, 'models'))).filter(id => id.endsWith('-samples'));
  const store = await openSqliteStore(join(first.dataDirectory, 'likeness.sqlite'));
  const modelId = weightsId.replace('-samples', '');
  await store.transaction(rows =>
    rows.bedrock.insertCheckpoints([{ weightsId, modelId, kind: 'samples', step: null, expiresAt: 1 }]),
  );
  await store.close();
  const second = await startServer({ dataDirectory: first.dataDirectory });
  try {
    await until(async () => (await ofModel(second.clients())) === 0);
    assert.deepEqual(
      (await readdir(join(second.dataDirectory, 'models'))).filter(id => id.endsWith('-samples')),
      [],
    );
  } finally {
    await second.close();
  }
});

async function until(check: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await check()); await delay(20))
    assert.ok(Date.now() < deadline, 'waited 60 seconds');
}
