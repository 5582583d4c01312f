import assert from 'node:assert/strict';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { type RawAnswer, send } from './raw-http.ts';
import { type Credentials, ROOT, startServer, type TestServer } from './server.ts';
import { type HandRequest, signByHand } from './signing.ts';

export type Family = 's3' | 'bedrock' | 'kms' | 'sts' | 'iam';
export const FAMILIES: Family[] = ['s3', 'bedrock', 'kms', 'sts', 'iam'];

/** A server with an object to read, and what signatures are tried with. */
export interface SignatureBench {
  server: TestServer;
  host: string;
  /** Of GetSessionToken. */
  session: Credentials;
  /** A user's key, switched off. */
  inactive: Credentials;
  /** Sends the valid request of a family, spoilt. */
  ask(family: Family, change?: Partial<HandRequest>): Promise<RawAnswer>;
}

export async function startSignatureBench(): Promise<SignatureBench> {
  const server = await startServer();
  const host = `127.0.0.1:${server.port}`;
  const { s3, sts, iam } = server.clients();
  await s3.send(new CreateBucketCommand({ Bucket: 'signed' }));
  await s3.send(new PutObjectCommand({ Bucket: 'signed', Key: 'a', Body: 'content' }));
  await iam.send(new CreateUserCommand({ UserName: 'signer' }));
  const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  await iam.send(
    new PutUserPolicyCommand({ UserName: 'signer', PolicyName: 'all', PolicyDocument: JSON.stringify(document) }),
  );
  const made = await iam.send(new CreateAccessKeyCommand({ UserName: 'signer' }));
  const inactive = {
    accessKeyId: made.AccessKey?.AccessKeyId ?? '',
    secretAccessKey: made.AccessKey?.SecretAccessKey ?? '',
  };
  await iam.send(
    new UpdateAccessKeyCommand({ UserName: 'signer', AccessKeyId: inactive.accessKeyId, Status: 'Inactive' }),
  );
  const { Credentials } = await sts.send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
  const session = {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
  return {
    server,
    host,
    session,
    inactive,
    ask: (family, change = {}) =>
      send(server.port, signByHand({ credentials: ROOT, ...plainRequest(family), ...change, host })),
  };
}

/** A valid request of each family, to be spoilt. */
export function plainRequest(family: Family): Omit<HandRequest, 'host'> {
  const form: [string, string] = ['content-type', 'application/x-www-form-urlencoded'];
  switch (family) {
    case 's3':
      return { target: '/signed/a' };
    case 'bedrock':
      return { target: '/foundation-models', service: 'bedrock' };
    case 'kms':
      return {
        method: 'POST',
        service: 'kms',
        headers: [
          ['content-type', 'application/x-amz-json-1.1'],
          ['x-amz-target', 'TrentService.ListKeys'],
        ],
        body: '{}',
      };
    case 'sts':
      return { method: 'POST', service: 'sts', headers: [form], body: 'Action=GetCallerIdentity&Version=2011-06-15' };
    case 'iam':
      return { method: 'POST', service: 'iam', headers: [form], body: 'Action=ListUsers&Version=2010-05-08' };
  }
}

export function codeOf(answer: RawAnswer): string {
  return (
    /<Code>([^<]*)<\/Code>/.exec(answer.body)?.[1] ??
    answer.headers['x-amzn-errortype'] ??
    /"__type":"([^"]*)"/.exec(answer.body)?.[1] ??
    ''
  );
}

export function assertRefused(answer: RawAnswer, status: number, code: string, what = ''): void {
  assert.equal(`${answer.status} ${codeOf(answer)}`, `${status} ${code}`, `${what}\n${answer.text}`);
  assert.ok(answer.headers['x-amzn-requestid'] ?? answer.headers['x-amz-request-id'], 'an answer has a request id');
  assert.ok(!answer.text.includes(ROOT.secretAccessKey));
}
