import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as bedrock from '@aws-sdk/client-bedrock';
import * as bedrockRuntime from '@aws-sdk/client-bedrock-runtime';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import { loadContract, type OperationShape, type ServiceName } from '../../src/wire/contract.ts';
import { previewRuntimeOperations } from '../../src/wire/preview-operations.ts';
import { ECHO_CREDENTIALS, type EchoServer, plain, startEcho, type Value } from '../support/echo-server.ts';
import { sample, seeded } from '../support/schema-samples.ts';

// Every operation of every service that the SDK models, not only the implemented ones: real clients send random inputs,
// the server decodes them, answers random outputs, and the clients must read those again.

const CLIENTS = {
  bedrock: { module: bedrock, Client: bedrock.BedrockClient, rounds: 2 },
  'bedrock-runtime': { module: bedrockRuntime, Client: bedrockRuntime.BedrockRuntimeClient, rounds: 6 },
  iam: { module: iam, Client: iam.IAMClient, rounds: 1 },
  kms: { module: kms, Client: kms.KMSClient, rounds: 2 },
  s3: { module: s3, Client: s3.S3Client, rounds: 3 },
  sts: { module: sts, Client: sts.STSClient, rounds: 4 },
} as const;

const random = seeded(7);
let echo: EchoServer;

before(async () => {
  echo = await startEcho(Object.keys(CLIENTS) as ServiceName[]);
});
after(() => echo.stop());

/** Operations whose payload is a stream of events have tests of their own where they are served. */
function streams(shape: OperationShape): boolean {
  return [shape.input, shape.output].some(
    schema => !schema.isUnitSchema() && [...schema.structIterator()].some(([, member]) => member.isStreaming()),
  );
}

async function roundTrip(service: ServiceName, shape: OperationShape, client: { send(command: never): unknown }) {
  const { module } = CLIENTS[service];
  const Command = (module as unknown as Record<string, new (input: unknown) => never>)[`${shape.name}Command`];
  assert.ok(Command);
  let input = sample(shape.input, random) as Value;
  // The Query protocol cannot say an empty structure.
  while (/[:[,]\{\}/.test(JSON.stringify(plain(input)))) input = sample(shape.input, random) as Value;
  const answer = sample(shape.output, random) as Value;
  if (service === 's3') suitS3(input, answer);
  if (/Copy$|^Copy/.test(shape.name)) withPayload(shape, answer);
  echo.answer = answer;
  const { arrived } = echo;
  arrived.length = 0;
  const output = await client.send(new Command(input));
  assert.equal(arrived[0]?.operation, shape.name, 'routed');
  assert.deepEqual(withoutAdded(service, shape, plain(arrived[0]?.input), plain(input)), plain(input));
  const [received, sent] = [plain(output), plain(answer)];
  // S3: prefix headers and absent lists come back empty.
  if (service === 's3') for (const key of Object.keys(received)) if (!(key in sent)) delete received[key];
  assert.deepEqual(received, sent);
}

/** What the client itself adds to an input. */
function withoutAdded(service: ServiceName, shape: OperationShape, got: Value, wanted: Value): Value {
  for (const key of Object.keys(got)) {
    if (key in wanted) continue;
    const added = shape.input.getMemberSchema(key).isIdempotencyToken() || key === 'contentType' || key === 'accept';
    const integrity = service === 's3' && /^(Checksum|ContentMD5|ContentLength|ContentType|Metadata$)/.test(key);
    if (added || integrity) delete got[key];
  }
  return got;
}

/** Values that S3's client looks into. */
function suitS3(input: Value, output: Value): void {
  if (input.Bucket !== undefined) input.Bucket = 'my-bucket';
  if (input.Key !== undefined) input.Key = "dir/a b+ü'()*.txt";
  if (input.CopySource !== undefined) input.CopySource = 'from/key';
  for (const key of Object.keys(input))
    if (/^(SSECustomer|CopySourceSSE|ExpectedBucketOwner|Checksum|ContentMD5|EncodingType|MFA|ContentLength)/.test(key))
      delete input[key];
  for (const key of Object.keys(output))
    if (/^(Checksum|ContentLength|Expires|ContentEncoding)/.test(key)) delete output[key];
}

/** Payloads that clients insist on: an empty 200 to a copy means to them that S3 gave up. */
function withPayload(shape: OperationShape, output: Value): void {
  if (shape.output.isUnitSchema()) return;
  for (const [name, member] of shape.output.structIterator())
    if (member.getMergedTraits().httpPayload && member.isStructSchema()) output[name] ??= { ETag: '"1"' };
}

/** Operations that nobody signs: their tokens speak for the caller, and this server takes none. */
const UNSIGNED = ['AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity'];

/** S3 operations that this server routes; others may share a method and path that only newer clients tell apart. */
const S3_OPERATIONS = [
  ...['ListBuckets', 'CreateBucket', 'DeleteBucket', 'HeadBucket', 'ListObjectsV2', 'ListObjects', 'DeleteObject'],
  ...['DeleteObjects', 'CopyObject', 'CreateMultipartUpload', 'CompleteMultipartUpload', 'AbortMultipartUpload'],
  ...['ListParts', 'ListMultipartUploads', 'GetBucketLocation', 'PutBucketPolicy', 'GetBucketPolicy', 'HeadObject'],
  ...['DeleteBucketPolicy', 'GetBucketTagging', 'PutBucketTagging', 'PutBucketVersioning', 'GetBucketVersioning'],
  ...['PutBucketCors', 'GetBucketCors', 'PutObjectTagging', 'GetObjectTagging', 'ListObjectVersions', 'UploadPartCopy'],
  ...[
    'GetObjectAttributes',
    'PutBucketEncryption',
    'GetBucketEncryption',
    'PutPublicAccessBlock',
    'GetPublicAccessBlock',
  ],
];

for (const service of Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])
  describe(`${service}: what a client sends arrives, and what is answered it reads`, () => {
    const { Client, rounds } = CLIENTS[service];
    const shapes = [...loadContract(service).operations.values()]
      .filter(shape => !streams(shape) && !UNSIGNED.includes(shape.name))
      // Those of a preview, which no SDK has: their wire tests sign by hand.
      .filter(shape => !(`${shape.name}$` in previewRuntimeOperations))
      .filter(shape => service !== 's3' || S3_OPERATIONS.includes(shape.name));
    for (const shape of shapes)
      test(shape.name, async () => {
        const client = new Client({
          region: 'us-east-1',
          endpoint: echo.endpoint,
          credentials: ECHO_CREDENTIALS,
          maxAttempts: 1,
          ...(service === 's3' && { forcePathStyle: true, responseChecksumValidation: 'WHEN_REQUIRED' }),
        } as never);
        try {
          for (let round = 0; round < rounds; round++) await roundTrip(service, shape, client as never);
        } finally {
          client.destroy();
        }
      });
  });
