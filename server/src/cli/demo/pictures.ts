import { InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import type { DemoClients } from './clients.ts';
import { plan } from './plan.ts';
import type { Progress } from './progress.ts';

/** Draws each prompt once, with the same seed. @param modelId a base model's id, or a provisioned model's ARN */
export async function drawPrompts(
  { runtime }: DemoClients,
  modelId: string,
  progress: Progress,
): Promise<Uint8Array[]> {
  const pictures: Uint8Array[] = [];
  for (const prompt of plan.prompts) {
    progress.update(pictures.length, plan.prompts.length);
    const answer = await runtime.send(
      new InvokeModelCommand({
        modelId,
        contentType: 'application/json',
        accept: 'application/json',
        body: JSON.stringify(invokeBody(prompt)),
      }),
    );
    const { images }: { images: string[] } = JSON.parse(answer.body.transformToString());
    pictures.push(Buffer.from(images[0] ?? '', 'base64'));
  }
  return pictures;
}

/** The request that the retired model took, unchanged. */
export function invokeBody(prompt: string) {
  return {
    taskType: 'TEXT_IMAGE',
    textToImageParams: { text: prompt },
    imageGenerationConfig: { numberOfImages: 1, width: plan.width, height: plan.height, seed: plan.seed },
  };
}
