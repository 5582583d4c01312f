import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StopModelCustomizationJobCommand } from '@aws-sdk/client-bedrock';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, getJob, pngHeader, putDataSet, putRole } from '../support/training-data.ts';

let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  server = await startServer({ overrides: { compute: createInProcessCompute({ slots: 2, millisecondsAStep: 5 }) } });
  clients = server.clients();
  roleArn = await putRole(clients, 'trainer');
});
after(() => server.close());

const record = (bucket: string, number: number, mask: string) =>
  JSON.stringify({
    'image-ref': `s3://${bucket}/data/${number}.png`,
    caption: 'Ron the dog',
    'mask-ref': `s3://${bucket}/data/masks/${mask}`,
  });

async function putMask(bucket: string, name: string, body: Buffer): Promise<void> {
  await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key: `data/masks/${name}`, Body: body }));
}

test('A trainer gets the masks beside the images, and what counts outside of them', async () => {
  const lines = { 2: record('masked', 2, '2.png'), 3: record('masked', 3, '2.png') };
  await putDataSet(clients, 'masked', { lines });
  await putMask('masked', '2.png', pngHeader(256, 256));
  const hyperParameters = { unmaskedWeight: '0.05', maskedLoss: 'the dog' };
  const jobArn = await createJob(clients, 'masked', roleArn, { stepCount: '40000', hyperParameters });
  while ((await getJob(clients, jobArn)).statusDetails?.trainingDetails?.status !== 'InProgress') await delay(20);
  const run = join(server.dataDirectory, 'runs', jobArn.slice(-12), '1');
  const spec = JSON.parse(readFileSync(join(run, 'spec.json'), 'utf8'));
  assert.deepEqual([spec.maskPrompt, spec.unmaskedWeight], ['the dog', 0.05]);
  const manifest = readFileSync(join(run, 'data/manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  const mask = 'data/masks/3';
  assert.deepEqual(
    manifest.map(entry => entry.mask),
    [undefined, mask, mask, undefined, undefined],
  );
  assert.equal(readFileSync(join(run, mask)).length, pngHeader().length);
  await clients.bedrock.send(new StopModelCustomizationJobCommand({ jobIdentifier: jobArn }));
  await endedJob(clients, jobArn);
});

test('Each mask that cannot be used is named by line and member', async () => {
  const lines = {
    1: record('spoilt', 1, 'absent.png'),
    2: record('spoilt', 2, 'wide.png'),
    3: record('spoilt', 3, 'film.png'),
    4: JSON.stringify({ 'image-ref': 's3://spoilt/data/4.png', caption: 'Ron the dog', 'mask-ref': 'masks/4.png' }),
  };
  await putDataSet(clients, 'spoilt', { lines });
  await putMask('spoilt', 'wide.png', pngHeader(1024, 512));
  await putMask('spoilt', 'film.png', Buffer.from('GIF89a not a png'));
  const { status, failureMessage = '' } = await endedJob(clients, await createJob(clients, 'spoilt', roleArn));
  assert.equal(status, 'Failed');
  assert.match(
    failureMessage,
    /^4 of 5 records are not usable in train\.jsonl: line 1 \(s3:\/\/spoilt\/data\/1\.png\): its mask \(mask-ref\) Could not validate GetObject .* at key data\/masks\/absent\.png: it does not exist;/,
  );
  assert.match(
    failureMessage,
    /line 2 .*: its mask \(mask-ref\) is 1024 × 512 pixels, the image 512 × 512: both must have/,
  );
  assert.match(failureMessage, /line 3 .*: its mask \(mask-ref\) is a GIF, not a JPEG or PNG/);
  assert.match(failureMessage, /line 4 .*: "mask-ref" must be a full S3 URI: write s3:\/\/spoilt\/data\/masks\/4\.png/);
});

test('The weight outside of masks has its bounds', async () => {
  const sent = createJob(clients, 'masked', roleArn, { name: 'other', hyperParameters: { unmaskedWeight: '2' } });
  await assert.rejects(sent, {
    name: 'ValidationException',
    message: 'hyperParameters.unmaskedWeight must be a number from 0 to 1; you sent "2".',
  });
});
