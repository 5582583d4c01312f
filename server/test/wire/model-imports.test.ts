import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateCustomModelCommand,
  CreateCustomModelDeploymentCommand,
  CreateModelImportJobCommand,
  type CreateModelImportJobCommandInput,
  DeleteCustomModelCommand,
  DeleteImportedModelCommand,
  GetCustomModelCommand,
  GetCustomModelDeploymentCommand,
  GetImportedModelCommand,
  GetModelImportJobCommand,
  ListCustomModelsCommand,
  ListImportedModelsCommand,
  ListModelImportJobsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
} from '@aws-sdk/client-bedrock';
import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createInProcessInference } from '../support/in-process-inference.ts';
import {
  diffusersFile,
  diffusersFolder,
  kohyaFile,
  peftConfig,
  peftFile,
  putBaseWeights,
} from '../support/lora-files.ts';
import { callRoute } from '../support/routes.ts';
import { ACCOUNT, type Credentials, ROOT, startServer, type TestClients, type TestServer } from '../support/server.ts';
import { signByHand } from '../support/signing.ts';
import { putRole } from '../support/training-data.ts';
import { makeUser, refused } from './access-support.ts';

const BUCKET = 'models-from-elsewhere';
const BASE_TAG = { key: 'likeness:base-model', value: 'likeness.art-v1' };
const inference = createInProcessInference({ capacity: 1, loadMilliseconds: 1, invokeMilliseconds: 1 });
let server: TestServer;
let clients: TestClients;
let roleArn: string;

before(async () => {
  server = await startServer({ overrides: { inference } });
  await putBaseWeights(server.dataDirectory);
  clients = server.clients();
  roleArn = await putRole(clients, 'importer');
  await clients.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
});
after(() => server.close());

async function put(prefix: string, files: Record<string, string | Uint8Array>): Promise<string> {
  for (const [name, Body] of Object.entries(files))
    await clients.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${prefix}/${name}`, Body }));
  return `s3://${BUCKET}/${prefix}`;
}

const importing = (name: string, s3Uri: string, change: Partial<CreateModelImportJobCommandInput> = {}) =>
  clients.bedrock.send(
    new CreateModelImportJobCommand({
      ...{ jobName: name, importedModelName: name, roleArn, modelDataSource: { s3DataSource: { s3Uri } } },
      importedModelTags: [BASE_TAG],
      ...change,
    }),
  );

async function endedImport(jobIdentifier: string) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(20)) {
    const job = await clients.bedrock.send(new GetModelImportJobCommand({ jobIdentifier }));
    if (job.status !== 'InProgress') return job;
  }
  throw new Error(`the import ${jobIdentifier} did not end`);
}

async function imported(name: string, s3Uri: string, change = {}): Promise<string> {
  await importing(name, s3Uri, change);
  const job = await endedImport(name);
  assert.equal(job.status, 'Completed', job.failureMessage);
  return job.importedModelArn ?? '';
}

async function invoke(modelId: string): Promise<string> {
  const body = JSON.stringify({ taskType: 'TEXT_IMAGE', textToImageParams: { text: 'Ron' } });
  const answer = await clients.runtime.send(new InvokeModelCommand({ modelId, body, contentType: 'application/json' }));
  const { images } = JSON.parse(new TextDecoder().decode(answer.body)) as { images: string[] };
  return Buffer.from(images[0] ?? '', 'base64').toString();
}

/** What the ledger has of a model, by dimension. */
async function usedBy(modelArn: string | undefined): Promise<Record<string, number>> {
  const { json } = await callRoute(server, 'GET', '/usage?resources=true');
  const entries: { resourceArn: string; dimension: string; quantity: number }[] = json.entries;
  const own = entries.filter(entry => entry.resourceArn === modelArn);
  return Object.fromEntries(own.map(({ dimension, quantity }) => [dimension, quantity]));
}

