import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BedrockClient } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { type Config, readConfig } from '../../src/config.ts';
import { createLikeness, type Overrides } from '../../src/main.ts';
import { createInProcessCompute } from './in-process-compute.ts';
import { createInProcessInference } from './in-process-inference.ts';

export const ACCOUNT = '123456789012';
export const ROOT = { accessKeyId: 'AKIAROOTROOTROOTROOT', secretAccessKey: 'a-secret-of-the-root/user+of=tests' };

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface TestServer {
  endpoint: string;
  port: number;
  /** Undefined where TLS is off. */
  tls: { endpoint: string; certificatePath: string } | undefined;
  dataDirectory: string;
  /** Undefined where the data folder is an earlier server's. */
  signInToken: string;
  /** SDK clients; they are destroyed with the server. */
  clients(options?: { credentials?: Credentials; region?: string; maxAttempts?: number }): TestClients;
  /** Stops the server; the data folder goes too unless `keepData`. */
  close(options?: { keepData?: boolean }): Promise<void>;
}

export interface TestClients {
  s3: S3Client;
  iam: IAMClient;
  sts: STSClient;
  kms: KMSClient;
  bedrock: BedrockClient;
  runtime: BedrockRuntimeClient;
}

/**
 * The whole product on a free port and a data folder of its own; trainings and model units run in process, unless
 * `overrides` say otherwise. Log lines: LIKENESS_TEST_LOG=info.
 * @param options.dataDirectory goes on with the folder of an earlier server
 */
export async function startServer(
  options: { dataDirectory?: string; config?: Partial<Config>; overrides?: Overrides } = {},
): Promise<TestServer> {
  const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'likeness-test-')));
  const embeddedModelPath = await emptyModel(dataDirectory);
  const config = readConfig(
    {},
    {
      port: 0,
      dataDirectory,
      embeddedModelPath,
      accountId: ACCOUNT,
      rootAccessKeyId: ROOT.accessKeyId,
      rootSecretAccessKey: ROOT.secretAccessKey,
      logLevel: (process.env.LIKENESS_TEST_LOG as Config['logLevel'] | undefined) ?? 'silent',
      warmBaseModel: false,
      // Units in process answer with texts: there is no picture to sign.
      c2pa: 'off',
      ...options.config,
    },
  );
  const likeness = await createLikeness(config, {
    compute: createInProcessCompute({ slots: config.trainingSlots, millisecondsAStep: 1 }),
    inference: createInProcessInference({ capacity: config.modelUnits, loadMilliseconds: 1, invokeMilliseconds: 1 }),
    ...options.overrides,
  });
  const made: { destroy(): void }[] = [];
  return {
    endpoint: likeness.endpoint,
    port: likeness.port,
    tls: likeness.tls,
    dataDirectory,
    signInToken: likeness.signInToken,
    clients({ credentials = ROOT, region = 'us-east-1', maxAttempts = 1 } = {}) {
      const settings = { endpoint: likeness.endpoint, region, credentials, maxAttempts };
      const clients: TestClients = {
        s3: new S3Client({ ...settings, forcePathStyle: true }),
        iam: new IAMClient(settings),
        sts: new STSClient(settings),
        kms: new KMSClient(settings),
        bedrock: new BedrockClient(settings),
        runtime: new BedrockRuntimeClient(settings),
      };
      made.push(...Object.values(clients));
      return clients;
    },
    async close({ keepData = false } = {}) {
      for (const client of made) client.destroy();
      await likeness.close();
      if (!keepData) await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

/** A folder that registers as the embedded model; in-process units never read its weights. */
async function emptyModel(dataDirectory: string): Promise<string> {
  const folder = join(dataDirectory, 'embedded-model');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model_index.json'), '{"_class_name": "LikenessArtPipeline"}');
  await writeFile(
    join(folder, 'likeness.json'),
    '{"id": "likeness.art-v1", "name": "Likeness Art", "training": {"usualSteps": 600, "style": {"captionDropout": 0.3, "unconditionalPrior": 0.25}}}',
  );
  return folder;
}
