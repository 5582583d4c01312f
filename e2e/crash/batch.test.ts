import assert from 'node:assert/strict';
import test from 'node:test';
import { CreateModelInvocationJobCommand, GetModelInvocationJobCommand } from '@aws-sdk/client-bedrock';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createRole, newProduct, until, whySkipped } from './product.ts';

const skip = whySkipped ?? false;
const BUCKET = 'crash-batch';
const RECORDS = 6;

test('A batch job whose server is killed twice answers every record exactly once', { skip }, async context => {
  const product = newProduct(context);
  await product.up();
  await product.s3().send(new CreateBucketCommand({ Bucket: BUCKET }));
  const record = (_: unknown, seed: number) => {
    const imageGenerationConfig = { width: 512, height: 512, seed };
    const textToImageParams = { text: 'a red fox in the snow' };
    const modelInput = { taskType: 'TEXT_IMAGE', textToImageParams, imageGenerationConfig };
    return JSON.stringify({ recordId: `fox${seed}`, modelInput });
  };
  const Body = Array.from({ length: RECORDS }, record).join('\n');
  await product.s3().send(new PutObjectCommand({ Bucket: BUCKET, Key: 'in/foxes.jsonl', Body }));
  const { jobArn = '' } = await product.bedrock().send(
    new CreateModelInvocationJobCommand({
      jobName: 'crash-batch',
      roleArn: await createRole(product),
      modelId: 'amazon.titan-image-generator-v1',
      inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${BUCKET}/in/foxes.jsonl` } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${BUCKET}/out` } },
    }),
  );
  const get = () => product.bedrock().send(new GetModelInvocationJobCommand({ jobIdentifier: jobArn }));
  const drawn = async () => (await get()).processedRecordCount ?? 0;

  for (const count of [1, 3]) {
    await until(`${count} records are drawn`, async () => (await drawn()) >= count);
    const before = await drawn();
    await product.crash();
    await product.up();
    assert.ok((await drawn()) >= before, 'what was told as drawn stays drawn');
  }
  await until('the job has ended', async () => (await get()).endTime !== undefined);
  const job = await get();
  assert.equal(job.status, 'Completed', job.message);
  assert.equal(job.successRecordCount, RECORDS);
  const Key = `out/${jobArn.slice(-12)}/foxes.jsonl.out`;
  const output = await product.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  const lines = ((await output.Body?.transformToString()) ?? '').trimEnd().split('\n');
  assert.deepEqual(
    lines.map(line => JSON.parse(line).recordId),
    Array.from({ length: RECORDS }, (_, seed) => `fox${seed}`),
  );
  for (const line of lines) assert.equal(JSON.parse(line).modelOutput.images.length, 1);
});
