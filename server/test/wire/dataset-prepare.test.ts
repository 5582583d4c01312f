import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { datasetBuild } from '../../src/cli/dataset-build.ts';
import { datasetCaption, datasetMask } from '../../src/cli/dataset-prepare.ts';
import { CliFailure } from '../../src/cli/failure.ts';
import { NoAnswer } from '../../src/cli/signed-call.ts';
import { callRoute } from '../support/routes.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { pngHeader } from '../support/training-data.ts';

describe('preparing a data set from a shell', () => {
  let server: TestServer;
  let folder: string;
  let asked = 0;
  const printed: string[] = [];
  const ask = async (path: string, body: object) => {
    asked += 1;
    const { status, json } = await callRoute(server, 'POST', path, { body });
    if (status === 200) return json;
    throw new CliFailure(json.message);
  };
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');
  const trigger = 'Ron the dog';

  before(async () => {
    server = await startServer();
  });
  after(() => server.close());
  beforeEach(() => {
    asked = 0;
    folder = mkdtempSync(join(tmpdir(), 'likeness-prepare-'));
    mock.method(console, 'log', (line: string) => printed.push(line));
    for (const number of [1, 2, 3, 4, 5]) writeFileSync(join(folder, `ron_${number}.png`), pngHeader());
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true });
  });

  it('captions a folder, leaves what a person wrote, and goes on where it was', async () => {
    writeFileSync(join(folder, 'ron_2.txt'), 'Ron on my couch\n');
    await datasetCaption(folder, { trigger }, {}, ask);
    assert.equal(asked, 4);
    assert.match(text('ron_1.txt'), /^Ron the dog as .* sees it\n$/);
    assert.equal(text('ron_2.txt'), 'Ron on my couch\n');
    await datasetCaption(folder, { trigger }, {}, ask);
    assert.equal(asked, 4, 'nothing is asked twice');
    await datasetCaption(folder, { trigger, overwrite: true }, {}, ask);
    assert.match(text('ron_2.txt'), /^Ron the dog as/);
  });

  it('makes masks that a build puts into its records', async () => {
    await datasetCaption(folder, { trigger }, {}, ask);
    await datasetMask(folder, { subject: 'the dog' }, {}, ask);
    assert.match(text('masks/ron_3.png'), /^the dog by base/);
    await datasetBuild(folder, { s3Prefix: 's3://bucket/data' });
    const records = text('train.jsonl')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.equal(records[2]['mask-ref'], 's3://bucket/data/masks/ron_3.png');
  });

  it('finds pictures in folders below, whose names may be the same, and what a person wrote in another kind of file', async () => {
    for (const name of ['ron', 'smila']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, '1.png'), pngHeader());
    }
    writeFileSync(join(folder, 'ron', '1.caption'), 'Ron as I wrote');
    await datasetCaption(folder, { trigger }, {}, ask);
    assert.equal(asked, 6);
    assert.equal(text('ron/1.caption'), 'Ron as I wrote');
    assert.throws(() => text('ron/1.txt'), /ENOENT/, 'dataset build would take it in the place of the other');
    await datasetBuild(folder, { s3Prefix: 's3://bucket/data' });
    await datasetMask(folder, { subject: 'the dog' }, {}, ask);
    assert.match(text('smila/masks/1.png'), /^the dog by base/);
    const records = text('train.jsonl')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.deepEqual(
      records.slice(0, 1).map(record => [record['image-ref'], record['mask-ref'], record.caption]),
      [['s3://bucket/data/ron/1.png', 's3://bucket/data/ron/masks/1.png', 'Ron as I wrote']],
    );
  });

  it('fills a manifest, tells what failed, and keeps what was made', async () => {
    writeFileSync(join(folder, 'ron_4.png'), 'GIF89a');
    const line = (number: number, caption?: string) =>
      JSON.stringify({ 'image-ref': `s3://bucket/data/ron_${number}.png`, ...(caption && { caption }) });
    writeFileSync(join(folder, 'train.jsonl'), [line(1, 'mine'), line(4), line(5)].join('\n'));
    const run = datasetCaption(folder, { trigger }, {}, ask);
    await assert.rejects(run, { name: 'Error', message: '1 of 2 pictures got no caption.' });
    const captions = text('train.jsonl')
      .trim()
      .split('\n')
      .map(record => JSON.parse(record).caption);
    assert.equal(captions[0], 'mine');
    assert.equal(captions[1], undefined);
    assert.match(captions[2], /^Ron the dog as/);
    assert.ok(printed.some(told => told.includes('ron_4.png: ! image is a GIF, not a JPEG or PNG')));
  });

  it('captions and masks pictures in S3, whose manifest it begins', async () => {
    const { s3 } = server.clients();
    await s3.send(new CreateBucketCommand({ Bucket: 'prepared' }));
    for (const number of ['1', 'walks/2']) {
      const Key = `data/${number}.png`;
      await s3.send(new PutObjectCommand({ Bucket: 'prepared', Key, Body: pngHeader() }));
    }
    const variables = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${server.port}`,
      AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    };
    const before = { ...process.env };
    Object.assign(process.env, variables);
    try {
      await datasetCaption('s3://prepared/data', { trigger }, process.env, ask);
      await datasetMask('s3://prepared/data/train.jsonl', { subject: 'the dog' }, process.env, ask);
    } finally {
      process.env = before;
    }
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'prepared', Key: 'data/train.jsonl' }));
    const records = ((await Body?.transformToString()) ?? '')
      .trim()
      .split('\n')
      .map(record => JSON.parse(record));
    assert.deepEqual(
      records.map(record => [record['image-ref'], record['mask-ref'], record.caption.slice(0, 11)]),
      [
        ['s3://prepared/data/1.png', 's3://prepared/data/masks/1.png', trigger],
        ['s3://prepared/data/walks/2.png', 's3://prepared/data/walks/masks/2.png', trigger],
      ],
    );
  });

  it('fails once, before the first picture, where no service runs, and at once where it ends meanwhile', async () => {
    const data = join(folder, 'no-service');
    mkdirSync(data);
    printed.length = 0;
    await assert.rejects(datasetCaption(folder, { data }, {}), /the service is not running: start it with npx/);
    await assert.rejects(datasetMask(folder, { data, subject: 'the dog' }, {}), /the service is not running/);
    const gone = async () => {
      asked += 1;
      throw new NoAnswer('no service answers at http://127.0.0.1:9.');
    };
    await assert.rejects(datasetCaption(folder, {}, {}, gone), /no service answers/);
    assert.deepEqual([asked, printed], [1, []]);
  });

  it('says what is wrong with a place', async () => {
    await assert.rejects(datasetCaption(join(folder, 'nowhere'), {}, {}, ask), /there is nothing at/);
    writeFileSync(join(folder, 'train.jsonl'), '{"caption": "x"}');
    await assert.rejects(datasetMask(folder, { subject: 'x' }, {}, ask), /line 1 is no JSON object with "image-ref"/);
  });
});
