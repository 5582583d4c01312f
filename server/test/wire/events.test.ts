import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3';
import type { Event } from '../../src/domain/events/state-change.ts';
import { ACCOUNT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';

const secret = 'a-secret-of-the-webhook';

describe('events', () => {
  let server: TestServer;
  let clients: TestClients;
  const posted: { headers: IncomingHttpHeaders; body: string }[] = [];
  const receiver = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    posted.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    // The first try of all fails, the second is told to go elsewhere.
    const status = [500, 302][posted.length - 1] ?? 204;
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
  });

  before(async () => {
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
    server = await startServer({
      config: { eventsWebhook: { url, secret }, eventsBucket: { name: 'events', keyPrefix: 'ours/' } },
      overrides: { events: { pollMilliseconds: 20, firstWaitMilliseconds: 20, longestWaitMilliseconds: 100 } },
    });
    clients = server.clients();
  });
  after(async () => {
    await server.close();
    receiver.close();
  });

  function inFiles(): Event[] {
    const folder = join(server.dataDirectory, 'events');
    const text = readdirSync(folder)
      .filter(name => name.endsWith('.jsonl'))
      .map(name => readFileSync(join(folder, name), 'utf8'));
    return text.flatMap(lines =>
      lines
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line)),
    );
  }

  async function inBucket(): Promise<Event[]> {
    const Prefix = `ours/AWSLogs/${ACCOUNT}/Events/us-east-1/`;
    const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket: 'events', Prefix }));
    const found: Event[] = [];
    for (const { Key } of Contents) {
      const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'events', Key }));
      const text = gunzipSync((await Body?.transformToByteArray()) ?? '').toString();
      found.push(
        ...text
          .trim()
          .split('\n')
          .map(line => JSON.parse(line)),
      );
    }
    // Keys hold the minute and a random id, so that their order within it is none.
    const toldAt = (event: Event) => String(event.detail.lastModifiedTime);
    return found.toSorted((one, other) => toldAt(one).localeCompare(toldAt(other)));
  }

  it('of a training reach the file, the bucket and the webhook, signed, each with one id', async () => {
    await clients.s3.send(new CreateBucketCommand({ Bucket: 'events' }));
    const statement = { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 's3:PutObject' };
    const Condition = { StringEquals: { 'aws:SourceArn': `arn:aws:events:us-east-1:${ACCOUNT}:rule/likeness` } };
    const Statement = [{ ...statement, Resource: 'arn:aws:s3:::events/ours/AWSLogs/*', Condition }];
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await clients.s3.send(new PutBucketPolicyCommand({ Bucket: 'events', Policy }));
    await putDataSet(clients, 'told');
    const jobArn = await createJob(clients, 'told', await putRole(clients, 'trainer'));
    const job = await endedJob(clients, jobArn);
    let bucket: Event[] = [];
    for (let tries = 0; tries < 100 && (bucket.length < 2 || posted.length < 4); tries++) {
      await delay(50);
      bucket = await inBucket();
    }
    const [begun, ended] = inFiles();
    assert.ok(begun && ended && inFiles().length === 2);
    const iso = (date: Date | undefined) => date?.toISOString();
    assert.deepEqual([begun.detail.jobStatus, begun.detail.outputModelArn], ['InProgress', undefined]);
    assert.deepEqual(ended, {
      ...{ version: '0', id: ended.id, 'detail-type': 'Model Customization Job State Change', source: 'aws.bedrock' },
      ...{ account: ACCOUNT, region: 'us-east-1', time: `${iso(job.endTime)?.slice(0, 19)}Z`, resources: [jobArn] },
      detail: {
        ...{ version: '0.0', jobName: job.jobName, jobArn, outputModelName: job.outputModelName },
        ...{ outputModelArn: job.outputModelArn, roleArn: job.roleArn, jobStatus: 'Completed' },
        ...{ creationTime: iso(job.creationTime), lastModifiedTime: iso(job.lastModifiedTime) },
        ...{ endTime: iso(job.endTime), baseModelArn: job.baseModelArn, hyperParameters: job.hyperParameters },
        ...{ trainingDataConfig: job.trainingDataConfig, validationDataConfig: { validators: [] } },
        outputDataConfig: job.outputDataConfig,
      },
    });
    assert.deepEqual(bucket, [begun, ended]);
    const received = posted.map(({ body }) => JSON.parse(body).id);
    assert.deepEqual(received, [begun.id, begun.id, begun.id, ended.id]);
    for (const { headers, body } of posted) {
      const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-likeness-signature'])) ?? [];
      assert.equal(signature, createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex'));
      assert.equal(headers['x-likeness-event-id'], JSON.parse(body).id);
    }
  });
});
