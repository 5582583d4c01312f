import * as bedrock from '@aws-sdk/client-bedrock';
import * as bedrockRuntime from '@aws-sdk/client-bedrock-runtime';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import * as sts from '@aws-sdk/client-sts';
import { NormalizedSchema } from '@smithy/core/schema';
import { previewRuntimeOperations } from './preview-operations.ts';

/** The services this server speaks, by the name of their SDK client. `bedrock` is the control plane. */
export type ServiceName = 'bedrock' | 'bedrock-runtime' | 's3' | 'iam' | 'sts' | 'kms';

export type ProtocolName = 'rest-json' | 'rest-xml' | 'query' | 'json-1-1';

/** An operation as the SDK's runtime schema describes it. */
export interface OperationShape {
  name: string;
  /** REST protocols only. */
  http?: { method: string; uri: string; status: number };
  input: NormalizedSchema;
  output: NormalizedSchema;
}

/** A modelled error: the code clients match on, and its status. */
export interface ErrorShape {
  code: string;
  status: number;
}

/** What the SDK knows about a service: the wire contract, as data. */
export interface Contract {
  service: ServiceName;
  protocol: ProtocolName;
  /** Service name in the scope of a signature. */
  scope: string;
  namespace: string;
  xmlNamespace: string;
  version: string;
  /** Prefix of X-Amz-Target. */
  targetPrefix: string;
  operations: ReadonlyMap<string, OperationShape>;
  /** By shape name, and by Query code where the model gives another. */
  errors: ReadonlyMap<string, ErrorShape>;
}

const SOURCES = {
  bedrock: { module: bedrock, Client: bedrock.BedrockClient, scope: 'bedrock' },
  'bedrock-runtime': {
    module: { ...bedrockRuntime, ...previewRuntimeOperations },
    Client: bedrockRuntime.BedrockRuntimeClient,
    scope: 'bedrock',
  },
  s3: { module: s3, Client: s3.S3Client, scope: 's3' },
  iam: { module: iam, Client: iam.IAMClient, scope: 'iam' },
  sts: { module: sts, Client: sts.STSClient, scope: 'sts' },
  kms: { module: kms, Client: kms.KMSClient, scope: 'kms' },
} as const;

const PROTOCOLS: Readonly<Record<string, ProtocolName>> = {
  'aws.protocols#restJson1': 'rest-json',
  'aws.protocols#restXml': 'rest-xml',
  'aws.protocols#awsQuery': 'query',
  'aws.protocols#awsJson1_1': 'json-1-1',
};

/** Reads the contract out of the SDK's client: no path, status, version or namespace is typed by hand here. */
export function loadContract(service: ServiceName): Contract {
  const { module, Client, scope } = SOURCES[service];
  const client = new Client({ region: 'us-east-1' });
  const settings = client.config.protocolSettings as Record<string, string | undefined> | undefined;
  const protocol = PROTOCOLS[client.config.protocol.getShapeId()];
  client.destroy();
  if (protocol === undefined || settings?.defaultNamespace === undefined)
    throw new Error(`The SDK client of ${service} has no protocol that this server speaks.`);
  const operations = new Map<string, OperationShape>();
  const errors = new Map<string, ErrorShape>();
  for (const value of Object.values(module)) {
    if (!Array.isArray(value)) continue;
    if (value[0] === OPERATION) {
      const shape = operationShape(value);
      operations.set(shape.name, shape);
    } else if (value[0] === ERROR) {
      const traits = NormalizedSchema.of(value as never).getMergedTraits() as ErrorTraits;
      const [queryCode, queryStatus] = traits.awsQueryError ?? [];
      const modelled = queryStatus ?? traits.httpError ?? (traits.error === 'server' ? 500 : 400);
      // AWS: a service of the JSON protocol answers 400 to whatever is the client's fault; KMS models other statuses.
      const status = protocol === 'json-1-1' && modelled < 500 ? 400 : modelled;
      // Only the Query protocol renames an error on the wire; KMS models such names and sends the shape's own.
      const code = (protocol === 'query' ? queryCode : undefined) ?? String(value[2]);
      errors.set(String(value[2]), { code, status });
      errors.set(code, { code, status });
    }
  }
  return {
    service,
    protocol,
    scope,
    namespace: settings.defaultNamespace,
    xmlNamespace: settings.xmlNamespace ?? '',
    version: settings.version ?? '',
    targetPrefix: settings.serviceTarget ?? '',
    operations,
    errors,
  };
}

/** Kinds of the SDK's static schemas (@smithy/types, static-schemas). */
const OPERATION = 9;
const ERROR = -3;

interface ErrorTraits {
  error?: 'client' | 'server';
  httpError?: number;
  awsQueryError?: [code: string, status: number];
}

function operationShape(schema: readonly unknown[]): OperationShape {
  const [, , name, traits, input, output] = schema;
  const http = (traits as { http?: [string, string, number] }).http;
  return {
    name: String(name),
    input: NormalizedSchema.of(input as never),
    output: NormalizedSchema.of(output as never),
    ...(http && { http: { method: http[0], uri: http[1], status: http[2] } }),
  };
}
