import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as bedrock from '@aws-sdk/client-bedrock';
import * as bedrockRuntime from '@aws-sdk/client-bedrock-runtime';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import constraints from '../../generated/constraints.json' with { type: 'json' };
import { type Contract, loadContract, type OperationShape, type ServiceName } from '../../src/wire/contract.ts';
import type { Constraints } from '../../src/wire/validate.ts';
import { send } from '../support/raw-http.ts';
import { sample, seeded } from '../support/schema-samples.ts';
import { ROOT, startServer, type TestServer } from '../support/server.ts';
import { type HandRequest, signByHand } from '../support/signing.ts';

// Whatever a permitted caller sends, the answer is an answer: never a fault of the server. Random values of the right shape
// through the SDK, and JSON with any part replaced by what does not belong there.

const MODULES = { bedrock, 'bedrock-runtime': bedrockRuntime, iam, kms, s3, sts } as const;
const JUNK: readonly unknown[] = [
  ...[null, 0, -1, 1.5, 1e308, true, '', ' ', 'x', '\u0000', '☃'.repeat(300), [], {}, [[]], { a: {} }, ['a', 1]],
  ...['arn:aws:kms:us-east-1:123456789012:key/x', '../..', '*', '{"Version":"2012-10-17","Statement":[]}', '%'],
];
const ROUNDS = 2;

const random = seeded(3);
let server: TestServer;
let clients: Record<ServiceName, { send(command: never): Promise<unknown> }>;

before(async () => {
  server = await startServer();
  const made = server.clients();
  clients = { ...made, 'bedrock-runtime': made.runtime } as never;
  await made.s3.send(new s3.CreateBucketCommand({ Bucket: 'junk' }));
  await made.s3.send(new s3.PutObjectCommand({ Bucket: 'junk', Key: 'k', Body: 'x' }));
});
after(() => server.close());

function spoil(value: unknown): unknown {
  if (random(4) === 0) return JUNK[random(JUNK.length)];
  if (Array.isArray(value)) return value.map(spoil);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, spoil(member)]));
}

/** 501 is an answer: not implemented. */
function assertAnswered(status: number, what: string): void {
  assert.ok((status >= 200 && status < 500) || status === 501, `${status} to ${what}`);
}

async function throughSdk(service: ServiceName, shape: OperationShape): Promise<void> {
  const input = sample(shape.input, random) as Record<string, unknown>;
  if (service === 's3' && random(3) > 0) Object.assign(input, { Bucket: 'junk', ...('Key' in input && { Key: 'k' }) });
  // A length without a body would be waited for.
  delete input.ContentLength;
  for (const [name, value] of Object.entries(input))
    if (typeof value === 'string' && random(5) === 0) input[name] = String(JUNK[random(JUNK.length)]);
  const Command = (MODULES[service] as unknown as Record<string, new (input: unknown) => never>)[
    `${shape.name}Command`
  ];
  assert.ok(Command);
  try {
    await clients[service].send(new Command(input));
  } catch (error) {
    // Without a status it never left the client, which has checks of its own.
    const { $metadata, message } = error as { $metadata?: { httpStatusCode?: number }; message: string };
    if ($metadata?.httpStatusCode !== undefined) assertAnswered($metadata.httpStatusCode, `${shape.name}: ${message}`);
  }
}

async function throughJson(contract: Contract, shape: OperationShape): Promise<void> {
  const value = JSON.parse(JSON.stringify(sample(shape.input, random)));
  const body = JSON.stringify(spoil(value));
  const [method, uri = ''] = [shape.http?.method ?? 'POST', shape.http?.uri.split('?')[0]];
  const label = () => encodeURIComponent(String(JUNK[random(JUNK.length)])) || 'x';
  const request: Omit<HandRequest, 'host'> =
    contract.protocol === 'rest-json'
      ? { method, service: contract.scope, target: uri.replace(/\{[^}]+\}/g, label) }
      : { method, service: contract.scope, headers: [['x-amz-target', `${contract.targetPrefix}.${shape.name}`]] };
  const host = `127.0.0.1:${server.port}`;
  const whole = method === 'GET' || method === 'DELETE' ? request : { ...request, body };
  const answer = await send(server.port, signByHand({ credentials: ROOT, ...whole, host }));
  assertAnswered(answer.status, `${shape.name} ${body}: ${answer.text}`);
}

for (const [name, model] of Object.entries((constraints as Constraints).services)) {
  const service = name as ServiceName;
  const contract = loadContract(service);
  describe(`${service}: junk is answered`, () => {
    for (const operation of Object.keys(model?.operations ?? {})) {
      const shape = contract.operations.get(operation);
      if (shape === undefined || operation === 'DeleteBucket') continue;
      test(operation, async () => {
        for (let round = 0; round < ROUNDS; round++) {
          await throughSdk(service, shape);
          if (contract.protocol === 'rest-json' || contract.protocol === 'json-1-1') await throughJson(contract, shape);
        }
      });
    }
  });
}
