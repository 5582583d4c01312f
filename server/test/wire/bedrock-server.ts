import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import {
  BedrockClient,
  CreateModelCustomizationJobCommand,
  type CreateModelCustomizationJobCommandInput,
  GetCustomModelCommand,
} from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { pino } from 'pino';
import constraints from '../../generated/constraints.json' with { type: 'json' };
import { openBaseModels } from '../../src/adapters/base-models-fs/base-models.ts';
import { noContentCredentials } from '../../src/adapters/content-credentials/credentials.ts';
import { openVault } from '../../src/adapters/master-key/vault.ts';
import { createModelStore } from '../../src/adapters/models-fs/models.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds, systemTime } from '../../src/adapters/system.ts';
import { readConfig } from '../../src/config.ts';
import { Fault } from '../../src/domain/fault.ts';
import type { Quotas } from '../../src/domain/quotas.ts';
import { invocationRate } from '../../src/domain/request-rate.ts';
import { endPhases } from '../../src/domain/training/job-state.ts';
import { parseNetworks } from '../../src/domain/vpc-networks.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { Capacity, InvokeRequest } from '../../src/ports/inference.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Time } from '../../src/ports/time.ts';
import { createBedrockService } from '../../src/services/bedrock/service.ts';
import { createBedrockRuntimeService } from '../../src/services/bedrock-runtime/service.ts';
import { createAccounts } from '../../src/services/iam/accounts.ts';
import { createAuthorizer } from '../../src/services/iam/authorizer.ts';
import { bootstrapAccount } from '../../src/services/iam/bootstrap.ts';
import { createCredentialResolver } from '../../src/services/iam/credentials.ts';
import { createIamService } from '../../src/services/iam/service.ts';
import { createKeyring } from '../../src/services/kms/keyring.ts';
import { createKmsService } from '../../src/services/kms/service.ts';
import { createRoleSessions } from '../../src/services/sts/role-sessions.ts';
import { createDispatcher } from '../../src/wire/dispatch.ts';
import { createValidator } from '../../src/wire/validate.ts';

export const ACCOUNT = '123456789012';
export const TITAN = 'amazon.titan-image-generator-v1:0';
export const TITAN_ARN = `arn:aws:bedrock:us-east-1::foundation-model/${TITAN}`;

export type BedrockServer = Awaited<ReturnType<typeof startBedrock>>;
const root = { accessKeyId: 'AKIAROOTROOTROOTROOT', secretAccessKey: 'a-secret-of-the-root-user' };

/** What a request to a unit was, and for whom. */
export interface Drawn {
  target: string;
  request: Omit<InvokeRequest, 'adapterId'>;
}

/** Capacity that draws one colour: the pixels are the worker's business, all else is the server's. */
function plainCapacity(drawn: Drawn[]): Capacity {
  async function draw(target: string, request: Omit<InvokeRequest, 'adapterId'>) {
    drawn.push({ target, request });
    if (request.text === 'the process dies') throw new Fault('modelError', 'The model unit ended.');
    if (request.text === 'the image is damaged') throw new Fault('invalid', 'images[0] does not decode');
    if (request.text === 'the queue is full') throw new Fault('throttled', 'Too many requests wait; retry later.');
    const image = plainPng(request.width, request.height, request.seed % 256).toString('base64');
    return {
      images: Array.from({ length: request.numberOfImages }, () => image),
      maskImage: request.mask?.isReturned ? image : null,
      cropBox: request.task === 'SMART_CROP' ? { left: 1, top: 2, width: request.width, height: request.height } : null,
      watermark: null,
      isWatermarked: true,
      caption: null,
      customModelArn: null,
    };
  }
  async function detectWatermark(_: string, image: string) {
    if (Buffer.from(image, 'base64').includes('damaged')) throw new Fault('invalid', 'images[0] does not decode');
    return image.startsWith('iVBOR')
      ? { isFound: true, score: 20, rightBits: 64 }
      : { isFound: false, score: 4, rightBits: 36 };
  }
  return {
    invokeBase: draw,
    invokeProvisioned: draw,
    invokeOnDemand: (model, request) => draw(model.modelArn, request),
    loadingModels: async () => [],
    loadProblem: () => undefined,
    detectWatermark,
    endBase: () => undefined,
    wake: () => undefined,
  };
}

