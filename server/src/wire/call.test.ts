import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NormalizedSchema } from '@smithy/core/schema';
import { callOf } from './call.ts';
import { loadContract, type OperationShape, type ServiceName } from './contract.ts';
import type { WireRequest } from './message.ts';

const SECRET = 'k33p-this-to-yourself';
const SERVICES: ServiceName[] = ['bedrock', 'bedrock-runtime', 's3', 'iam', 'sts', 'kms'];
const request = { requestId: 'r', sourceIp: '', sourceVpce: undefined } as unknown as WireRequest;

/** A value of a schema's shape whose every secret is SECRET; members by name, since two models forget to mark theirs. */
function filled(schema: NormalizedSchema, name = '', depth = 0): unknown {
  if (depth > 6) return undefined;
  const isSecret = schema.getMergedTraits().sensitive || /^(SessionToken|TokenCode|GrantTokens?)$/.test(name);
  if (schema.isBlobSchema() || schema.isStreaming()) return Buffer.from(SECRET);
  if (schema.isDocumentSchema()) return { any: SECRET };
  if (schema.isStructSchema())
    return Object.fromEntries(
      [...schema.structIterator()].map(([key, member]) => [key, filled(member, key, depth + 1)]),
    );
  if (schema.isListSchema()) return [filled(schema.getValueSchema(), name, depth + 1)];
  if (schema.isMapSchema()) return { key: filled(schema.getValueSchema(), name, depth + 1) };
  if (schema.isTimestampSchema()) return new Date(0);
  if (schema.isNumericSchema()) return 1;
  if (schema.isBooleanSchema()) return true;
  return isSecret ? SECRET : 'plain';
}

function called(service: ServiceName, operation: OperationShape) {
  const [input, output] = [filled(operation.input), filled(operation.output)] as Record<string, unknown>[];
  const notes = { operation, ...(input && { input }), ...(output && { output }) };
  return callOf(request, {}, notes, { service, region: 'us-east-1', at: new Date(0) });
}

describe('what the audit trail is told of a call', () => {
  for (const service of SERVICES)
    it(`holds no secret, no bytes and no document of any operation of ${service}`, () => {
      for (const operation of loadContract(service).operations.values()) {
        const text = JSON.stringify(called(service, operation));
        assert.ok(!text.includes(SECRET), `${operation.name}: ${text}`);
        assert.ok(!text.includes(Buffer.from(SECRET).toString('base64')), operation.name);
      }
    });

  it('holds the other members, as CloudTrail spells them', () => {
    const createUser = loadContract('iam').operations.get('CreateUser');
    assert.ok(createUser);
    const { requestParameters } = called('iam', createUser);
    assert.deepEqual(
      [requestParameters?.userName, requestParameters?.tags],
      ['plain', [{ key: 'plain', value: 'plain' }]],
    );
    const putPolicy = loadContract('s3').operations.get('PutBucketPolicy');
    assert.ok(putPolicy);
    assert.equal(called('s3', putPolicy).requestParameters?.bucketName, 'plain');
  });

  it('does not repeat the message of a refused prompt', () => {
    const operation = loadContract('bedrock-runtime').operations.get('InvokeModel');
    assert.ok(operation);
    const error = { code: 'ValidationException', message: `${SECRET} does not match` };
    const call = callOf(
      request,
      {},
      { operation, error },
      { service: 'bedrock', region: 'us-east-1', at: new Date(0) },
    );
    assert.deepEqual([call.error?.code, JSON.stringify(call).includes(SECRET)], ['ValidationException', false]);
  });
});
