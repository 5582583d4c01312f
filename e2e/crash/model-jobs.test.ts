import assert from 'node:assert/strict';
import test from 'node:test';
import {
  CreateCustomModelCommand,
  CreateModelCopyJobCommand,
  GetCustomModelCommand,
  GetModelCopyJobCommand,
  ListCustomModelsCommand,
} from '@aws-sdk/client-bedrock';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { assertNothingHalf, loraOf, safetensorsOf } from './model-files.ts';
import { createRole, newProduct, type Product, until, whySkipped } from './product.ts';

const skip = whySkipped ?? false;
const BUCKET = 'crash-models';
const COPIES = 3;

test('Copies that were acknowledged when the server was killed are all made, and each once', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const sourceModelArn = await createLora(product);
  const jobArns: string[] = [];
  for (let copy = 0; copy < COPIES; copy++) {
    const command = new CreateModelCopyJobCommand({ sourceModelArn, targetModelName: `copy-${copy}` });
    jobArns.push((await product.bedrock().send(command)).jobArn ?? '');
  }
  await product.crash();
  await product.up();
  const targets: string[] = [];
  for (const jobArn of jobArns) {
    const get = () => product.bedrock().send(new GetModelCopyJobCommand({ jobArn }));
    await until('the copy has ended', async () => (await get()).status !== 'InProgress');
    const job = await get();
    assert.equal(job.status, 'Completed', job.failureMessage);
    targets.push(job.targetModelArn ?? '');
  }
  const { modelSummaries = [] } = await product.bedrock().send(new ListCustomModelsCommand({}));
  assert.deepEqual(
    new Set(modelSummaries.map(({ modelArn, modelStatus }) => `${modelArn} ${modelStatus}`)),
    new Set([sourceModelArn, ...targets].map(arn => `${arn} Active`)),
  );
  assert.equal(modelSummaries.length, COPIES + 1);
  await assertNothingHalf(product, COPIES + 1);
});

/** A LoRA of rank 1 on one layer of the embedded model, imported as a custom model. @returns its ARN */
async function createLora(product: Product): Promise<string> {
  await product.s3().send(new CreateBucketCommand({ Bucket: BUCKET }));
  const file = {
    Bucket: BUCKET,
    Key: 'ron.safetensors',
    Body: safetensorsOf(loraOf(/^mid_block\.attentions\.0\.transformer_blocks\.0\.attn1\.to_q$/, 1)),
  };
  await product.s3().send(new PutObjectCommand(file));
  const { modelArn = '' } = await product.bedrock().send(
    new CreateCustomModelCommand({
      ...{ modelName: 'ron', roleArn: await createRole(product) },
      modelSourceConfig: { s3DataSource: { s3Uri: `s3://${BUCKET}/${file.Key}` } },
      modelTags: [{ key: 'likeness:base-model', value: 'likeness.art-v1' }],
    }),
  );
  const get = () => product.bedrock().send(new GetCustomModelCommand({ modelIdentifier: modelArn }));
  await until('the LoRA is a model', async () => (await get()).modelStatus === 'Active');
  return modelArn;
}
