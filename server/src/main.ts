import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino, stdSerializers } from 'pino';
import constraints from '../generated/constraints.json' with { type: 'json' };
import manifest from '../package.json' with { type: 'json' };
import { openBaseModels } from './adapters/base-models-fs/base-models.ts';
import { createInspection } from './adapters/base-models-fs/inspection.ts';
import { createLocalCompute } from './adapters/compute-local/compute.ts';
import { noContentCredentials, openContentCredentials } from './adapters/content-credentials/credentials.ts';
import { createS3CustomerData } from './adapters/customer-data-s3/customer-data.ts';
import { createLocalInference } from './adapters/inference-local/inference.ts';
import { openJournal } from './adapters/journal-fs/journal.ts';
import { createMachine } from './adapters/machine.ts';
import { openVault } from './adapters/master-key/vault.ts';
import { createModelStore } from './adapters/models-fs/models.ts';
import { openFileObjects } from './adapters/objects-fs/objects-fs.ts';
import { prepareWorkerLauncher } from './adapters/sandbox/worker-launcher.ts';
import { openSqliteStore } from './adapters/store-sql/database.ts';
import { systemIds, systemTime } from './adapters/system.ts';
import { startSecurePort } from './adapters/tls/secure-port.ts';
import { createTrainingCaches } from './adapters/training-caches-fs/training-caches.ts';
import { createWebhook } from './adapters/webhook/webhook.ts';
import { type Config, isLoopback } from './config.ts';
import { hasRows, makeFolder, ROWS_FILE, refuseLostMasterKey, refuseUnnamedBytes } from './data-folder.ts';
import { Fault } from './domain/fault.ts';
import { type Prices, parsePrices } from './domain/prices.ts';
import { invocationRate, requestRate } from './domain/request-rate.ts';
import { createConsole, createConsoleDoor } from './http/console.ts';
import { createMetricsPage } from './http/metrics.ts';
import { createHttpServer, type HttpServerOptions } from './http/server.ts';
import type { Accounts } from './ports/accounts.ts';
import type { BaseModelRegistry } from './ports/base-models.ts';
import type { Compute } from './ports/compute.ts';
import type { Inference } from './ports/inference.ts';
import type { Invocation } from './ports/invocation-logs.ts';
import type { Machine } from './ports/machine.ts';
import type { Objects } from './ports/objects.ts';
import type { RegisteredModels } from './ports/registered-models.ts';
import type { Store } from './ports/store.ts';
import type { Ids, Time } from './ports/time.ts';
import { type BatchLoop, DEFAULT_BATCH_SETTINGS, startBatchLoop } from './reconcile/batch.ts';
import type { BatchSettings } from './reconcile/batch-context.ts';
import { bucketDestination, journalDestination } from './reconcile/event-destinations.ts';
import { DEFAULT_EVENT_SETTINGS, type EventSettings, startEvents } from './reconcile/events.ts';
import { startInvocationLogs } from './reconcile/invocation-logs.ts';
import { startLifecycleLoop } from './reconcile/lifecycle.ts';
import { type ModelJobLoop, startModelJobLoop } from './reconcile/model-jobs.ts';
import { startSweepLoop } from './reconcile/sweep.ts';
import { startModelSweepLoop } from './reconcile/sweep-models.ts';
import { startThroughputLoop } from './reconcile/throughput.ts';
import { startTrail } from './reconcile/trail.ts';
import { DEFAULT_TRAINING_SETTINGS, startTrainingLoop, type TrainingLoop } from './reconcile/training.ts';
import { startCacheSweepLoop } from './reconcile/training-cache.ts';
import type { TrainingSettings } from './reconcile/training-context.ts';
import { createTrainingRecords } from './reconcile/training-records.ts';
import { refuseTakenModelName } from './services/bedrock/custom-models.ts';
import { readJobBase } from './services/bedrock/job-base.ts';
import { createBedrockService } from './services/bedrock/service.ts';
import { createBedrockRuntimeService } from './services/bedrock-runtime/service.ts';
import { parseTitanImageBody } from './services/bedrock-runtime/titan-image.ts';
import { createAccounts } from './services/iam/accounts.ts';
import { createApiKeyResolver } from './services/iam/api-keys.ts';
import { createAuthorizer } from './services/iam/authorizer.ts';
import { bootstrapAccount } from './services/iam/bootstrap.ts';
import { createBrowserSessions } from './services/iam/browser-sessions.ts';
import { createCredentialResolver } from './services/iam/credentials.ts';
import { createPolicyChecks } from './services/iam/policy-checks.ts';
import { createIamService } from './services/iam/service.ts';
import { createServiceRoles } from './services/iam/service-roles.ts';
import { createSignIn } from './services/iam/sign-in.ts';
import { createSignInLinks } from './services/iam/sign-in-links.ts';
import { createKeyring } from './services/kms/keyring.ts';
import { createObjectKeys } from './services/kms/object-keys.ts';
import { createKmsService } from './services/kms/service.ts';
import { createMetrics } from './services/likeness/metrics.ts';
import { createRegisteredModels } from './services/likeness/registered-models.ts';
import { createLikenessRoutes } from './services/likeness/service.ts';
import { startChecksum } from './services/s3/checksums.ts';
import { createLogBuckets, type LogDeliverer } from './services/s3/log-buckets.ts';
import { createS3Service } from './services/s3/service.ts';
import { deleteFrom } from './services/s3/versions.ts';
import { createRoleSessions } from './services/sts/role-sessions.ts';
import { createStsService } from './services/sts/service.ts';
import { createDispatcher } from './wire/dispatch.ts';
import { createRouteDispatcher } from './wire/routes.ts';
import { type Constraints, createValidator } from './wire/validate.ts';

