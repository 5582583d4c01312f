import { BedrockClient } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import type { RunningService } from '../up.ts';

export type DemoClients = ReturnType<typeof connect>;

/** AWS's own clients, with nothing but an endpoint set: what a user's code would be. */
export function connect({ endpoint, accessKeyId, secretAccessKey }: RunningService, region: string) {
  const configuration = { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
  return {
    bedrock: new BedrockClient(configuration),
    runtime: new BedrockRuntimeClient(configuration),
    iam: new IAMClient(configuration),
    s3: new S3Client({ ...configuration, forcePathStyle: true }),
  };
}

export function disconnect(clients: DemoClients): void {
  for (const client of Object.values(clients)) client.destroy();
}
