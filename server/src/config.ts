import { isIP } from 'node:net';
import { availableParallelism, homedir } from 'node:os';
import { resolve } from 'node:path';
import { type Quotas, quotasFrom } from './domain/quotas.ts';
import { type RequestClass, requestClasses } from './domain/request-rate.ts';
import { parseNetworks, type VpcNetwork } from './domain/vpc-networks.ts';

/** Everything that the environment and the flags decide, parsed once and passed down. Only this file reads the environment. */
export interface Config {
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** `auto`: 4748 where nobody has it, else any free one; `off`: no TLS. 0 picks a free port. */
  tlsPort: number | 'auto' | 'off';
  /** The user's own certificate and key, PEM files; undefined: a self-made pair in DATA/tls. */
  tlsCertPath: string | undefined;
  tlsKeyPath: string | undefined;
  /** Whether pictures get C2PA Content Credentials, and the user's own pair for them; undefined: a self-made one in DATA/c2pa. */
  c2pa: 'on' | 'off';
  c2paCertPath: string | undefined;
  c2paKeyPath: string | undefined;
  /** Name of the service's own, before which a bucket's may stand: `bucket.s3.example.com`. */
  domain: string | undefined;
  dataDirectory: string;
  region: string;
  /** Identity of the first account; random at the first start where not set, then kept in the data folder. */
  rootAccessKeyId: string | undefined;
  rootSecretAccessKey: string | undefined;
  accountId: string | undefined;
  /** 32 bytes, base64 or hexadecimal, that seal every secret in the data folder; undefined: DATA/master.key. */
  masterKey: string | undefined;
  /** `auto`: bubblewrap where it works; `require`: refuse to start without; `off`. */
  sandbox: 'auto' | 'require' | 'off';
  /** The Python that has the worker installed. */
  pythonPath: string;
  /** Folder of the embedded base model, which is always registered. */
  embeddedModelPath: string;
  /** Folder of the built console. */
  consolePath: string;
  /** Further base models by the id that they shall have: folders in diffusers layout. */
  baseModelPaths: Readonly<Record<string, string>>;
  /** `compatibilityId=baseModelId`; the default maps all to `likeness.art-v1`. */
  modelMap: Readonly<Record<string, string>>;
  /** Where `model add hf:…` downloads from, without a slash at the end, and the token that it shows there. */
  hubEndpoint: string;
  hubToken: string | undefined;
  /** Presigned SigV2 URLs, as boto3 makes them for custom endpoints by default. */
  allowSignatureV2: boolean;
  trainingSlots: number;
  /** Units this machine may run at once. */
  modelUnits: number;
  /** `strict`: as on AWS, no delete of Provisioned Throughput before its commitment ends; `off`: at any time. */
  commitments: 'strict' | 'off';
  quotas: Quotas;
  /** A JSON table of prices (domain/prices.ts); undefined: usage is told in plain units. */
  pricesPath: string | undefined;
  /** Requests a second of an account, by service; of those that it lacks, any number. */
  requestsPerSecond: Readonly<Partial<Record<RequestClass, number>>>;
  /** Batch inference jobs that draw at once, each on a unit of its own; the least records in one (AWS: 100). */
  batchUnits: number;
  batchMinimumRecords: number;
  /** Requests that may wait for one provisioned model or base model before ThrottlingException. */
  queueLimit: number;
  /** Deployments of custom models let their process go when no request came for so long; the next one starts it again. */
  deploymentIdleSeconds: number;
  /** Whether the on-demand unit of the embedded model starts with the server, so that the first request is quick. */
  warmBaseModel: boolean;
  /** Days that the checkpoints beside a model stay selectable after the job; 0: none are kept. */
  checkpointDays: number;
  /** Days that latents and text states of a job's pictures stay, encrypted, for the next job on them; 0: none are kept. */
  cacheDays: number;
  /** Of all of them together, in MiB. */
  cacheMebibytes: number;
  /** `baseModelId=folder`: the CLIP or DINOv2 that scores its trainings, in the place of the base's own encoder. */
  scoreEncoderPaths: Readonly<Record<string, string>>;
  /**
   * CPU threads of a worker. By default a core is left to the server and to other work: threads of one step wait for
   * each other at every barrier, so one that loses its core slows all of them tenfold (docs/performance.md).
   */
  workerThreads: number;
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  allowInsecureHost: boolean;
  /** Private endpoints by id (`vpce-…`): a Unix socket or an address, whose requests carry `aws:SourceVpce`. */
  vpcEndpoints: Readonly<Record<string, { path: string } | { host: string; port: number }>>;
  /** Networks that the vpcConfig of a job may name. */
  vpcNetworks: readonly VpcNetwork[];
  /** What the audit trail records: all but what is done with S3's objects and drawings, those too, or nothing. */
  trailEvents: 'management' | 'all' | 'off';
  /** A day older, and its file is deleted. */
  trailKeepDays: number;
  /** A bucket of the first account in `region` that the trail is delivered to as well, every so many seconds. */
  trailBucket: { name: string; keyPrefix: string } | undefined;
  trailDeliverySeconds: number;
  /** Who has it may read /metrics from anywhere; undefined: this machine alone may. */
  metricsToken: string | undefined;
  /** A day older, and a file of events is deleted. */
  eventsKeepDays: number;
  /** A bucket of the first account in `region` that events go to as well. */
  eventsBucket: { name: string; keyPrefix: string } | undefined;
  /** Where events are posted to, and the secret that signs them. */
  eventsWebhook: { url: string; secret: string } | undefined;
}