/** What a test puts in the place of the machine's own. */
export interface Overrides {
  time?: Time;
  ids?: Ids;
  log?: Logger;
  compute?: Compute;
  inference?: Inference;
  baseModels?: BaseModelRegistry;
  limits?: HttpServerOptions['limits'];
  /** Stands before the product's own: a slow disk. */
  objects?(own: Objects): Objects;
  store?(own: Store): Store;
  /** Stands before it: a full disk. */
  machine?(own: Machine): Machine;
  training?: Partial<TrainingSettings>;
  batch?: Partial<BatchSettings>;
  events?: Partial<EventSettings>;
}

export interface Likeness {
  /** `http://127.0.0.1:4747`. */
  endpoint: string;
  port: number;
  /** `https://127.0.0.1:4748` and the certificate that it serves; undefined where TLS is off. */
  tls: { endpoint: string; certificatePath: string } | undefined;
  accountId: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** For `POST /_likeness/v1/sign-in-link`, as the account's root user: each start has one. */
  signInToken: string;
  /** Finishes the requests in hand and pauses the trainings; `force`: ends at once. */
  close(options?: { force?: boolean }): Promise<void>;
}

/** Requests in hand when the server stops may go on for so long. */
const STOP_GRACE_SECONDS = 30;

/**
 * The accounts of a data folder on which no server runs: rows and vault alone, and nothing starts. The caller holds the
 * folder's lock.
 * @throws Error with one line to show for a setting or a data folder that cannot be used
 */
export async function openAccounts(config: Config): Promise<Accounts & { close(): Promise<void> }> {
  const store = await openRows(config, { withSecrets: true });
  const vault = await openVault(config.dataDirectory, config.masterKey);
  const parts = { store, vault, ids: systemIds(), time: systemTime() };
  await bootstrapAccount(parts, config);
  return { ...createAccounts(parts), close: () => store.close() };
}

/**
 * The base models of a data folder on which no server runs; the caller holds the folder's lock.
 * @throws Error with one line to show for a setting or a data folder that cannot be used
 */
