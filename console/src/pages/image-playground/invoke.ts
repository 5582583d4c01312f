import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import { runtime } from '../../aws/runtime.ts';

export interface Drawn {
  /** Base64 of PNG. */
  images: string[];
  /** Why some pictures are missing. */
  error: string | null;
  seconds: number;
}

/** @throws the SDK's error, with the service's advice in its message */
export async function draw(modelId: string, body: Record<string, unknown>): Promise<Drawn> {
  const startedAt = performance.now();
  const answer = await runtime().send(
    new InvokeModelCommand({ modelId, body: JSON.stringify(body), contentType: 'application/json' }),
  );
  const { images = [], error = null } = JSON.parse(new TextDecoder().decode(answer.body)) as Partial<Drawn>;
  return { images, error, seconds: (performance.now() - startedAt) / 1000 };
}