test('a PEFT folder becomes an imported model that its own ARN invokes, and that goes when it is deleted', async () => {
  const s3Uri = await put('peft', { 'adapter_config.json': peftConfig(), 'adapter_model.safetensors': peftFile() });
  const token = { clientRequestToken: 'once', jobTags: [{ key: 'team', value: 'pets' }], importedModelTags: [] };
  const { jobArn } = await importing('peft', s3Uri, token);
  assert.match(jobArn ?? '', new RegExp(`^arn:aws:bedrock:us-east-1:${ACCOUNT}:model-import-job/[a-z0-9]{12}$`));
  assert.equal((await importing('peft', s3Uri, token)).jobArn, jobArn, 'the same request makes nothing new');
  const job = await endedImport(jobArn ?? '');
  assert.deepEqual(
    [job.status, job.jobName, job.importedModelName, job.roleArn, job.modelDataSource?.s3DataSource?.s3Uri],
    ['Completed', 'peft', 'peft', roleArn, s3Uri],
    job.failureMessage,
  );
  assert.ok(job.endTime && job.creationTime && job.endTime >= job.creationTime);
  const model = await clients.bedrock.send(new GetImportedModelCommand({ modelIdentifier: 'peft' }));
  assert.match(model.modelArn ?? '', new RegExp(`^arn:aws:bedrock:us-east-1:${ACCOUNT}:imported-model/[a-z0-9]{12}$`));
  assert.deepEqual(
    [model.modelArn, model.jobArn, model.modelArchitecture, model.instructSupported],
    [job.importedModelArn, jobArn, 'art', false],
  );
  const id = (model.modelArn ?? '').slice(-12);
  assert.equal(await invoke(model.modelArn ?? ''), `Ron by ${id} with adapter_config.json,adapter_model.safetensors`);
  const tags = { resourceARN: model.modelArn, tags: [{ key: 'a', value: 'b' }] };
  await clients.bedrock.send(new TagResourceCommand(tags));
  const listed = await clients.bedrock.send(new ListTagsForResourceCommand({ resourceARN: model.modelArn }));
  assert.deepEqual(listed.tags, tags.tags);
  assert.ok(readdirSync(join(server.dataDirectory, 'models')).includes(id));
  assert.deepEqual(readdirSync(join(server.dataDirectory, 'imports')), [], 'nothing plain stays');

  const { imagesDrawn, modelStorageMonths = 0 } = await usedBy(model.modelArn);
  assert.ok(imagesDrawn === 1 && modelStorageMonths > 0);
  await clients.bedrock.send(new DeleteImportedModelCommand({ modelIdentifier: model.modelArn }));
  const ended = await usedBy(model.modelArn);
  assert.deepEqual(await usedBy(model.modelArn), ended, 'no longer stored');
  await refused(invoke(model.modelArn ?? ''), 'ResourceNotFoundException', 404, 'no imported model');
  assert.ok(!readdirSync(join(server.dataDirectory, 'models')).includes(id));
  assert.equal((await endedImport('peft')).status, 'Completed', 'the job stays in history');
});

test("kohya's and diffusers' files become models that are deployed as any custom model", async () => {
  const s3Uri = await put('files', { 'kohya.safetensors': kohyaFile(), 'diffusers.safetensors': diffusersFile() });
  for (const layout of ['kohya', 'diffusers']) {
    const { modelArn = '' } = await clients.bedrock.send(
      new CreateCustomModelCommand({
        ...{ modelName: layout, roleArn, modelTags: [BASE_TAG] },
        modelSourceConfig: { s3DataSource: { s3Uri: `${s3Uri}/${layout}.safetensors` } },
      }),
    );
    assert.match(modelArn, new RegExp(`:${ACCOUNT}:custom-model/imported/[a-z0-9]{12}$`));
    const model = await activeModel(modelArn);
    assert.deepEqual(
      [model.modelStatus, model.modelName, model.customizationType, model.jobArn, model.trainingDataConfig],
      ['Active', layout, 'IMPORTED', undefined, undefined],
      model.failureMessage,
    );
    assert.equal(model.baseModelArn, 'arn:aws:bedrock:us-east-1::foundation-model/likeness.art-v1');
    const tags = await clients.bedrock.send(new ListTagsForResourceCommand({ resourceARN: modelArn }));
    assert.deepEqual(tags.tags, [BASE_TAG]);
    const deployment = await clients.bedrock.send(
      new CreateCustomModelDeploymentCommand({ modelDeploymentName: layout, modelArn }),
    );
    const identifier = { customModelDeploymentIdentifier: deployment.customModelDeploymentArn };
    while ((await clients.bedrock.send(new GetCustomModelDeploymentCommand(identifier))).status === 'Creating')
      await delay(20);
    const answer = await invoke(deployment.customModelDeploymentArn ?? '');
    assert.equal(answer, `Ron by ${modelArn.slice(-12)} with adapter_config.json,adapter_model.safetensors`);
  }
  const { modelSummaries } = await clients.bedrock.send(new ListCustomModelsCommand({ nameContains: 'kohya' }));
  assert.deepEqual(
    modelSummaries?.map(model => [model.customizationType, model.baseModelName]),
    [['IMPORTED', 'likeness.art-v1']],
  );
});