export async function openRegisteredModels(config: Config): Promise<RegisteredModels & { close(): Promise<void> }> {
  const store = await openRows(config, { withSecrets: false });
  const parts = { store, inspect: createInspection(config), time: systemTime(), endUnit: () => undefined };
  const baseModels = await openBaseModels({ ...config, registrationsPath: registrationsPath(config) });
  return { ...createRegisteredModels({ ...parts, baseModels }), close: () => store.close() };
}

/** @throws Error with one line to show, also for a folder that lost its rows, or the key of the secrets that are asked for */
async function openRows(
  { dataDirectory, masterKey }: Config,
  { withSecrets }: { withSecrets: boolean },
): Promise<Store> {
  if (!hasRows(dataDirectory)) refuseUnnamedBytes(dataDirectory);
  const store = await openSqliteStore(join(dataDirectory, ROWS_FILE));
  try {
    if ((await store.read(({ iam }) => iam.firstAccount())) === undefined) refuseUnnamedBytes(dataDirectory);
    else if (withSecrets && masterKey === undefined) refuseLostMasterKey(dataDirectory);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function registrationsPath({ dataDirectory }: Config): string {
  return join(dataDirectory, 'base-models.json');
}

/**
 * The composition root: opens the data folder, joins services and adapters, listens. The caller holds the folder's lock.
 * @throws Error with one line to show for a setting or a data folder that cannot be used
 */
export async function createLikeness(config: Config, overrides: Overrides = {}): Promise<Likeness> {
  const log = overrides.log ?? createLog(config.logLevel);
  const time = overrides.time ?? systemTime();
  const ids = overrides.ids ?? systemIds();
  const data = (name: string) => join(config.dataDirectory, name);
  makeFolder(config.dataDirectory);

  const prices = await readPrices(config.pricesPath);
  const rows = await openRows(config, { withSecrets: true });
  const store = overrides.store?.(rows) ?? rows;
  const vault = await openVault(config.dataDirectory, config.masterKey);
  const iamParts = { store, vault, ids, time };
  const account = await bootstrapAccount(iamParts, config);
  const authorizer = createAuthorizer({ store });
  const files = await openFileObjects(data('objects'), ids);
  const objects = overrides.objects?.(files) ?? files;
  const keyring = createKeyring(iamParts);
  const modelStore = createModelStore({ folder: data('models'), keyring, ids });
  const baseModels =
    overrides.baseModels ?? (await openBaseModels({ ...config, registrationsPath: registrationsPath(config) }));
  let endpoint = '';
  const customerData = createS3CustomerData({
    endpoint: () => endpoint,
    privateAddress: id => config.vpcEndpoints[id],
  });
  const contentCredentials =
    config.c2pa === 'off'
      ? noContentCredentials
      : await openContentCredentials({
          ...{ folder: data('c2pa'), certPath: config.c2paCertPath, keyPath: config.c2paKeyPath },
          ...{ now: time.now(), version: manifest.version },
        });
  const workers = await prepareWorkers(config, overrides, log);

  const capacity = startThroughputLoop({
    ...{ store, keyring, modelStore, baseModels, time, log },
    inference: workers.inference,
    queueLimit: config.queueLimit,
    idleSeconds: config.deploymentIdleSeconds,
    // The model that answers in a new installation; others start at their first request.
    warmBaseModelIds: config.warmBaseModel ? ['likeness.art-v1'] : [],
  });
  let training: TrainingLoop | undefined;
  let batch: BatchLoop | undefined;
  let modelJobs: ModelJobLoop | undefined;
  const roomWaits = new Set<string>();

  const access = {
    admit: requestRate(config.requestsPerSecond, {
      now: () => time.now().getTime(),
      isOwn: customerData.signsWith,
    }),
    resolveCredential: createCredentialResolver(iamParts),
    authorizer,
    now: () => time.now(),
    defaultRegion: config.region,
    allowSignatureV2: config.allowSignatureV2,
  };
  const s3 = createS3Service({
    ...{ store, objects, ids, objectKeys: createObjectKeys(iamParts) },
    hostNames: config.domain === undefined ? [config.host] : [config.domain, config.host],
    allows: (requests, ctx) => authorizer(requests, ctx).then(() => true, deniedIsFalse),
  });
  const owner = { accountId: account.accountId, region: config.region };
  const logBucketsOf = (deliverer: LogDeliverer) =>
    createLogBuckets({ store, ids, time, authorizer, service: s3, deliverer });
  const logBuckets = logBucketsOf('bedrock');
  const invocationLog = startInvocationLogs({ store, logBuckets, ids, log });
  const itself = createMachine({ ...config, sandboxProblem: workers.sandboxProblem });
  const machine = overrides.machine?.(itself) ?? itself;
  const { version } = manifest;
  const metrics = createMetrics({ store, time, machine, version, pools: () => capacity.figures() });
  const noteInvocation = (invocation: Invocation) => {
    metrics.drawn(invocation);
    invocationLog.record(invocation);
  };
  const trailJournal = await openJournal({ folder: data('trail'), time, log });
  const trail = startTrail({
    ...{ journal: trailJournal, ids, time, log },
    owner,
    settings: {
      events: config.trailEvents,
      keepDays: config.trailKeepDays,
      bucket: config.trailBucket,
      deliverySeconds: config.trailDeliverySeconds,
    },
    logBuckets: logBucketsOf('cloudtrail'),
  });
  const roleSessions = createRoleSessions({ ...iamParts, trail });
  // Before anything can change: a destination hears of what happens once it is known.
  const eventJournal = await openJournal({ folder: data('events'), time, log });
  const events = await startEvents({
    ...{ store, time, log, settings: { ...DEFAULT_EVENT_SETTINGS, ...overrides.events } },
    destinations: [
      journalDestination(eventJournal, time, config.eventsKeepDays),
      ...(config.eventsWebhook ? [createWebhook({ ...config.eventsWebhook, time })] : []),
      ...(config.eventsBucket ? [bucketDestination(logBucketsOf('events'), owner, config.eventsBucket)] : []),
    ],
  });
  const dispatcher = createDispatcher({
    services: {
      s3,
      iam: createIamService(iamParts),
      sts: createStsService(iamParts),
      kms: createKmsService(iamParts),
      bedrock: createBedrockService({
        ...{ store, ids, baseModels, roleSessions, keyring, modelStore, capacity, logBuckets },
        vpcNetworks: config.vpcNetworks,
        wakeTraining: () => training?.wake(),
        wakeBatch: () => batch?.wake(),
        wakeModelJobs: () => modelJobs?.wake(),
        keepsCommitments: config.commitments === 'strict',
        ...{ quotas: config.quotas, machineUnits: config.modelUnits },
      }),
      'bedrock-runtime': createBedrockRuntimeService({
        ...{ store, baseModels, keyring, capacity, contentCredentials, invocationLog: { record: noteInvocation } },
        admitInvocation: invocationRate(config.quotas, () => time.now().getTime()),
      }),
    },
    ...access,
    resolveApiKey: createApiKeyResolver(iamParts),
    validate: createValidator(constraints as Constraints),
    startChecksum: algorithm => knownChecksum(algorithm.toUpperCase()),
  });
  const signInLinks = createSignInLinks(iamParts);
  let status: 'starting' | 'ready' | 'stopping' = 'starting';
  const routes = createLikenessRoutes({
    ...{
      version,
      status: () => status,
      baseModels,
      capacity,
      registeredModels: createRegisteredModels({
        ...{ store, baseModels, time, inspect: createInspection(config) },
        endUnit: capacity.endBase,
      }),
      accounts: createAccounts(iamParts),
      signIn: createSignIn(iamParts),
      signInLinks,
      browserSessions: createBrowserSessions(iamParts),
      serviceRoles: createServiceRoles(iamParts),
      policyChecks: createPolicyChecks(iamParts),
    },
    ...{ quotas: config.quotas, requestsPerSecond: config.requestsPerSecond, prices },
    ...{ machineUnits: config.modelUnits, trainingSlots: config.trainingSlots },
    ...{ machine, dataDirectory: config.dataDirectory },
    ...{ store, time, trailJournal, roomWaits, trainingRecords: createTrainingRecords(data('runs')) },
    ...{ ids, modelStore, keyring },
    readJobBase: (identifier, scope) => readJobBase(identifier, scope, { store, baseModels, keyring, modelStore }),
    refuseTakenModelName: (rows, scope, name) => refuseTakenModelName(rows, scope, name, config.quotas),
  });
  const isBucketHost = (host: string, path: string) => s3.addressed?.(host, path).path !== path;
  const server = createHttpServer({
    aws: dispatcher,
    own: createRouteDispatcher({ ...access, routes }),
    console: createConsole(config.consolePath),
    consoleDoor: createConsoleDoor(host => isBucketHost(host, '/')),
    newRequestId: () => ids.uuid(),
    log,
    recorded: call => trail.record(call),
    answered: metrics.answered,
    metrics: createMetricsPage({
      token: config.metricsToken,
      isBucketHost: host => isBucketHost(host, '/metrics'),
      text: () => metrics.text(),
    }),
    ...(overrides.limits && { limits: overrides.limits }),
  });
  // Others get TLS alone, unless told otherwise: keys and pictures are no one's business on the way.
  const plainHost = isLoopback(config.host) || config.allowInsecureHost ? config.host : '127.0.0.1';
  const giveUp = async (error: unknown): Promise<never> => {
    await server.stop(0);
    await capacity.stop(0);
    await trail.stop();
    await events.stop();
    await eventJournal.close();
    await store.close();
    throw error;
  };
  const port = await server.listen(plainHost, config.port).catch(giveUp);
  endpoint = `http://${urlHost(plainHost)}:${port}`;
  const secure =
    config.tlsPort === 'off'
      ? undefined
      : await startSecurePort({
          ...{ server, time, log, host: config.host, folder: data('tls'), domain: config.domain },
          // A server on any port (a test) is one of several; the usual one is for the service of this machine.
          port: config.tlsPort === 'auto' && config.port === 0 ? 0 : config.tlsPort,
          certPath: config.tlsCertPath,
          keyPath: config.tlsKeyPath,
        }).catch(giveUp);
  for (const [id, address] of Object.entries(config.vpcEndpoints))
    await server.listenPrivate(id, address).catch(giveUp);
  const trainingCaches = createTrainingCaches({
    ...{ time, folder: data('caches'), keepDays: config.cacheDays, maximumBytes: config.cacheMebibytes * 1024 ** 2 },
    files: createModelStore({ folder: data('caches'), keyring, ids }),
  });
  training = startTrainingLoop({
    ...{ store, time, log, machine, roomWaits, customerData, roleSessions, baseModels, modelStore, trainingCaches },
    ...{ compute: workers.compute, quotas: config.quotas, vpcNetworks: config.vpcNetworks },
    runsPath: data('runs'),
    workerThreads: config.workerThreads,
    checkpointDays: config.checkpointDays,
    scoreEncoderPaths: config.scoreEncoderPaths,
    settings: { ...DEFAULT_TRAINING_SETTINGS, ...overrides.training },
    owner: ids.uuid(),
  });
  batch = startBatchLoop({
    ...{ store, time, log, machine, roomWaits, customerData, roleSessions, baseModels, modelStore, contentCredentials },
    inference: workers.inference,
    vpcNetworks: config.vpcNetworks,
    batchPath: data('batch'),
    readRequest: parseTitanImageBody,
    isServing: capacity.isServing,
    settings: {
      ...DEFAULT_BATCH_SETTINGS,
      units: config.batchUnits,
      minimumRecords: config.batchMinimumRecords,
      ...overrides.batch,
    },
  });
  modelJobs = startModelJobLoop({
    ...{ store, time, log, keyring, modelStore, baseModels, customerData, roleSessions },
    inspect: createInspection(config),
    vpcNetworks: config.vpcNetworks,
    importsPath: data('imports'),
  });
  const sweeping = startSweepLoop({ store, objects, time, log });
  const lifecycles = startLifecycleLoop({
    ...{ store, time, log },
    deleteCurrent: (rows, bucket, key, now) => deleteFrom(rows, { ids }, bucket, key, undefined, now),
  });
  const sweepingModels = startModelSweepLoop({ store, modelStore, keyring, time, log });
  const sweepingCaches = startCacheSweepLoop({ trainingCaches, time, log });
  // Last of all: a start that failed before (a port that is taken) has made none.
  const signInToken = await signInLinks.create(account.accountId);
  status = 'ready';

  return {
    endpoint,
    port,
    tls: secure && {
      endpoint: `https://${urlHost(config.host)}:${secure.port}`,
      certificatePath: secure.certificatePath,
    },
    accountId: account.accountId,
    credentials: { accessKeyId: account.accessKeyId, secretAccessKey: account.secretAccessKey },
    signInToken,
    async close({ force = false } = {}) {
      status = 'stopping';
      const graceSeconds = force ? 0 : STOP_GRACE_SECONDS;
      secure?.stop();
      await server.stop(graceSeconds * 1000);
      const paused = Promise.all([training?.stop(), batch?.stop(), modelJobs?.stop()]);
      if (!force) await paused;
      await capacity.stop(graceSeconds);
      await invocationLog.stop();
      await trail.stop();
      await workers.close();
      customerData.close();
      await sweeping.stop();
      await lifecycles.stop();
      await sweepingModels.stop();
      await sweepingCaches.stop();
      await events.stop();
      await eventJournal.close();
      await store.close();
    },
  };
}

/** @throws Error that names the file and what is wrong with it */
async function readPrices(path: string | undefined): Promise<Prices | null> {
  if (path === undefined) return null;
  try {
    return parsePrices(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`LIKENESS_PRICES names ${path}: ${(error as Error).message}`);
  }
}

/** How the host is written in a URL: an address for all of a machine's is none to call. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

async function prepareWorkers(config: Config, overrides: Overrides, log: Logger) {
  if (overrides.compute && overrides.inference)
    return {
      ...{ compute: overrides.compute, inference: overrides.inference },
      ...{ sandboxProblem: null, close: async () => undefined },
    };
  const launcher = await prepareWorkerLauncher({ ...config, workerPath: null });
  if (launcher.sandboxProblem !== null)
    log.warn({ problem: launcher.sandboxProblem }, 'workers run without a sandbox: bubblewrap does not work here');
  const inference = createLocalInference({
    launcher,
    runtimeParent: tmpdir(),
    capacity: config.modelUnits,
    threads: config.workerThreads,
  });
  return {
    compute: overrides.compute ?? createLocalCompute({ launcher, slots: config.trainingSlots }),
    inference: overrides.inference ?? inference,
    sandboxProblem: launcher.sandboxProblem,
    close: () => inference.close(),
  };
}

/** One line a request and one a fault, to stderr: stdout belongs to the CLI. */
function createLog(level: Config['logLevel']): Logger {
  const serializers = { err: stdSerializers.err, error: stdSerializers.err };
  return pino({ level, base: null, serializers }, pino.destination({ fd: 2, sync: true }));
}

function deniedIsFalse(error: unknown): false {
  if (error instanceof Fault && error.kind === 'denied') return false;
  throw error;
}

function knownChecksum(name: string) {
  const known = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256', 'SHA512', 'MD5'] as const;
  const algorithm = known.find(candidate => candidate === name);
  return algorithm && startChecksum(algorithm);
}
