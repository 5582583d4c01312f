import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as sts from '@aws-sdk/client-sts';
import fc from 'fast-check';
import constraints from '../../generated/constraints.json' with { type: 'json' };
import { ACCOUNT, startServer, type TestServer } from '../support/server.ts';
import { allow, document, makeUser, type Refused, trust } from './access-support.ts';

interface Schema {
  type?: string;
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: string[];
}

interface Contract {
  operations: Record<string, string>;
  schemas: Record<string, Schema>;
}

const MODULES: Record<string, object> = { iam, sts, kms };
const ROLE = `arn:aws:iam::${ACCOUNT}:role/role`;
const MANAGED = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

/** Texts that have a meaning somewhere, where they are mostly wrong. */
const text = fc.constantFrom(
  ...['', 'a', '*', '../..', 'é漢😀', '\u0000', '__proto__', 'constructor', '-1', 'null', 'v1', 'x'.repeat(3000)],
  ...['{}', '[]', 'null', '{"__proto__":{},"Statement":null}', document(allow('*')), trust('*')],
  ...[ROLE, MANAGED, `arn:aws:iam::${ACCOUNT}:policy/`, 'alias/x', 'alias/aws/x', 'arn:aws:kms:::key/x'],
);

/** Any value of about the right type: too long, out of range, or of another member's meaning. */
function anyValue(schema: Schema, schemas: Record<string, Schema>, depth = 0): fc.Arbitrary<unknown> {
  const named = schema.$ref && schemas[schema.$ref.split('/').at(-1) ?? ''];
  if (named) return anyValue(named, schemas, depth);
  if (depth > 3) return fc.constant(undefined);
  if (schema.type === 'object' && schema.properties) {
    const members = Object.entries(schema.properties).map(([name, member]) => [
      name,
      anyValue(member, schemas, depth + 1),
    ]);
    return fc.record(Object.fromEntries(members), { requiredKeys: [] });
  }
  if (schema.type === 'object') return fc.dictionary(text, text, { maxKeys: 2 });
  if (schema.type === 'array') return fc.array(anyValue(schema.items ?? {}, schemas, depth + 1), { maxLength: 3 });
  if (schema.type === 'integer' || schema.type === 'number') return fc.constantFrom(0, -1, 1, 7, 900, 1.5, 2 ** 31);
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'string') return schema.enum ? fc.oneof(text, fc.constantFrom(...schema.enum)) : text;
  return text.map(value => Buffer.from(value));
}

describe('whatever a client sends to IAM, STS and KMS', () => {
  let server: TestServer;
  /** What makes most calls succeed; each call has some of it replaced. */
  let good: Record<string, unknown>;
  let clients: Record<string, { send(command: never): Promise<unknown> }>;
  before(async () => {
    server = await startServer();
    const root = server.clients();
    const credentials = await makeUser(server, 'caller', allow('*'));
    const { iam: ofIam, sts: ofSts, kms: ofKms } = server.clients({ credentials });
    clients = { iam: ofIam, sts: ofSts, kms: ofKms } as never;
    const AssumeRolePolicyDocument = trust('*');
    await root.iam.send(new iam.CreateRoleCommand({ RoleName: 'role', AssumeRolePolicyDocument }));
    const KeyId = (await root.kms.send(new kms.CreateKeyCommand({}))).KeyMetadata?.Arn;
    const sealed = await root.kms.send(new kms.EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));
    good = {
      ...{ UserName: 'user', RoleName: 'role', GroupName: 'group', PolicyName: 'policy', PolicyArn: MANAGED },
      ...{ PolicyDocument: document(allow('s3:*')), AssumeRolePolicyDocument, PermissionsBoundary: MANAGED },
      ...{ VersionId: 'v1', Path: '/', PathPrefix: '/', Status: 'Active', TagKeys: ['a'], MaxItems: 1, Limit: 1 },
      ...{ RoleArn: ROLE, RoleSessionName: 'session', DestinationKeyId: KeyId, KeyId, TargetKeyId: KeyId },
      ...{ AliasName: 'alias/x', CiphertextBlob: sealed.CiphertextBlob, Plaintext: Buffer.from('x') },
      ...{ NumberOfBytes: 4, Operations: ['Decrypt'], GranteePrincipal: ROLE, RetiringPrincipal: ROLE },
    };
  });
  after(() => server.close());

  for (const service of ['iam', 'sts', 'kms'])
    it(`${service} answers it or refuses it, and never fails`, async () => {
      const { operations, schemas } = (constraints.services as never as Record<string, Contract>)[service] as Contract;
      for (const [operation, shape] of Object.entries(operations)) {
        const schema = schemas[shape] ?? {};
        const members = Object.keys(schema.properties ?? {});
        const Command = (MODULES[service] as Record<string, new (input: unknown) => never>)[`${operation}Command`];
        assert.ok(Command, operation);
        const replaced = fc.record({
          input: anyValue(schema, schemas),
          names: fc.subarray(members, { maxLength: Math.min(2, members.length) }),
        });
        const call = async (given: { input: unknown; names: string[] }): Promise<void> => {
          const some = given.input as Record<string, unknown>;
          const sent = Object.fromEntries(
            members.map(name => [name, given.names.includes(name) ? some?.[name] : good[name]]),
          );
          const error = await clients[service]?.send(new Command(sent)).then(
            () => undefined,
            (caught: Refused) => caught,
          );
          const status = error?.$metadata?.httpStatusCode;
          // No status: the client refused to send it.
          assert.ok(status === undefined || status < 500, `${operation}: ${status} ${error?.name} ${error?.message}`);
        };
        await fc.assert(fc.asyncProperty(replaced, call), { numRuns: 4 });
      }
    });
});