async function activeModel(modelIdentifier: string) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(20)) {
    const model = await clients.bedrock.send(new GetCustomModelCommand({ modelIdentifier }));
    if (model.modelStatus !== 'Creating') return model;
  }
  throw new Error(`${modelIdentifier} stays Creating`);
}

test('a diffusers folder is imported without what no one loads, and is a base of its own', async () => {
  const modelArn = await imported('whole', await put('whole', diffusersFolder()), { importedModelTags: [] });
  const model = await clients.bedrock.send(new GetImportedModelCommand({ modelIdentifier: modelArn }));
  assert.equal(model.modelArchitecture, 'stable-diffusion');
  assert.match(await invoke(modelArn), /^Ron by base/);
  const unit = inference.units.find(({ model: { baseModelPath } }) => !baseModelPath.endsWith('embedded-model'));
  assert.ok(unit, 'it has a process of its own');
  assert.equal(unit.model.adapter, null);
});

test('a key of the customer seals an imported model, and closes it when it is disabled', async () => {
  const { KeyMetadata } = await clients.kms.send(new CreateKeyCommand({}));
  const s3Uri = await put('sealed', { 'lora.safetensors': kohyaFile() });
  const modelArn = await imported('sealed', s3Uri, { importedModelKmsKeyId: KeyMetadata?.KeyId });
  const model = await clients.bedrock.send(new GetImportedModelCommand({ modelIdentifier: modelArn }));
  assert.equal(model.modelKmsKeyArn, KeyMetadata?.Arn);
  await invoke(modelArn);
  await clients.kms.send(new DisableKeyCommand({ KeyId: KeyMetadata?.KeyId }));
  await refused(invoke(modelArn), 'ValidationException', 400, 'not Enabled');
});

test('what is wrong with the files fails the import, with the reason', async () => {
  const text = (bytes: string) => new TextEncoder().encode(bytes);
  const whole = diffusersFolder();
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(whole).filter(([name]) => !names.includes(name)));
  const weights = 'unet/diffusion_pytorch_model.safetensors';
  const cases: Record<string, [Record<string, string | Uint8Array>, RegExp, object?]> = {
    empty: [{ 'notes.txt': 'none' }, /There is no model at the URI/],
    pickled: [{ 'adapter_config.json': peftConfig(), 'adapter_model.bin': 'x' }, /adapter_model.bin is a pickle/],
    several: [{ 'a.safetensors': kohyaFile(), 'b.safetensors': kohyaFile() }, /There are 2 \*\.safetensors/],
    cut: [
      { 'a.safetensors': kohyaFile().subarray(0, -4) },
      /no whole safetensors file: it has \d+ bytes, and its header says/,
    ],
    text: [{ 'a.safetensors': text('this is no safetensors file at all') }, /no whole safetensors file/],
    nameless: [
      { 'a.safetensors': kohyaFile() },
      /does not name its base. Tag the model with likeness:base-model: one of likeness.art-v1/,
      { importedModelTags: [] },
    ],
    stranger: [
      {
        'adapter_config.json': peftConfig({ base_model_name_or_path: 'someone/model' }),
        'adapter_model.safetensors': peftFile(),
      },
      /names the base someone\/model, which is not registered/,
      { importedModelTags: [] },
    ],
    dora: [
      { 'adapter_config.json': peftConfig({ use_dora: true }), 'adapter_model.safetensors': peftFile() },
      /use_dora, which is not supported/,
    ],
    outdated: [
      { 'a.safetensors': kohyaFile({ 'likeness.base_weights_sha256': 'a'.repeat(64) }) },
      /other weights of likeness.art-v1 \(sha256 a{64}\)/,
    ],
    'of-another': [
      {
        'a.safetensors': kohyaFile({
          'likeness.base_weights_sha256': 'a'.repeat(64),
          'likeness.base_model': 'acme.flux',
        }),
      },
      /exported from a model of acme.flux, .* tag the model with likeness:base-model=acme.flux/,
    ],
    'other-base': [{ 'a.safetensors': whole[weights] ?? '' }, /holds no LoRA/],
    partless: [without('vae/config.json', 'vae/diffusion_pytorch_model.safetensors'), /part vae is missing/],
    'pickled-part': [
      without(weights, weights.replace('.safetensors', '.fp16.safetensors')),
      /unet\/diffusion_pytorch_model.bin is a pickle/,
    ],
    packaged: [
      {
        ...whole,
        'model_index.json': String(whole['model_index.json']).replace('["diffusers","V"]', '["python-package","os"]'),
      },
      /takes vae from a Python package/,
    ],
  };
  for (const [name, [files, message, change = {}]] of Object.entries(cases)) {
    await importing(name, await put(`bad/${name}`, files), change);
    const job = await endedImport(name);
    assert.equal(job.status, 'Failed', name);
    assert.match(job.failureMessage ?? '', message, name);
    assert.equal(job.importedModelArn, undefined);
  }
  const failed = await clients.bedrock.send(
    new ListModelImportJobsCommand({ statusEquals: 'Failed', maxResults: 1000 }),
  );
  assert.equal(failed.modelImportJobSummaries?.length, Object.keys(cases).length);

  const source = { modelSourceConfig: { s3DataSource: { s3Uri: `s3://${BUCKET}/bad/cut` } } };
  const { modelArn = '' } = await clients.bedrock.send(
    new CreateCustomModelCommand({ modelName: 'broken', roleArn, modelTags: [BASE_TAG], ...source }),
  );
  const broken = await activeModel(modelArn);
  assert.equal(broken.modelStatus, 'Failed');
  assert.match(broken.failureMessage ?? '', /no whole safetensors file/);
  const { modelSummaries } = await clients.bedrock.send(new ListCustomModelsCommand({ nameContains: 'broken' }));
  // AWS requires both of a summary, in these forms, whatever became of the model.
  assert.match(
    modelSummaries?.[0]?.baseModelArn ?? '',
    /^arn:aws:bedrock:us-east-1::foundation-model\/likeness\.imported$/,
  );
  assert.match(modelSummaries?.[0]?.baseModelName ?? '', /^[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}$/);
  await clients.bedrock.send(new DeleteCustomModelCommand({ modelIdentifier: 'broken' }));
});