/** Of a secret that signs or lets in; in characters. */
const SHORTEST_SECRET = 16;

export type ConfigOverrides = Partial<Config>;

/**
 * @throws Error with one clear line for a value out of range: the CLI prints it and exits non-zero.
 */
export function readConfig(environment: NodeJS.ProcessEnv, overrides: ConfigOverrides = {}): Config {
  const projectRoot = resolve(import.meta.dirname, '../..');
  // An unset variable in `--data "$FOLDER"` must not make the current folder the data folder.
  if (environment.LIKENESS_DATA === '') throw new Error('LIKENESS_DATA must name a folder; it is "".');
  const dataDirectory = resolve(environment.LIKENESS_DATA ?? '.likeness');
  const config: Config = {
    host: environment.LIKENESS_HOST ?? '127.0.0.1',
    port: integer(environment, 'LIKENESS_PORT', 4747, 0, 65535),
    tlsPort: tlsPort(environment),
    tlsCertPath: environment.LIKENESS_TLS_CERT || undefined,
    tlsKeyPath: environment.LIKENESS_TLS_KEY || undefined,
    c2pa: oneOf(environment, 'LIKENESS_C2PA', 'on', ['on', 'off']),
    c2paCertPath: environment.LIKENESS_C2PA_CERT || undefined,
    c2paKeyPath: environment.LIKENESS_C2PA_KEY || undefined,
    domain: domain(environment),
    dataDirectory,
    region: region(environment.LIKENESS_REGION ?? 'us-east-1'),
    rootAccessKeyId: environment.LIKENESS_ROOT_ACCESS_KEY_ID || undefined,
    rootSecretAccessKey: environment.LIKENESS_ROOT_SECRET_ACCESS_KEY || undefined,
    accountId: environment.LIKENESS_ACCOUNT_ID || undefined,
    masterKey: environment.LIKENESS_MASTER_KEY || undefined,
    sandbox: oneOf(environment, 'LIKENESS_SANDBOX', 'auto', ['auto', 'require', 'off']),
    pythonPath: environment.LIKENESS_PYTHON ?? resolve(projectRoot, '.venv/bin/python'),
    embeddedModelPath: environment.LIKENESS_EMBEDDED_MODEL ?? resolve(projectRoot, 'models/art/weights'),
    consolePath: environment.LIKENESS_CONSOLE ?? resolve(projectRoot, 'console/dist'),
    baseModelPaths: folders(environment, 'LIKENESS_BASE_MODELS', 'id=folder'),
    modelMap: pairs(environment, 'LIKENESS_MODEL_MAP', 'id=baseModelId'),
    hubEndpoint: hubEndpoint(environment),
    hubToken: environment.HF_TOKEN || undefined,
    allowSignatureV2: oneOf(environment, 'LIKENESS_SIGNATURE_V2', 'on', ['on', 'off']) === 'on',
    trainingSlots: integer(environment, 'LIKENESS_TRAINING_SLOTS', 1, 1, 64),
    modelUnits: integer(environment, 'LIKENESS_MODEL_UNITS', 8, 1, 1024),
    commitments: oneOf(environment, 'LIKENESS_COMMITMENTS', 'strict', ['strict', 'off']),
    quotas: quotasFrom(quota =>
      environment[quota.setting] === 'none' || (quota.default === null && !environment[quota.setting])
        ? null
        : integer(environment, quota.setting, quota.default ?? 0, 0, quota.maximum),
    ),
    pricesPath: environment.LIKENESS_PRICES ? resolve(environment.LIKENESS_PRICES) : undefined,
    requestsPerSecond: requestsPerSecond(environment),
    batchUnits: integer(environment, 'LIKENESS_BATCH_UNITS', 1, 1, 64),
    batchMinimumRecords: integer(environment, 'LIKENESS_BATCH_MINIMUM_RECORDS', 1, 1, 50_000),
    queueLimit: integer(environment, 'LIKENESS_QUEUE_LIMIT', 64, 1, 10_000),
    deploymentIdleSeconds: integer(environment, 'LIKENESS_DEPLOYMENT_IDLE_SECONDS', 900, 1, 604_800),
    warmBaseModel: oneOf(environment, 'LIKENESS_WARM_BASE', 'on', ['on', 'off']) === 'on',
    checkpointDays: integer(environment, 'LIKENESS_CHECKPOINT_DAYS', 7, 0, 3650),
    cacheDays: integer(environment, 'LIKENESS_CACHE_DAYS', 7, 0, 3650),
    cacheMebibytes: integer(environment, 'LIKENESS_CACHE_MIB', 4096, 1, 16_777_216),
    scoreEncoderPaths: folders(environment, 'LIKENESS_SCORE_ENCODERS', 'baseModelId=folder'),
    workerThreads: integer(environment, 'LIKENESS_WORKER_THREADS', Math.max(1, availableParallelism() - 1), 1, 1024),
    logLevel: oneOf(environment, 'LIKENESS_LOG_LEVEL', 'info', ['debug', 'info', 'warn', 'error', 'silent']),
    allowInsecureHost: oneOf(environment, 'LIKENESS_INSECURE', 'off', ['on', 'off']) === 'on',
    vpcEndpoints: vpcEndpoints(environment),
    vpcNetworks: vpcNetworks(environment),
    trailEvents: oneOf(environment, 'LIKENESS_TRAIL', 'management', ['management', 'all', 'off']),
    trailKeepDays: integer(environment, 'LIKENESS_TRAIL_KEEP_DAYS', 90, 1, 3650),
    trailBucket: bucket(environment, 'LIKENESS_TRAIL_BUCKET'),
    trailDeliverySeconds: integer(environment, 'LIKENESS_TRAIL_DELIVERY_SECONDS', 300, 1, 86_400),
    metricsToken: secretText(environment, 'LIKENESS_METRICS_TOKEN'),
    eventsKeepDays: integer(environment, 'LIKENESS_EVENTS_KEEP_DAYS', 90, 1, 3650),
    eventsBucket: bucket(environment, 'LIKENESS_EVENTS_BUCKET'),
    eventsWebhook: webhook(environment),
    ...overrides,
  };
  return Object.freeze({ ...config, dataDirectory: config.dataDirectory.replace(/^~(?=\/)/, homedir()) });
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1';
}

