import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { S3Client, type S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3';
import type { Logger } from 'pino';
import { openVault } from '../../src/adapters/master-key/vault.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/database.ts';
import { systemIds, systemTime } from '../../src/adapters/system.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { createLikeness, type Overrides } from '../../src/main.ts';
import { bootstrapAccount } from '../../src/services/iam/bootstrap.ts';
import { sealSecret } from '../../src/services/iam/credentials.ts';
import { createInProcessCompute } from '../support/in-process-compute.ts';
import { createInProcessInference } from '../support/in-process-inference.ts';
import { noBaseModels } from '../support/no-base-models.ts';
import { type RawAnswer, send } from '../support/raw-http.ts';
import { type HandRequest, signByHand } from '../support/signing.ts';

export const ACCOUNT = '111111111111';
export const OTHER_ACCOUNT = '222222222222';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

export const root: Credentials = { accessKeyId: 'AKIAROOTROOTROOTROOT', secretAccessKey: 'secret-of-the-root-user' };
export const otherRoot: Credentials = { accessKeyId: 'AKIAOTHEROTHEROTHER0', secretAccessKey: 'secret-of-the-other' };

/** The whole server on a free port, with two accounts; nothing trains and nothing draws. */
export async function startS3(log?: Logger) {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-s3-'));
  await makeAccounts(folder);
  return openS3(folder, log);
}

/** @param folder a data folder that startS3 made; it is removed with the server @param log where its lines go, of any level */
export async function openS3(folder: string, log?: Logger) {
  const config: Config = readConfig(
    {},
    {
      dataDirectory: folder,
      port: 0,
      accountId: ACCOUNT,
      rootAccessKeyId: root.accessKeyId,
      rootSecretAccessKey: root.secretAccessKey,
      logLevel: (process.env.LIKENESS_TEST_LOG as Config['logLevel'] | undefined) ?? 'silent',
    },
  );
  const overrides: Overrides = {
    compute: createInProcessCompute({ slots: 1, millisecondsAStep: 1 }),
    inference: createInProcessInference({ capacity: 1, loadMilliseconds: 1, invokeMilliseconds: 1 }),
    baseModels: noBaseModels,
  };
  const likeness = await createLikeness(config, { ...overrides, ...(log && { log }) });
  const clients: { destroy(): void }[] = [];
  const settings = (credentials: Credentials, region: string) => ({
    endpoint: likeness.endpoint,
    credentials,
    region,
    maxAttempts: 1,
  });

  function client(credentials = root, region = 'us-east-1', options: Partial<S3ClientConfig> = {}) {
    const made = new S3Client({ ...settings(credentials, region), forcePathStyle: true, ...options });
    clients.push(made);
    return made;
  }

  return {
    endpoint: likeness.endpoint,
    tls: likeness.tls,
    folder,
    client,
    /** What no SDK sends, or what an SDK hides of the answer: a request of the first account's root, signed by hand. */
    ask(request: Omit<HandRequest, 'host'>): Promise<RawAnswer> {
      const { host, port } = new URL(likeness.endpoint);
      return send(Number(port), signByHand({ credentials: root, ...request, host }));
    },
    /** An IAM user of the first account, with one policy. */
    async user(name: string, statements: unknown[]): Promise<Credentials> {
      const iam = new IAMClient(settings(root, 'us-east-1'));
      clients.push(iam);
      await iam.send(new CreateUserCommand({ UserName: name }));
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statements });
      await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'own', PolicyDocument }));
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
      return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    },
    async stop() {
      for (const made of clients) made.destroy();
      await likeness.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A second account beside the installation's own: buckets share one name space, and only two owners can show it. */
async function makeAccounts(folder: string): Promise<void> {
  const store = await openSqliteStore(join(folder, 'likeness.sqlite'));
  const vault = await openVault(folder);
  const [ids, time] = [systemIds(), systemTime()];
  const configured = {
    accountId: ACCOUNT,
    rootAccessKeyId: root.accessKeyId,
    rootSecretAccessKey: root.secretAccessKey,
  };
  await bootstrapAccount({ store, vault, ids, time }, configured);
  const createdAt = time.now().toISOString();
  await store.transaction(async ({ iam }) => {
    await iam.insertAccount({ accountId: OTHER_ACCOUNT, createdAt, name: null, disabledAt: null });
    await iam.insertAccessKey({
      accessKeyId: otherRoot.accessKeyId,
      accountId: OTHER_ACCOUNT,
      userId: null,
      sealedSecret: sealSecret(vault, otherRoot.secretAccessKey, otherRoot.accessKeyId),
      active: true,
      createdAt,
      bootstrap: true,
      lastUsedAt: null,
      lastUsedService: null,
      lastUsedRegion: null,
    });
  });
  await store.close();
}

/** The same of an answer as it came, and the elements that its XML must have, as `Name=text`. */
export function assertXmlRefused(answer: RawAnswer, status: number, code: string, elements: readonly string[] = []) {
  const found = [...answer.body.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map(([, name, text]) => `${name}=${text}`);
  assert.deepEqual([answer.status, found[0]], [status, `Code=${code}`], answer.text);
  for (const element of elements) assert.ok(found.includes(element), `${element} is not in ${answer.body}`);
}

/** Asserts code and status of a refusal, and what its message must tell. */
export async function assertRefused(answer: Promise<unknown>, status: number, code: string, message = /./) {
  await assert.rejects(answer, (error: unknown) => {
    assert.ok(error instanceof S3ServiceException, `${error}`);
    assert.deepEqual([error.$metadata.httpStatusCode, error.name], [status, code]);
    assert.match(error.message, message);
    return true;
  });
}

export async function textOf(output: { Body?: { transformToString(): Promise<string> } | undefined }): Promise<string> {
  return (await output.Body?.transformToString()) ?? '';
}
