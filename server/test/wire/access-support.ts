import assert from 'node:assert/strict';
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateUserCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { callRoute } from '../support/routes.ts';
import type { Credentials, TestServer } from '../support/server.ts';

export const OTHER_ACCOUNT = '999988887777';

/** What an error says to a client. */
export interface Refused {
  name: string;
  message: string;
  $metadata: { httpStatusCode?: number };
}

/** Expects a refusal with exactly this code and status, and a message that holds the text. */
export async function refused(
  call: Promise<unknown>,
  code: string,
  status: number,
  message: string | RegExp = '',
): Promise<Refused> {
  const error = await call.then(
    () => assert.fail(`expected ${code}, but the call succeeded`),
    (caught: Refused) => caught,
  );
  assert.equal(error.name, code, error.message);
  assert.equal(error.$metadata?.httpStatusCode, status, error.message);
  if (typeof message === 'string') assert.ok(error.message.includes(message), `"${error.message}" has no "${message}"`);
  else assert.match(error.message, message);
  return error;
}

export function document(...statements: object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export const allow = (Action: string | string[], Resource: string | string[] = '*', more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});

export const trust = (Principal: unknown, more: object = {}) =>
  document({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', ...more });

/** A new user with a key. @param policies inline statements; ARNs of managed policies */
export async function makeUser(
  server: TestServer,
  name: string,
  ...policies: (object | string)[]
): Promise<Credentials> {
  const { iam } = server.clients();
  await iam.send(new CreateUserCommand({ UserName: name }));
  for (const [index, policy] of policies.entries())
    if (typeof policy === 'string') await iam.send(new AttachUserPolicyCommand({ UserName: name, PolicyArn: policy }));
    else
      await iam.send(
        new PutUserPolicyCommand({ UserName: name, PolicyName: `p${index}`, PolicyDocument: document(policy) }),
      );
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  assert.ok(AccessKey?.AccessKeyId && AccessKey.SecretAccessKey);
  return { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
}

/** The root key of a second account. */
export async function makeOtherAccount(server: TestServer): Promise<Credentials> {
  const { status, json } = await callRoute(server, 'POST', '/accounts', { body: { accountId: OTHER_ACCOUNT } });
  assert.equal(status, 201);
  return { accessKeyId: json.accessKeyId, secretAccessKey: json.secretAccessKey };
}