/** @throws Error for what no AWS client could sign for */
function region(text: string): string {
  if (/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(text)) return text;
  throw new Error(`LIKENESS_REGION must look like us-east-1; it is "${text}".`);
}

function domain(environment: NodeJS.ProcessEnv): string | undefined {
  const text = environment.LIKENESS_DOMAIN;
  if (!text) return undefined;
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(text)) return text;
  throw new Error(`LIKENESS_DOMAIN must be a name like s3.example.com, in lower case; it is "${text}".`);
}

function tlsPort(environment: NodeJS.ProcessEnv): Config['tlsPort'] {
  const text = environment.LIKENESS_TLS_PORT || 'auto';
  if (text === 'auto' || text === 'off') return text;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new Error(`LIKENESS_TLS_PORT must be off or a whole number from 0 to 65535; it is "${text}".`);
}

function hubEndpoint(environment: NodeJS.ProcessEnv): string {
  const text = environment.HF_ENDPOINT || 'https://huggingface.co';
  if (/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(text)) return text.replace(/\/+$/, '');
  throw new Error(`HF_ENDPOINT must look like https://hub.example.com; it is "${text}".`);
}

function integer(
  environment: NodeJS.ProcessEnv,
  name: string,
  fallback: number,
  minimum: number,
  maximum: number,
): number {
  const text = environment[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < minimum || value > maximum)
    throw new Error(`${name} must be a whole number from ${minimum} to ${maximum}; it is "${text}".`);
  return value;
}

function oneOf<const Value extends string>(
  environment: NodeJS.ProcessEnv,
  name: string,
  fallback: Value,
  values: readonly Value[],
): Value {
  const text = environment[name];
  if (text === undefined || text === '') return fallback;
  const value = values.find(candidate => candidate === text);
  if (value === undefined) throw new Error(`${name} must be one of ${values.join(', ')}; it is "${text}".`);
  return value;
}

