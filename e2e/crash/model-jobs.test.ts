import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  CreateCustomModelCommand,
  CreateModelCopyJobCommand,
  GetCustomModelCommand,
  GetModelCopyJobCommand,
  ListCustomModelsCommand,
} from '@aws-sdk/client-bedrock';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createRole, newProduct, type Product, until, weightsPath, whySkipped } from './product.ts';

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
  const layer = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q';
  const [outputs, inputs] = shapeOf(`${layer}.weight`);
  const tensors: [string, number[]][] = [
    [`unet.${layer}.lora_A.weight`, [1, inputs]],
    [`unet.${layer}.lora_B.weight`, [outputs, 1]],
  ];
  await product.s3().send(new CreateBucketCommand({ Bucket: BUCKET }));
  const file = { Bucket: BUCKET, Key: 'ron.safetensors', Body: safetensors(tensors) };
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

/** The shape of a tensor of the embedded model's UNet, from the header of its file. */
function shapeOf(name: string): [number, number] {
  const file = openSync(join(weightsPath, 'unet/diffusion_pytorch_model.safetensors'), 'r');
  try {
    const length = Buffer.alloc(8);
    readSync(file, length, 0, 8, 0);
    const header = Buffer.alloc(Number(length.readBigUInt64LE()));
    readSync(file, header, 0, header.length, 8);
    return JSON.parse(header.toString())[name].shape;
  } finally {
    closeSync(file);
  }
}

/** Tensors of float32 that are all zero. */
function safetensors(tensors: readonly [string, number[]][]): Buffer {
  const header: Record<string, object> = {};
  let size = 0;
  for (const [name, shape] of tensors) {
    const end = size + 4 * shape.reduce((count, length) => count * length, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [size, end] };
    size = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(size)]);
}

/** The stores hold so many models, and nothing of what was interrupted. */
async function assertNothingHalf(product: Product, modelCount: number): Promise<void> {
  await until('what was interrupted is cleaned', () => filesBelow(join(product.data, 'imports')).length === 0);
  assert.equal(readdirSync(join(product.data, 'models')).length, modelCount);
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
}
