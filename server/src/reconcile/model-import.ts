/**
 * An import from the customer's bucket, read with the service role: a LoRA on a registered base, or a whole diffusers folder.
 * All is checked before anything is stored; a try that a crash ended leaves a folder, which the next try begins with.
 */
import { mkdir, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '../domain/fault.ts';
import { MAXIMUM_OBJECTS, partsOf, readSource, type SourceObject, wholeFiles } from '../domain/lora/import-source.ts';
import { parseS3Uri } from '../domain/training/manifest.ts';
import type { VpcNetwork } from '../domain/vpc-networks.ts';
import type { BaseModels, InspectBaseModel } from '../ports/base-models.ts';
import type { CustomerData, RoleSession, RoleSessions } from '../ports/customer-data.ts';
import type { ImportJobRow } from '../ports/store-model-jobs.ts';
import { importLora } from './import-lora.ts';
import { JobFailure } from './job-failure.ts';
import type { CopyDependencies } from './model-copy.ts';
import { noteStoredModel } from './model-storage.ts';
import { serviceRole } from './role-session.ts';

export interface ImportDependencies extends CopyDependencies {
  baseModels: BaseModels;
  inspect: InspectBaseModel;
  customerData: CustomerData;
  roleSessions: RoleSessions;
  vpcNetworks: readonly VpcNetwork[];
  /** `DATA/imports`. */
  importsPath: string;
}

/** What became of the files: where they lie, and what the model's row says of them. */
interface Fetched {
  folder: string;
  method: 'lora' | 'whole';
  family: string;
  foundationModelId: string;
  baseModelId: string;
  baseWeightsSha256: string | null;
}

interface Bucket {
  name: string;
  key: string;
  role: () => Promise<RoleSession>;
}

/** Room for the files as they come, and for the encrypted ones beside them. */
const ROOM_FACTOR = 2.1;

/** May be taken again after a crash at any moment. @throws JobFailure for the user; else worth another try */
export async function importModel(job: ImportJobRow, dependencies: ImportDependencies): Promise<void> {
  const { modelStore, importsPath } = dependencies;
  const root = join(importsPath, job.jobId);
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true, mode: 0o700 });
  try {
    const fetched = await fetchModel(job, root, dependencies).catch(forTheUser);
    const { accountId, region, keyArn, modelArn: resourceArn } = job;
    const owner = { accountId, region, keyArn, resourceArn };
    const { sizeBytes } = await modelStore.save(job.modelId, fetched.folder, owner).catch(forTheUser);
    await finish(job, fetched, sizeBytes, dependencies);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function fetchModel(job: ImportJobRow, root: string, dependencies: ImportDependencies): Promise<Fetched> {
  const { customerData, baseModels } = dependencies;
  const { bucket: name, key } = parseS3Uri(job.source.s3Uri) ?? { bucket: '', key: '' };
  // Of CreateCustomModel there is no job that a trust policy could name: its model stands for it.
  const sourceArn = job.kind === 'create' ? job.modelArn : job.jobArn;
  const role = serviceRole({ ...job, jobArn: sourceArn }, 'BedrockModelImportJob', dependencies);
  const bucket = { name, key, role };
  const objects = await customerData.list(await role(), name, key, MAXIMUM_OBJECTS).catch((error: unknown) => {
    throw readFailure(error, 'ListBucket', bucket, key);
  });
  const source = readSource(key, objects);
  const folder = join(root, 'model');
  await mkdir(folder, { mode: 0o700 });
  if (source.kind === 'whole') return fetchWhole(job, source.objects, folder, bucket, dependencies);
  await refuseWithoutRoom([source.file], dependencies.importsPath);
  const file = join(root, 'lora.safetensors');
  await download(source.file, file, bucket, customerData);
  const configText = source.config ? await readText(source.config, bucket, customerData) : null;
  const { entry, base, baseWeightsSha256 } = await importLora(file, configText, folder, {
    ...{ baseModels, tags: job.modelTags },
    name: source.file.key,
  });
  const { family, id: baseModelId } = base;
  return { folder, method: 'lora', family, foundationModelId: entry.modelId, baseModelId, baseWeightsSha256 };
}

async function fetchWhole(
  job: ImportJobRow,
  objects: { name: string; object: SourceObject }[],
  folder: string,
  bucket: Bucket,
  { customerData, inspect, importsPath }: ImportDependencies,
): Promise<Fetched> {
  const index = objects.find(({ name }) => name === 'model_index.json');
  const text = index ? await readText(index.object, bucket, customerData) : '';
  const parts = partsOf(parseJson(text));
  const files = wholeFiles(objects, parts);
  await refuseWithoutRoom(
    files.map(({ object }) => object),
    importsPath,
  );
  for (const { name, object } of files) {
    const path = join(folder, ...name.split('/'));
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await download(object, path, bucket, customerData);
  }
  const { family } = await inspect(folder);
  const id = `imported/${job.modelId}`;
  return { folder, method: 'whole', family, foundationModelId: 'imported', baseModelId: id, baseWeightsSha256: null };
}

/** One transaction: the job ends and its model can be used. */
async function finish(
  job: ImportJobRow,
  fetched: Fetched,
  sizeBytes: number,
  { store, time, baseModels }: ImportDependencies,
): Promise<void> {
  const { accountId, region, modelId, modelArn, modelName, keyArn, modelTags: tags } = job;
  const { method, family, baseModelId, baseWeightsSha256, foundationModelId } = fetched;
  const isKnown = baseModels.catalogue().some(row => row.modelId === foundationModelId);
  await store.transaction(async rows => {
    const { bedrock } = rows;
    const endedAt = time.now().getTime();
    if (!(await bedrock.endModelJob(job.jobId, { status: 'Completed', failureMessage: null, endedAt }))) return;
    const made = { method, baseModelId, baseWeightsSha256, sizeBytes };
    if (job.kind === 'create') {
      const isMade = await bedrock.endModelCreation(modelArn, {
        ...{ status: 'Active', failureMessage: null, foundationModelId, ...made },
        foundationModelArn: isKnown ? `arn:aws:bedrock:${region}::foundation-model/${foundationModelId}` : '',
      });
      // Of one that was deleted meanwhile there is nothing to tell.
      if (isMade) await noteStoredModel(rows, job, endedAt);
      return;
    }
    const origin = { jobArn: job.jobArn, jobName: job.jobName, s3Uri: job.source.s3Uri };
    const identity = { accountId, region, modelId, modelArn, modelName, keyArn, tags, createdAt: endedAt };
    await bedrock.insertImportedModel({ ...identity, ...origin, ...made, family });
    await noteStoredModel(rows, job, endedAt);
  });
}

async function download(
  object: SourceObject,
  path: string,
  { name, role }: Bucket,
  customerData: CustomerData,
): Promise<void> {
  await customerData.download(await role(), name, object.key, path, object.sizeBytes).catch((error: unknown) => {
    throw readFailure(error, 'GetObject', { name }, object.key);
  });
}

async function readText(object: SourceObject, { name, role }: Bucket, customerData: CustomerData): Promise<string> {
  return customerData.readText(await role(), name, object.key, object.sizeBytes).catch((error: unknown) => {
    throw readFailure(error, 'GetObject', { name }, object.key);
  });
}

/** In the words that AWS has for a training's data. */
function readFailure(error: unknown, action: string, { name }: Pick<Bucket, 'name'>, key: string): unknown {
  if (!(error instanceof Fault) || !['denied', 'notFound', 'conflict'].includes(error.kind)) return error;
  return new JobFailure(`Could not validate ${action} permissions to access Amazon S3 bucket: ${name} at key ${key}`, {
    cause: error,
  });
}

async function refuseWithoutRoom(objects: readonly SourceObject[], path: string): Promise<void> {
  const needed = Math.ceil(objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) * ROOM_FACTOR);
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < needed)
    throw new JobFailure(`The service's disk has ${bavail * bsize} bytes free, and the import needs ${needed}.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Fault('invalid', 'model_index.json is no JSON.');
  }
}

/** What is wrong with the files or the key is the job's failure; what S3 or the disk had for a moment is tried again. */
function forTheUser(error: unknown): never {
  const isRefusal = error instanceof Fault && ['invalid', 'denied', 'conflict', 'notFound'].includes(error.kind);
  throw isRefusal ? new JobFailure(error.message, { cause: error }) : error;
}
