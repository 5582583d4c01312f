import { IAMClient } from '@aws-sdk/client-iam';
import { clientPerRegion } from './clients.ts';

export const iam = clientPerRegion(settings => new IAMClient(settings));
