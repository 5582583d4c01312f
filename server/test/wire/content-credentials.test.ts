import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateCustomModelDeploymentCommand,
  CreateModelInvocationJobCommand,
  CreateProvisionedModelThroughputCommand,
  GetCustomModelDeploymentCommand,
  GetModelInvocationJobCommand,
  GetProvisionedModelThroughputCommand,
  UpdateProvisionedModelThroughputCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { startServer, type TestClients } from '../support/server.ts';
import { createJob, endedJob, putDataSet, putRole } from '../support/training-data.ts';
import { plainPng } from './bedrock-server.ts';

const PNG = plainPng(512, 512, 90);
const BASE = 'amazon.titan-image-generator-v1';
const modelInput = { taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron the dog' } };

function start(config: { c2pa: 'on' | 'off' }, dataDirectory?: string) {
  const units = { capacity: 8, loadMilliseconds: 1, invokeMilliseconds: 1, picture: PNG };
  const overrides = { inference: createInProcessInference(units), batch: { pollSeconds: 0.05, submittedSeconds: 0 } };
  return startServer({ config, overrides, ...(dataDirectory === undefined ? {} : { dataDirectory }) });
}

async function invoke({ runtime }: TestClients, modelId: string): Promise<Buffer> {
  const body = JSON.stringify(modelInput);
  const answer = await runtime.send(new InvokeModelCommand({ modelId, body }));
  const { images } = JSON.parse(new TextDecoder().decode(answer.body)) as { images: string[] };
  return Buffer.from(images[0] ?? '', 'base64');
}

/** The ARN that the credentials in a picture name. */
function modelOf(png: Buffer): string | undefined {
  return /dev\.likeness\.modelArn..(arn:[a-z0-9:./-]+)/s.exec(png.toString('latin1'))?.[1];
}

async function until<Answer>(look: () => Promise<Answer>, isOver: (answer: Answer) => boolean): Promise<Answer> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(20)) {
    const answer = await look();
    if (isOver(answer)) return answer;
  }
  throw new Error('it took too long');
}

async function customModel(clients: TestClients, name: string, roleArn: string): Promise<string> {
  await putDataSet(clients, name);
  const job = await endedJob(clients, await createJob(clients, name, roleArn));
  assert.equal(job.status, 'Completed', job.failureMessage);
  return job.outputModelArn ?? '';
}

async function batch(clients: TestClients, roleArn: string): Promise<Buffer> {
  await clients.s3.send(new CreateBucketCommand({ Bucket: 'batch' }));
  const Body = JSON.stringify({ recordId: 'RECORD00001', modelInput });
  await clients.s3.send(new PutObjectCommand({ Bucket: 'batch', Key: 'in.jsonl', Body }));
  const { jobArn: jobIdentifier = '' } = await clients.bedrock.send(
    new CreateModelInvocationJobCommand({
      ...{ jobName: 'signed', roleArn, modelId: BASE },
      inputDataConfig: { s3InputDataConfig: { s3Uri: 's3://batch/in.jsonl' } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: 's3://batch/out/' } },
    }),
  );
  const job = await until(
    () => clients.bedrock.send(new GetModelInvocationJobCommand({ jobIdentifier })),
    ({ endTime }) => endTime !== undefined,
  );
  assert.equal(job.status, 'Completed', job.message);
  const Key = `out/${jobIdentifier.slice(-12)}/in.jsonl.out`;
  const { Body: output } = await clients.s3.send(new GetObjectCommand({ Bucket: 'batch', Key }));
  const line = JSON.parse((await output?.transformToString()) ?? '') as { modelOutput: { images: string[] } };
  return Buffer.from(line.modelOutput.images[0] ?? '', 'base64');
}

test('On demand, provisioned, deployed and in a batch: each picture names the model that drew it, and a restart changes no byte', async () => {
  const server = await start({ c2pa: 'on' });
  const clients = server.clients();
  const roleArn = await putRole(clients, 'trainer');
  const [first, second] = [await customModel(clients, 'first', roleArn), await customModel(clients, 'second', roleArn)];

  const base = await invoke(clients, BASE);
  assert.equal(
    modelOf(base),
    'arn:aws:bedrock:us-east-1::foundation-model/likeness.art-v1',
    'what answers behind the id',
  );
  assert.equal(base.toString('latin1', 37, 41), 'caBX');
  assert.ok(base.subarray(0, 33).equals(PNG.subarray(0, 33)));
  assert.ok(base.subarray(-(PNG.length - 33)).equals(PNG.subarray(33)), 'the picture itself is as it was drawn');
  assert.deepEqual(await batch(clients, roleArn), base);

  const { provisionedModelArn: provisionedModelId = '' } = await clients.bedrock.send(
    new CreateProvisionedModelThroughputCommand({ provisionedModelName: 'p', modelId: first, modelUnits: 1 }),
  );
  const inService = () =>
    until(
      () => clients.bedrock.send(new GetProvisionedModelThroughputCommand({ provisionedModelId })),
      ({ status }) => status === 'InService',
    );
  await inService();
  assert.equal(modelOf(await invoke(clients, provisionedModelId)), first);
  await clients.bedrock.send(
    new UpdateProvisionedModelThroughputCommand({ provisionedModelId, desiredModelId: second }),
  );
  await inService();
  assert.equal(modelOf(await invoke(clients, provisionedModelId)), second);

  const { customModelDeploymentArn: customModelDeploymentIdentifier = '' } = await clients.bedrock.send(
    new CreateCustomModelDeploymentCommand({ modelDeploymentName: 'deployed', modelArn: first }),
  );
  await until(
    () => clients.bedrock.send(new GetCustomModelDeploymentCommand({ customModelDeploymentIdentifier })),
    ({ status }) => status === 'Active',
  );
  assert.equal(modelOf(await invoke(clients, customModelDeploymentIdentifier)), first);

  await server.close({ keepData: true });
  const next = await start({ c2pa: 'on' }, server.dataDirectory);
  assert.deepEqual(await invoke(next.clients(), BASE), base);
  await next.close();
  await rm(server.dataDirectory, { recursive: true, force: true });
});

test('Where they are switched off, a picture is as it was drawn', async () => {
  const server = await start({ c2pa: 'off' });
  assert.deepEqual(await invoke(server.clients(), BASE), PNG);
  await server.close();
});
