import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  CreateCustomModelCommand,
  CreateModelImportJobCommand,
  GetCustomModelCommand,
  GetModelImportJobCommand,
  ListCustomModelsCommand,
  ListImportedModelsCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { assertNothingHalf, filesBelow, loraOf, safetensorsOf, tensorsIn, wholeModel } from './model-files.ts';
import { createRole, newProduct, type Product, until, whySkipped } from './product.ts';

const skip = whySkipped ?? false;
const BUCKET = 'crash-imports';
const FOLDER = 'art';
const RANK = 256;
const COMMAND = join(import.meta.dirname, '../../server/likeness.js');

test('A diffusers folder whose import is killed at its start, while it is fetched and while it is stored is one whole model', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const s3 = product.s3();
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  for (const [name, Body] of wholeModel())
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${FOLDER}/${name}`, Body: Body() }));
  const { jobArn = '' } = await product.bedrock().send(
    new CreateModelImportJobCommand({
      ...{ jobName: 'crash-import', importedModelName: 'art', roleArn: await createRole(product) },
      modelDataSource: { s3DataSource: { s3Uri: `s3://${BUCKET}/${FOLDER}/` } },
    }),
  );
  const get = () => product.bedrock().send(new GetModelImportJobCommand({ jobIdentifier: jobArn }));
  const hasEnded = async () => (await get()).status !== 'InProgress';
  await killAtEachStage(product, hasEnded);

  await until('the import has ended', hasEnded);
  const job = await get();
  assert.equal(job.status, 'Completed', job.failureMessage);
  const { modelSummaries = [] } = await product.bedrock().send(new ListImportedModelsCommand({}));
  assert.deepEqual(
    modelSummaries.map(({ modelArn }) => modelArn),
    [job.importedModelArn],
  );
  await assertNothingHalf(product, 1);
  assert.equal(await draw(product, job.importedModelArn ?? ''), 1);
});

test('A large LoRA whose import is killed at its start, while it is fetched and while it is stored is there to the last bit', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const lora = loraOf(/attn\d\.to_(q|k|v|out\.0)$/, RANK);
  const Body = safetensorsOf(lora);
  await product.s3().send(new CreateBucketCommand({ Bucket: BUCKET }));
  await product.s3().send(new PutObjectCommand({ Bucket: BUCKET, Key: 'ron.safetensors', Body }));
  const { modelArn = '' } = await product.bedrock().send(
    new CreateCustomModelCommand({
      ...{ modelName: 'ron', roleArn: await createRole(product) },
      modelSourceConfig: { s3DataSource: { s3Uri: `s3://${BUCKET}/ron.safetensors` } },
      modelTags: [{ key: 'likeness:base-model', value: 'likeness.art-v1' }],
    }),
  );
  const get = () => product.bedrock().send(new GetCustomModelCommand({ modelIdentifier: modelArn }));
  const hasEnded = async () => (await get()).modelStatus !== 'Creating';
  await killAtEachStage(product, hasEnded);

  await until('the LoRA is a model', hasEnded);
  const model = await get();
  assert.equal(model.modelStatus, 'Active', model.failureMessage);
  const { modelSummaries = [] } = await product.bedrock().send(new ListCustomModelsCommand({}));
  assert.deepEqual(
    modelSummaries.map(summary => summary.modelArn),
    [modelArn],
  );
  await assertNothingHalf(product, 1);
  const exported = join(product.data, 'exported.safetensors');
  const options = ['--format', 'diffusers', '--out', exported, '--data', product.data];
  execFileSync(process.execPath, [COMMAND, 'model', 'export', modelArn, ...options]);
  const found = tensorsIn(exported);
  assert.equal(found.size, lora.size);
  for (const [name, { shape, bytes }] of lora) {
    assert.deepEqual(found.get(name)?.shape, shape, name);
    assert.ok(found.get(name)?.bytes.equals(bytes), name);
  }
});

/**
 * Kills the server right after its answer, once bytes of the model are fetched, and once its encrypted files are written;
 * or when the import has ended, where it was faster than this test could look.
 */
async function killAtEachStage(product: Product, hasEnded: () => Promise<boolean>): Promise<void> {
  const isFetching = () => sizeBelow(join(product.data, 'imports')) > 0;
  const models = join(product.data, 'models');
  const isStoring = () => existsSync(models) && readdirSync(models).some(name => name.endsWith('.tmp'));
  for (const isReached of [() => true, isFetching, isStoring]) {
    let turn = 0;
    // Every turn of the event loop: a stage may take a tenth of a second.
    while (!isReached() && (turn++ % 1000 !== 999 || !(await hasEnded()))) await nextTurn();
    await product.crash();
    await product.up();
  }
}

function sizeBelow(folder: string): number {
  try {
    return filesBelow(folder).reduce((sum, { path }) => sum + statSync(path).size, 0);
  } catch (error) {
    // A file that went between the look at its folder and the look at it.
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    return 0;
  }
}

/** @returns how many images came */
async function draw(product: Product, modelId: string): Promise<number> {
  const body = JSON.stringify({
    taskType: 'TEXT_IMAGE',
    textToImageParams: { text: 'a red fox in the snow' },
    imageGenerationConfig: { width: 512, height: 512, seed: 1 },
  });
  let images: unknown[] = [];
  await until('the imported model is loaded', async () => {
    try {
      const answer = await product.runtime().send(new InvokeModelCommand({ modelId, body }));
      ({ images } = JSON.parse(answer.body.transformToString()));
      return true;
    } catch (error) {
      assert.equal((error as Error).name, 'ModelNotReadyException', String(error));
      return false;
    }
  });
  return images.length;
}
