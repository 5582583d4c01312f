import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { clientPerRegion } from './clients.ts';

export const runtime = clientPerRegion(settings => new BedrockRuntimeClient(settings));
