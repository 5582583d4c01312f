import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { CreateProvisionedModelThroughputCommand } from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  GetObjectCommand,
  ListObjectsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';

const MODEL = 'amazon.titan-image-generator-v1';
const token = 'a-token-of-the-metrics';

/** The answer to a plain request. fetch would not send a Host of our own. */
async function get(server: TestServer, headers: Record<string, string> = {}, path = '/metrics') {
  return await new Promise<{ status: number; type: string; body: string }>((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port: server.port, path, headers }, answer => {
      answer.setEncoding('utf8');
      let body = '';
      answer.on('data', text => {
        body += text;
      });
      const { 'content-type': type = '' } = answer.headers;
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, type, body }));
    });
    asked.on('error', reject).end();
  });
}

describe('metrics', () => {
  let server: TestServer;
  let clients: TestClients;
  before(async () => {
    server = await startServer();
    clients = server.clients();
  });
  after(() => server.close());

  const value = async (series: string): Promise<number | undefined> => {
    const line = (await get(server)).body.split('\n').find(text => text.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
  const invoke = (body: object, modelId = MODEL) =>
    clients.runtime.send(new InvokeModelCommand({ modelId, body: JSON.stringify(body) }));
  const labels = (modelId: string) => `{account_id="${ACCOUNT}",region="us-east-1",model_id="${modelId}"}`;

  it('count invocations, their images, their time and what was wrong with them, by model', async () => {
    const textToImageParams = { text: 'a fox' };
    await invoke({ taskType: 'TEXT_IMAGE', textToImageParams, imageGenerationConfig: { numberOfImages: 3 } });
    await invoke({ taskType: 'TEXT_IMAGE', textToImageParams });
    await assert.rejects(invoke({ taskType: 'NO_SUCH_TASK' }));
    await assert.rejects(invoke({}, 'made-up'));
    assert.equal(await value(`aws_bedrock_invocations_total${labels(MODEL)}`), 2);
    assert.equal(await value(`aws_bedrock_output_image_count_total${labels(MODEL)}`), 4);
    assert.equal(await value(`aws_bedrock_invocation_latency_milliseconds_count${labels(MODEL)}`), 2);
    assert.equal(await value(`aws_bedrock_invocation_client_errors_total${labels(MODEL)}`), 1);
    assert.equal(await value(`aws_bedrock_invocation_client_errors_total${labels('unknown')}`), 1);
    assert.ok(!(await get(server)).body.includes('made-up'));
    assert.equal(await value('likeness_queue_depth{kind="base",model_id="likeness.art-v1"}'), 0);
    assert.equal(await value('likeness_units{kind="base",model_id="likeness.art-v1"}'), 1);
  });

  it('count requests to S3 and their bytes', async () => {
    await clients.s3.send(new CreateBucketCommand({ Bucket: 'counted' }));
    await clients.s3.send(new PutObjectCommand({ Bucket: 'counted', Key: 'a', Body: Buffer.alloc(100_000) }));
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'counted', Key: 'a' }));
    await Body?.transformToByteArray();
    assert.equal(await value('likeness_s3_requests_total{operation="PutObject",status="2xx"}'), 1);
    assert.ok(((await value('likeness_s3_bytes_total{direction="uploaded"}')) ?? 0) >= 100_000);
    assert.ok(((await value('likeness_s3_bytes_total{direction="downloaded"}')) ?? 0) >= 100_000);
  });

  it('show jobs, units bought and there, memory and disk', async () => {
    const { provisionedModelArn } = await clients.bedrock.send(
      new CreateProvisionedModelThroughputCommand({
        ...{ provisionedModelName: 'two', modelId: 'amazon.titan-image-generator-v1:0', modelUnits: 2 },
      }),
    );
    assert.equal(await value(`likeness_provisioned_model_units{model_id="${provisionedModelArn}",state="desired"}`), 2);
    const now = await get(server);
    assert.equal(now.type, 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(await value('likeness_jobs{kind="customization",state="waiting"}'), 0);
    assert.ok(((await value('process_resident_memory_bytes')) ?? 0) > 1e6);
    assert.ok(((await value('likeness_data_free_bytes')) ?? 0) > 0);
    for (const line of now.body.trim().split('\n'))
      assert.match(
        line,
        /^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[\d.e+-]+)$/i,
      );
  });

  it('leave a bucket of that name to S3: to whoever signs, asks a question or names it in the host', async () => {
    await clients.s3.send(new CreateBucketCommand({ Bucket: 'metrics' }));
    await clients.s3.send(new PutObjectCommand({ Bucket: 'metrics', Key: 'metrics', Body: 'an object' }));
    await clients.s3.send(new DeletePublicAccessBlockCommand({ Bucket: 'metrics' }));
    const statement = { Effect: 'Allow', Principal: '*', Action: ['s3:GetObject', 's3:ListBucket'] };
    const Statement = [{ ...statement, Resource: ['arn:aws:s3:::metrics', 'arn:aws:s3:::metrics/*'] }];
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await clients.s3.send(new PutBucketPolicyCommand({ Bucket: 'metrics', Policy }));
    const { Contents } = await clients.s3.send(new ListObjectsCommand({ Bucket: 'metrics' }));
    assert.equal(Contents?.length, 1);
    assert.match((await get(server, {}, '/metrics?list-type=2')).body, /<ListBucketResult/);
    assert.equal((await get(server, { host: 'metrics.s3.localhost' })).body, 'an object');
  });

  it('are for this machine alone, unless a token is set and sent', async () => {
    const handedOn = await get(server, { 'x-forwarded-for': '192.0.2.1' });
    assert.equal(handedOn.status, 403);
    assert.match(handedOn.body, /LIKENESS_METRICS_TOKEN/);
    for (const sign of ['via', 'x-real-ip', 'x-forwarded-proto'])
      assert.equal((await get(server, { [sign]: '1.1 a proxy' })).status, 403, sign);
    const guarded = await startServer({ config: { metricsToken: token } });
    const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
    const answers = [await get(guarded), await get(guarded, bearer('wrong')), await get(guarded, bearer(token))];
    const proxied = await get(guarded, { ...bearer(token), forwarded: 'for=192.0.2.1' });
    await guarded.close();
    assert.deepEqual(
      [...answers, proxied].map(({ status }) => status),
      [401, 401, 200, 200],
    );
    for (const { body } of answers) assert.ok(!body.includes(token));
  });
});