test('the files are read with the role, which must be allowed to', async () => {
  const s3Uri = await put('private', { 'lora.safetensors': kohyaFile() });
  const listing = await putRole(clients, 'only-lists', ['s3:ListBucket']);
  await importing('unread', s3Uri, { roleArn: listing });
  assert.match(
    (await endedImport('unread')).failureMessage ?? '',
    /^Could not validate GetObject permissions to access Amazon S3 bucket: models-from-elsewhere at key private\/lora.safetensors/,
  );
  await importing('unlisted', s3Uri, { roleArn: await putRole(clients, 'nothing', ['s3:PutObject']) });
  assert.match((await endedImport('unlisted')).failureMessage ?? '', /Could not validate ListBucket permissions/);
  const absent = `arn:aws:iam::${ACCOUNT}:role/absent`;
  await refused(
    importing('absent', s3Uri, { roleArn: absent }),
    'ValidationException',
    400,
    'Could not assume provided IAM role',
  );
});

test('names are held, and what cannot be read as an import is refused at once', async () => {
  const s3Uri = `s3://${BUCKET}/peft`;
  const invalid = (call: Promise<unknown>, message: string) => refused(call, 'ValidationException', 400, message);
  await invalid(importing('peft', s3Uri), 'job name is currently in use');
  await invalid(importing('again', s3Uri, { importedModelName: 'sealed' }), 'imported model name is currently in use');
  const create = (change: object) =>
    clients.bedrock.send(
      new CreateCustomModelCommand({
        ...{ modelName: 'fresh', roleArn, modelSourceConfig: { s3DataSource: { s3Uri } } },
        ...change,
      }),
    );
  await invalid(create({ modelName: 'kohya' }), 'custom model name is currently in use');
  await invalid(create({ roleArn: undefined }), 'roleArn is required');
  const packageArn = 'arn:aws:sagemaker:us-east-1:123456789012:model-package/x';
  const sagemaker = { modelPackageArnDataSource: { modelPackageArn: packageArn } };
  await invalid(create({ modelSourceConfig: undefined, customModelDataSource: sagemaker }), 'no SageMaker here');
  await invalid(create({ modelSourceConfig: undefined }), 'modelSourceConfig.s3DataSource.s3Uri is required');
  await refused(
    invoke(`arn:aws:bedrock:us-east-1:${ACCOUNT}:imported-model/aaaaaaaaaaaa`),
    'ResourceNotFoundException',
    404,
  );
  const { modelSummaries } = await clients.bedrock.send(new ListImportedModelsCommand({ nameContains: 'seal' }));
  assert.deepEqual(
    modelSummaries?.map(model => model.modelName),
    ['sealed'],
  );
});

