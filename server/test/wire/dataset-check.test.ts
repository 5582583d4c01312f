import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { datasetCheck } from '../../src/cli/dataset-check.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { pngHeader, putDataSet } from '../support/training-data.ts';

describe('checking a data set in S3 from a shell', () => {
  let server: TestServer;
  const variables = { ...process.env };
  let printed: string[] = [];
  before(async () => {
    server = await startServer();
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
      LIKENESS_PYTHON: '/nonexistent',
    });
    mock.method(console, 'log', (line: string) => printed.push(line));
    await putDataSet(server.clients(), 'checked');
  });
  after(async () => {
    mock.restoreAll();
    process.env = variables;
    await server.close();
  });
  const check = (place: string) => {
    printed = [];
    return datasetCheck(place, {}, process.env);
  };
  const put = (Key: string, Body: string | Buffer) =>
    server.clients().s3.send(new PutObjectCommand({ Bucket: 'checked', Key, Body }));

  it('finds the train.jsonl of a folder, with and without a slash at its end', async () => {
    for (const place of ['s3://checked/data/train.jsonl', 's3://checked/data/', 's3://checked/data']) {
      await check(place);
      assert.deepEqual(printed, [`${place}: 5 records, all good.`]);
    }
    await assert.rejects(check('s3://checked'), /there is no s3:\/\/checked\/train\.jsonl: name the manifest/);
    await assert.rejects(
      check('s3://checked/other'),
      /no s3:\/\/checked\/other and no s3:\/\/checked\/other\/train\.jsonl/,
    );
    await assert.rejects(check('s3://absent/data/'), /cannot be read from http.*NoSuchBucket/);
  });

  it('takes a captions file for what it is', async () => {
    await put('captions.jsonl', '{"image-ref": "1.png", "caption": "Ron the dog"}');
    await assert.rejects(check('s3://checked/captions.jsonl'), /is a captions file: make a manifest of it first/);
  });

  it('names a picture that is cut short, as a job would', async () => {
    await put('data/3.png', pngHeader().subarray(0, 36));
    await put('data/4.png', '');
    await assert.rejects(check('s3://checked/data'), /2 of 5 records/);
    assert.match(printed[0] ?? '', /^line 3 \(s3:\/\/checked\/data\/3\.png\): is cut short: its PNG data has no end$/);
    assert.match(printed[1] ?? '', /^line 4 .*: is empty/);
  });
});
