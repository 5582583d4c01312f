import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { GetCustomModelCommand, StopModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { readConfig } from '../../src/config.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';

const quotas = { ...readConfig({}).quotas, trainingRecords: 50 };
const compute = createInProcessCompute({ slots: 4, millisecondsAStep: 2 });
let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  server = await startServer({ config: { quotas }, overrides: { compute } });
  clients = server.clients();
  roleArn = await putRole(clients, 'trainer');
});
after(() => server.close());

async function text(bucket: string, key: string): Promise<string> {
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

test('A job’s validation file, sample pictures and report lie in its output prefix', async () => {
  await putDataSet(clients, 'evaluated');
  const asked = { stepCount: '20', validationInterval: '10', rank: '8', samplePrompts: '["a <prompt>"]' };
  const jobArn = await createJob(clients, 'evaluated', roleArn, { hyperParameters: asked });
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  assert.deepEqual(job.hyperParameters, { ...asked, batchSize: '8', learningRate: '0.00001' });
  const prefix = `output/model-customization-job-${jobArn.slice(-12)}/validation_artifacts/`;
  const { Contents } = await clients.s3.send(new ListObjectsV2Command({ Bucket: 'evaluated', Prefix: prefix }));
  assert.deepEqual(
    Contents?.map(object => object.Key?.slice(prefix.length)),
    [
      'post_fine_tuning_validation/validation/validation_metrics.csv',
      'report.html',
      ...['000000', '000010', '000020'].map(step => `samples/step-${step}/prompt-00-seed-42.png`),
    ],
  );
  const csv = await text('evaluated', `${prefix}post_fine_tuning_validation/validation/validation_metrics.csv`);
  const [header = '', ...rows] = csv.trim().split('\n');
  assert.match(header, /^step_number,epoch_number,validation_loss,perplexity,score,is_best,subject_fidelity,/);
  assert.deepEqual(
    rows.map(row => row.split(',').slice(0, 3)),
    [
      ['0', '0', '1'],
      ['10', '0', String(1 / 11)],
      ['20', '0', String(1 / 21)],
    ],
  );
  assert.ok(rows.every(row => row.split(',').length === header.split(',').length));
  const report = await text('evaluated', `${prefix}report.html`);
  assert.match(report, /<img alt="a &lt;prompt&gt;, after 0 steps" /);
  assert.doesNotMatch(report, /<prompt>|https?:\/\//);
  assert.ok(report.includes(Buffer.from('picture after 20').toString('base64')));
  assert.match(report, /Train more steps: about/);
});

test('A key that no model has, and a value past a bound, are refused by name', async () => {
  await putDataSet(clients, 'refused');
  const refusal = (more: Record<string, string>) =>
    createJob(clients, 'refused', roleArn, { hyperParameters: more }).then(
      () => assert.fail('accepted'),
      (error: Error) => `${error.name}: ${error.message}`,
    );
  assert.match(await refusal({ lora_rank: '8' }), /^ValidationException: .*lora_rank is not a hyperparameter/);
  assert.match(await refusal({ rank: '1000' }), /^ValidationException: .*rank must be a whole number from 1 to 64/);
  assert.match(await refusal({ resolution: '131' }), /^ValidationException: .*resolution must be a multiple of 32/);
});

test('Validation data is read with the role, measured and told', async () => {
  await putDataSet(clients, 'validated');
  const line = JSON.stringify({ 'image-ref': 's3://validated/data/1.png', caption: 'Ron the dog' });
  await clients.s3.send(new PutObjectCommand({ Bucket: 'validated', Key: 'data/v.jsonl', Body: line }));
  const validator = 's3://validated/data/v.jsonl';
  const jobArn = await createJob(clients, 'validated', roleArn, { validator });
  const job = await endedJob(clients, jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  const expected = { config: { validators: [{ s3Uri: validator }] }, metrics: [{ validationLoss: 1 / 21 }] };
  assert.deepEqual({ config: job.validationDataConfig, metrics: job.validationMetrics }, expected);
  const model = await clients.bedrock.send(new GetCustomModelCommand({ modelIdentifier: job.outputModelArn }));
  assert.deepEqual({ config: model.validationDataConfig, metrics: model.validationMetrics }, expected);
});

test('Validation data that is not there, or has a bad line, fails the job in words that name it', async () => {
  await putDataSet(clients, 'unvalidated');
  const absent = await endedJob(
    clients,
    await createJob(clients, 'unvalidated', roleArn, { validator: 's3://unvalidated/data/none.jsonl' }),
  );
  assert.equal(absent.status, 'Failed');
  assert.match(absent.failureMessage ?? '', /Could not validate GetObject permissions .* at key data\/none\.jsonl/);
  await putDataSet(clients, 'badly-validated');
  const key = { Bucket: 'badly-validated', Key: 'data/v.jsonl' };
  const line = JSON.stringify({ 'image-ref': 's3://badly-validated/data/99.png', caption: 'Ron the dog' });
  await clients.s3.send(new PutObjectCommand({ ...key, Body: `${line}\n{}` }));
  const validator = 's3://badly-validated/data/v.jsonl';
  const bad = await endedJob(clients, await createJob(clients, 'badly-validated', roleArn, { validator }));
  assert.equal(bad.status, 'Failed');
  assert.match(bad.failureMessage ?? '', /2 of 2 records are not usable in v\.jsonl: line 1 \(s3:.*line 2/);
});

test('Training and validation records together keep to their quota', async () => {
  await putDataSet(clients, 'many');
  const line = JSON.stringify({ 'image-ref': 's3://many/data/1.png', caption: 'Ron the dog' });
  const Body = Array.from({ length: 46 }, () => line).join('\n');
  await clients.s3.send(new PutObjectCommand({ Bucket: 'many', Key: 'data/v.jsonl', Body }));
  const job = await endedJob(
    clients,
    await createJob(clients, 'many', roleArn, { validator: 's3://many/data/v.jsonl' }),
  );
  assert.equal(job.status, 'Failed');
  assert.match(job.failureMessage ?? '', /quota is 50 .*there are 51\..*LIKENESS_TRAINING_RECORDS.*\(v\.jsonl\)$/);
});

test('Trigger word, prefix and suffix are in the captions that a job trains on, and count for their length', async () => {
  const line = (bucket: string, number: number, caption: string) => ({
    [number]: JSON.stringify({ 'image-ref': `s3://${bucket}/data/${number}.png`, caption }),
  });
  await putDataSet(clients, 'too-long', { lines: line('too-long', 4, 'x'.repeat(1020)) });
  const words = { triggerWord: 'Ron the dog', captionSuffix: ', flat' };
  const tooLong = await endedJob(clients, await createJob(clients, 'too-long', roleArn, { hyperParameters: words }));
  assert.equal(tooLong.status, 'Failed');
  assert.match(tooLong.failureMessage ?? '', /line 4 .*at most 1024 characters with triggerWord.*it has 1038/s);

  const lines = { ...line('worded', 2, '[trigger] on a couch'), ...line('worded', 3, 'on a couch') };
  await putDataSet(clients, 'worded', { lines });
  const hyperParameters = { ...words, stepCount: '40000', validationInterval: '0' };
  const jobArn = await createJob(clients, 'worded', roleArn, { hyperParameters });
  while (compute.running().length === 0) await new Promise(setImmediate);
  const [folder = ''] = compute.running();
  const records = readFileSync(join(folder, 'data/manifest.jsonl'), 'utf8').trim().split('\n');
  assert.deepEqual(
    records.map(record => JSON.parse(record).caption),
    [
      'Ron the dog, number 1, flat',
      ...['Ron the dog on a couch, flat', 'Ron the dog on a couch, flat'],
      ...['Ron the dog, number 4, flat', 'Ron the dog, number 5, flat'],
    ],
  );
  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  assert.equal((await endedJob(clients, jobArn)).status, 'Stopped');
});
