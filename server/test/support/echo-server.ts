import assert from 'node:assert/strict';
import { pino } from 'pino';
import type { Operation, ServiceModule } from '../../src/domain/operation.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { detectOperation } from '../../src/services/s3/detect.ts';
import { loadContract, type ServiceName } from '../../src/wire/contract.ts';
import { createDispatcher } from '../../src/wire/dispatch.ts';

export type Value = Record<string, unknown>;

/** Signs for the one caller that an echo server knows. */
export const ECHO_CREDENTIALS = { accessKeyId: 'AK', secretAccessKey: 'SK' };

export interface EchoServer {
  endpoint: string;
  /** What came, decoded; a test empties it. */
  arrived: { operation: string; input: Value }[];
  /** The output of whatever is asked next. */
  answer: Value;
  stop(): Promise<void>;
}

/** The whole wire before services that keep what they are asked, for every operation that the SDK models. */
export async function startEcho(names: readonly ServiceName[]): Promise<EchoServer> {
  const principal = { type: 'root', arn: 'arn:aws:iam::1:root', accountId: '1', userId: '1' } as const;
  const server = createHttpServer({
    aws: createDispatcher({
      services: Object.fromEntries(names.map(name => [name, echo(name)])),
      resolveApiKey: async () => ({ found: false, reason: 'unknown' }),
      resolveCredential: async () => ({ found: true, secretAccessKey: ECHO_CREDENTIALS.secretAccessKey, principal }),
      admit: () => undefined,
      authorizer: async () => undefined,
      validate: () => undefined,
      startChecksum: () => undefined,
      now: () => new Date(),
      defaultRegion: 'us-east-1',
      allowSignatureV2: false,
    }),
    own: () => assert.fail('no route is asked for'),
    console: () => assert.fail('the console is not asked here'),
    newRequestId: () => '00000000-0000-4000-8000-000000000000',
    log: pino({ level: process.env.LIKENESS_TEST_LOG ?? 'silent' }),
  });
  const started: EchoServer = {
    endpoint: `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`,
    arrived: [],
    answer: {},
    stop: () => server.stop(0),
  };
  return started;

  function echo(service: ServiceName): ServiceModule {
    const { operations: shapes, scope } = loadContract(service);
    const operations: Record<string, Operation<never, unknown>> = {};
    for (const { name } of shapes.values())
      operations[name] = {
        authorize: () => [],
        async handle(input: Value) {
          started.arrived.push({ operation: name, input });
          return started.answer;
        },
      } as Operation<never, unknown>;
    return {
      scope,
      operations,
      faultFor: () => ({ code: 'Unexpected', status: 500 }),
      ...(service === 's3' && {
        detect: (method, path, query, headers) => detectOperation(operations, method, path, query, headers),
      }),
    };
  }
}

/** What a comparison of SDK values goes by: no metadata, bytes as hex. */
export function plain(value: unknown): Value {
  const text = JSON.stringify(value, (key, member) => {
    if (key === '$metadata') return undefined;
    if (member instanceof Uint8Array) return Buffer.from(member).toString('hex');
    if (member?.type === 'Buffer') return Buffer.from(member.data).toString('hex');
    return typeof member === 'bigint' ? String(member) : member;
  });
  return JSON.parse(text);
}
