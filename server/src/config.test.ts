import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { readConfig } from './config.ts';

test('base models and the model map are lists of pairs', () => {
  const config = readConfig({
    LIKENESS_SCORE_ENCODERS: 'likeness.art-v1=/models/clip',
    LIKENESS_BASE_MODELS: 'acme.photos-v1=/models/photos,acme.logos-v1=/models/logos',
    LIKENESS_MODEL_MAP: 'amazon.titan-image-generator-v2:0=acme.photos-v1',
  });
  assert.deepEqual(config.scoreEncoderPaths, { 'likeness.art-v1': '/models/clip' });
  assert.deepEqual(config.baseModelPaths, { 'acme.photos-v1': '/models/photos', 'acme.logos-v1': '/models/logos' });
  assert.deepEqual(config.modelMap, { 'amazon.titan-image-generator-v2:0': 'acme.photos-v1' });
  assert.deepEqual(readConfig({}).baseModelPaths, {});
  assert.deepEqual(readConfig({ LIKENESS_MODEL_MAP: '' }).modelMap, {});
});

test("quotas are AWS's or none until they are set, and requests a second are counted where told", () => {
  const { quotas } = readConfig({});
  assert.deepEqual([quotas.scheduledJobs, quotas.noCommitmentModelUnits], [10, null]);
  const set = readConfig({
    LIKENESS_SCHEDULED_JOBS: 'none',
    LIKENESS_NO_COMMITMENT_UNITS: '0',
    LIKENESS_REQUESTS_PER_SECOND: 's3=200,bedrock-runtime=5',
  });
  assert.deepEqual([set.quotas.scheduledJobs, set.quotas.noCommitmentModelUnits], [null, 0]);
  assert.deepEqual(set.requestsPerSecond, { s3: 200, 'bedrock-runtime': 5 });
});

test('a worker leaves a core to the server, unless it is told its threads', () => {
  assert.equal(readConfig({}).workerThreads, Math.max(1, availableParallelism() - 1));
  assert.equal(readConfig({ LIKENESS_WORKER_THREADS: '3' }).workerThreads, 3);
});

test('a bucket may have a prefix', () => {
  const bucketOf = (text: string) => readConfig({ LIKENESS_TRAIL_BUCKET: text }).trailBucket;
  assert.equal(bucketOf(''), undefined);
  assert.deepEqual(bucketOf('logs'), { name: 'logs', keyPrefix: '' });
  assert.deepEqual(bucketOf('logs/a/b/'), { name: 'logs', keyPrefix: 'a/b/' });
});

test('a setting out of form is refused with its name and its value', () => {
  const refusals: [NodeJS.ProcessEnv, RegExp][] = [
    [{ LIKENESS_PORT: '65536' }, /LIKENESS_PORT must be a whole number from 0 to 65535; it is "65536"/],
    [{ LIKENESS_SANDBOX: 'maybe' }, /LIKENESS_SANDBOX must be one of auto, require, off; it is "maybe"/],
    [
      { LIKENESS_BASE_MODELS: '/models/photos' },
      /LIKENESS_BASE_MODELS must look like id=folder,…; it has "\/models\/photos"/,
    ],
    [{ LIKENESS_CUSTOM_MODELS: '-1' }, /LIKENESS_CUSTOM_MODELS must be a whole number from 0 to 100000; it is "-1"/],
    [{ LIKENESS_REQUESTS_PER_SECOND: 'ec2=1' }, /must name services of s3, iam.*; it has "ec2"/],
    [{ LIKENESS_REQUESTS_PER_SECOND: 's3=0' }, /whole numbers from 1 to 999999; s3 has "0"/],
    [{ LIKENESS_TRAIL: 'some' }, /LIKENESS_TRAIL must be one of management, all, off; it is "some"/],
    [
      { LIKENESS_TRAIL_BUCKET: 's3://a' },
      /LIKENESS_TRAIL_BUCKET must look like bucket or bucket\/prefix; it is "s3:\/\/a"/,
    ],
    [
      { LIKENESS_EVENTS_WEBHOOK: 'ftp://a' },
      /LIKENESS_EVENTS_WEBHOOK must be a URL with http or https; it is "ftp:\/\/a"/,
    ],
    [{ LIKENESS_EVENTS_WEBHOOK: 'http://a' }, /LIKENESS_EVENTS_WEBHOOK needs LIKENESS_EVENTS_WEBHOOK_SECRET beside it/],
    [
      { LIKENESS_METRICS_TOKEN: 'short' },
      /LIKENESS_METRICS_TOKEN must be at least 16 visible ASCII characters; it has 5/,
    ],
    [{ LIKENESS_MODEL_MAP: 'a=b=c' }, /LIKENESS_MODEL_MAP must look like id=baseModelId/],
  ];
  for (const [environment, message] of refusals) assert.throws(() => readConfig(environment), message);
});