/** `LIKENESS_REQUESTS_PER_SECOND=s3=200,bedrock=20` */
function requestsPerSecond(environment: NodeJS.ProcessEnv): Config['requestsPerSecond'] {
  const name = 'LIKENESS_REQUESTS_PER_SECOND';
  const given = Object.entries(pairs(environment, name, 'service=number'));
  return Object.fromEntries(
    given.map(([service, text]) => {
      const known = requestClasses.find(candidate => candidate === service);
      if (known === undefined)
        throw new Error(`${name} must name services of ${requestClasses.join(', ')}; it has "${service}".`);
      if (!/^[1-9]\d{0,5}$/.test(text))
        throw new Error(`${name} must give whole numbers from 1 to 999999; ${service} has "${text}".`);
      return [known, Number(text)];
    }),
  );
}

/** `LIKENESS_VPC_ENDPOINTS=vpce-0123456789abcdef0=unix:/run/likeness.sock,vpce-…=10.0.0.5:4750` */
function vpcEndpoints(environment: NodeJS.ProcessEnv): Config['vpcEndpoints'] {
  const name = 'LIKENESS_VPC_ENDPOINTS';
  const given = Object.entries(pairs(environment, name, 'vpce-id=unix:/path or vpce-id=address:port'));
  return Object.fromEntries(
    given.map(([id, text]) => {
      if (!/^vpce-[0-9a-f]{8,17}$/.test(id))
        throw new Error(`${name} must name endpoints as vpce-0123456789abcdef0; it has "${id}".`);
      const [, path] = /^unix:(\/.{1,100})$/.exec(text) ?? [];
      if (path !== undefined) return [id, { path }];
      const [, host = '', port] = /^\[?([0-9A-Za-z.:-]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
      if (port === undefined || Number(port) < 1 || Number(port) > 65_535)
        throw new Error(`${name} must say unix:/path or address:port; ${id} has "${text}".`);
      return [id, { host, port: Number(port) }];
    }),
  );
}

/** `LIKENESS_VPC_NETWORKS=lab=subnet-0a1b+sg-0c2d+vpce-0123456789abcdef0,…` */
function vpcNetworks(environment: NodeJS.ProcessEnv): Config['vpcNetworks'] {
  const name = 'LIKENESS_VPC_NETWORKS';
  const given = pairs(environment, name, 'name=subnet-…+sg-…+vpce-…');
  return parseNetworks(name, given, Object.keys(vpcEndpoints(environment)));
}

/** `LIKENESS_EVENTS_WEBHOOK=https://example.com/events` with `LIKENESS_EVENTS_WEBHOOK_SECRET`. */
function webhook(environment: NodeJS.ProcessEnv): Config['eventsWebhook'] {
  const { LIKENESS_EVENTS_WEBHOOK: url } = environment;
  if (!url) return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new Error(`LIKENESS_EVENTS_WEBHOOK must be a URL with http or https; it is "${url}".`);
  const secret = secretText(environment, 'LIKENESS_EVENTS_WEBHOOK_SECRET');
  if (secret === undefined) throw new Error('LIKENESS_EVENTS_WEBHOOK needs LIKENESS_EVENTS_WEBHOOK_SECRET beside it.');
  return { url, secret };
}

/** What nobody is to guess; the message does not say it again. */
function secretText(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = environment[name];
  if (!text) return undefined;
  if (/^[\x21-\x7e]+$/.test(text) && text.length >= SHORTEST_SECRET) return text;
  throw new Error(`${name} must be at least ${SHORTEST_SECRET} visible ASCII characters; it has ${text.length}.`);
}

/** `LIKENESS_TRAIL_BUCKET=my-bucket`, or `my-bucket/prefix`. */
function bucket(environment: NodeJS.ProcessEnv, name: string): { name: string; keyPrefix: string } | undefined {
  const text = environment[name];
  if (!text) return undefined;
  const [, bucketName, prefix = ''] = /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^/].{0,199}?)\/?)?$/.exec(text) ?? [];
  if (bucketName === undefined) throw new Error(`${name} must look like bucket or bucket/prefix; it is "${text}".`);
  return { name: bucketName, keyPrefix: prefix === '' ? '' : `${prefix}/` };
}

/** `LIKENESS_BASE_MODELS=acme.photos-v1=/models/photos,…` */
function folders(environment: NodeJS.ProcessEnv, name: string, form: string): Record<string, string> {
  const found = Object.entries(pairs(environment, name, form));
  return Object.fromEntries(found.map(([id, folder]) => [id, resolve(folder)]));
}

/** @param form how a pair looks, for the message */
function pairs(environment: NodeJS.ProcessEnv, name: string, form: string): Record<string, string> {
  const found: Record<string, string> = {};
  const text = environment[name];
  if (text === undefined || text === '') return found;
  for (const pair of text.split(',')) {
    const [from, to, ...rest] = pair.split('=');
    if (!from || !to || rest.length > 0) throw new Error(`${name} must look like ${form},…; it has "${pair}".`);
    found[from] = to;
  }
  return found;
}
