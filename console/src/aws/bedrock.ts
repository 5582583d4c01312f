import { BedrockClient } from '@aws-sdk/client-bedrock';
import { clientPerRegion } from './clients.ts';

export const bedrock = clientPerRegion(settings => new BedrockClient(settings));