/** Bedrock with IAM and KMS behind a port, and no loops: tests move the rows as the loops would. */
export async function startBedrock(
  options: { time?: Time; keepsCommitments?: boolean; quotas?: Partial<Quotas> } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-bedrock-'));
  const store = await openSqliteStore(join(folder, 'rows.sqlite'));
  const [time, ids, vault] = [options.time ?? systemTime(), systemIds(), await openVault(folder)];
  const identity = { store, vault, ids, time };
  await bootstrapAccount(identity, {
    accountId: ACCOUNT,
    rootAccessKeyId: root.accessKeyId,
    rootSecretAccessKey: root.secretAccessKey,
  });
  const embeddedModelPath = join(folder, 'base');
  await mkdir(embeddedModelPath);
  await writeFile(join(embeddedModelPath, 'model_index.json'), '{"_class_name": "LikenessArtPipeline"}');
  await writeFile(join(embeddedModelPath, 'likeness.json'), '{"id": "likeness.art-v1", "name": "Likeness Art"}');
  const baseModels = await openBaseModels({
    ...{ embeddedModelPath, modelMap: {} },
    registrationsPath: join(folder, 'base-models.json'),
  });
  const keyring = createKeyring(identity);
  const roleSessions = createRoleSessions({ ...identity, trail: { record: async () => undefined } });
  const modelStore = createModelStore({ folder: join(folder, 'models'), keyring, ids });
  const quotas = { ...readConfig({}).quotas, ...options.quotas };
  const drawn: Drawn[] = [];
  const capacity = plainCapacity(drawn);
  const dispatcher = createDispatcher({
    services: {
      bedrock: createBedrockService({
        store,
        ids,
        baseModels,
        keyring,
        capacity,
        roleSessions,
        modelStore,
        logBuckets: {
          put: async () => {
            throw new Fault('notFound', 'There is no S3 here.');
          },
        },
        vpcNetworks: parseNetworks('networks', { lab: 'subnet-1+sg-1+sg-2' }, []),
        wakeTraining: () => undefined,
        wakeBatch: () => undefined,
        wakeModelJobs: () => undefined,
        keepsCommitments: options.keepsCommitments ?? true,
        ...{ quotas, machineUnits: 4 },
      }),
      'bedrock-runtime': createBedrockRuntimeService({
        ...{ store, baseModels, keyring, capacity, contentCredentials: noContentCredentials },
        admitInvocation: invocationRate(quotas, () => time.now().getTime()),
        invocationLog: { record: () => undefined },
      }),
      iam: createIamService(identity),
      kms: createKmsService(identity),
    },
    admit: () => undefined,
    resolveApiKey: async () => ({ found: false, reason: 'unknown' }),
    resolveCredential: createCredentialResolver(identity),
    authorizer: createAuthorizer({ store }),
    validate: createValidator(constraints as never),
    startChecksum: () => {
      throw new Error('No payload streams to Bedrock.');
    },
    now: () => time.now(),
    defaultRegion: 'us-east-1',
    allowSignatureV2: false,
  });
  const server = createHttpServer({
    aws: dispatcher,
    own: dispatcher,
    console: () => assert.fail('the console is not asked here'),
    newRequestId: () => ids.uuid(),
    log: pino({ level: process.env.LIKENESS_TEST_LOG ?? 'silent' }),
  });
  const port = await server.listen('127.0.0.1', 0);
  const clients: { destroy(): void }[] = [];
  const settings = (region: string, credentials: { accessKeyId: string; secretAccessKey: string }) => ({
    region,
    credentials,
    endpoint: `http://127.0.0.1:${port}`,
    maxAttempts: 1,
  });
  function kept<Client extends { destroy(): void }>(client: Client): Client {
    clients.push(client);
    return client;
  }
  return {
    ...{ store, modelStore, keyring, baseModels, roleSessions, time, folder },
    accounts: createAccounts(identity),
    drawn,
    port,
    control: (region = 'us-east-1', credentials = root) => kept(new BedrockClient(settings(region, credentials))),
    runtime: (region = 'us-east-1', credentials = root) =>
      kept(new BedrockRuntimeClient(settings(region, credentials))),
    iam: kept(new IAMClient(settings('us-east-1', root))),
    kms: kept(new KMSClient(settings('us-east-1', root))),
    kmsOf: (credentials: typeof root) => kept(new KMSClient(settings('us-east-1', credentials))),
    settings: settings('us-east-1', root),
    async stop() {
      for (const client of clients) client.destroy();
      await server.stop(1000);
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Ends a job as the training loop does when the weights are stored. */
export async function completeJob(store: Store, jobArn: string, trainingLoss = 0.0871): Promise<void> {
  const jobId = jobArn.split('/').at(-1) ?? '';
  const outcome = await store.transaction(async rows => {
    const job = (await rows.bedrock.listUnfinishedJobs()).find(row => row.jobId === jobId);
    if (!job) return 'there is no unfinished job of that id';
    const endedAt = Date.now();
    return rows.bedrock.completeJob(jobId, job.fencingToken, {
      statusDetails: endPhases(job.statusDetails, 'Completed', endedAt),
      trainingLoss,
      method: 'lora',
      baseWeightsSha256: 'b'.repeat(64),
      sizeBytes: 1000,
      imagesSeen: 80,
      trainingSeconds: 1.5,
      measured: { peakMemoryBytes: null, bestScore: null, encoder: null },
      endedAt,
    });
  });
  if (outcome !== 'completed') throw new Error(`completeJob: ${outcome}`);
}

/** Ends a job as the training loop does without a model. */
export async function endJob(
  store: Store,
  jobArn: string,
  status: 'Stopped' | 'Failed',
  failureMessage: string | null,
) {
  const jobId = jobArn.split('/').at(-1) ?? '';
  await store.transaction(async rows => {
    const job = (await rows.bedrock.listUnfinishedJobs()).find(row => row.jobId === jobId);
    if (!job) throw new Error('there is no unfinished job of that id');
    const endedAt = Date.now();
    const statusDetails = endPhases(job.statusDetails, status, endedAt);
    await rows.bedrock.endJob(jobId, job.fencingToken, { status, statusDetails, failureMessage, endedAt });
  });
}

/** What the throughput loop does when the units of the desired model answer. */
export async function bringIntoService(store: Store, provisionedModelArn: string): Promise<void> {
  await store.transaction(async rows => {
    const row = await rows.bedrock.throughputByArn(provisionedModelArn);
    if (!row) throw new Error('there is no such provisioned model');
    await rows.bedrock.advanceThroughput(row.provisionedModelId, row.generation, {
      status: 'InService',
      modelArn: row.desiredModelArn,
      lastModifiedAt: Date.now(),
    });
  });
}

/** A whole PNG of one grey. */
export function plainPng(width: number, height: number, grey: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const pixels = Buffer.alloc(height * (width + 1), grey);
  for (let row = 0; row < height; row++) pixels[row * (width + 1)] = 0;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** A service role as the seed system's notebook makes it, but for its permissions: no data is read here. */
export async function makeServiceRole(iam: IAMClient, roleName: string, trust: object = {}): Promise<string> {
  const statement = {
    Effect: 'Allow',
    Principal: { Service: 'bedrock.amazonaws.com' },
    Action: 'sts:AssumeRole',
    Condition: {
      StringEquals: { 'aws:SourceAccount': ACCOUNT },
      ArnLike: { 'aws:SourceArn': `arn:aws:bedrock:us-east-1:${ACCOUNT}:model-customization-job/*` },
    },
    ...trust,
  };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: roleName, AssumeRolePolicyDocument }));
  return Role?.Arn ?? '';
}

/** The answer that a call must be refused with. */
export async function assertRefused(
  call: Promise<unknown>,
  code: string,
  status: number,
  message: string | RegExp,
  what?: string,
): Promise<void> {
  const error = await call.then(
    () => assert.fail(`accepted: ${what ?? message}`),
    (failure: unknown) => failure as Error & { $metadata?: { httpStatusCode?: number } },
  );
  assert.equal(error.name, code, `${what ?? ''} ${error.message}`);
  assert.equal(error.$metadata?.httpStatusCode, status, what);
  if (typeof message === 'string') assert.equal(error.message, message, what);
  else assert.match(error.message, message, what);
}

/** A good request for a job; the model takes the job's name. */
export function jobInput(
  roleArn: string,
  jobName: string,
  change: Partial<CreateModelCustomizationJobCommandInput> = {},
): CreateModelCustomizationJobCommandInput {
  return {
    jobName,
    customModelName: jobName,
    roleArn,
    baseModelIdentifier: TITAN,
    hyperParameters: { stepCount: '10' },
    trainingDataConfig: { s3Uri: 's3://ron-and-smila/train.jsonl' },
    outputDataConfig: { s3Uri: 's3://ron-and-smila/output/' },
    ...change,
  };
}

/** A job that is Completed, and its model. */
export async function createModel(
  server: BedrockServer,
  roleArn: string,
  name: string,
  change: Partial<CreateModelCustomizationJobCommandInput> = {},
): Promise<{ jobArn: string; modelArn: string }> {
  const control = server.control();
  const { jobArn = '' } = await control.send(new CreateModelCustomizationJobCommand(jobInput(roleArn, name, change)));
  await completeJob(server.store, jobArn);
  const { modelArn = '' } = await control.send(new GetCustomModelCommand({ modelIdentifier: name }));
  return { jobArn, modelArn };
}

/** An answer without the SDK's metadata and its absent members. */
export function plain<Output extends object>({ $metadata, ...output }: Output & { $metadata: unknown }) {
  return Object.fromEntries(Object.entries(output).filter(([, value]) => value !== undefined));
}
