import { KMSClient } from '@aws-sdk/client-kms';
import { clientPerRegion } from './clients.ts';

export const kms = clientPerRegion(settings => new KMSClient(settings));