test('a LoRA is exported in both layouts, and is imported again as the same weights', async () => {
  const { modelArn = '' } = await clients.bedrock.send(new GetCustomModelCommand({ modelIdentifier: 'kohya' }));
  const id = modelArn.slice(-12);
  const facts = (await callRoute(server, 'GET', `/models/${id}`)).json;
  assert.deepEqual([facts.modelArn, facts.method, facts.baseModelId], [modelArn, 'lora', 'likeness.art-v1']);
  assert.equal(facts.baseWeightsSha256, facts.installedWeightsSha256);
  const origin = {
    'likeness.base_model': 'likeness.art-v1',
    'likeness.base_weights_sha256': facts.baseWeightsSha256 as string,
  };
  const network = { ss_network_module: 'networks.lora', ss_network_dim: '2', ss_network_alpha: '4' };
  const wanted = { kohya: kohyaFile({ ...origin, ...network }), diffusers: diffusersFile(origin) };
  for (const [format, bytes] of Object.entries(wanted)) {
    const { status, headers, body } = await exported(id, format);
    assert.equal(status, 200, body.toString());
    assert.equal(headers.get('content-type'), 'application/octet-stream');
    assert.match(headers.get('content-disposition') ?? '', /^attachment; filename="[\w.]+\.safetensors"$/);
    assert.ok(body.equals(bytes), format);
    // Its own metadata names the base: no tag is needed.
    const s3Uri = await put(`again-${format}`, { 'lora.safetensors': body });
    const again = await imported(`again-${format}`, s3Uri, { importedModelTags: [] });
    const second = await exported(again.slice(-12), format);
    assert.ok(second.body.equals(body), `${format}, exported again`);
  }
});

test('an export needs the permission on the model and its key, and a LoRA', async () => {
  const whole = await clients.bedrock.send(new GetImportedModelCommand({ modelIdentifier: 'whole' }));
  const refusal = async (id: string, format: string, credentials?: Credentials) => {
    const { status, body } = await exported(id, format, credentials);
    return `${status} ${body}`;
  };
  const { modelArn = '' } = await clients.bedrock.send(new GetCustomModelCommand({ modelIdentifier: 'kohya' }));
  const id = modelArn.slice(-12);
  assert.match(await refusal(id, 'onnx'), /^400 .*format must be diffusers or kohya; you sent onnx/);
  assert.match(await refusal((whole.modelArn ?? '').slice(-12), 'kohya'), /^400 .*has no LoRA: it was imported whole/);
  assert.match(await refusal('aaaaaaaaaaaa', 'kohya'), /^404 .*no such model/);
  const sealed = await clients.bedrock.send(new GetImportedModelCommand({ modelIdentifier: 'sealed' }));
  assert.match(await refusal((sealed.modelArn ?? '').slice(-12), 'kohya'), /^400 .*not Enabled/);
  const exporting = { Effect: 'Allow', Action: 'likeness:ExportModel', Resource: '*' };
  const user = await makeUser(server, 'reader', { ...exporting, Resource: `${modelArn}x` });
  assert.match(await refusal(id, 'kohya', user), new RegExp(`^403 .*likeness:ExportModel on resource: ${modelArn}`));
  const exporter = await makeUser(server, 'exporter', exporting);
  assert.equal((await exported(id, 'kohya', exporter)).status, 200);
  assert.match(
    await refusal((sealed.modelArn ?? '').slice(-12), 'kohya', exporter),
    /^403 .*kms:Decrypt/,
    'the key is used as the caller may',
  );
});

async function exported(modelId: string, format: string, credentials: Credentials = ROOT) {
  const signed = signByHand({
    ...{ method: 'GET', region: 'us-east-1', service: 'likeness', host: `127.0.0.1:${server.port}` },
    ...{ target: `/_likeness/v1/models/${modelId}/export?format=${format}`, body: '', credentials, say: {} },
  });
  const response = await fetch(`${server.endpoint}${signed.target}`, {
    headers: signed.headers.filter(([name]) => name !== 'host' && name !== 'content-length'),
  });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, body };
}

test('an import goes on after a restart of the server, from its beginning', async () => {
  const s3Uri = await put('late', { 'lora.safetensors': kohyaFile() });
  const creating = importing('late', s3Uri);
  const { jobArn = '' } = await creating;
  await server.close({ keepData: true });
  const left = join(server.dataDirectory, 'imports', 'left-by-a-crash');
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'lora.safetensors'), 'half');
  server = await startServer({ dataDirectory: server.dataDirectory, overrides: { inference } });
  await putBaseWeights(server.dataDirectory);
  clients = server.clients();
  const job = await endedImport(jobArn);
  assert.equal(job.status, 'Completed', job.failureMessage);
  assert.ok(!readdirSync(join(server.dataDirectory, 'imports')).includes('left-by-a-crash'));
  assert.match(await invoke(job.importedModelArn ?? ''), /with adapter_config/);
});
